"""NaN and infinity in fused loops, in loops over time, in gradients; indices and sizes."""

import re

import numpy as np

import probtensor as pt
from tests.inspect.faults import fault

X = pt.vector("x")


def found(outputs, *args, kind="nan", inputs=(X,)):
    """(line, text) of `find_nan`."""
    report = pt.function([*inputs], outputs).find_nan(*args, kind=kind)
    return report.line, str(report)


def raised(call):
    """(line, text) of the exception that a call raises."""
    try:
        call()
    except (ValueError, IndexError, TypeError, FloatingPointError) as error:
        text = str(error)
        lines = re.findall(r"\S+\.py:\d+", text)
        return lines, text
    raise AssertionError("nothing was raised")


@fault("fused", "log of a negative number")
def log_of_a_negative_rate():
    rate = X * 2.0 - 1.0
    log_rate = pt.log(rate)  # here
    return found(pt.sum(pt.exp(-(X**2)) * log_rate), [3.0, 0.2])


@fault("fused", "0 / 0")
def standardised_by_no_spread():
    centred = X - pt.mean(X)
    z = centred / pt.std(X)  # here
    return found(pt.tanh(z) + 1.0, [2.0, 2.0])


@fault("fused", "overflow")
def overflow_of_a_softmax_by_hand():
    e = pt.exp(X * 2.0)  # here
    return found(1.0 + e * 0.5, [1.0, 500.0], kind="inf")


@fault("fused", "square root")
def root_of_a_rounded_variance():
    variance = pt.mean(X**2) - pt.mean(X) ** 2 - 1e-3
    sigma = pt.sqrt(variance)  # here
    return found(X / sigma, [3.0, 3.0])


@fault("fused", "inf - inf")
def difference_of_infinities():
    a = pt.exp(X * 300.0)
    d = a - pt.square(pt.sqrt(a))  # here
    return found(pt.sum(d * 2.0), [0.1, 9.0])


@fault("time", "step 2")
def recurrence_that_leaves_its_domain():
    def step(v, total):
        left = pt.sqrt(total - v)  # here
        return left + 0.5

    return found(pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(2.0)])[0], [1.0, 0.5, 4.0])


@fault("time", "overflow")
def growth_without_a_bound():
    def step(v, total):
        grown = pt.exp(total + v)  # here
        return grown

    total, _ = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(1.0)])
    return found(total[-1], [700.0, 5.0, 700.0], kind="inf")


@fault("time", "log of")
def filter_with_a_negative_gain():
    def step(v, gain):
        return 0.5 * gain + pt.log(gain * v)  # here

    gains = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(1.0)])[0]
    return found(gains, [2.0, 3.0, -1.0])


@fault("time", "0 / 0")
def weights_of_no_mass():
    def step(v, w):
        mass = w * (v > 0.0)
        return mass / pt.sum(mass)  # here

    start = pt.as_tensor(np.array([0.5, 0.5]))
    return found(pt.scan(step, sequences=[X], outputs_info=[start])[0], [1.0, -1.0])


@fault("time", "step 1")
def loop_backwards_in_time():
    def step(v, total):
        return pt.arcsin(total * v)  # here

    ends = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(0.5)], go_backwards=True)
    return found(ends[0][-1], [1.0, 9.0, 1.0])


@fault("gradient", "division by 0")
def gradient_of_a_root_at_zero():
    cost = pt.sum(pt.sqrt(X))  # here
    return found(pt.grad(cost, X), [1.0, 0.0], kind="inf")


@fault("gradient", "in the derivative")
def gradient_of_an_angle_at_its_end():
    angle = pt.sum(pt.arccos(X))  # here
    return found(pt.grad(angle, X), [0.5, 1.0], kind="inf")


@fault("gradient", "log")
def gradient_of_a_log_of_probabilities():
    cost = -pt.sum(X * pt.log(X))  # here
    return found(pt.grad(cost, X), [0.5, 0.0], kind="inf")


@fault("gradient")
def gradient_of_a_masked_root():
    x = pt.vector("x")  # roots of X are made elsewhere, too
    cost = pt.sum(pt.where(x > 0, pt.sqrt(x - 0.0) / x, 0.0))  # here
    return found(pt.grad(cost, x), [1.0, 1e-300], inputs=(x,), kind="inf")


@fault("gradient")
def gradient_through_a_loop():
    def step(v, c):
        return pt.sqrt(c * v)  # here

    last = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(1.0)])[0][-1]
    return found(pt.grad(last, X), [1.0, 0.0], kind="inf")


@fault("size", "7", "axis")
def index_out_of_bounds():
    k = pt.vector("k", "int64")
    picked = X[k]  # here
    f = pt.function([X, k], picked * 2.0)
    return raised(lambda: f(np.ones(3), [0, 7]))


@fault("size", "3", "4")
def sizes_that_do_not_fit():
    y = pt.vector("y")
    total = X + y  # here
    f = pt.function([X, y], pt.exp(total))
    return raised(lambda: f(np.ones(3), np.ones(4)))


@fault("size")
def product_of_wrong_sizes():
    m = pt.matrix("m")
    eta = m @ X  # here
    f = pt.function([m, X], pt.sum(eta))
    return raised(lambda: f(np.ones((5, 3)), np.ones(4)))


@fault("size")
def shapes_that_are_known_to_differ():
    a, b = pt.tensor("a", shape=(3,)), pt.tensor("b", shape=(5,))
    return raised(lambda: a * b)  # here


@fault("size", "step 1")
def index_in_a_loop():
    k = pt.vector("k", "int64")

    def step(i, total):
        return total + X[i]  # here

    last = pt.scan(step, sequences=[k], outputs_info=[pt.as_tensor(0.0)])[0]
    f = pt.function([X, k], last)
    return raised(lambda: f(np.ones(3), [2, 9]))
