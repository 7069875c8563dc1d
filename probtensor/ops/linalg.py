"""Products of matrices. All are one op, a contraction of two operands by subscripts."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.ops.kinds import Contraction, as_tensor_of, method, op, operator, weak_operand
from probtensor.ops.reduce import normal_axes
from probtensor.ops.samples import Sample, cases
from probtensor.types import promote


@op
class Contract(Contraction):
    """The sum of products of two operands named by einsum subscripts, as "ij,jk->ik"."""

    subscripts: str
    samples = (
        *cases((3, 4), (4, 2), subscripts=["ij,jk->ik"]),
        *cases((4, 3), (4, 2), subscripts=["ji,jk->ik"]),
        *cases((3, 4), (4,), subscripts=["ij,j->i", "ij,j->ij", "ij,j->"]),
        *cases((3,), (4,), subscripts=["i,j->ij", "i,j->i", "i,j->ji"]),
        *cases((5,), (5,), subscripts=["i,i->"]),
        *cases((2, 3, 4), (2, 4, 3), subscripts=["bij,bjk->bik", "bij,bjk->ik", "bij,bji->b"]),
        *cases((), (3,), subscripts=[",i->i"]),
        Sample(
            lambda rng: (rng.integers(-9, 9, (3, 4)), rng.integers(-9, 9, 4)),
            {"subscripts": "ij,j->i"},
            smooth=False,
        ),
    )

    def numpy(self, x, y):
        return np.einsum(self.subscripts, x, y, optimize=True)

    def vjp(self, g, out, x, y):
        first, second, result = self.parts()
        return (
            _operand_gradient(g, result, y, second, x, first),
            _operand_gradient(g, result, x, first, y, second),
        )


def _operand_gradient(g, g_letters, other, other_letters, x, letters) -> Node:
    """The gradient of the operand x; along a letter that x alone has it does not vary."""
    known = "".join(c for c in letters if c in g_letters or c in other_letters)
    inner = contract(f"{g_letters},{other_letters}->{known}", g, other)
    lost = tuple(k for k, c in enumerate(letters) if c not in known)
    return ops.broadcast_to(ops.expand_dims(inner, lost), x.shape) if lost else inner


def contract(subscripts: str, x: Any, y: Any) -> Node:
    """The contraction of x and y by explicit subscripts, in their common dtype."""
    dtype = promote(weak_operand(x), weak_operand(y))
    if dtype == "bool":
        counts = make(Contract(subscripts), (as_tensor_of(x, "int64"), as_tensor_of(y, "int64")))
        return ops.ne(counts, 0)
    return make(Contract(subscripts), (as_tensor_of(x, dtype), as_tensor_of(y, dtype)))


@operator("@")
def matmul(x: Any, y: Any) -> Node:
    """The matrix product x @ y: over the last axis of x and the last but one (or only) axis of y;
    leading axes broadcast."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        raise GraphError(f"matmul: needs at least 1 axis each, not {x.ndim} and {y.ndim}; use *")
    rows, columns = "i" * (x.ndim > 1), "k" * (y.ndim > 1)
    return _batched(x, rows + "j", y, "j" + columns, rows + columns, "matmul")


def _batched(x: Node, x_core: str, y: Node, y_core: str, out_core: str, what: str) -> Node:
    """A contraction of the core axes, repeated over leading axes that broadcast."""
    batch = max(x.ndim - len(x_core), y.ndim - len(y_core))
    letters = [c for c in string.ascii_letters if c not in x_core + y_core][:batch]
    operands, names = [], []
    spare = list(letters)
    outer = dict.fromkeys(letters, 1)
    for t, core in ((x, x_core), (y, y_core)):
        count = t.ndim - len(core)
        own = spare[batch - count :]
        ones = tuple(k for k in range(count) if t.shape[k] == 1)
        for k, letter in enumerate(own):
            if k not in ones:
                outer[letter] = t.shape[k]
        operands.append(ops.squeeze(t, ones) if ones else t)
        names.append("".join(c for k, c in enumerate(own) if k not in ones) + core)
    present = "".join(c for c in letters if any(c in n for n in names))
    single = tuple(k for k, c in enumerate(letters) if c not in present)
    out = contract(f"{names[0]},{names[1]}->{present}{out_core}", *operands)
    return ops.expand_dims(out, single) if single else out


@method
def dot(x: Any, y: Any) -> Node:
    """NumPy's dot: the product over the last axis of x and the last but one (or only) axis of y;
    with a 0-d operand, the elementwise product."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    second = y.ndim - 2 if y.ndim > 1 else 0
    return tensordot(x, y, ([x.ndim - 1], [second]))


def tensordot(x: Any, y: Any, axes: int | Sequence[Any] = 2) -> Node:
    """The sum of products over pairs of axes: the last `axes` of x with the first of y, or two
    sequences of axes."""
    x, y = as_tensor(x), as_tensor(y)
    if isinstance(axes, int):
        left, right = tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    else:
        left, right = ((a,) if isinstance(a, int) else tuple(a) for a in axes)
    if len(left) != len(right):
        raise GraphError(f"tensordot: {len(left)} axes of x for {len(right)} of y")
    normal_axes(left, x.ndim, "tensordot")
    normal_axes(right, y.ndim, "tensordot")
    first = list(string.ascii_letters[: x.ndim])
    second = list(string.ascii_letters[x.ndim : x.ndim + y.ndim])
    for a, b in zip(left, right):
        second[b] = first[a]
    joined = {first[a] for a in left}
    out = [c for c in first + second if c not in joined]
    return contract(f"{''.join(first)},{''.join(second)}->{''.join(out)}", x, y)


def outer(x: Any, y: Any) -> Node:
    """out[i, j] = x[i] * y[j] of the flattened operands."""
    return contract("i,j->ij", ops.ravel(x), ops.ravel(y))


def inner(x: Any, y: Any) -> Node:
    """The sum of products over the last axes of both."""
    x, y = as_tensor(x), as_tensor(y)
    return x * y if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ([-1], [-1]))


def vecdot(x: Any, y: Any, axis: int = -1) -> Node:
    """The sum of products over one axis of both; the others broadcast."""
    x, y = ops.moveaxis(x, axis, -1), ops.moveaxis(y, axis, -1)
    return _batched(x, "j", y, "j", "", "vecdot")


def matvec(x: Any, y: Any) -> Node:
    """The product of a matrix and a vector; leading axes broadcast."""
    return _batched(as_tensor(x), "ij", as_tensor(y), "j", "i", "matvec")


def vecmat(x: Any, y: Any) -> Node:
    """The product of a vector and a matrix; leading axes broadcast."""
    return _batched(as_tensor(x), "j", as_tensor(y), "jk", "k", "vecmat")
