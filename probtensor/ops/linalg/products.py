"""Matrix products, all of them one op; triangular systems and factors; cumulative sums.

A product is a contraction of two operands by subscripts. The rest are routines on the last axes,
repeated over the leading ones, that compiled plans call by name.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import (
    Contraction,
    Core,
    as_tensor_of,
    method,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.reductions.folds import described, flag, listed_axes, one_axis
from probtensor.ops.samples import Sample, arrays, cases
from probtensor.types import TensorType, promote, shape_text


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

    def user_name(self) -> str:
        """matmul if one axis is summed over and each operand has at most one axis of its own."""
        first, second, out = self.parts()
        joined = [c for c in first if c in second and c not in out]
        only = [set(first) - set(second), set(second) - set(first)]
        return "matmul" if len(joined) == 1 and max(map(len, only)) < 2 else self.name

    def numpy(self, x, y):
        # Optimised, an empty sum that nan is multiplied by would be nan.
        return np.einsum(self.subscripts, x, y, optimize=bool(np.size(x) and np.size(y)))

    def vjp(self, g, out, x, y):
        first, second, result = self.parts()
        return (
            _operand_gradient(g, result, y, second, x, first),
            _operand_gradient(g, result, x, first, y, second),
        )


def _operand_gradient(g, g_letters, other, other_letters, x, letters) -> Node:
    """The gradient of the operand x; it is constant along letters that only x has."""
    shared = "".join(c for c in letters if c in g_letters or c in other_letters)
    inner = contract(f"{g_letters},{other_letters}->{shared}", g, other)
    lost = tuple(k for k, c in enumerate(letters) if c not in shared)
    return ops.broadcast_to(ops.expand_dims(inner, lost), x.shape) if lost else inner


@public
def contract(subscripts: str, x: TensorLike, y: TensorLike) -> Node:
    """The contraction of x and y by explicit subscripts, in their common dtype.

    Returns a tensor with the axes of the output; a letter that it lacks is summed over.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.linalg.contract("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).eval()
        array([3., 7.])
    """
    return product_for("contract", subscripts, x, y)


def product_for(what: str, subscripts: str, x: TensorLike, y: TensorLike) -> Node:
    """The contraction of x and y for the function `what`, which messages name."""
    dtype = promote(weak_operand(x), weak_operand(y))
    summed = "int64" if dtype == "bool" else dtype
    operands = as_tensor_of(x, summed), as_tensor_of(y, summed)
    found = make(Contract(subscripts), operands, what=what)
    return ops.ne(found, 0) if dtype == "bool" else found


@operator("@")
@public
def matmul(x: TensorLike, y: TensorLike) -> Node:
    """The matrix product x @ y: over the last axis of x and the last but one (or only) axis of y;
    leading axes broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for operands without axes and sizes that do not fit; ValueError
    where only a call can tell.

        >>> pt.matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).eval()
        array([3., 7.])
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        other = y if x.ndim == 0 else x
        raise GraphError(
            f"matmul: needs at least 1 axis each, not {x.ndim} and {y.ndim}; use *"
            f"{described(other)}"
        )
    rows, columns = "i" * (x.ndim > 1), "k" * (y.ndim > 1)
    return _batched(x, rows + "j", y, "j" + columns, rows + columns, "matmul")


def _batched(x: Node, x_core: str, y: Node, y_core: str, out_core: str, what: str) -> Node:
    """A contraction of the core axes, repeated over leading axes that broadcast."""
    for t, core in ((x, x_core), (y, y_core)):
        if t.ndim < len(core):
            wanted = "a matrix" if len(core) == 2 else "a vector"
            raise GraphError(f"{what}: needs {wanted}, not {t.ndim} axes{described(t)}")
    batch = max(x.ndim - len(x_core), y.ndim - len(y_core))
    letters = [c for c in string.ascii_letters if c not in x_core + y_core][:batch]
    operands, names = [], []
    spare = list(letters)
    outer = dict.fromkeys(letters, 1)
    for t, core in ((x, x_core), (y, y_core)):
        count = t.ndim - len(core)
        batch_axes = spare[batch - count :]
        ones = tuple(k for k in range(count) if t.shape[k] == 1)
        for k, letter in enumerate(batch_axes):
            if k not in ones:
                outer[letter] = t.shape[k]
        operands.append(ops.squeeze(t, ones) if ones else t)
        names.append("".join(c for k, c in enumerate(batch_axes) if k not in ones) + core)
    present = "".join(c for c in letters if any(c in n for n in names))
    single = tuple(k for k, c in enumerate(letters) if c not in present)
    out = product_for(what, f"{names[0]},{names[1]}->{present}{out_core}", *operands)
    return ops.expand_dims(out, single) if single else out


@method
@public(lacks=("out",))
def dot(a: TensorLike, b: TensorLike, out: None = None) -> Node:
    """NumPy's dot: the product over the last axis of `a` and the last but one (or only) axis of
    `b`; with a 0-d operand, the elementwise product.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.dot([1.0, 2.0], [3.0, 4.0]).eval()
        array(11.)
    """
    x, y = as_tensor(a), as_tensor(b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    second = y.ndim - 2 if y.ndim > 1 else 0
    return _over_pairs("dot", x, y, (x.ndim - 1,), (second,))


@public
def tensordot(a: TensorLike, b: TensorLike, axes: int | Sequence = 2) -> Node:
    """The sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or two
    sequences of axes.

    Returns a tensor with the axes of `a` that are left, then those of `b`, in the dtype that the
    operands promote to.
    Raises GraphError, a TypeError, for axes that the operands have not and sizes that do not fit;
    ValueError where only a call can tell.

        >>> pt.tensordot([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array(30.)
    """
    x, y = as_tensor(a), as_tensor(b)
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            text = f"tensordot: {axes} axes, where the operands have {x.ndim} and {y.ndim}"
            raise GraphError(text + described(x) + f"; the other has shape {shape_text(y.shape)}")
        left, right = tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    else:
        if not isinstance(axes, (tuple, list)) or len(axes) != 2:
            raise GraphError(f"tensordot: axes are a number or a pair, not {axes!r:.60}")
        left = listed_axes(axes[0], x, "tensordot", several=not isinstance(axes[0], int))
        right = listed_axes(axes[1], y, "tensordot", several=not isinstance(axes[1], int))
    if len(left) != len(right):
        raise GraphError(f"tensordot: {len(left)} axes of a for {len(right)} of b")
    return _over_pairs("tensordot", x, y, left, right)


def _over_pairs(
    what: str, x: Node, y: Node, left: Sequence[int], right: Sequence[int]
) -> Node:
    """The sum of products over pairs of axes, the others of x before those of y."""
    first = list(string.ascii_letters[: x.ndim])
    second = list(string.ascii_letters[x.ndim : x.ndim + y.ndim])
    for k, j in zip(left, right):
        second[j] = first[k]
    joined = {first[k] for k in left}
    out = [c for c in first + second if c not in joined]
    return product_for(what, f"{''.join(first)},{''.join(second)}->{''.join(out)}", x, y)


@public(lacks=("out",))
def outer(a: TensorLike, b: TensorLike, out: None = None) -> Node:
    """out[i, j] = a[i] * b[j] of the flattened operands.

    Returns a tensor of two axes, in the dtype that the operands promote to.

        >>> pt.outer([1.0, 2.0], [3.0, 4.0]).eval()
        array([[3., 4.],
               [6., 8.]])
    """
    return product_for("outer", "i,j->ij", ops.ravel(a), ops.ravel(b))


@public
def inner(x: TensorLike, y: TensorLike) -> Node:
    """The sum of products over the last axes of both.

    Returns a tensor with the other axes of x, then those of y, in the dtype that the operands
    promote to.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.inner([1.0, 2.0], [3.0, 4.0]).eval()
        array(11.)
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return _over_pairs("inner", x, y, (x.ndim - 1,), (y.ndim - 1,))


@public
def vecdot(x1: TensorLike, x2: TensorLike, *, axis: int = -1) -> Node:
    """The sum of products over one axis of both; the others broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for an axis that an operand has not and sizes that do not fit;
    ValueError where only a call can tell.

        >>> pt.linalg.vecdot([1.0, 2.0], [3.0, 4.0]).eval()
        array(11.)
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    x = ops.moveaxis(x1, one_axis(axis, x1, "vecdot"), -1)
    y = ops.moveaxis(x2, one_axis(axis, x2, "vecdot"), -1)
    return _batched(x, "j", y, "j", "", "vecdot")


@public
def matvec(x: TensorLike, y: TensorLike) -> Node:
    """The product of a matrix and a vector; leading axes broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.linalg.matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).eval()
        array([3., 7.])
    """
    return _batched(as_tensor(x), "ij", as_tensor(y), "j", "i", "matvec")


@public
def vecmat(x: TensorLike, y: TensorLike) -> Node:
    """The product of a vector and a matrix; leading axes broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.linalg.vecmat([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([4., 6.])
    """
    return _batched(as_tensor(x), "j", as_tensor(y), "jk", "k", "vecmat")


# Routines.


def spd(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Well conditioned symmetric positive definite matrices, a batch of this shape."""
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def triangular(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A square matrix with a large diagonal and both triangles, of which a solver reads one."""
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
    device = True
    samples = (
        Sample(lambda rng: (spd(rng, 3, 3),), smooth=False),
        Sample(lambda rng: (spd(rng, 2, 4, 4),), smooth=False),
        Sample(lambda rng: (np.stack([np.eye(2), -np.eye(2), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def numpy(self, a):
        out = np.full(a.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            try:
                out[item] = np.linalg.cholesky(a[item])
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, a):
        """Reverse rule of Murray (2016), arXiv:1602.07527."""
        inner = ops.tril(ops.matrix_transpose(out) @ g)
        p = ops.where(ops.eye(a.shape[-1], dtype="bool"), inner / 2, inner)
        upper = ops.matrix_transpose(out)
        s = solve_upper(upper, ops.matrix_transpose(solve_upper(upper, ops.matrix_transpose(p))))
        return ((s + ops.matrix_transpose(s)) / 2,)


class Triangular(Core):
    """x with t @ x == b, where t is triangular; the other triangle of t is not read."""

    core = "(n,n),(n,k)->(n,k)"
    device = True
    operands = ("a", "b")
    example = ([[2.0, 0.0], [0.0, 4.0]], [[1.0], [2.0]])
    samples = SYSTEMS

    def rank_text(self, types: Sequence[TensorType]) -> str:
        lower = self.name == "solve_lower"
        return f"{super().rank_text(types)}; pt.solve_triangular(a, b, lower={lower}) takes vectors"


@op
class SolveLower(Triangular):
    """x with a @ x == b, for lower triangular `a`, whose upper triangle is not read. Golub and Van
    Loan (2013), "Matrix Computations", 3.1."""

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
    """x with a @ x == b, for upper triangular `a`, whose lower triangle is not read. Golub and Van
    Loan (2013), "Matrix Computations", 3.1."""

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


def _positive(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.uniform(0.5, 2, shape)


def _running_sums(x: np.ndarray) -> np.ndarray:
    """np.cumsum along the last axis with compensated summation (Neumaier 1974, ZAMM 54:39), unless
    a sum is not finite."""
    sums = np.cumsum(x, axis=-1)
    if not np.issubdtype(sums.dtype, np.floating):
        return sums
    with np.errstate(invalid="ignore", over="ignore"):
        before = np.zeros_like(sums)
        before[..., 1:] = sums[..., :-1]
        added = sums - before
        lost = np.cumsum((before - (sums - added)) + (x - added), axis=-1)
        return np.where(np.isfinite(lost), sums + lost, sums)


@op
class Cumsum(Core):
    """out[i] = x[0] + ... + x[i] along the last axis."""

    core, routine = "(n)->(n)", "pt_cumsum"
    device = True
    linear = True
    # Of one sign: where terms cancel, rounding depends on the order of summation of the target.
    samples = sum((arrays(_positive(*shape)) for shape in ((5,), (2, 3, 4), (3, 0))), ())

    def numpy(self, x):
        return _running_sums(x)

    def vjp(self, g, out, x):
        return (ops.flip(self(ops.flip(g, -1)), -1),)


solve_lower = SolveLower()
solve_upper = SolveUpper()


@public
def cholesky(a: TensorLike, *, upper: bool = False) -> Node:
    """The lower Cholesky factor of the last two axes, or with `upper` the upper one; all nan where
    `a` is not positive definite. Of `a` only that triangle is read. (NumPy's signature: SciPy's
    `cholesky` gives the upper factor.)

    Returns a float64 tensor of the shape of `a`. Its derivative: Murray (2016), arXiv:1602.07527.
    Raises GraphError, a TypeError, for matrices that are not square.

        >>> pt.linalg.cholesky([[4.0, 2.0], [2.0, 2.0]]).eval()
        array([[2., 0.],
               [1., 1.]])
    """
    a = matrices("cholesky", a)
    if not flag(upper, "cholesky: upper"):
        return Cholesky()(a)
    return ops.matrix_transpose(Cholesky()(ops.matrix_transpose(a)))


TRANSPOSED = {0: False, "N": False, 1: True, "T": True, 2: True, "C": True}


@public(lacks=("check_finite",))
def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, where `a` is triangular on its last two axes; SciPy's signature.

    `trans` is 0 or "N" for a @ x == b, and 1, 2, "T" or "C" for a.mT @ x == b. Only one triangle of
    `a` is read, the upper one unless `lower`; its diagonal counts as ones with `unit_diagonal`. `b`
    is a vector or has columns; leading axes broadcast. `overwrite_b` makes no difference, and nan
    or inf are not looked for: they reach the result.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast. Source: Golub and Van
    Loan (2013), "Matrix Computations", 3.1.
    Raises GraphError, a TypeError, for matrices that are not square, another `trans`, and sizes
    that do not fit; ValueError where only a call can tell.

        >>> pt.linalg.solve_triangular([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).eval()
        array([1., 2.])
    """
    what = "solve_triangular"
    a = matrices(what, a)
    lower = flag(lower, f"{what}: lower")
    transposed = transposed_of(what, trans)
    if flag(unit_diagonal, f"{what}: unit_diagonal"):
        a = ops.where(ops.eye(a.shape[-2], a.shape[-1], dtype="bool"), 1, a)
    return _solved(what, a, b, lower, transposed)


def _solved(what: str, a: Node, b: TensorLike, lower: bool, transposed: bool) -> Node:
    """x with a @ x == b or, if `transposed`, a.mT @ x == b, for the function `what`."""
    b = as_tensor(b)
    if b.ndim < 1:
        raise GraphError(f"{what}: b is a vector or has columns{described(b)}")
    a = ops.matrix_transpose(a) if transposed else a
    solve = solve_lower if lower != transposed else solve_upper
    if b.ndim == 1:
        return ops.squeeze(solve.apply(a, ops.expand_dims(b, 1), what=what), -1)
    return solve.apply(a, b, what=what)


def transposed_of(what: str, trans: object) -> bool:
    """Whether the system is that of the transposed matrix, by SciPy's argument `trans`."""
    plain = isinstance(trans, (int, str, np.integer))
    if not plain or trans not in TRANSPOSED:
        choices = ", ".join(map(repr, TRANSPOSED))
        raise GraphError(f"{what}: trans is one of {choices}, not {trans!r:.60}")
    return TRANSPOSED[trans]


@public(lacks=("check_finite",))
def cho_solve(
    c_and_lower: TensorLike, b: TensorLike, overwrite_b: bool = False, check_finite: bool = False
) -> Node:
    """x with a @ x == b, given (c, lower): a Cholesky factor of `a` and whether it is the lower
    one; SciPy's signature. A factor alone is a lower one, as `cholesky` gives it.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast. Source: Golub and Van
    Loan (2013), "Matrix Computations", 4.2.
    Raises GraphError, a TypeError, for factors that are not square and sizes that do not fit;
    ValueError where only a call can tell.

        >>> pt.linalg.cho_solve(([[2.0, 0.0], [0.0, 1.0]], True), [4.0, 3.0]).eval()
        array([1., 3.])
    """
    if isinstance(c_and_lower, (tuple, list)) and len(c_and_lower) == 2:
        c, lower = c_and_lower[0], flag(c_and_lower[1], "cho_solve: lower of (c, lower)")
    else:
        c, lower = c_and_lower, True
    c = matrices("cho_solve", c)
    inner = _solved("cho_solve", c, b, lower, transposed=not lower)
    return _solved("cho_solve", c, inner, lower, transposed=lower)


def matrices(what: str, x: TensorLike) -> Node:
    """x with at least two axes; GraphError for fewer."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise GraphError(f"{what}: takes matrices, not {x.ndim} axes{described(x)}")
    return x


@method
@public(lacks=("out",))
def cumsum(
    a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Node:
    """The cumulative sum along an axis (of `a` flattened if None), in `dtype` or as `sum` has it.
    Integers cost the square of their number.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None). Summation is compensated:
    Neumaier (1974), ZAMM 54:39.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.cumsum([1.0, 2.0, 3.0]).eval()
        array([1., 3., 6.])
    """
    x = as_tensor(a)
    x = x if dtype is None else ops.astype(x, dtype)
    if axis is None:
        x, axis = ops.ravel(x), 0
    position = one_axis(axis, x, "cumsum")
    last = ops.moveaxis(x, position, -1)
    if x.type.is_float:
        total = ops.astype(Cumsum()(ops.astype(last, "float64")), x.dtype)
    else:
        n = last.shape[-1]
        earlier = ops.where(ops.tri(n, dtype="bool"), ops.expand_dims(last, -2), 0)
        total = ops.sum(earlier, -1, dtype)
    return ops.moveaxis(total, -1, position)
