"""The documentation of an op that is a function, generated from the op, its kind and its samples.

Dtypes, derivatives and the values of the example are computed with the op, so that they cannot
disagree with it. This runs only when documentation is read.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor.graph.node import Const, Node, TensorLike, new_input
from probtensor.ops.kinds.core import Core
from probtensor.ops.kinds.elementwise import Elementwise
from probtensor.ops.kinds.function import Function
from probtensor.process import numpy_part

SHOWN_DTYPES = ("float64", "float32", "int64", "bool")
WIDTH = 92


@functools.cache
def documentation(op: Function, text: str) -> str:
    """The documentation of an op that is a function; `text` is the docstring of its class."""
    first, *others = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    facts = [_operands(op), _result(op), _errors(op), _derivative(op)]
    aliases = [name for name in op.all_names() if name != op.public_name()]
    if aliases:
        facts.append(f"Also called {', '.join(aliases)}.")
    parts = [*map(_wrapped, [first, *others]), "\n".join(map(_wrapped, facts)), example(op)]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def _operands(op: Function) -> str:
    names = ", ".join(op.signature_of_operands().parameters)
    several = "tensors, arrays, numbers or lists"
    return f"{names}: {'a tensor, array, number or list' if op.count() == 1 else several}."


def _result(op: Function) -> str:
    if isinstance(op, Core):
        text = f"Returns a float64 tensor: last axes {op.core.replace('->', ' give ')}, and leading"
        return f"{text} axes broadcast. Operands of other dtypes are converted."
    shape = "of the same shape" if op.count() == 1 else "of the shape that they broadcast to"
    return f"Returns a tensor {shape}; its dtype is {_dtypes(op)}."


def _dtypes(op: Function) -> str:
    """The result dtype for operands of each of a few dtypes."""
    found: dict[str, list[str]] = {}
    for dtype in SHOWN_DTYPES:
        out = _result_dtype(op, dtype)
        if out:
            found.setdefault(out, []).append(dtype)
    if len(found) == 1:
        return next(iter(found))
    if all([out] == given for out, given in found.items()):
        same = "that of the operand" if op.count() == 1 else "that which they promote to"
        return f"{same} ({', '.join(found)}, ...)"
    return ", ".join(f"{out} for {' and '.join(given)}" for out, given in found.items())


def _result_dtype(op: Function, dtype: str) -> str | None:
    try:
        return str(op(*(new_input(None, dtype, ()) for _ in range(op.count()))).dtype)
    except TypeError:
        return None


def _errors(op: Function) -> str:
    if isinstance(op, Core):
        return "Raises GraphError, a TypeError, for too few axes and for sizes that differ."
    text = "Raises GraphError, a TypeError, for what is not numeric"
    refused = [dtype for dtype in SHOWN_DTYPES if _result_dtype(op, dtype) is None]
    if refused:
        text += f", for {' and '.join(refused)}"
    if op.count() > 1:
        text += ", and for shapes that do not broadcast; ValueError where only a call can tell"
    return text + "."


def _derivative(op: Function) -> str:
    if not op.differentiable:
        return "It has no derivative."
    inputs = _inputs(op)
    out = op(*inputs)
    try:
        slopes = out.op.vjp(new_input(None, out.dtype, out.shape), out, *out.inputs)
    except NotImplementedError:
        return "It has no derivative."
    names = list(op.signature_of_operands().parameters)
    without = [name for name, slope in zip(names, slopes, strict=True) if _vanishes(slope)]
    if len(without) == len(names):
        return "Its derivative is 0."
    return f"It has derivatives of {op.orders}" + (
        f", with respect to all but {', '.join(without)}." if without else "."
    )


def _inputs(op: Function) -> list[Node]:
    """Inputs to differentiate the op with: floats, with the axes that it needs."""
    if isinstance(op, Core):
        return [new_input(None, "float64", (2,) * len(core)) for core in op.signature()[0]]
    return [new_input(None, "float64", ()) for _ in range(op.count())]


def _vanishes(slope: TensorLike) -> bool:
    if slope is None or (isinstance(slope, Node) and isinstance(slope.op, Const)):
        return slope is None or not slope.op.array.any()
    return not isinstance(slope, Node) and slope == 0


def example(op: Function) -> str:
    """A call with numbers as a doctest, and its result."""
    operands = op.example or _sampled(op)
    shown = ", ".join(map(repr, operands))
    node = op(*operands)
    with np.errstate(all="ignore"):
        value = op.values(*(x.op.array for x in node.inputs))
    if not isinstance(value, tuple):
        value = np.asarray(value, node.dtype)
    home = "linalg." if isinstance(op, Core) else ""
    call = f">>> pt.{home}{op.public_name()}({shown}).eval()"
    return textwrap.indent(f"{call}\n{np.asarray(value)!r}", "    ")


def _sampled(op: Elementwise) -> Sequence[Any]:
    """Two short numbers for each operand, from the op's first sample."""
    arrays = op.samples[0].make(numpy_part("random").default_rng(1))
    return [_short(np.ravel(x)[:2]) for x in arrays]


def _short(x: np.ndarray) -> list[Any]:
    return [float(f"{v:.2g}") if isinstance(v, float) else v for v in x.tolist()]
