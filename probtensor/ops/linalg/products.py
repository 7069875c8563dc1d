"""Matrix products, all of them one op: contractions by subscripts."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.late import late
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import (
    Accumulation,
    Contraction,
    as_tensor_of,
    method,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.reductions.folds import described, listed_axes, one_axis
from probtensor.ops.samples import Sample, cases
from probtensor.ops.size_laws import equal
from probtensor.types import broadcast_size, promote, shape_text

_linear = late("probtensor.ops.complexes.linear")


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


@op
class AddProduct(Accumulation):
    """base + scale * (the contraction of x and y): what a product that is added is compiled as."""

    name = "add_product"
    subscripts: str
    samples = (
        *cases((3, 4), (4, 2), (), (3, 2), subscripts=["ij,jk->ik"]),
        *cases((4, 3), (2, 4), (), (3, 2), subscripts=["ji,kj->ik"]),
        *cases((4, 3), (2, 4), (), (2, 3), subscripts=["ji,kj->ki"]),
        *cases((2, 3, 4), (2, 4, 3), (), (2, 3, 3), subscripts=["bij,bjk->bik"]),
        Sample(
            lambda rng: (
                np.array([[np.nan, 1.0], [np.inf, 2.0], [3.0, 4.0]]),
                rng.normal(size=(2, 2)),
                np.zeros(()),
                rng.normal(size=(3, 2)),
            ),
            {"subscripts": "ij,jk->ik"},
            smooth=False,
        ),
    )

    def numpy(self, x, y, scale, base):
        return base + scale * Contract(self.subscripts).numpy(x, y)

    def vjp(self, g, out, x, y, scale, base):
        product = Contract(self.subscripts)
        first, second = product.vjp(scale * g, None, x, y)
        return first, second, ops.sum(g * product(x, y)), g


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


def _spread(x: Node, x_rank: int, y: Node, y_rank: int, what: str) -> tuple[Node, Node]:
    """Two operands of `what` with core axes, of which leading axes of sizes that may differ at a
    call are repeated to a joint size."""
    outer = [t.shape[: t.ndim - rank] for t, rank in ((x, x_rank), (y, y_rank))]
    pairs = [*zip(*(sizes[::-1] for sizes in outer))][::-1]
    if all(m == n or 1 in (m, n) or (isinstance(m, int) and isinstance(n, int)) for m, n in pairs):
        return x, y
    x = asked_for(x, what, *(
        equal(m, n, " along a leading axis", "broadcasts with") for m, n in pairs
    ))  # fmt: skip
    joint = [broadcast_size(m, n) for m, n in pairs]
    found = []
    for t, sizes in zip((x, y), outer, strict=True):
        lead = len(sizes) - len(joint)
        both = [n if n == 1 else m for m, n in zip(joint, sizes[lead:], strict=True)]
        found.append(ops.broadcast_to(t, (*sizes[:lead], *both, *t.shape[len(sizes) :])))
    return tuple(found)


def _batched(x: Node, x_core: str, y: Node, y_core: str, out_core: str, what: str) -> Node:
    """A contraction of the core axes, repeated over leading axes that broadcast."""
    for t, core in ((x, x_core), (y, y_core)):
        if t.ndim < len(core):
            wanted = "a matrix" if len(core) == 2 else "a vector"
            raise GraphError(f"{what}: needs {wanted}, not {t.ndim} axes{described(t)}")
    x, y = _spread(x, len(x_core), y, len(y_core), what)
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
    """The sum of products over one axis of both, of the conjugate of the first; the others
    broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for an axis that an operand has not and sizes that do not fit;
    ValueError where only a call can tell.

        >>> pt.linalg.vecdot([1.0, 2.0], [3.0, 4.0]).eval()
        array(11.)
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    x = ops.conj(ops.moveaxis(x1, one_axis(axis, x1, "vecdot"), -1))
    y = ops.moveaxis(x2, one_axis(axis, x2, "vecdot"), -1)
    return _batched(x, "j", y, "j", "", "vecdot")


@public
def vdot(a: TensorLike, b: TensorLike, /) -> Node:
    """The sum of products of all elements of both, flattened, of the conjugate of the first.

    Returns a tensor without axes, in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for other numbers of elements; ValueError where only a call can
    tell.

        >>> pt.vdot([1.0, 2.0], [3.0, 4.0]).eval()
        array(11.)
    """
    return _batched(ops.conj(ops.ravel(a)), "j", ops.ravel(b), "j", "", "vdot")


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
    """The product of the conjugate of a vector and a matrix; leading axes broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.

        >>> pt.linalg.vecmat([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([4., 6.])
    """
    return _batched(ops.conj(x), "j", as_tensor(y), "jk", "k", "vecmat")


def adjoint(x: Node) -> Node:
    """The conjugate of the transposed matrices; of real ones the transpose."""
    return ops.conj(ops.matrix_transpose(x))


def matrices(what: str, x: TensorLike) -> Node:
    """x with at least two axes; GraphError for fewer, and for complex numbers unless the function
    takes them."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise GraphError(f"{what}: takes matrices, not {x.ndim} axes{described(x)}")
    if x.is_complex and what not in _linear.TAKEN:
        raise _linear.refusal_of(what)
    return x
