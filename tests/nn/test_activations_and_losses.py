"""Activations, losses and normalisation against their formulas; derivatives by differences."""

import operator
import re

import numpy as np
import pytest
from scipy import special

import probtensor as pt
from probtensor import nn
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, close, run, slopes
from tests.ops.numpy_twin import static

NN = pt.nn
ENDS = np.array([-np.inf, -1000.0, -3.5, -1.0, -0.0, 0.5, 2.0, 5.0, 7.0, 1000.0, np.inf, np.nan])
LAMBDA, ALPHA = 1.0507009873554804934, 1.6732632423543772848


def ultra(x):
    h = np.abs(x / 2)
    z = np.where(h < 1.7, 1.5 * h / (1 + h), 0.935409070603099 + 0.0458812946797165 * (h - 1.7))
    z = np.where(h < 3, z, 0.99505475368673)
    return np.where(np.isnan(x), np.nan, (np.copysign(z, x) + 1) / 2)


FORMULAS = [
    (NN.relu, lambda x: np.where(x > 0, x, 0 * np.isfinite(x) + np.where(np.isnan(x), x, 0))),
    (NN.relu6, lambda x: np.clip(x, 0, 6)),
    (NN.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
    (lambda x: NN.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    (NN.selu, lambda x: LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(x))),
    (NN.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    (lambda x: NN.leaky_relu(x, 0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    (lambda x: NN.celu(x, 2.0), lambda x: np.where(x > 0, x, 2 * np.expm1(x / 2))),
    (NN.gelu, lambda x: np.where(np.isneginf(x), 0, x * special.ndtr(x))),
    (lambda x: NN.gelu(x, "tanh"), lambda x: np.where(
        x < -20, 0, x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2)),
    (NN.silu, lambda x: np.where(np.isneginf(x), 0, x * special.expit(x))),
    (NN.mish, lambda x: np.where(np.isneginf(x), 0, x * np.tanh(np.logaddexp(0, x)))),
    (NN.softsign, lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))),
    (NN.softplus, lambda x: np.logaddexp(0, x)),
    (lambda x: NN.softplus(x, 2.0), lambda x: np.logaddexp(0, 2 * x) / 2),
    (NN.hard_sigmoid, lambda x: np.clip(x + 3, 0, 6) / 6),
    (lambda x: NN.hard_tanh(x, -2, 0.75), lambda x: np.clip(x, -2, 0.75)),
    (NN.hard_swish, lambda x: np.where(x <= -3, 0, x * np.clip(x + 3, 0, 6) / 6)),
    (NN.ultra_fast_sigmoid, ultra),
]  # fmt: skip


def test_activations_also_at_the_ends_of_the_range():
    agree(
        lambda x: [f(x) for f, _ in FORMULAS], lambda x: [f(x) for _, f in FORMULAS], ENDS,
        rtol=1e-12, atol=1e-300,
    )  # fmt: skip
    for f, _ in FORMULAS:
        assert f(np.float32(ENDS)).dtype == "float32" and f([1, 2, 3, 4, 5]).dtype.kind in "fi"
        slopes(f, np.array([-4.5, -1.3, -0.4, 0.3, 0.7, 1.9, 6.5]), rtol=1e-5)


def test_slopes_of_activations_are_finite_far_out():
    x = static(ENDS[1:10])
    slopes_ = run([x], [pt.grad(pt.sum(f(x)), x) for f, _ in FORMULAS], ENDS[1:10])
    for k, slope in enumerate(slopes_):
        assert np.isfinite(slope).all(), k
    far = static(np.float32([1e4, -1e6, np.inf]))
    slope = run([far], [pt.grad(pt.sum(NN.softsign(far)), far)], np.float32([1e4, -1e6, np.inf]))
    np.testing.assert_allclose(slope[0], [1 / 10001**2, 1e-12, 0], rtol=1e-5)


def test_softmax_and_one_hot():
    x = batch(3, 4, 2)
    agree(
        lambda x: [NN.softmax(x), NN.softmax(x, 1), NN.log_softmax(x, (0, 2)), NN.log_softmax(x)],
        lambda x: [special.softmax(x, -1), special.softmax(x, 1), special.log_softmax(x, (0, 2)),
                   special.log_softmax(x, -1)],
        x,
    )  # fmt: skip
    k = np.array([[0, 2], [5, -1]])
    found = run([n := static(k)], [NN.one_hot(n, 3), NN.one_hot(n, 3, "int8", 0)], k)
    np.testing.assert_array_equal(found[0], k[..., None] == np.arange(3))
    np.testing.assert_array_equal(found[1], np.arange(3)[:, None, None] == k)
    assert found[1].dtype == "int8"


def test_cross_entropies():
    x, w, p = batch(5, 3, 2), np.array([0.5, 1.0, 3.0]), special.softmax(batch(5, 3, 2), 1)
    y = np.array([[0, 1], [2, 2], [1, 0], [0, 0], [2, 1]])
    logs = special.log_softmax(x, 1)
    at = -np.take_along_axis(logs, y[:, None], 1)[:, 0]
    classes = static(y, "y")

    def outputs(x, w, p):
        f = NN.cross_entropy
        return [
            f(x, classes), f(x, classes, w), f(x, classes, w, "none"), f(x, classes, None, "sum"),
            f(x, classes, w, "mean", 0.1), f(x, classes, ignore_index=0), f(x, p), f(x, p, w),
            f(x, p, None, "none", 0.3), NN.nll_loss(pt.log_softmax(x, 1), classes, w),
            NN.categorical_crossentropy(pt.softmax(pt.swapaxes(x, 1, 2), -1), classes),
            NN.categorical_crossentropy(pt.swapaxes(p, 1, 2), pt.swapaxes(p, 1, 2)),
            f(x[:, 0, 0], 1),
        ]  # fmt: skip

    of = w[y]
    even = (w[:, None] * logs).mean(1)
    smooth = 0.7 * p + 0.1
    wanted = [
        at.mean(), (of * at).sum() / of.sum(), of * at, at.sum(),
        (0.9 * of * at - 0.1 * even).sum() / of.sum(), at[y != 0].mean(),
        -(p * logs).sum(1).mean(), -(p * w[:, None] * logs).sum(1).mean(),
        -(smooth * logs).sum(1), (of * at).sum() / of.sum(), at,
        special.entr(p).sum(1), -special.log_softmax(x[:, 0, 0])[1],
    ]  # fmt: skip
    nodes = [static(a) for a in (x, w, p)]
    for got, value in zip(run([classes, *nodes], outputs(*nodes), y, x, w, p), wanted, strict=True):
        close(got, value)
    slopes(lambda x, w: NN.cross_entropy(x, y, w, "mean", 0.2), x, w)
    slopes(lambda x, p: NN.cross_entropy(x, p), x, p)


def test_losses_of_scores_are_stable_with_their_derivatives():
    x = np.array([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 999.0]])
    a = static(x)
    y = np.array([1, 0])
    loss, fused = NN.cross_entropy(a, y, reduction="none"), NN.categorical_crossentropy(
        pt.softmax(a, -1), y
    )
    two = NN.sigmoid_binary_crossentropy(a, [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    grads = [pt.grad(pt.sum(t), a) for t in (loss, fused, two)]
    values = run([a], [loss, fused, two, *grads], x)
    wanted = [[2000.0], [1000 + 1000 + np.log1p(np.exp(-1.0))]]
    close(values[0], np.ravel(wanted))
    close(values[1], np.ravel(wanted))
    close(values[2], [[1000, 1000, np.log(2)], [1000, 0, 999]])
    slope = special.softmax(x, 1) - np.eye(3)[y]
    close(values[3], slope)
    close(values[4], slope)
    close(values[5], [[1, -1, -0.5], [-1, 0, 1]])


def test_losses_of_elements():
    x, y = batch(3, 4), batch(3, 4)
    p, q, w = special.expit(x), special.expit(y), np.exp(batch(4))
    d = x - y

    def bce(p, q):
        return -special.xlogy(q, p) - special.xlog1py(1 - q, -p)

    hub = np.where(np.abs(d) < 0.5, d**2 / 2, 0.5 * (np.abs(d) - 0.25))
    agree(
        lambda x, y, p, q, w: [
            NN.mse_loss(x, y), NN.l1_loss(x, y, "sum"), NN.huber_loss(x, y, "none", 0.5),
            NN.smooth_l1_loss(x, y, "mean", 0.5), NN.binary_cross_entropy(p, q, w),
            NN.binary_cross_entropy_with_logits(x, q, w, "sum"),
            NN.binary_cross_entropy_with_logits(x, q, None, "none", w),
            NN.binary_crossentropy(p, q), NN.sigmoid_binary_crossentropy(x, q),
            NN.binary_crossentropy([0.0, 1.0], [0.0, 1.0]),
        ],
        lambda x, y, p, q, w: [
            (d**2).mean(), np.abs(d).sum(), hub, hub.mean() / 0.5, (w * bce(p, q)).mean(),
            (w * bce(p, q)).sum(), -w * q * np.log(p) - (1 - q) * np.log1p(-p), bce(p, q),
            bce(p, q), np.zeros(2),
        ],
        x, y, p, q, w,
    )  # fmt: skip
    slopes(lambda x, y: NN.huber_loss(x, y), x, y)
    slopes(lambda x, q: NN.binary_cross_entropy_with_logits(x, q, pos_weight=2.0), x, q)


def test_normalisation_and_dropout():
    x, m, v, w, b = batch(4, 3, 5), batch(3), np.exp(batch(3)), batch(3), batch(3)

    def standard(x, axes):
        return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)

    def column(t):
        return t[:, None]

    trained = standard(x, (0, 2)) * column(w) + column(b)
    agree(
        lambda x, m, v, w, b: [
            NN.layer_norm(x, 5), NN.layer_norm(x, (3, 5), w[:, None], b[:, None]),
            NN.batch_norm(x, m, v, w, b), *NN.batch_norm(x, m, v, w, b, True, 0.2),
            NN.batch_norm(x, None, None, training=True),
        ],
        lambda x, m, v, w, b: [
            standard(x, 2), standard(x, (1, 2)) * column(w) + column(b),
            (x - column(m)) / np.sqrt(column(v) + 1e-5) * column(w) + column(b), trained,
            0.8 * m + 0.2 * x.mean((0, 2)), 0.8 * v + 0.2 * x.var((0, 2), ddof=1),
            standard(x, (0, 2)),
        ],
        x, m, v, w, b,
    )  # fmt: skip
    slopes(lambda x, w: NN.batch_norm(x, None, None, w, training=True), batch(3, 2), batch(2))
    y = pt.matrix("y")
    f = pt.function([y], [NN.dropout(y, 0.3), pt.grad(pt.sum(NN.dropout(y, 0.3)), y)], seed=3)
    kept, slope = f(np.ones((200, 50)))
    for drawn in (kept, slope):
        np.testing.assert_allclose(np.unique(drawn), [0, 1 / 0.7])
        assert abs(drawn.mean() - 1) < 0.03
    assert NN.dropout(y, training=False) is y and NN.dropout(y, 0) is y


def test_what_is_refused():
    x, k = np.ones((2, 3)), np.array([0, 1])
    cases = [
        (lambda: NN.gelu(x, "erf"), "approximate is 'none' or 'tanh'"),
        (lambda: NN.one_hot(x, 3), "x is of integers, not float64"),
        (lambda: NN.one_hot(k, -1), "num_classes is a number from 0 on, not -1"),
        (lambda: NN.cross_entropy(x, k, reduction="all"), "reduction is one of 'mean', 'sum'"),
        (lambda: NN.cross_entropy(x, x[0]), "has the shape of input, or is of integer classes"),
        (lambda: NN.cross_entropy(x, np.array([0, 1, 2])), "classes have the shape .3,., the sco"),
        (lambda: NN.cross_entropy(x, k, np.ones(2)), "weight has 2 numbers for 3 classes"),
        (lambda: NN.cross_entropy(x, k, label_smoothing=2), "label_smoothing is from 0 to 1"),
        (lambda: NN.cross_entropy(x, x, ignore_index=1), "ignore_index is for integer classes"),
        (lambda: NN.nll_loss(x, x), "classes are integers, of the shape of the scores"),
        (lambda: NN.cross_entropy(1.0, 1), "input has an axis of classes"),
        (lambda: NN.categorical_crossentropy(x, np.ones((2, 4))), "true_dist has .2, 4., coding"),
        (lambda: NN.huber_loss(x, x, delta=0), "delta is a positive number"),
        (lambda: NN.layer_norm(x, 2), "normalized_shape has 2 where input has 3"),
        (lambda: NN.layer_norm(x, (1, 2, 3)), "normalized_shape is that of the last axes"),
        (lambda: NN.batch_norm(x, None, None), "without training it needs running_mean"),
        (lambda: NN.batch_norm(x[0], k, k), "input has a batch and channels"),
        (lambda: NN.dropout(x, 1), "p is a number from 0 to below 1"),
    ]
    for call, words in cases:
        with pytest.raises(GraphError, match=words):
            call()
    with pytest.raises(IndexError):
        pt.function([a := pt.matrix("a")], NN.cross_entropy(a, [0, 3]), target="machine")(x)


def test_names_of_other_libraries_say_what_to_write_and_their_names_exist():
    for name, reason in nn._REASONS.items():
        with pytest.raises(AttributeError, match=f"pt.nn has no '{name}'") as caught:
            getattr(NN, name)
        assert reason in str(caught.value) and not hasattr(NN, name)
        for path in re.findall(r"pt\.([\w.]+)", reason):
            operator.attrgetter(path.rstrip("."))(pt)


def test_classes_below_0_are_none():
    x, y = pt.matrix("x"), pt.lvector("y")
    f = pt.function([x, y], [NN.cross_entropy(x, y), NN.nll_loss(x, y, ignore_index=-5)])
    with pytest.raises(IndexError):
        f(np.zeros((2, 3)), [0, -1])
    with pytest.raises(IndexError):
        NN.categorical_crossentropy(np.ones((1, 3)), [-1]).eval()
    close(NN.smooth_l1_loss([1.0, -3.0], 0.0, beta=0).eval(), 2.0)


def test_slopes_at_corners():
    """Those of PyTorch: functions that are smooth at 0 have their slope there."""
    x = pt.vector("x")
    for function, points, found in (
        (pt.nn.elu, [0.0], [1.0]),
        (pt.nn.celu, [0.0], [1.0]),
        (pt.nn.selu, [0.0], [1.7580993408473766]),
        (pt.nn.relu6, [0.0, 1.0, 6.0], [0.0, 1.0, 0.0]),
        (pt.nn.ultra_fast_sigmoid, [-1e-9, 0.0, 1e-9], [0.375, 0.375, 0.375]),
    ):
        slope = pt.grad(pt.sum(function(x)), x)
        np.testing.assert_allclose(slope.eval({x: points}), found, rtol=1e-8)


def test_classes_that_are_none_are_refused():
    scores, label = pt.matrix("scores"), pt.lvector("label")
    for loss in (
        pt.nn.cross_entropy(scores, label),
        pt.nn.nll_loss(scores, label),
        pt.nn.categorical_crossentropy(pt.softmax(scores, 1), label).sum(),
    ):
        for wrong in (-1, 3):
            with pytest.raises(IndexError, match=rf"^nn.*are 0 to 3 - 1, not \[.*{wrong}\]"):
                loss.eval({scores: np.zeros((2, 3)), label: np.array([0, wrong])})
    kept = pt.nn.cross_entropy(scores, label, ignore_index=-1)
    np.testing.assert_allclose(kept.eval({scores: np.zeros((2, 3)), label: [0, -1]}), np.log(3))
