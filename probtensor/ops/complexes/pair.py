"""Complex tensors: nodes that pair a real and an imaginary part, both real tensors.

A complex tensor is read by no other node. `graph.make` hands every op that is given one to
`meanings.meaning_of`, which makes the graph of the result's parts. Only at the border of a function
are the two parts one array: an input of shape s is a real input of shape (*s, 2), of which the
parts are views, and an output is written as such an array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from cython_ext.convert import paired
from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import (
    Const,
    Frozen,
    Input,
    Node,
    Op,
    as_tensor,
    make,
)
from probtensor.graph.symbolic import CALLED
from probtensor.late import late
from probtensor.ops.halves import HalfTensor
from probtensor.ops.kinds import operator
from probtensor.types import DType, TensorType, complex_of


@dataclass(frozen=True)
class Complex(Op):
    """The complex tensor of a real and an imaginary part, floats of one type."""

    label: str | None = None
    name: ClassVar[str] = "complex"

    def infer(self, *types: TensorType) -> TensorType:
        re, im = types
        if not re.is_float or re != im:
            raise TypeError(f"needs two parts of one type of floats, not {re} and {im}")
        return re.with_dtype(complex_of(re.dtype))

    def numpy(self, re: np.ndarray, im: np.ndarray) -> np.ndarray:
        return paired(np.stack([re, im], -1))

    def text(self) -> str:
        return self.label or self.name

    def call_text(self, operands: Sequence[str]) -> str:
        """A literal as a number: a real one as such."""
        re, im = operands
        try:
            number = complex(float(re), float(im))
        except ValueError:
            return super().call_text(operands)
        return repr(number) if number.imag else re


class ComplexTensor(Node):
    """A tensor of complex numbers. `inputs` are its real and its imaginary part."""

    __slots__ = ()
    is_complex: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"<{self.op.text()}: {self.type}>"


@dataclass(frozen=True)
class ComplexInput(Input):
    """The input with the parts of a complex tensor along its last axis, of size 2."""

    name: ClassVar[str] = "complex_input"

    @property
    def given_type(self) -> TensorType:
        """The type of the arrays that callers give."""
        return complex_type(self.tensor_type)


def complex_type(parts: TensorType) -> TensorType:
    """The type of the complex tensor with its parts along a last axis."""
    return TensorType(complex_of(parts.dtype), parts.shape[:-1])


def given_type(node: Node) -> TensorType:
    """The type of the arrays that callers give for an input, or get for an output."""
    return getattr(node.op, "given_type", node.type)


def pair(re: Node, im: Node, label: str | None = None) -> Node:
    """The complex tensor of two real ones of one type."""
    return make(Complex(label), (re, im), ComplexTensor)


meanings = late("probtensor.ops.complexes.meanings")


@operator("complex")
def meaning_of(op: Op, inputs: Sequence[Node], what: str | None) -> Node:
    """The result of an op that has complex operands."""
    return called(meanings.meaning_of(op, inputs, what), op, inputs)


def called(found: Node, op: Op, inputs: Sequence[Node]) -> Node:
    """A tensor, which messages describe as the result of an op on these operands, of which none
    needs it."""
    if not isinstance(found.type, tuple) and all(found is not x for x in inputs):
        CALLED[found] = op, tuple(inputs)
    return found


@dataclass(frozen=True)
class Part(Op):
    """What messages call a function of the result of an op, or of a tensor with a name."""

    part: str
    of: Op | None = None
    label: str | None = None

    def user_name(self) -> str:
        return self.part

    def call_text(self, operands: Sequence[str]) -> str:
        inner = ", ".join(operands) if self.of is None else self.of.call_text(operands)
        return f"{self.part}({inner})"


def part_of(z: Node, place: int) -> Node:
    """The real or the imaginary part of a complex tensor."""
    found, name = z.inputs[place], ("real", "imag")[place]
    if z.op.label is not None:
        return called(found, Part(name, label=f"{name}({z.op.label})"), ())
    if z in CALLED:  # of the operands: they need no part of the result, which `z` does
        op, operands = CALLED[z]
        return called(found, Part(name, op), operands)
    return found


@operator("complex cast")
def cast_of(x: Node, dtype: DType) -> Node:
    """A tensor in a complex dtype."""
    if x.is_complex:
        return pair(*(ops.astype(part, dtype.part) for part in x.inputs))
    re = ops.astype(x, dtype.part)
    return pair(re, ops.zeros_like(re))


@operator("complex input")
def _input(name: str | None, kind: TensorType, uid: str) -> Node:
    """A complex input of a function."""
    leaf = ComplexInput(name, TensorType(kind.dtype.part, (*kind.shape, 2)), uid)
    return over(make(leaf, ()))


@operator("complex literal")
def _literal(array: np.ndarray) -> Node:
    """A complex constant."""
    return pair(*(make(Const(Frozen(part)), ()) for part in (array.real, array.imag)))


def over(leaf: Node, kind: type[Node] = ComplexTensor) -> Node:
    """The complex tensor with its parts along the last axis of a tensor."""
    re, im = leaf[..., 0], leaf[..., 1]
    return make(Complex(leaf.name), (re, im), kind)


def leaf_of(node: Node) -> Node | None:
    """The real input that holds the parts of a complex one; None for any other tensor."""
    found = _source(node) if node.is_complex else None
    return found if found is not None and isinstance(found.op, Input) else None


def as_leaf(node: object) -> object:
    """The real input that holds the parts of a complex input, or the bits of one of float16;
    anything else as it is."""
    if isinstance(node, HalfTensor):
        return node.node if node.leaf is None else node.leaf
    found = leaf_of(node) if isinstance(node, Node) else None
    return node if found is None else found


def _source(node: Node) -> Node | None:
    """The tensor of which the parts are the elements 0 and 1 along the last axis, if there is."""
    source = node.inputs[0]
    for _ in range(2):  # a slice, and the axis that it leaves out
        if not source.inputs:
            return None
        source = source.inputs[0]
    if isinstance(source.type, tuple) or source.ndim != node.ndim + 1 or source.shape[-1] != 2:
        return None
    pairs = zip(over(source).inputs, node.inputs, strict=True)
    return source if all(own is part for own, part in pairs) else None


def joined(node: Node) -> Node:
    """A complex tensor as a real one with its parts along a last axis, that of which these are the
    elements if there is one; one of float16 as its bits; a real one as it is. For the border of a
    function alone: within a graph a reader of this tensor would not read the parts, which
    derivatives may be by."""
    if isinstance(node, HalfTensor):
        return node.bits
    if not node.is_complex:
        return node
    source = _source(node)
    return ops.stack(node.inputs, -1) if source is None else source


def parts_of(node: Node) -> tuple[Node, ...]:
    """The real tensors of which a tensor is made: itself, or its two parts."""
    return node.inputs if node.is_complex else (node,)


def parts_of_value(value: object) -> tuple[Node, Node]:
    """The parts of a number, array or tensor; those of a real one are it and zeros."""
    node = as_tensor(value)
    return node.inputs if node.is_complex else (node, ops.zeros_like(node))


def holds_complex(*given: object) -> bool:
    """Whether a tensor, or one in a sequence or mapping of them, is complex."""
    for x in given:
        several = isinstance(x, Iterable) and not isinstance(x, (Node, str))
        if any(isinstance(part, Node) and part.is_complex for part in (x if several else (x,))):
            return True
    return False
