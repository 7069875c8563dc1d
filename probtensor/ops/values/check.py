"""Conditions that a call must meet, with messages of their own."""

from __future__ import annotations

import builtins
import string
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from cython_ext.convert import paired
from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import replace
from probtensor.graph.closed import map_bodies, map_nodes, with_bodies, with_outputs
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, line_of, make
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.complexes.pair import called, pair
from probtensor.ops.kinds import Batch, Composite, Limitable, Requiring, op
from probtensor.ops.samples import Sample
from probtensor.ops.values.watch import Along
from probtensor.types import TensorType

MAX_SHOWN = 6  # elements of a value in a message


# The class of the exception of a check: a built-in one by name, so that it is the same in all
# processes and is read back from text; else the class itself.
Raised = str | type[Exception]


def _class_of(error: Raised) -> type[Exception]:
    return getattr(builtins, error) if isinstance(error, str) else error


@op
class Checked(Limitable, Composite):
    """The first input. The second is a condition of any shape, all of which must hold: a call where
    it does not raises `message`, in which `names` stand for the values of the inputs from the third
    on.

    what, label  the condition and the first input in messages
    pairs        the names of complex values, which are given with their parts along a last axis
    """

    message: str
    names: tuple[str, ...] = ()
    what: str = ""
    label: str = ""
    error: Raised = "ValueError"
    pairs: tuple[str, ...] = ()
    stops: ClassVar[bool] = True
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 4)), np.ones(2, bool)), {"message": "no"}),
        Sample(
            lambda rng: (rng.normal(size=3), np.array(True), rng.normal(size=3)),
            {"message": "{a}", "names": ("a",)},
        ),
        Sample(
            lambda rng: (rng.normal(size=3), np.array(True), rng.normal(size=(3, 2))),
            {"message": "{a}", "names": ("a",), "pairs": ("a",)},
        ),
    )

    @property
    def raises(self) -> type[Exception]:
        """The class of the exception."""
        return _class_of(self.error)

    def infer(self, x: TensorType, condition: TensorType, *values: TensorType) -> TensorType:
        if condition.dtype != "bool":
            raise TypeError(f"the condition is {condition.dtype}, not bool")
        return x

    def numpy(self, x, condition, *values):
        if not np.all(condition):
            error = self.refused("", x, condition, *values)
            error.check = self  # which says where it stands in a graph
            raise error
        return np.asarray(x)

    def values(self, x, condition, *values):
        return np.asarray(x)

    def expand(self, x, condition, *values):
        return make(Required(self.message, self.error), (x, ops.all(condition)))

    def vjp(self, g, out, x, condition, *values):
        # What is checked of a value is checked of its gradient, which may be all that is asked for.
        named = (*self.names, self.label) if self.label else self.names
        shown = (*values, x) if self.label else values
        of_gradient = make(replace(self, names=named, label=""), (g, condition, *shown))
        return (of_gradient, *(None,) * (1 + len(values)))

    def batched(self, batch: Batch) -> Node:
        return make(self, (batch.full(0), *batch.mixed()[1:]))

    def limited(self, inputs: Sequence[Node], condition: Node) -> Node:
        x, holds, *values = inputs
        return make(self, (x, ops.logical_or(holds, ops.logical_not(condition)), *values))

    def failure(self, line: str) -> str:
        """The message without values, as compiled code has it."""
        return _failure(self.message, line)

    def refused(
        self, line: str, x: np.ndarray, condition: np.ndarray, *values: np.ndarray
    ) -> Exception | None:
        """The exception for these values; None if the condition holds."""
        condition = np.asarray(condition)
        if condition.all():
            return None
        named = dict(zip(self.names, map(np.asarray, values), strict=False))
        named |= {name: paired(np.ascontiguousarray(named[name])) for name in self.pairs}
        rows = [_filled(self.message, named)]
        if line:
            rows.append(f"at {line}")
        rows += _places(self.what, condition)
        place = np.argwhere(~condition)[0]
        if self.label and np.shape(x) == condition.shape and x.dtype != bool:
            rows.append(_element(self.label, np.asarray(x), condition, place))
        for name, value in named.items():
            if f"{{{name}" not in self.message or value.size > MAX_SHOWN:
                rows.append(_element(name, value, condition, place))
        return self.raises("\n  ".join(rows))

    def text(self) -> str:
        return f"{self.name}({self.message!r})"

    def call_text(self, operands: Sequence[str]) -> str:
        return operands[0]


@op
class Required(Limitable, Requiring):
    """The form of `Checked` that is compiled: the second input is all of the condition."""

    message: str
    error: Raised = "ValueError"
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 4)), np.array(True)), {"message": "no"}),
    )

    @property
    def raises(self) -> type[Exception]:
        """The class of the exception."""
        return _class_of(self.error)

    def failure(self, node: Node) -> str:
        # Messages of a plan begin with the name of a class, as here, or are IndexErrors.
        return f"ValueError: {_failure(self.message, line_of(node))}"

    def numpy(self, x, holds):
        if not holds:
            raise self.raises(self.message)
        return np.asarray(x)

    def vjp(self, g, out, x, holds):
        return (make(self, (g, holds)), None)

    def batched(self, batch: Batch) -> Node:
        return make(self, (batch.full(0), ops.all(batch.mixed()[1])))

    def limited(self, inputs: Sequence[Node], condition: Node) -> Node:
        x, holds = inputs
        return make(self, (x, ops.logical_or(holds, ops.logical_not(condition))))

    def text(self) -> str:
        return f"{self.name}({self.message!r})"


def _failure(message: str, line: str) -> str:
    return f"{_filled(message, {})}\n  at {line}"


def _filled(message: str, values: dict[str, np.ndarray]) -> str:
    """The message with values in place of names."""
    found = []
    for text, name, spec, _ in string.Formatter().parse(message):
        found.append(text)
        if name is not None:
            value = values.get(name)
            if value is None:
                found.append(f"<{name}>")
            elif spec and not value.ndim:
                found.append(format(value.item(), spec))
            else:
                found.append(_short(value))
    return "".join(found)


def _short(value: np.ndarray) -> str:
    """A value in a message."""
    if not value.ndim:
        return f"{value.item()!r}"
    if value.size <= MAX_SHOWN:
        return np.array2string(value, separator=", ").replace("\n", " ")
    return f"{value.dtype}{list(value.shape)}"


def _places(what: str, condition: np.ndarray) -> Iterator[str]:
    """Where the condition does not hold."""
    if not condition.ndim:
        return
    wrong = np.argwhere(~condition)
    place = ", ".join(map(str, wrong[0]))
    yield f"{what or 'the condition'} is false at [{place}], in {len(wrong)} of {condition.size}"


def _element(
    name: str, value: np.ndarray, condition: np.ndarray, place: np.ndarray
) -> str:
    """A value where the condition does not hold, if it has an element there."""
    if value.ndim and value.shape == condition.shape:
        found = value[tuple(place)]
        return f"{name}[{', '.join(map(str, place))}] = {found.item()!r}"
    return f"{name} = {_short(value)}"


@public
def check(
    x: TensorLike,
    /,
    condition: TensorLike | str | None = None,
    message: str = "",
    *,
    error: type[Exception] = ValueError,
    **values: TensorLike,
) -> Node:
    """`x` itself, in whose computation `condition` must hold: an assertion in compiled code.

    condition  bools of any shape, all of which must be true; `pt.check(condition, "message")` is
               short for `pt.check(condition, condition, "message")`
    message    of the exception; `{name}` in it stands for the value of that name
    error      the class of the exception
    values     tensors that the message names, or that are shown below it where the condition fails

    A call in which the condition does not hold raises `error` after its kernels have run, with the
    message, this line, the first element that fails, and the values there. The check is made where
    what it returns is used, on all targets, in each step of a loop, and in gradients through x;
    it ends no fused loop. A gradient passes to x unchanged. `pt.function(..., checks=False)`
    compiles without them. In a model `pt.condition(..., checks="-inf")` makes the density zero
    where one fails.

    Returns a tensor of the type and value of x.
    Raises GraphError, a TypeError, for a condition that is not of bools and for a message that
    names a value that is not given.

        >>> s = pt.scalar("s")
        >>> f = pt.function([s], pt.log(pt.check(s, s > 0, "s = {s} is no scale", s=s)))
        >>> f(1.0)
        array(0.)
        >>> f(-2.0)
        Traceback (most recent call last):
        ValueError: s = -2.0 is no scale
          at ...
    """
    if condition is None or isinstance(condition, str):
        condition, message = x, condition or message
    node, holds = as_tensor(x), as_tensor(condition)
    named = {name: as_tensor(value) for name, value in values.items()}
    made = _checked(node, holds, message, named, error)
    if not node.is_complex:
        return make(made, (node, holds, *map(_as_real, named.values())), what="check")
    re, im = node.inputs
    if made.label and made.label not in named:
        named[made.label] = node
        names = tuple(named)
        made = replace(made, names=names, label="", pairs=(*made.pairs, made.label))
    seen = make(made, (re, holds, *map(_as_real, named.values())), what="check")
    return called(pair(seen, make(Along(), (im, seen))), made, (node,))


def _as_real(value: Node) -> Node:
    """A value, a complex one as a real tensor with its parts along a last axis."""
    return ops.stack(value.inputs, axis=-1) if value.is_complex else value


def _checked(
    x: Node, holds: Node, message: str, named: dict[str, Node], error: type[Exception]
) -> Checked:
    """The op of a check; GraphError or TypeError for what is none."""
    if holds.dtype != "bool":
        raise refusal(
            f"check: the condition {holds.described} is {holds.dtype}, not bool",
            holds.birthplace,
            "compare it, as in x > 0",
            kind=GraphError,
        )
    if not (isinstance(error, type) and issubclass(error, Exception)):
        raise refusal(f"check: error={error!r:.60} is no class of exceptions")
    try:
        error("message")
    except Exception as wrong:
        text = f"check: error={error.__name__} is not made of a message alone: {wrong}"
        raise refusal(text) from None
    message = _checked_message(message or f"{holds.described} does not hold", named)
    builtin = getattr(builtins, error.__name__, None) is error
    kind = error.__name__ if builtin else error
    known = any(x is other for other in (holds, *named.values()))
    pairs = tuple(name for name, value in named.items() if value.is_complex)
    label = "" if known else x.described
    return Checked(message, tuple(named), holds.described, label, kind, pairs)


def _checked_message(message: object, values: dict[str, Node]) -> str:
    """The message; GraphError unless it is a text whose names are those of values."""
    if not isinstance(message, str):
        raise refusal(f"check: the message is no text: {message!r:.60}", kind=GraphError)
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(message) if name is not None]
    except ValueError as error:
        raise refusal(f"check: {message!r:.60} is no format: {error}", kind=GraphError) from None
    for name in names:
        if name not in values:
            raise refusal(
                f"check: the message names {name!r}, which is not among the values",
                f"give it by name, as in check(x, condition, message, {name or 'value'}=...)",
                kind=GraphError,
            )
    return message


def is_check(node: Node) -> bool:
    """Whether a node is a condition of `check`, before or after the passes."""
    return isinstance(node.op, (Checked, Required))


def without_checks(outputs: Sequence[Node]) -> list[Node]:
    """The graph without its checks, also in bodies."""

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if is_check(node):
            return inputs[0]
        if not node.op.has_bodies:
            return rebuild(node, inputs)
        op = map_bodies(node.op, lambda body: with_outputs(body, without_checks(body.outputs)))
        return rebuild(node, inputs) if op is node.op else make(op, inputs)

    if not any(map(is_check, with_bodies(toposort(outputs)))):
        return list(outputs)
    return map_nodes(outputs, change)
