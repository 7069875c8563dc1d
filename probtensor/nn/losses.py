"""Losses of networks: by the names and signatures of torch.nn.functional, which reduce, and those
of Theano, which have a number for each item.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described
from probtensor.types import SizeCheck, promote_float

REDUCTIONS = ("mean", "sum", "none")


@public(name="nn.cross_entropy")
def cross_entropy(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> Node:
    """Minus the logarithm of the probability that the softmax of scores gives a class, without
    overflow or underflow, also in the derivatives; PyTorch's signature.

    input            scores: (batch, classes, ...), or (classes,)
    target           integer classes, of the shape of input without the axis of classes; or
                     probabilities, of the shape of input
    weight           a factor for each class
    reduction        "mean": over the items, weighted by `weight` where classes are integers; "sum";
                     "none"
    label_smoothing  the part of the probability that is spread evenly over all classes
    ignore_index     a class whose items do not count

    Returns a tensor of floats without axes, or of the shape of the items for "none". The mean of no
    items is nan.
    Raises GraphError, a TypeError, for shapes that do not fit, another reduction, and a
    label_smoothing that is not from 0 to 1; IndexError for a class that is none.

        >>> pt.nn.cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [0, 1], reduction="none").eval()
        array([6.93147181e-01, 1.00000000e+03])
    """
    what = "nn.cross_entropy"
    x, y = floats(input), as_tensor(target)
    axis = _class_axis(what, x)
    if not isinstance(label_smoothing, (int, float)) or not 0 <= label_smoothing <= 1:
        raise GraphError(f"{what}: label_smoothing is from 0 to 1, not {label_smoothing!r:.60}")
    logs = ops.log_softmax(x, axis)
    w = _class_weights(what, weight, logs, axis)
    if y.dtype.kind in "iu":
        return _of_classes(what, logs, y, axis, w, reduction, float(label_smoothing), ignore_index)
    if ignore_index is not None:
        raise GraphError(f"{what}: ignore_index is for integer classes{described(y)}")
    y = _alike(what, y, logs, "target", "input")
    if label_smoothing:
        classes = ops.astype(as_tensor(x.shape[axis]), x.dtype)
        y = y * (1 - label_smoothing) + label_smoothing / classes
    terms = ops.xtimes(y, logs) if w is None else ops.xtimes(y * w, logs)
    return _reduced(what, -ops.sum(terms, axis), reduction)


@public(name="nn.nll_loss")
def nll_loss(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
) -> Node:
    """`cross_entropy` of integer classes, given the logarithms of probabilities.

    Returns a tensor of floats without axes, or of the shape of the items for "none".
    Raises GraphError, a TypeError, and IndexError as `cross_entropy`.

        >>> pt.nn.nll_loss(np.log([[0.5, 0.5], [0.25, 0.75]]), [0, 1]).eval()
        array(0.49041463)
    """
    what = "nn.nll_loss"
    x, y = floats(input), as_tensor(target)
    axis = _class_axis(what, x)
    w = _class_weights(what, weight, x, axis)
    return _of_classes(what, x, y, axis, w, reduction, 0.0, ignore_index)


@public(name="nn.binary_cross_entropy")
def binary_cross_entropy(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Node:
    """-target log(input) - (1 - target) log(1 - input) of probabilities; PyTorch's signature. A
    term whose factor is 0 is 0. `binary_cross_entropy_with_logits` has more digits.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast and another reduction.

        >>> pt.nn.binary_cross_entropy([0.25, 1.0], [1.0, 1.0], reduction="sum").eval()
        array(1.38629436)
    """
    what = "nn.binary_cross_entropy"
    return _reduced(what, _weighted(_bernoulli(input, target), weight), reduction)


@public(name="nn.binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    pos_weight: TensorLike | None = None,
) -> Node:
    """`binary_cross_entropy` of the sigmoid of scores, without overflow or underflow, also in the
    derivatives; PyTorch's signature. `pos_weight` is a factor for the terms with `target`.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast and another reduction.

        >>> pt.nn.binary_cross_entropy_with_logits([0.0, -1000.0], [1.0, 1.0]).eval()
        array(500.34657359)
    """
    what = "nn.binary_cross_entropy_with_logits"
    x, y = floats(input), floats(target)
    return _reduced(what, _weighted(_logistic(x, y, pos_weight), weight), reduction)


@public(name="nn.binary_crossentropy")
def binary_crossentropy(output: TensorLike, target: TensorLike) -> Node:
    """`binary_cross_entropy` for each element; Theano's name.

    Returns a tensor of floats of the joint shape.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.nn.binary_crossentropy([0.25, 1.0], [1.0, 1.0]).eval()
        array([1.38629436, 0.        ])
    """
    return _bernoulli(output, target)


@public(name="nn.sigmoid_binary_crossentropy")
def sigmoid_binary_crossentropy(output: TensorLike, target: TensorLike) -> Node:
    """`binary_cross_entropy_with_logits` for each element; Theano's name.

    Returns a tensor of floats of the joint shape.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.nn.sigmoid_binary_crossentropy([0.0, -1000.0], 1.0).eval()
        array([6.93147181e-01, 1.00000000e+03])
    """
    return _logistic(floats(output), floats(target))


@public(name="nn.categorical_crossentropy")
def categorical_crossentropy(coding_dist: TensorLike, true_dist: TensorLike) -> Node:
    """-sum of true_dist log(coding_dist) over the last axis, or -log of the probability of an
    integer class, where true_dist has one axis less; Theano's name. Of a softmax it is computed
    from the scores, without overflow or underflow.

    Returns a tensor of floats without the last axis.
    Raises GraphError, a TypeError, for shapes that do not fit; IndexError for a class that is none.

        >>> pt.nn.categorical_crossentropy([[0.5, 0.5], [0.25, 0.75]], [0, 1]).eval()
        array([0.69314718, 0.28768207])
    """
    what = "nn.categorical_crossentropy"
    x, y = floats(coding_dist), as_tensor(true_dist)
    if not x.ndim:
        raise GraphError(f"{what}: coding_dist has an axis of classes{described(x)}")
    logs = ops.log(x)
    if y.dtype.kind in "iu" and y.ndim == x.ndim - 1:
        return _of_classes(what, logs, y, x.ndim - 1, None, "none", 0.0, None)
    y = _alike(what, y, logs, "true_dist", "coding_dist")
    return -ops.sum(ops.xtimes(y, logs), -1)


@public(name="nn.mse_loss")
def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Node:
    """(input - target)**2; PyTorch's signature, for shapes that broadcast.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast and another reduction.

        >>> pt.nn.mse_loss([1.0, 2.0], [1.0, 4.0]).eval()
        array(2.)
    """
    return _reduced("nn.mse_loss", ops.square(floats(input) - floats(target)), reduction)


@public(name="nn.l1_loss")
def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Node:
    """abs(input - target); PyTorch's signature, for shapes that broadcast.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast and another reduction.

        >>> pt.nn.l1_loss([1.0, 2.0], [1.0, 4.0], reduction="sum").eval()
        array(2.)
    """
    return _reduced("nn.l1_loss", ops.abs(floats(input) - floats(target)), reduction)


@public(name="nn.huber_loss")
def huber_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Node:
    """d**2 / 2 for d = abs(input - target) up to delta, and delta (d - delta / 2) beyond; PyTorch's
    signature.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast, another reduction, and a delta
    that is no positive number.
    Source: Huber (1964), Ann. Math. Statist. 35:73.

        >>> pt.nn.huber_loss([0.5, 3.0], [0.0, 0.0], reduction="none").eval()
        array([0.125, 2.5  ])
    """
    what = "nn.huber_loss"
    delta = _positive(what, "delta", delta)
    return _reduced(what, _huber(input, target, delta), reduction)


@public(name="nn.smooth_l1_loss")
def smooth_l1_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0
) -> Node:
    """`huber_loss` divided by its delta, which is `beta`; for beta=0 it is `l1_loss`. PyTorch's
    signature.

    Returns a tensor of floats without axes, or of the joint shape for "none".
    Raises GraphError, a TypeError, for shapes that do not broadcast, another reduction, and a beta
    that is no number from 0 on.

        >>> pt.nn.smooth_l1_loss([0.5, 3.0], [0.0, 0.0], beta=2.0).eval()
        array(1.03125)
    """
    what = "nn.smooth_l1_loss"
    if isinstance(beta, (int, float)) and not isinstance(beta, bool) and beta == 0:
        return _reduced(what, ops.abs(floats(input) - floats(target)), reduction)
    beta = _positive(what, "beta", beta)
    return _reduced(what, _huber(input, target, beta) / beta, reduction)


def _positive(what: str, name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        raise GraphError(f"{what}: {name} is a positive number, not {value!r:.60}")
    return float(value)


def _huber(given: TensorLike, target: TensorLike, delta: float) -> Node:
    distance = ops.abs(floats(given) - floats(target))
    near = ops.minimum(distance, delta)
    return ops.where(distance <= delta, ops.square(near) / 2, delta * (distance - delta / 2))


def _reduced(what: str, loss: Node, reduction: object) -> Node:
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        names = ", ".join(repr(name) for name in REDUCTIONS)
        raise GraphError(f"{what}: reduction is one of {names}, not {reduction!r:.60}")
    return {"mean": ops.mean, "sum": ops.sum}[reduction](loss) if reduction != "none" else loss


def _weighted(loss: Node, weight: TensorLike | None) -> Node:
    return loss if weight is None else loss * weight


def _bernoulli(given: TensorLike, target: TensorLike) -> Node:
    p, y = floats(given), floats(target)
    return 0 - ops.xlogy(y, p) - ops.xlog1py(1 - y, -p)


def _logistic(x: Node, y: Node, factor: TensorLike | None = None) -> Node:
    """Of two terms that are not negative, so that one is right where the other is 0."""
    hit = ops.xtimes(y, ops.softplus(-x))
    return (hit if factor is None else factor * hit) + ops.xtimes(1 - y, ops.softplus(x))


def _class_axis(what: str, x: Node) -> int:
    """The axis of classes: the second, or the only one."""
    if not x.ndim:
        raise GraphError(f"{what}: input has an axis of classes{described(x)}")
    return min(1, x.ndim - 1)


def _class_weights(what: str, weight: TensorLike | None, x: Node, axis: int) -> Node | None:
    """Factors of classes, with axes of size 1 for the others."""
    if weight is None:
        return None
    w = as_tensor_of(weight, x.dtype, f"{what}: weight")
    if w.ndim != 1:
        raise GraphError(f"{what}: weight has a number for each class{described(w)}")
    text = ("weight has ", w.shape[0], " numbers for ", x.shape[axis], " classes")
    w = asked_for(w, what, SizeCheck(w.shape[0], "==", x.shape[axis], text))
    return ops.expand_dims(w, tuple(k for k in range(x.ndim) if k != axis))


def _alike(what: str, y: Node, x: Node, name: str, other: str) -> Node:
    """y in the dtype of x; it has the shape of x."""
    if y.dtype.kind == "c" or y.ndim != x.ndim:
        raise refusal(
            f"{what}: {name} has the shape of {other}, or is of integer classes, without the axis "
            f"of classes, not {y.type} for {x.type}{described(y)}",
            kind=GraphError,
        )
    laws = [
        SizeCheck(n, "==", m, (f"{name} has ", y.shape, f", {other} has ", x.shape))
        for n, m in zip(y.shape, x.shape)
    ]
    return asked_for(ops.astype(y, promote_float(x.dtype)), what, *laws)


def _of_classes(what: str, logs: Node, y: Node, axis: int, w: Node | None, *rest: object) -> Node:
    """Minus the logarithms at integer classes."""
    reduction, smoothing, ignored = rest
    if y.dtype.kind not in "iu" or y.ndim != logs.ndim - 1:
        raise GraphError(
            f"{what}: classes are integers, of the shape of the scores without the axis of classes,"
            f" not {y.type} for {logs.type}{described(y)}"
        )
    sizes = [n for k, n in enumerate(logs.shape) if k != axis]
    laws = [
        SizeCheck(n, "==", m, ("classes have the shape ", y.shape, ", the scores ", logs.shape))
        for n, m in zip(y.shape, sizes)
    ]
    y = asked_for(y, what, *laws)
    counted = None if ignored is None else ops.ne(y, ignored)
    count = as_tensor(logs.shape[axis])
    fits = (y >= 0) & (y < count)
    text = f"{what}: classes are 0 to {{classes}} - 1, not {{target}}"
    known = fits if counted is None else fits | ~counted
    place = ops.where(fits if counted is None else fits & counted, y, 0)
    place = ops.check(place, known, text, error=IndexError, target=y, classes=count)
    place = ops.expand_dims(place, axis)
    found = -ops.squeeze(ops.take_along_axis(logs, place, axis), axis)
    factor = None
    if w is not None:
        spread = ops.broadcast_to(w, logs.shape)
        factor = ops.squeeze(ops.take_along_axis(spread, place, axis), axis)
        found = found * factor
    if smoothing:
        even = -ops.mean(logs if w is None else logs * w, axis)
        found = (1 - smoothing) * found + smoothing * even
    if counted is not None:
        found = ops.where(counted, found, 0)
        kept = ops.astype(counted, logs.dtype)
        factor = kept if factor is None else factor * kept
    if reduction == "mean" and factor is not None:
        return ops.sum(found) / ops.sum(factor)
    return _reduced(what, found, reduction)
