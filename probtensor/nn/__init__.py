"""`pt.nn`: what networks are made of, as functions: convolutions, pools, activations, losses.

Names and signatures are those of torch.nn.functional, and of Theano where it has others. Weights
are inputs or shared variables, and training is `updates` of a function.

    convolutions.py  convolutions along one, two and three axes, and their transposes
    pools.py         maxima, means and sums of windows
    activations.py   functions of each element, and softmax
    losses.py        cross-entropies, squared and absolute errors
    normal.py        normalisation, dropout
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
    "mse_loss",
    "nll_loss",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "separable_conv1d",
    "separable_conv2d",
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
    "ultra_fast_sigmoid",
]

__getattr__ = absent("pt.nn", dict.fromkeys(__all__))
