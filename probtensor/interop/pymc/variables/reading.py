"""A random variable of PyMC, as the rows of the table read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import SizeOf
from probtensor.interop.pymc.variables import patterns
from probtensor.interop.pytensor.translate import Translator, number, value_by_literals
from probtensor.prob import random
from probtensor.transform.facts import constant_of
from probtensor.types import Size

Variable = Any  # of PyTensor
Row = Callable[["Reading"], "Node | None"]
HOMES = ("pymc", "pytensor")  # where the classes of the table are
# Classes that users name; what they are named says nothing of their density.
OF_USERS = ("CustomSymbolicDistRV", "CustomDistRV", "SimulatorRV")
OF_PARTS = ("MixtureRV", "_HurdleRV", "TruncatedRV", "CensoredRV", "RandomWalkRV",
            "AutoRegressiveRV", "GARCH11RV", "EulerMaruyamaRV", *OF_USERS)  # fmt: skip


def row_of(table: Mapping[str, Row], rv: Variable) -> Row | None:
    """The row of a random variable, if its class has one."""
    kind = type(rv.owner.op) if rv.owner is not None else object
    names = [part.__name__ for part in kind.__mro__]
    own = next((name for name in OF_USERS if name in names), kind.__name__)
    known = own in OF_USERS or kind.__module__.split(".")[0] in HOMES
    return table.get(own) if known else None


def variable_by(
    table: Mapping[str, Row], t: Translator, rv: Variable, name: str | None = None,
    shape: tuple[Size, ...] | None = None, dropped: bool = False,
) -> Node | None:  # fmt: skip
    """A random variable of PyMC by the row of its class, or None."""
    found = row_of(table, rv)
    if found is None:
        return None
    if shape is None:
        shape = shape_of(t, rv)
        shape = shape[1:] if dropped and shape is not None else shape
    return found(Reading(t, rv, name, shape, table, dropped))


def shape_of(t: Translator, rv: Variable) -> tuple[Size, ...] | None:
    """The shape of a variable, if its sizes are known, or are those of data; else None."""
    sizes = tuple(rv.type.shape)
    if None in sizes:
        feature = import_module("pytensor.tensor.rewriting.shape").ShapeFeature()
        sizes = tuple(size_known(t.node(n)) for n in feature.shape_tuple(rv))
    return None if None in sizes else sizes


def size_known(node: Node) -> Size | None:
    """A size that is a literal, or that of an axis of data; else None."""
    if isinstance(node.op, SizeOf):
        return node.op.size
    found = number(node)
    return found if isinstance(found, int) else None


@dataclass(frozen=True, eq=False)
class Reading:
    """A random variable of PyMC, as a row reads it.

    name, shape  those of the variable that is made
    table        the rows by which its parts are read
    dropped      whether the first batch axis is left out, that of time in the parts of a walk
    """

    translator: Translator
    rv: Variable
    name: str | None
    shape: tuple[Size, ...] | None
    table: Mapping[str, Row]
    dropped: bool = False

    @property
    def op(self) -> Any:
        """The op of the variable."""
        return self.rv.owner.op

    @property
    def parameters(self) -> list[Variable]:
        """The parameters, as variables of PyTensor, without the axes that PyMC puts before them for
        the sizes of the variable, where these are known."""
        found = list(self.op.dist_params(self.rv.owner))
        cores = self.op.ndims_params
        if cores is None or len(cores) != len(found) or self.shape is None:
            return found
        found = [_without_axes(x, core) for x, core in zip(found, cores, strict=True)]
        if self.dropped:
            batch = self.rv.ndim - self.op.ndim_supp
            found = [x[0] if x.ndim - core == batch else x
                     for x, core in zip(found, cores, strict=True)]  # fmt: skip
        return found

    def nodes(self) -> list[Node]:
        """The parameters, as tensors."""
        return [self.node(x) for x in self.parameters]

    def node(self, x: Variable) -> Node:
        """A variable of PyTensor as a tensor; whole numbers that are literals as real ones."""
        found = self.translator.node(x)
        if isinstance(found.op, Const) and found.dtype.startswith(("int", "uint")):
            return as_tensor(found.op.array.astype(float))
        deviation = deviation_of_precision(found)
        return found if deviation is None else deviation

    def made(self, function: str, *args: Any, **kwargs: Any) -> Node:
        """A variable of the shape and the name that are asked for."""
        return getattr(random, function)(*args, **kwargs, shape=self.shape, name=self.name)

    def tensor(self, x: Any) -> Any:
        """A variable of PyTensor as a tensor; a number as it is."""
        return x if isinstance(x, (int, float)) else self.node(x)

    def part(self, rv: Variable, dropped: bool = False) -> Node | None:
        """A random variable that this one is made of, without a name."""
        if row_of(self.table, rv) is None or (dropped and self.time_varies(rv)):
            return None
        return variable_by(self.table, self.translator, rv, dropped=dropped)

    def time_varies(self, rv: Variable) -> bool:
        """Do parameters of a part of a walk vary along the first axis?"""
        op = rv.owner.op
        cores = getattr(op, "ndims_params", None)
        parameters = op.dist_params(rv.owner)
        if cores is None or len(cores) != len(parameters) or type(op).__name__ in OF_PARTS:
            return True
        batch = rv.ndim - op.ndim_supp
        return any(x.ndim - core == batch and x.type.shape[0] != 1
                   for x, core in zip(parameters, cores, strict=True))  # fmt: skip



def _without_axes(x: Variable, core: int) -> Variable:
    """A parameter without new leading axes, if it keeps its core axes."""
    inner, _ = patterns.without_axes(x)
    return inner if inner.ndim >= core else x


def deviation_of_precision(x: Node) -> Node | None:
    """1 / sqrt(tau) for sign(tau) * abs(tau)**-0.5, which is what PyMC makes of a precision: where
    that is negative, neither is a standard deviation."""
    if not isinstance(x.op, ops.Mul):
        return None
    for sign, root in (x.inputs, x.inputs[::-1]):
        if not isinstance(sign.op, ops.Sign) or not isinstance(root.op, ops.Pow):
            continue
        size, power = root.inputs
        known = isinstance(size.op, ops.Abs) and size.inputs[0] is sign.inputs[0]
        if known and constant_of(power) == -0.5:
            return 1 / ops.sqrt(sign.inputs[0])
    return None


def is_literal(x: Node, value: float) -> bool:
    """Is a tensor this number everywhere, whatever the rest of the graph is?"""
    array = value_by_literals(x)
    return array is not None and bool(np.all(array == value))


def squeezed(x: Node, count: int) -> Node:
    """A tensor without its last `count` axes, which have size 1."""
    return ops.squeeze(x, tuple(range(x.ndim - count, x.ndim))) if count and x.ndim else x


def either(r: Reading, p: Variable, function: str, **rest: Any) -> Node:
    """A variable by the probability `p`, or by its logit where its graph has one."""
    logit = patterns.argument(p, "Sigmoid")
    if logit is None:
        return r.made(function, **rest, p=r.node(p))
    return r.made(function, **rest, logit_p=r.node(logit))
