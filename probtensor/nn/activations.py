"""Activations of networks, by the names of torch.nn.functional and jax.nn."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.views import one_size
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described

# Klambauer et al. (2017), "Self-normalizing neural networks"
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@public(name="nn.leaky_relu")
def leaky_relu(input: TensorLike, negative_slope: TensorLike = 0.01) -> Node:
    """x where it is positive, else negative_slope * x; the derivative at 0 is the slope.

    Returns a tensor of floats of the shape that the operands broadcast to.

        >>> pt.nn.leaky_relu([-1.0, 2.0]).eval()
        array([-0.01,  2.  ])
    """
    x = floats(input)
    return ops.where(x > 0, x, x * negative_slope)


@public(name="nn.relu6")
def relu6(input: TensorLike) -> Node:
    """min(max(x, 0), 6).

    Returns a tensor of floats of the shape of input.

        >>> pt.nn.relu6([-1.0, 2.0, 9.0]).eval()
        array([0., 2., 6.])
    """
    x = floats(input)
    return ops.where(x >= 6, 6, ops.relu(x))


@public(name="nn.elu")
def elu(input: TensorLike, alpha: TensorLike = 1.0) -> Node:
    """x where it is positive, else alpha (exp(x) - 1).

    Returns a tensor of floats of the shape that the operands broadcast to.
    Source: Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289.

        >>> pt.nn.elu([-1.0, 2.0]).eval()
        array([-0.63212056,  2.        ])
    """
    x = floats(input)
    return ops.where(x > 0, x, alpha * ops.expm1(ops.where(x > 0, 0, x)))


@public(name="nn.selu")
def selu(input: TensorLike) -> Node:
    """1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1 from layer to layer.

    Returns a tensor of floats of the shape of input.
    Source: Klambauer et al. (2017), arXiv:1706.02515.

        >>> pt.nn.selu([-1.0, 2.0]).eval()
        array([-1.11133074,  2.10140197])
    """
    return SELU_SCALE * elu(input, SELU_ALPHA)


@public(name="nn.celu")
def celu(input: TensorLike, alpha: TensorLike = 1.0) -> Node:
    """x where it is positive, else alpha (exp(x / alpha) - 1).

    Returns a tensor of floats of the shape that the operands broadcast to.
    Source: Barron (2017), arXiv:1704.07483.

        >>> pt.nn.celu([-1.0, 2.0], alpha=2.0).eval()
        array([-0.78693868,  2.        ])
    """
    x = floats(input)
    return ops.where(x > 0, x, alpha * ops.expm1(ops.where(x > 0, 0, x) / alpha))


@public(name="nn.gelu")
def gelu(input: TensorLike, approximate: str = "none") -> Node:
    """x times the probability that a standard normal number is below x; with approximate="tanh"
    x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2.

    Returns a tensor of floats of the shape of input.
    Raises GraphError, a TypeError, for another `approximate`.
    Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.

        >>> pt.nn.gelu([-1.0, 2.0]).eval()
        array([-0.15865525,  1.95449974])
    """
    x = floats(input)
    if approximate not in ("none", "tanh"):
        raise GraphError(f"nn.gelu: approximate is 'none' or 'tanh', not {approximate!r:.60}")
    if approximate == "none":
        return ops.xtimes(ops.ndtr(x), x)
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return ops.xtimes(ops.sigmoid(2 * inner), x)


@public(name="nn.silu")
def silu(input: TensorLike) -> Node:
    """x sigmoid(x), also called swish; 0 at -inf.

    Returns a tensor of floats of the shape of input.
    Source: Elfwing, Uchibe and Doya (2018), arXiv:1702.03118.

        >>> pt.nn.silu([-1.0, 2.0]).eval()
        array([-0.26894142,  1.76159416])
    """
    x = floats(input)
    return ops.xtimes(ops.sigmoid(x), x)


@public(name="nn.mish")
def mish(input: TensorLike) -> Node:
    """x tanh(softplus(x)); 0 at -inf.

    Returns a tensor of floats of the shape of input.
    Source: Misra (2020), arXiv:1908.08681.

        >>> pt.nn.mish([-1.0, 2.0]).eval()
        array([-0.30340146,  1.94395896])
    """
    x = floats(input)
    return ops.xtimes(ops.tanh(ops.softplus(x)), x)


@public(name="nn.softsign")
def softsign(input: TensorLike) -> Node:
    """x / (1 + abs(x)); -1 and 1 at the infinities.

    Returns a tensor of floats of the shape of input.

        >>> pt.nn.softsign([-1.0, 3.0]).eval()
        array([-0.5 ,  0.75])
    """
    x = floats(input)
    # Far out the derivative of the quotient is a difference of terms that are nearly equal.
    size = ops.abs(x)
    near = ops.where(size < 1, x, 0)
    far = ops.sign(x) * -ops.expm1(-ops.log1p(size))
    return ops.where(size < 1, near / (1 + ops.abs(near)), far)


@public(name="nn.softplus")
def softplus(input: TensorLike, beta: TensorLike = 1.0) -> Node:
    """log(1 + exp(beta x)) / beta, without overflow.

    Returns a tensor of floats of the shape that the operands broadcast to.

        >>> pt.nn.softplus([0.0, 1000.0]).eval()
        array([6.93147181e-01, 1.00000000e+03])
    """
    x = floats(input)
    if isinstance(beta, (int, float)) and beta == 1:
        return ops.softplus(x)
    return ops.softplus(beta * x) / beta


@public(name="nn.hard_tanh")
def hard_tanh(input: TensorLike, min_val: TensorLike = -1.0, max_val: TensorLike = 1.0) -> Node:
    """x between min_val and max_val, else the nearer of these; the derivative is 0 beyond them.

    Returns a tensor of floats of the shape that the operands broadcast to.

        >>> pt.nn.hard_tanh([-3.0, 0.5]).eval()
        array([-1. ,  0.5])
    """
    return ops.clip(floats(input), min_val, max_val)


@public(name="nn.hard_sigmoid")
def hard_sigmoid(input: TensorLike) -> Node:
    """relu6(x + 3) / 6, as in PyTorch and JAX; Theano's line has the slope 0.2.

    Returns a tensor of floats of the shape of input.

        >>> pt.nn.hard_sigmoid([-4.0, 0.0, 1.5]).eval()
        array([0.  , 0.5 , 0.75])
    """
    return relu6(floats(input) + 3) / 6


@public(name="nn.hard_swish")
def hard_swish(input: TensorLike) -> Node:
    """x hard_sigmoid(x); 0 at -inf.

    Returns a tensor of floats of the shape of input.
    Source: Howard et al. (2019), arXiv:1905.02244.

        >>> pt.nn.hard_swish([-4.0, 1.5]).eval()
        array([0.   , 1.125])
    """
    x = floats(input)
    return ops.xtimes(hard_sigmoid(x), x)


@public(name="nn.ultra_fast_sigmoid")
def ultra_fast_sigmoid(input: TensorLike) -> Node:
    """Theano's approximation of the sigmoid by pieces of simple functions: within 0.02 of it, and
    between 0.0025 and 0.9975.

    Returns a tensor of floats of the shape of input.

        >>> pt.nn.ultra_fast_sigmoid([0.0, 2.0]).eval()
        array([0.5  , 0.875])
    """
    half = floats(input) / 2
    size = ops.abs(half)
    near = 1.5 * half / (1 + ops.where(size < 1.7, size, 1.7))
    middle = 0.935409070603099 + 0.0458812946797165 * (size - 1.7)
    far = ops.where(size < 3, middle, 0.99505475368673)
    far = ops.where(ops.isnan(half), half, ops.where(half < 0, -far, far))
    return (ops.where(size < 1.7, near, far) + 1) / 2


@public(name="nn.softmax")
def softmax(input: TensorLike, axis: int | tuple[int, ...] | None = -1) -> Node:
    """`pt.softmax` over the last axis, unless another one is given (None: all axes), as in JAX.

    Returns a tensor of floats of the shape of input.
    Raises GraphError, a TypeError, for an axis that input has not, or one that stands twice.

        >>> pt.nn.softmax([[0.0, 0.0], [1000.0, -1000.0]]).eval()
        array([[0.5, 0.5],
               [1. , 0. ]])
    """
    return ops.softmax(input, axis)


@public(name="nn.log_softmax")
def log_softmax(input: TensorLike, axis: int | tuple[int, ...] | None = -1) -> Node:
    """`pt.log_softmax` over the last axis, unless another one is given (None: all axes), as in JAX.

    Returns a tensor of floats of the shape of input.
    Raises GraphError, a TypeError, for an axis that input has not, or one that stands twice.

        >>> pt.nn.log_softmax([1000.0, 0.0]).eval()
        array([    0., -1000.])
    """
    return ops.log_softmax(input, axis)


@public(name="nn.one_hot")
def one_hot(x: TensorLike, num_classes: int, dtype: str = "float64", axis: int = -1) -> Node:
    """1 at the place that each integer names along a new axis, 0 elsewhere; all 0 for an integer
    that is no class. JAX's signature.

    Returns a tensor of `dtype` with one more axis, of size num_classes.
    Raises GraphError, a TypeError, for what are no integers, and an axis that the result has not.

        >>> pt.nn.one_hot([2, 0], 3).eval()
        array([[0., 0., 1.],
               [1., 0., 0.]])
    """
    x = as_tensor(x)
    if x.dtype.kind not in "iu":
        raise GraphError(f"nn.one_hot: x is of integers, not {x.dtype}; pt.astype makes them")
    size = one_size(num_classes, "nn.one_hot: num_classes")
    if isinstance(size, int) and size < 0:
        raise GraphError(f"nn.one_hot: num_classes is a number from 0 on, not {size}{described(x)}")
    classes = ops.arange(size)
    hit = ops.astype(ops.eq(ops.expand_dims(x, -1), classes), dtype)
    return ops.moveaxis(hit, -1, axis)
