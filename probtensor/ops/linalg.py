"""Products of matrices, all of them one op; triangular systems and factors; running sums.

A product is a contraction of two operands by subscripts. The rest are routines on the last axes,
repeated over the leading ones, that compiled plans call by name.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.ops.kinds import (
    Contraction,
    Core,
    as_tensor_of,
    method,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.reduce import normal_axes
from probtensor.ops.samples import Sample, cases
from probtensor.types import broadcast_shapes, promote


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


# Routines.


def spd(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A symmetric positive definite matrix, well conditioned, for each place of a shape."""
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def triangular(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A square matrix with a large diagonal; what reads one triangle must not mind the other."""
    return rng.normal(size=shape) + 4 * np.eye(shape[-1])


SYSTEMS = (
    Sample(lambda rng: (triangular(rng, 3, 3), rng.normal(size=(3, 2)))),
    Sample(lambda rng: (triangular(rng, 2, 4, 4), rng.normal(size=(2, 4, 1)))),
    Sample(lambda rng: (np.diag([1.0, 0.0, np.nan]), np.ones((3, 1))), smooth=False),
)


@op
class Cholesky(Core):
    """Lower L with L @ L.mT == a, where a is positive definite; elsewhere all nan. Of a only the
    lower triangle is read, and the derivative is that of a symmetric matrix."""

    core, routine = "(n,n)->(n,n)", "pt_cholesky"
    samples = (
        Sample(lambda rng: (spd(rng, 3, 3),), smooth=False),
        Sample(lambda rng: (spd(rng, 2, 4, 4),), smooth=False),
        Sample(lambda rng: (np.stack([np.eye(2), -np.eye(2), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def numpy(self, a):
        out = np.full(a.shape, np.nan)
        for place in np.ndindex(a.shape[:-2]):
            try:
                out[place] = np.linalg.cholesky(a[place])
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, a):
        """Reverse rule of Murray (2016), arXiv:1602.07527."""
        inner = ops.tril(ops.matrix_transpose(out) @ g)
        p = ops.where(ops.eye(a.shape[-1], dtype="bool"), inner / 2, inner)
        turned = ops.matrix_transpose(out)
        s = solve_upper(turned, ops.matrix_transpose(solve_upper(turned, ops.matrix_transpose(p))))
        return ((s + ops.matrix_transpose(s)) / 2,)


class Triangular(Core):
    """x with t @ x == b, where t is triangular; the other triangle of t is not read."""

    core = "(n,n),(n,k)->(n,k)"
    samples = SYSTEMS

    def __call__(self, *inputs: Any) -> Node:
        t, b = (as_tensor_of(x, "float64") for x in inputs)
        batch = broadcast_shapes(t.shape[:-2], b.shape[:-2])
        spread = [ops.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (t, b)]
        return make(self, spread)


@op
class SolveLower(Triangular):
    """x with t @ x == b, for lower triangular t."""

    routine = "pt_solve_lower"

    def numpy(self, t, b):
        x = np.array(b)
        for i in range(x.shape[-2]):
            x[..., i, :] -= np.einsum("...j,...jk->...k", t[..., i, :i], x[..., :i, :])
            x[..., i, :] /= t[..., i, i, None]
        return x

    def vjp(self, g, out, t, b):
        gb = solve_upper(ops.matrix_transpose(t), g)
        return ops.tril(-gb @ ops.matrix_transpose(out)), gb


@op
class SolveUpper(Triangular):
    """x with t @ x == b, for upper triangular t."""

    routine = "pt_solve_upper"

    def numpy(self, t, b):
        x = np.array(b)
        for i in reversed(range(x.shape[-2])):
            x[..., i, :] -= np.einsum("...j,...jk->...k", t[..., i, i + 1 :], x[..., i + 1 :, :])
            x[..., i, :] /= t[..., i, i, None]
        return x

    def vjp(self, g, out, t, b):
        gb = solve_lower(ops.matrix_transpose(t), g)
        return ops.triu(-gb @ ops.matrix_transpose(out)), gb


@op
class Cumsum(Core):
    """out[i] = x[0] + ... + x[i] along the last axis."""

    core, routine = "(n)->(n)", "pt_cumsum"
    linear = True
    samples = cases((5,)) + cases((2, 3, 4)) + cases((3, 0))

    def numpy(self, x):
        return np.cumsum(x, axis=-1)

    def vjp(self, g, out, x):
        return (ops.flip(self(ops.flip(g, -1)), -1),)


solve_lower = SolveLower()
solve_upper = SolveUpper()


def cholesky(a: Any) -> Node:
    """The lower Cholesky factor of the last two axes; all nan where a is not positive definite.
    Only the lower triangle of a is read."""
    return Cholesky()(as_tensor_of(a, "float64"))


def solve_triangular(a: Any, b: Any, *, trans: bool = False, lower: bool = True) -> Node:
    """x with a @ x == b (with `trans`, a.mT @ x == b), where a is triangular on its last two axes.
    b is a vector or has columns; leading axes broadcast. SciPy's default is lower=False."""
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim < 2 or b.ndim < 1:
        raise GraphError(f"solve_triangular: a matrix and a vector, not {a.ndim} and {b.ndim} axes")
    a = ops.matrix_transpose(a) if trans else a
    solve = solve_lower if lower != trans else solve_upper
    if b.ndim == 1:
        return ops.squeeze(solve(a, ops.expand_dims(b, 1)), -1)
    return solve(a, b)


def cho_solve(factor: Any, b: Any) -> Node:
    """x with a @ x == b, given the lower Cholesky factor of a."""
    return solve_triangular(factor, solve_triangular(factor, b), trans=True)


@method
def cumsum(x: Any, axis: int | None = None) -> Node:
    """The running sum along an axis (of x flattened if None). Integers are summed as int64, at the
    cost of the square of their number."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ops.ravel(x), 0
    place = normal_axes(axis, x.ndim, "cumsum")[0]
    last = ops.moveaxis(x, place, -1)
    if x.type.is_float:
        total = ops.astype(Cumsum()(ops.astype(last, "float64")), x.dtype)
    else:
        n = last.shape[-1]
        total = ops.sum(ops.where(ops.tri(n, dtype="bool"), ops.expand_dims(last, -2), 0), -1)
    return ops.moveaxis(total, -1, place)
