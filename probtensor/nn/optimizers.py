"""Optimisers: updates of shared variables that lower a loss, for `updates=` of `pt.function`.

Names and arguments are those of PyMC and Lasagne, whose functions these are, with PyTorch's
`weight_decay` and `amsgrad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.function import Shared
from probtensor.function import shared as new_shared
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.reductions.folds import described
from probtensor.rules import grad

Updates = dict[Shared, Node]
Loss = Node | Sequence[Node]


def _slopes(what: str, loss_or_grads: Loss, params: Sequence[Shared]) -> list[tuple[Shared, Node]]:
    """Each variable with its gradient."""
    if isinstance(params, Shared):
        params = [params]
    params = list(params)
    wrong = next((p for p in params if not isinstance(p, Shared)), None)
    if wrong is not None or not params:
        given = "no variables" if not params else f"{wrong!r:.60}"
        raise refusal(
            f"{what}: the parameters are a list of shared variables, not {given}",
            "w = pt.shared(np.zeros(3), 'w') is one",
        )
    if len(set(params)) < len(params):
        raise refusal(f"{what}: a parameter is given twice", kind=ValueError)
    if not isinstance(loss_or_grads, (list, tuple)):
        return list(zip(params, grad(loss_or_grads, params)))
    if len(loss_or_grads) != len(params):
        raise refusal(
            f"{what}: {len(loss_or_grads)} gradients for {len(params)} parameters", kind=ValueError
        )
    return list(zip(params, map(as_tensor, loss_or_grads)))


def _like(p: Shared, name: str, value: float = 0.0) -> Shared:
    """State of the shape and dtype of a parameter."""
    start = np.full_like(p.get_value(borrow=True), value)
    return new_shared(start, f"{p.name}_{name}" if p.name else None)


def _counted(updates: Updates) -> Node:
    """The number of this step, counted from 1."""
    count = new_shared(np.float64(0.0), "step")
    updates[count] = count + 1.0
    return updates[count]


def _stepped(p: Shared, change: Node) -> Node:
    """The parameter with a change, in its own dtype."""
    return p + ops.astype(change, p.dtype)


def _with_velocity(
    steps: Sequence[tuple[Shared, Node]], momentum: TensorLike, ahead: bool
) -> Updates:
    """Steps of a velocity that forgets."""
    updates: Updates = {}
    for p, step in steps:
        velocity = _like(p, "velocity")
        updates[velocity] = ops.astype(momentum * velocity + step, p.dtype)
        change = momentum * updates[velocity] + step if ahead else updates[velocity]
        updates[p] = _stepped(p, change)
    return updates


@public(name="nn.sgd")
def sgd(loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1e-3) -> Updates:
    """Steepest descent: w - learning_rate * g.

    loss_or_grads  a scalar tensor, or the gradients by the parameters
    params         shared variables
    learning_rate  the step size: a number, or a tensor, as of a schedule

    Returns {variable: its new value}, for `updates=` of `pt.function`. Those of other optimisers
    also have the state of these, shared variables that begin at 0.
    Raises TypeError for parameters that are not shared, ValueError for a wrong number of gradients.

        >>> w = pt.shared(np.array([1.0, -2.0]))
        >>> f = pt.function([], updates=pt.nn.sgd(pt.sum(w**2), [w], learning_rate=0.25))
        >>> f(); w.get_value()
        array([ 0.5, -1. ])
    """
    pairs = _slopes("nn.sgd", loss_or_grads, params)
    return {p: _stepped(p, -learning_rate * g) for p, g in pairs}


@public(name="nn.momentum")
def momentum(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1e-3,
    momentum: TensorLike = 0.9,
) -> Updates:  # fmt: skip
    """Steepest descent with a velocity: v = momentum * v - learning_rate * g, w + v. The other
    arguments are those of `sgd`.

    Returns {variable: its new value}, for `updates=` of `pt.function`.
    Raises what `sgd` raises.

        >>> w = pt.shared(1.0)
        >>> f = pt.function([], updates=pt.nn.momentum(w**2, [w], 0.25))
        >>> f(); f(); w.get_value()
        array(-0.2)

    Source: Polyak (1964), USSR Computational Mathematics 4(5):1.
    """
    steps = [(p, -learning_rate * g) for p, g in _slopes("nn.momentum", loss_or_grads, params)]
    return _with_velocity(steps, momentum, ahead=False)


@public(name="nn.nesterov_momentum")
def nesterov_momentum(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1e-3,
    momentum: TensorLike = 0.9,
) -> Updates:  # fmt: skip
    """Nesterov's momentum: v = momentum * v - learning_rate * g, w + momentum * v -
    learning_rate * g, where w is the point that is looked ahead to.

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(1.0)
        >>> f = pt.function([], updates=pt.nn.nesterov_momentum(w**2, [w], 0.25))
        >>> f(); round(float(w.get_value()), 6)
        0.05

    Source: Sutskever, Martens, Dahl and Hinton (2013), ICML.
    """
    pairs = _slopes("nn.nesterov_momentum", loss_or_grads, params)
    return _with_velocity([(p, -learning_rate * g) for p, g in pairs], momentum, ahead=True)


@public(name="nn.adagrad")
def adagrad(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1.0,
    epsilon: float = 1e-6,
) -> Updates:  # fmt: skip
    """Steps by the root of the sum of all squares so far: s = s + g**2, w - learning_rate * g /
    sqrt(s + epsilon).

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(3.0)
        >>> f = pt.function([], updates=pt.nn.adagrad(w**2, [w]))
        >>> f(); round(float(w.get_value()), 6)
        2.0

    Source: Duchi, Hazan and Singer (2011), JMLR 12:2121.
    """
    updates: Updates = {}
    for p, g in _slopes("nn.adagrad", loss_or_grads, params):
        total = _like(p, "squares")
        updates[total] = ops.astype(total + g**2, p.dtype)
        updates[p] = _stepped(p, -learning_rate * g / ops.sqrt(updates[total] + epsilon))
    return updates


@public(name="nn.rmsprop")
def rmsprop(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1.0,
    rho: float = 0.9, epsilon: float = 1e-6,
) -> Updates:  # fmt: skip
    """Steps by the root of a running mean of squares: s = rho * s + (1 - rho) * g**2,
    w - learning_rate * g / sqrt(s + epsilon).

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(3.0)
        >>> f = pt.function([], updates=pt.nn.rmsprop(w**2, [w], learning_rate=0.1))
        >>> f(); round(float(w.get_value()), 4)
        2.6838

    Source: Tieleman and Hinton (2012), Neural Networks for Machine Learning, lecture 6.5.
    """
    updates: Updates = {}
    for p, g in _slopes("nn.rmsprop", loss_or_grads, params):
        mean = _like(p, "squares")
        updates[mean] = ops.astype(rho * mean + (1 - rho) * g**2, p.dtype)
        updates[p] = _stepped(p, -learning_rate * g / ops.sqrt(updates[mean] + epsilon))
    return updates


@public(name="nn.adadelta")
def adadelta(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1.0,
    rho: float = 0.95, epsilon: float = 1e-6,
) -> Updates:  # fmt: skip
    """Steps in the units of the parameters: running means s of g**2 and d of the squared changes;
    the change is g * sqrt((d + epsilon) / (s + epsilon)).

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(3.0)
        >>> f = pt.function([], updates=pt.nn.adadelta(w**2, [w]))
        >>> f(); bool(w.get_value() < 3.0)
        True

    Source: Zeiler (2012), arXiv:1212.5701.
    """
    updates: Updates = {}
    for p, g in _slopes("nn.adadelta", loss_or_grads, params):
        mean, moved = _like(p, "squares"), _like(p, "changes")
        updates[mean] = ops.astype(rho * mean + (1 - rho) * g**2, p.dtype)
        change = g * ops.sqrt(moved + epsilon) / ops.sqrt(updates[mean] + epsilon)
        updates[p] = _stepped(p, -learning_rate * change)
        updates[moved] = ops.astype(rho * moved + (1 - rho) * change**2, p.dtype)
    return updates


@public(name="nn.adam")
def adam(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 1e-3,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> Updates:  # fmt: skip
    """Adam: running means m of g and s of g**2, both divided by 1 - beta**step;
    w - learning_rate * m / (sqrt(s) + epsilon).

    weight_decay  AdamW's: w is also lowered by learning_rate * weight_decay * w
    amsgrad       s is the largest one so far

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(3.0)
        >>> f = pt.function([], updates=pt.nn.adam(w**2, [w], learning_rate=0.1))
        >>> f(); round(float(w.get_value()), 6)
        2.9

    Source: Kingma and Ba (2015), ICLR; Loshchilov and Hutter (2019), ICLR; Reddi, Kale and Kumar
    (2018), ICLR.
    """
    updates: Updates = {}
    pairs = _slopes("nn.adam", loss_or_grads, params)
    step = _counted(updates)
    for p, g in pairs:
        mean, square = _like(p, "mean"), _like(p, "squares")
        updates[mean] = ops.astype(beta1 * mean + (1 - beta1) * g, p.dtype)
        updates[square] = ops.astype(beta2 * square + (1 - beta2) * g**2, p.dtype)
        largest = updates[square]
        if amsgrad:
            before = _like(p, "largest")
            largest = updates[before] = ops.maximum(before, updates[square])
        scale = ops.sqrt(largest / (1 - beta2**step)) + epsilon
        change = updates[mean] / (1 - beta1**step) / scale
        if weight_decay:
            change = change + weight_decay * p
        updates[p] = _stepped(p, -learning_rate * change)
    return updates


@public(name="nn.adamax")
def adamax(
    loss_or_grads: Loss, params: Sequence[Shared], learning_rate: TensorLike = 2e-3,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
) -> Updates:  # fmt: skip
    """Adam with the largest gradient in place of the mean of squares: u = max(beta2 * u, abs(g)),
    w - learning_rate * m / (1 - beta1**step) / (u + epsilon).

    Returns {variable: its new value}, for `updates=` of `pt.function`; see `sgd`.
    Raises what `sgd` raises.

        >>> w = pt.shared(3.0)
        >>> f = pt.function([], updates=pt.nn.adamax(w**2, [w], learning_rate=0.1))
        >>> f(); round(float(w.get_value()), 6)
        2.9

    Source: Kingma and Ba (2015), ICLR.
    """
    updates: Updates = {}
    pairs = _slopes("nn.adamax", loss_or_grads, params)
    step = _counted(updates)
    for p, g in pairs:
        mean, largest = _like(p, "mean"), _like(p, "largest")
        updates[mean] = ops.astype(beta1 * mean + (1 - beta1) * g, p.dtype)
        updates[largest] = ops.astype(ops.maximum(beta2 * largest, abs(g)), p.dtype)
        change = updates[mean] / (1 - beta1**step) / (updates[largest] + epsilon)
        updates[p] = _stepped(p, -learning_rate * change)
    return updates


@public(name="nn.norm_constraint")
def norm_constraint(
    tensor_var: TensorLike, max_norm: TensorLike, norm_axes: Sequence[int] | None = None,
    epsilon: float = 1e-7,
) -> Node:  # fmt: skip
    """A tensor of weights with norms of at most `max_norm`: the vectors that are longer are scaled.

    norm_axes  of the squares of a norm: by default those of what comes into each unit, which is all
               but the last axis of a matrix, and all but the first of more axes
    epsilon    added to norms, which are divided by

    Returns a tensor of the shape and dtype of `tensor_var`.
    Raises GraphError, a TypeError, for a scalar or a vector without `norm_axes`.

        >>> pt.nn.norm_constraint([[3.0, 0.1], [4.0, 0.0]], 1.0).eval().round(3)
        array([[0.6, 0.1],
               [0.8, 0. ]])
    """
    x = as_tensor(tensor_var)
    if norm_axes is None:
        if x.ndim < 2:
            raise GraphError(
                f"nn.norm_constraint: give norm_axes for a tensor of {x.ndim} axes{described(x)}"
            )
        norm_axes = (0,) if x.ndim == 2 else tuple(range(1, x.ndim))
    norms = ops.sqrt(ops.sum(x**2, axis=tuple(norm_axes), keepdims=True))
    return ops.astype(x * (ops.minimum(norms, max_norm) / (epsilon + norms)), x.dtype)


@public(name="nn.total_norm_constraint")
def total_norm_constraint(
    tensor_vars: Sequence[TensorLike], max_norm: TensorLike, epsilon: float = 1e-7,
    return_norm: bool = False,
) -> Any:  # fmt: skip
    """Tensors, such as gradients, scaled by one number such that the norm of all their elements
    together is at most `max_norm`.

    epsilon      added to the norm, which is divided by
    return_norm  give (the tensors, their norm before)

    Returns a list of tensors.
    Raises GraphError, a TypeError, where no tensor is given.

        >>> a, b = pt.nn.total_norm_constraint([[3.0], [4.0]], 1.0)
        >>> a.eval().round(3), b.eval().round(3)
        (array([0.6]), array([0.8]))
    """
    given = [as_tensor(x) for x in tensor_vars]
    if not given:
        raise refusal("nn.total_norm_constraint: no tensor is given", kind=GraphError)
    square: Node = ops.sum(given[0] ** 2)
    for x in given[1:]:
        square = square + ops.sum(x**2)
    norm = ops.sqrt(square)
    factor = ops.minimum(norm, max_norm) / (epsilon + norm)
    scaled = [ops.astype(x * factor, x.dtype) for x in given]
    return (scaled, norm) if return_norm else scaled

