"""Normalisation and dropout."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.arrays.views import one_size
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described, flag
from probtensor.prob.random import bernoulli
from probtensor.types import Size, SizeCheck


@public(name="nn.layer_norm")
def layer_norm(
    input: TensorLike,
    normalized_shape: Size | Sequence[Size],
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-5,
) -> Node:
    """(x - mean) / sqrt(variance + eps) over the last axes, those of normalized_shape, times weight
    plus bias; PyTorch's signature. The variance is that of the elements, divided by their number.

    Returns a tensor of floats of the shape of input: float32 if it is, else float64.
    Raises GraphError, a TypeError, for a shape that is not that of the last axes; ValueError where
    only a call can tell.
    Source: Ba, Kiros and Hinton (2016), arXiv:1607.06450.

        >>> pt.nn.layer_norm([[1.0, 3.0], [5.0, 5.0]], 2, eps=0.0001).eval().round(3)
        array([[-1.,  1.],
               [ 0.,  0.]])
    """
    what = "nn.layer_norm"
    x = floats(input)
    several = isinstance(normalized_shape, (tuple, list))
    given = tuple(normalized_shape) if several else (normalized_shape,)
    sizes = [one_size(n, f"{what}: a size of normalized_shape") for n in given]
    if not sizes or len(sizes) > x.ndim:
        raise GraphError(f"{what}: normalized_shape is that of the last axes{described(x)}")
    last = x.shape[x.ndim - len(sizes) :]
    laws = [SizeCheck(n, "==", m, ("normalized_shape has ", n, " where input has ", m))
            for n, m in zip(sizes, last)]  # fmt: skip
    x = asked_for(x, what, *laws)
    return _scaled(_standard(x, tuple(range(-len(sizes), 0)), eps), weight, bias)


@public(name="nn.batch_norm")
def batch_norm(
    input: TensorLike,
    running_mean: TensorLike | None,
    running_var: TensorLike | None,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Node | tuple[Node, Node, Node]:
    """(x - mean) / sqrt(variance + eps) for each channel, the second axis, times weight plus bias;
    PyTorch's signature. Statistics are the running ones, or with `training` those of all other axes
    of the input; then the next running ones are results as well, for updates of shared variables.

    Returns a tensor of floats of the shape of input: float32 if it is, else float64; with
    `training` and running statistics a tuple of it, the next mean and the next variance:
    (1 - momentum) * old + momentum * new, the variance divided by the number of elements less 1.
    Raises GraphError, a TypeError, for an input without channels, and without running statistics
    where there is no `training`.
    Source: Ioffe and Szegedy (2015), arXiv:1502.03167.

        >>> pt.nn.batch_norm([[1.0, 3.0], [5.0, 7.0]], [1.0, 3.0], [4.0, 4.0], eps=0.0).eval()
        array([[0., 0.],
               [2., 2.]])
    """
    what = "nn.batch_norm"
    x = floats(input)
    if x.ndim < 2:
        raise GraphError(f"{what}: input has a batch and channels{described(x)}")
    beside = tuple(range(1, x.ndim - 1))
    factor, offset = (None if t is None else ops.expand_dims(t, beside) for t in (weight, bias))
    has_running = running_mean is not None and running_var is not None
    if not flag(training, f"{what}: training"):
        if not has_running:
            raise GraphError(f"{what}: without training it needs running_mean and running_var")
        mean, var = (ops.expand_dims(floats(t), beside) for t in (running_mean, running_var))
        return _scaled((x - mean) / ops.sqrt(var + eps), factor, offset)
    axes = (0, *(k + 1 for k in beside))
    out = _scaled(_standard(x, axes, eps), factor, offset)
    if not has_running:
        return out
    mean = (1 - momentum) * floats(running_mean) + momentum * ops.mean(x, axes)
    var = (1 - momentum) * floats(running_var) + momentum * ops.var(x, axes, ddof=1)
    return out, mean, var


@public(name="nn.dropout")
def dropout(input: TensorLike, p: float = 0.5, training: bool = True) -> Node:
    """Each element, times 1 / (1 - p), with the probability 1 - p, else 0; `input` without
    `training`. The draws are those of `pt.random`: pt.function(..., seed=1) seeds them.

    Returns a tensor of floats of the shape of input: float32 if it is, else float64.
    Raises GraphError, a TypeError, for p that is no number from 0 to below 1.
    Source: Srivastava et al. (2014), J. Mach. Learn. Res. 15:1929.

        >>> x = pt.nn.dropout(np.ones(1000), 0.25)
        >>> pt.unique(pt.function([], x, seed=1)()).eval()
        array([0.        , 1.33333333])
    """
    x = floats(input)
    number = isinstance(p, (int, float)) and not isinstance(p, bool)
    if not number or not 0 <= p < 1:
        raise GraphError(f"nn.dropout: p is a number from 0 to below 1, not {p!r:.60}")
    if not flag(training, "nn.dropout: training") or p == 0:
        return x
    kept = bernoulli(1 - p, shape=x.shape)
    return ops.where(ops.eq(kept, 1), x / (1 - p), 0)


def _standard(x: Node, axes: tuple[int, ...], eps: float) -> Node:
    apart = x - ops.mean(x, axes, keepdims=True)
    return apart / ops.sqrt(ops.mean(ops.square(apart), axes, keepdims=True) + eps)


def _scaled(x: Node, weight: TensorLike | None, bias: TensorLike | None) -> Node:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias
