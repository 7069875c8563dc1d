"""Weighted means, covariances and correlations."""

from __future__ import annotations

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import Axis, described, flag, listed_axes
from probtensor.ops.reductions.statistics import as_floats
from probtensor.types import promote, shape_text, size_product


@public
def average(
    a: TensorLike,
    axis: Axis = None,
    weights: TensorLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Node | tuple[Node, Node]:
    """The mean over `axis` (all axes if None) by `weights`, of the shape of `a` or of these axes;
    without weights `mean`. Where they sum to 0 it is nan or infinite.

    returned  whether the sum of the weights is given, too

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` and the
    weights are, else float64; or a tuple of it and the sum of the weights.
    Raises GraphError, a TypeError, for an axis that `a` has not, and weights of another shape.

        >>> pt.average([1.0, 2.0, 3.0], weights=[1.0, 1.0, 2.0]).eval()
        array(2.25)
    """
    x = as_tensor(a)
    axes = listed_axes(axis, x, "average")
    keepdims = flag(keepdims, "average: keepdims")
    if weights is None:
        found = ops.mean(x, axes, keepdims=keepdims)
        count = size_product(x.shape[k] for k in axes)
        total = ops.broadcast_to(ops.astype(as_tensor(count), found.dtype), found.shape)
    else:
        w = _weights_of(as_tensor(weights), x, axes)
        kind = promote(x.dtype, w.dtype)
        if not x.type.is_float:
            kind = promote(kind, "float64")
        x, w = ops.astype(x, kind), ops.broadcast_to(ops.astype(w, kind), x.shape)
        total = ops.sum(w, axes, keepdims=keepdims)
        found = ops.sum(x * w, axes, keepdims=keepdims) / total
    return (found, total) if flag(returned, "average: returned") else found


def _weights_of(w: Node, x: Node, axes: tuple[int, ...]) -> Node:
    """Weights with the axes of x, from those of its shape or of the reduced axes."""
    along = tuple(x.shape[k] for k in axes)
    for shape, full in ((x.shape, True), (along, False)):
        same = len(w.shape) == len(shape) and all(
            a == b or not (isinstance(a, int) and isinstance(b, int))
            for a, b in zip(w.shape, shape, strict=True)
        )
        if same and full:
            return w
        if same:
            order = sorted(range(len(axes)), key=lambda k: axes[k])
            rest = tuple(k for k in range(x.ndim) if k not in axes)
            return ops.expand_dims(ops.transpose(w, tuple(order)), rest)
    raise GraphError(
        f"average: weights are of shape {shape_text(x.shape)} or {shape_text(along)}, not "
        f"{shape_text(w.shape)}{described(w)}"
    )


def _variables(what: str, name: str, m: TensorLike, dtype: DTypeLike, rowvar: bool) -> Node:
    """Observations as a matrix with a row for each variable."""
    x = as_tensor(m)
    if x.ndim > 2:
        raise GraphError(f"{what}: {name} has {x.ndim} axes, not 1 or 2{described(x)}")
    x = as_floats(x, dtype, what) if dtype is not None else ops.astype(x, "float64")
    if x.ndim < 2:
        return ops.reshape(x, (1, -1))
    return x if rowvar else ops.transpose(x)


def _counted(what: str, name: str, given: TensorLike | None, x: Node) -> Node | None:
    """Weights of the observations."""
    if given is None:
        return None
    w = as_tensor(given)
    if w.ndim != 1:
        raise GraphError(f"{what}: {name} is a vector, and this has {w.ndim} axes{described(w)}")
    if name == "fweights" and w.type.is_float:
        values = w.op.array if isinstance(w.op, Const) else None
        if values is None or (values != values.round()).any():
            raise GraphError(f"{what}: fweights are integers, not {w.dtype}{described(w)}")
    if isinstance(w.op, Const) and (w.op.array < 0).any():
        raise GraphError(f"{what}: {name} are not negative{described(w)}")
    if all(isinstance(n, int) for n in (w.shape[0], x.shape[1])) and w.shape[0] != x.shape[1]:
        raise GraphError(f"{what}: {w.shape[0]} {name} for {x.shape[1]} observations{described(w)}")
    return ops.astype(w, x.dtype)


def _covariances(
    what: str,
    m: TensorLike,
    y: TensorLike | None,
    rowvar: bool,
    dtype: DTypeLike,
    less: TensorLike = 1,
    fweights: TensorLike | None = None,
    aweights: TensorLike | None = None,
) -> Node:
    """The covariances of rows."""
    rowvar = flag(rowvar, f"{what}: rowvar")
    x = _variables(what, "m", m, dtype, rowvar)
    if y is not None:
        x = ops.concatenate([x, _variables(what, "y", y, dtype, rowvar)])
    counts = _counted(what, "fweights", fweights, x)
    others = _counted(what, "aweights", aweights, x)
    given = [w for w in (counts, others) if w is not None]
    n = as_tensor(x.shape[1])
    if not given:
        middle, freedom = ops.mean(x, 1, keepdims=True), ops.astype(n, x.dtype) - less
    else:
        w = given[0] * given[1] if len(given) == 2 else given[0]
        middle, total = ops.sum(x * w, 1, keepdims=True) / ops.sum(w), ops.sum(w)
        lost = less if others is None else less * ops.sum(w * others) / total
        freedom = total - lost
    centred = x - middle
    right = centred * w if given else centred
    products = centred @ ops.transpose(right)
    return products / ops.maximum(freedom, 0)


@public
def cov(
    m: TensorLike,
    y: TensorLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: TensorLike | None = None,
    aweights: TensorLike | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> Node:
    """The covariances of variables, which are the rows of a matrix of observations, or its columns
    without `rowvar`.

    y         more variables of the same observations
    bias      whether sums are divided by the number of observations instead of one less
    ddof      what is subtracted from that number; it overrides `bias`
    fweights  how often each observation counts, integers
    aweights  weights of the observations; both are not negative, which is checked of literals

    Returns a float64 matrix (or in `dtype`), without axes for one variable known to be the only
    one; nan or inf where the divisor is not positive.
    Raises GraphError, a TypeError, for more than two axes, and weights of another number.

        >>> pt.cov([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).eval()
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    if ddof is not None and (isinstance(ddof, bool) or ddof != int(ddof)):
        raise GraphError(f"cov: ddof is an integer, not {ddof!r:.60}")
    less = (0 if flag(bias, "cov: bias") else 1) if ddof is None else ddof
    found = _covariances("cov", m, y, rowvar, dtype, less, fweights, aweights)
    return _squeezed(found)


def _squeezed(matrix: Node) -> Node:
    return matrix[0, 0] if matrix.shape == (1, 1) else matrix


@public
def corrcoef(
    x: TensorLike,
    y: TensorLike | None = None,
    rowvar: bool = True,
    *,
    dtype: DTypeLike | None = None,
) -> Node:
    """The coefficients of correlation of variables, which are the rows of a matrix of observations,
    or its columns without `rowvar`; `y` has more variables of the same observations.

    Returns a float64 matrix (or in `dtype`) of numbers from -1 to 1, without axes for one variable
    known to be the only one; nan for a variable that does not vary.
    Raises GraphError, a TypeError, for more than two axes.

        >>> pt.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).eval()
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    c = _covariances("corrcoef", x, y, rowvar, dtype)
    if c.shape == (1, 1):
        return (c / c)[0, 0]
    spread = ops.sqrt(ops.diagonal(c))
    return ops.clip(c / ops.expand_dims(spread, 1) / spread, -1, 1)
