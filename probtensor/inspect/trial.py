"""Values that are computed while a graph is built, so that errors are raised at the user's line."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import numpy as np
from numpy.typing import ArrayLike

from cython_ext.convert import parts_of, safe_array
from probtensor.calls import line_text, public
from probtensor.graph.closed import StepInput
from probtensor.graph.evaluate import value_of
from probtensor.graph.law import size_laws
from probtensor.graph.node import (
    Const,
    GraphError,
    GraphValueError,
    Input,
    Node,
    as_tensor,
    line_of,
)
from probtensor.graph.origin import OBSERVERS, quiet
from probtensor.graph.sizes import measured_sizes
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.ops.complexes.pair import as_leaf, given_type
from probtensor.ops.kinds import DrawKey, Random
from probtensor.process import made_at
from probtensor.types import shape_text, size_name

NAN = ("ignore", "raise")


class Trial:
    """The test values of a block: those of inputs, and of all that is made of them.

    A node whose inputs all have a value is evaluated by the NumPy meaning of its op. Others have
    none: what the library makes inputs for, as a derivative of a loop, is not tried.
    """

    def __init__(self, values: Mapping[Node, np.ndarray], nan: str) -> None:
        self.thread = threading.get_ident()
        self.found: dict[Node, object] = dict(values)
        self.sizes: dict[str, int] = {}
        self.nan = nan
        for node, value in values.items():
            self._note_sizes(node, value)

    # As an observer of what is made.

    def made(self, node: Node) -> None:
        """Evaluate a node, if it can be; raises at the user's line where its op refuses it."""
        if node not in self.found:
            with quiet():
                self.evaluate(node)

    def stands_for(self, own: Node, outer: Node, row: int | None) -> None:
        """The value of an input of a step: that of the first step."""
        with quiet():
            value = self.evaluate(outer)
            if value is not None and (row is None or len(value)):
                self._enter(own, value if row is None else value[row])

    # Values.

    def evaluate(self, node: Node) -> object | None:
        """The value of a node, or of each of its parts; None if it has none."""
        for x in toposort([node], given=self.found):
            if x in self.found:
                continue
            if isinstance(x.op, Input):
                value = _own_value(x)
            elif all(y in self.found for y in x.needs):
                value = self._of(x)
            else:
                value = None
            if value is not None:
                self._enter(x, value)
        return self.found.get(node)

    def missing(self, node: Node) -> Node | None:
        """The first input without a value that a node needs."""
        order = toposort([node])
        return next((x for x in order if isinstance(x.op, Input) and x not in self.found), None)

    def _enter(self, node: Node, value: object) -> None:
        self.found[node] = value
        if isinstance(node.op, Input):
            self._note_sizes(node, value)

    def _note_sizes(self, node: Node, value: np.ndarray) -> None:
        for size, n in zip(node.shape, np.shape(value)):
            name = size_name(size)
            if name is not None:
                self.sizes[name] = n

    def _of(self, node: Node) -> object | None:
        """The value of a node whose inputs have one. GraphError for one that has none."""
        arguments = [self.found[x] for x in node.inputs]
        if isinstance(node.op, Random):
            return self._drawn(node)
        if isinstance(node.op, DrawKey):
            return None
        try:
            self.sizes.update(measured_sizes(node, self.found))
            for law in size_laws([node], [], broadcasting=True):
                if all(name in self.sizes for name in law.names()):
                    law.verify(self.sizes)
            with np.errstate(all="ignore"):
                value = value_of(node, arguments, self.sizes)
        except KeyError:
            return None  # a size that the values do not give
        except GraphError:
            raise
        except Exception as error:
            raise self._refused(node, arguments, error) from None
        if not isinstance(value, tuple):
            value = value.astype(node.dtype, copy=False) if value.dtype != node.dtype else value
        if self.nan == "raise":
            self._require_numbers(node, arguments, value)
        return value

    def _drawn(self, node: Node) -> object | None:
        """A draw of a random variable, the same each time."""
        key = as_tensor(np.uint64(made_at(node.op.uid)[0]))
        drawn = node.op.draw(node, key, node.inputs)
        order = toposort([drawn], given=self.found)
        for x in order:
            if x not in self.found and all(y in self.found for y in x.needs):
                value = self._of(x)
                if value is not None:
                    self.found[x] = value
        return self.found.get(drawn)

    # Messages.

    def _refused(
        self, node: Node, arguments: Sequence[object], error: Exception
    ) -> GraphError:
        """The error of an op at its node."""
        name, at = f"{node.op.user_name()}: ", f"at {line_text()}"
        said, *more = str(error).split("\n  at ")[0].split("\n  ")
        if hasattr(error, "check"):  # a check of the user has a message of its own
            return GraphValueError("\n  ".join([said, at, *more]))
        rows = [name + said.removeprefix(name), at, *more, *self._shown(node)]
        return GraphValueError("\n  ".join(rows))

    def _shown(self, node: Node) -> list[str]:
        """The operands of a node with the types of their values, and where they were made."""
        rows = []
        for x in node.inputs:
            if isinstance(x.op, Const) and not x.ndim:
                continue
            value = self.found[x]
            if not isinstance(value, tuple):
                kind = f"{x.dtype} of shape {shape_text(value.shape)}"
                rows.append(f"{x.described} is {kind}, made at {line_of(x)}")
        return rows

    def _require_numbers(self, node: Node, arguments: Sequence[object], value: object) -> None:
        """GraphValueError where a node makes nan of numbers."""
        if not _nans(value) or any(map(_nans, arguments)):
            return
        first = value if not isinstance(value, tuple) else next(filter(_nans, value))
        place = np.argwhere(np.isnan(first))[0].tolist()
        where = f" at {place}, in {int(np.isnan(first).sum())} of {first.size}" if place else ""
        rows = [f"{node.op.user_name()}: {node.described} is nan{where}"]
        rows.append(f"at {line_text()}")
        for x, given in zip(node.inputs, arguments, strict=True):
            if not isinstance(given, tuple):
                shape = np.shape(first)
                there = given[tuple(place)] if np.shape(given) == shape else given
                if np.size(there) == 1:
                    rows.append(f"{x.described} is {np.ravel(there)[0].item()!r} there")
        raise GraphValueError("\n  ".join(rows))


def _nans(value: object) -> bool:
    """Whether a value, or a part of it, has nan."""
    if isinstance(value, tuple):
        return any(map(_nans, value))
    return value.dtype.kind == "f" and bool(np.isnan(value).any())


def _own_value(node: Node) -> np.ndarray | None:
    """The value that an input has by itself: of a shared variable, or of data."""
    cell, default = getattr(node.op, "cell", None), getattr(node.op, "default", None)
    if cell is not None:
        held = cell.value
        value = np.asarray(held.get() if hasattr(held, "get") else held)
        return parts_of(value) if value.dtype.kind == "c" else value
    return None if default is None else np.asarray(default.array)


class test_values:
    """A block in which tensors are computed as they are made, by these values of inputs.

    values  {input: array}; shared variables and `pt.data` have their own, random variables a draw
    nan     "raise" to refuse an operation that makes nan of numbers; "ignore" by default

    What does not fit is refused at the line that makes it: shapes that are known only at a call,
    indices out of range, conditions of `pt.check`, and values that an op refuses. Steps of loops
    are tried with the values of the first step, while the function of a step runs; so are branches,
    whichever is taken. `pt.test_value(y)` gives the value of a tensor. What is compiled in the
    block is not affected.

    Raises GraphValueError, a GraphError, in the block, which names the operation, the line, and the
    operands with their shapes; TypeError and ValueError for a value that does not fit its input.

        >>> x, y = pt.vector("x"), pt.vector("y")
        >>> with pt.test_values({x: [1.0, 2.0], y: [3.0, 4.0]}):
        ...     z = x * y
        ...     print(pt.test_value(z))
        [3. 8.]
    """

    __test__ = False  # to pytest it looks like a class of tests

    def __init__(self, values: Mapping[Node, ArrayLike], *, nan: str = "ignore") -> None:
        if not isinstance(values, Mapping):
            raise refusal(f"test_values: takes {{input: array}}, not {values!r:.60}")
        if nan not in NAN:
            raise refusal(f"test_values: nan={nan!r:.40} is none of {', '.join(NAN)}",
                          kind=ValueError)  # fmt: skip
        given = {}
        for key, value in values.items():
            node = as_leaf(key) if isinstance(key, Node) else None
            if node is None:
                raise refusal(f"test_values: {key!r:.60} is no tensor")
            kind = given_type(node)
            array = safe_array(value, kind.dtype, kind.ndim, key.described, line_of(node))
            given[node] = parts_of(array) if array.dtype.kind == "c" else np.array(array)
        self._trial = Trial(given, nan)

    def __enter__(self) -> test_values:
        self._trial.thread = threading.get_ident()
        OBSERVERS.append(self._trial)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        OBSERVERS.remove(self._trial)

    def value(self, x: Node) -> np.ndarray:
        """The value of a tensor; GraphError if it depends on an input without one."""
        x = as_tensor(x)
        with quiet():
            if x.is_complex:
                parts = [self.value(part) for part in x.inputs]
                return parts[0] + 1j * parts[1]
            found = self._trial.evaluate(x)
        if found is None:
            missing = self._trial.missing(x)
            what = "something without a value" if missing is None else missing.described
            inside = isinstance(missing, StepInput)
            raise refusal(
                f"test_value: {x.described} depends on {what}, which has no test value",
                "" if missing is None else missing.birthplace,
                "it stands for what a step of a loop is given" if inside else "",
                kind=GraphError,
            )
        return np.array(found)


@public
def test_value(x: Node) -> np.ndarray:
    """The value of a tensor by the values of the innermost `pt.test_values` block.

    Returns a new array of the shape and dtype of x: in the function of a loop, that of the first
    step.
    Raises GraphError, a TypeError, outside of such a block, and for a tensor that depends on an
    input without a value.

        >>> x = pt.scalar("x")
        >>> with pt.test_values({x: 2.0}):
        ...     pt.test_value(x**3)
        array(8.)
    """
    thread = threading.get_ident()
    active = [o for o in OBSERVERS if o.thread == thread and isinstance(o, Trial)]
    if not active:
        raise refusal("test_value: there is no `with pt.test_values(...)` around", kind=GraphError)
    block = test_values.__new__(test_values)
    block._trial = active[-1]
    return block.value(x)


test_value.__test__ = False
