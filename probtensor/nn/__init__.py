"""`pt.nn`: what networks are made of, as functions: convolutions, pools, activations, losses.

Names and signatures are those of torch.nn.functional, and of Theano where it has others. Weights
are inputs or shared variables, and training is `updates` of a function, as `adam` gives them.

    convolutions.py  convolutions along one, two and three axes, and their transposes
    pools.py         maxima, means and sums of windows
    activations.py   functions of each element, and softmax
    losses.py        cross-entropies, squared and absolute errors
    normal.py        normalisation, dropout
    optimizers.py    updates of weights that lower a loss, constraints of norms
    sizes.py         the arguments that convolutions and pools share
"""

from probtensor.calls import absent
from probtensor.nn.activations import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_softmax,
    mish,
    one_hot,
    relu6,
    selu,
    silu,
    softmax,
    softplus,
    softsign,
    ultra_fast_sigmoid,
)
from probtensor.nn.convolutions import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    separable_conv1d,
    separable_conv2d,
)
from probtensor.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_crossentropy,
    categorical_crossentropy,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    sigmoid_binary_crossentropy,
    smooth_l1_loss,
)
from probtensor.nn.normal import (
    batch_norm,
    dropout,
    layer_norm,
)
from probtensor.nn.optimizers import (
    adadelta,
    adagrad,
    adam,
    adamax,
    momentum,
    nesterov_momentum,
    norm_constraint,
    rmsprop,
    sgd,
    total_norm_constraint,
)
from probtensor.nn.pools import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    sum_pool1d,
    sum_pool2d,
    sum_pool3d,
)
from probtensor.ops import log_sigmoid, relu, sigmoid, tanh

__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mish",
    "momentum",
    "mse_loss",
    "nesterov_momentum",
    "nll_loss",
    "norm_constraint",
    "one_hot",
    "relu",
    "relu6",
    "rmsprop",
    "selu",
    "separable_conv1d",
    "separable_conv2d",
    "sgd",
    "sigmoid",
    "sigmoid_binary_crossentropy",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "sum_pool1d",
    "sum_pool2d",
    "sum_pool3d",
    "tanh",
    "total_norm_constraint",
    "ultra_fast_sigmoid",
]

_LAYER = "weights are inputs or shared variables here, and layers are functions of them"
_WINDOWS = "pt.sliding_window_view gives the windows of an input"
# What to write for a name of torch.nn.functional, jax.nn, Keras or Theano.
_REASONS = {
    "Dense": f"{_LAYER}: x @ w + b",
    "Linear": f"{_LAYER}: x @ w.T + b",
    "Module": _LAYER,
    "Sequential": _LAYER,
    "adaptive_avg_pool1d": "pt.mean over an axis is the pool of one window",
    "adaptive_avg_pool2d": "pt.mean over the last two axes is the pool of one window",
    "adaptive_max_pool2d": "pt.max over the last two axes is the pool of one window",
    "batch_normalization": "pt.nn.batch_norm is it",
    "cosine_similarity": "it is pt.sum(x * y, axis) / (norm(x) * norm(y)), norms of pt.linalg",
    "embedding": "it is weight[indices]",
    "glu": "it is a * pt.sigmoid(b) for a, b = pt.split(x, 2, axis)",
    "group_norm": "pt.nn.layer_norm of x.reshape(batch, groups, -1) is it, without weights",
    "hardshrink": "it is pt.where(pt.abs(x) > lambd, x, 0)",
    "instance_norm": "pt.nn.layer_norm over the axes after the channels is it",
    "interpolate": "pt.repeat along an axis enlarges to the nearest element",
    "kl_div": "it is pt.xlogy(target, target) - pt.xtimes(target, input), reduced",
    "linear": "it is x @ weight.T + bias",
    "mean_squared_error": "pt.nn.mse_loss is it",
    "normalize": "it is x / pt.linalg.norm(x, axis=axis, keepdims=True)",
    "pad": "pt.pad is it, with NumPy's signature",
    "pool_2d": "pt.nn.max_pool2d and avg_pool2d are it",
    "prelu": "pt.nn.leaky_relu with a tensor as negative_slope is it",
    "rms_norm": "it is x / pt.sqrt(pt.mean(x**2, -1, keepdims=True) + eps) * weight",
    "scaled_dot_product_attention": "it is pt.nn.softmax(q @ k.mT / pt.sqrt(q.shape[-1])) @ v",
    "softmin": "it is pt.nn.softmax(-x)",
    "softshrink": "it is pt.sign(x) * pt.relu(pt.abs(x) - lambd)",
    "sparse_categorical_crossentropy": "pt.nn.categorical_crossentropy takes integer classes",
    "standardize": "pt.nn.layer_norm is it",
    "swish": "pt.nn.silu is it",
    "tanhshrink": "it is x - pt.tanh(x)",
    "threshold": "it is pt.where(x > threshold, x, value)",
    "unfold": _WINDOWS,
}
__getattr__ = absent("pt.nn", dict.fromkeys(__all__), reasons=_REASONS)
