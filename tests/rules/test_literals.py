"""Stable forms hold for literals as they do for inputs: what rules know of a function of a literal
is used before its value is rounded."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.graph.node import Const
from probtensor.inspect.exact.values import evaluate_exact
from probtensor.ops.kinds import Elementwise
from probtensor.rules import STABLE, grad
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import apply_rules, autodiff
from probtensor.transform.passes import run

log, log1p, exp = ops.log, ops.log1p, ops.exp
lgamma, digamma, trigamma = ops.lgamma, ops.digamma, ops.trigamma
AT = np.array([0.5, 3.0, 39.0])


def _beta(a, b):
    return lgamma(a) + lgamma(b) - lgamma(a + b)


# Of an input and a literal, with values of the literal; each loses its digits at the first one if
# functions of literals are rounded as they are written.
FORMS = {
    "rising factorial": (lambda y, c: lgamma(y + c) - lgamma(c), (1e15, 1e17, 300.0, 8.5)),
    "falling back": (lambda y, c: lgamma(c) - lgamma(c + y), (1e15, 1e12)),
    "digamma": (lambda y, c: digamma(y + c) - digamma(c), (1e15, 40.0)),
    "trigamma": (lambda y, c: trigamma(y + c) - trigamma(c), (1e10, 1e8)),
    "Student's t": (lambda y, c: lgamma((c + 1) / 2) - lgamma(c / 2) + y, (1e15, 1e17, 30.0)),
    "rates in two": (lambda y, c: lgamma(3 * y + c) + y - lgamma(c), (1e15, 1e18)),
    "negative binomial": (
        lambda y, c: lgamma(y + c) - lgamma(c) - lgamma(y + 1) + c * log(c / (c + y)),
        (1e15, 1e13),
    ),
    "coefficient": (
        lambda y, c: lgamma(c + 1) - lgamma(y + 1) - lgamma(c - y + 1), (1e15, 1e12, 100.0),
    ),
    "beta": (lambda y, c: _beta(y, c), (1e15, 1e9)),
    "lbeta": (lambda y, c: ops.lbeta(y + c, c + 3) - ops.lbeta(c, c), (1e15, 1e17, 50.0)),
    "1 - sigmoid": (lambda y, c: y * log(1 - ops.sigmoid(c)), (40.0, 800.0, 12.0)),
    "log1p of sigmoid": (lambda y, c: y * log1p(-ops.sigmoid(c)), (40.0, 800.0)),
    "xlogy": (lambda y, c: ops.xlogy(y, 1 - ops.ndtr(c)), (9.0, 50.0)),
    "between": (lambda y, c: log(ops.ndtr(y / 9 + c) - ops.ndtr(c)), (9.0, 30.0)),
    "erfc": (lambda y, c: y * log(0.5 * ops.erfc(c)), (28.0, 30.0)),
    "1 - erf": (lambda y, c: y * (1 - ops.erf(c)), (6.0, 4.0)),
    "tanh": (lambda y, c: y * log(1 - ops.tanh(c)), (30.0, 300.0)),
    "exp": (lambda y, c: log(exp(c) + exp(y)), (800.0,)),
    "log of a product": (lambda y, c: log(y * exp(-c)), (800.0, 744.0)),
    "log-log": (lambda y, c: y * log(1 - exp(-exp(-c))), (40.0, 800.0)),
    "expm1": (lambda y, c: y * (exp(1 / c) - 1), (1e16, 1e5)),
    "log1p": (lambda y, c: y * log(1 + 1 / c), (1e16, 1e14, 1e9)),
    "cosh": (lambda y, c: y * log(ops.cosh(c)), (800.0,)),
    "softmax": (lambda y, c: y * log(ops.softmax(c * np.array([1.0, 0, -1]))), (800.0,)),
    "square": (lambda y, c: y * log(ops.square(c)), (1e200, 1e-200)),
}  # fmt: skip
# Arrays of literals that differ from element to element.
ARRAYS = {
    "rising factorial": (lambda y, c: lgamma(y + c) - lgamma(c), [1e15, 1e13, 30.0]),
    "Student's t": (
        lambda y, c: lgamma(ops.constant((c.op.array + 1) / 2)) - lgamma(c / 2) + y,
        [1e15, 1e13, 30.0],
    ),
    "1 - sigmoid": (lambda y, c: y * log(1 - ops.sigmoid(c)), [40.0, 800.0, -3.0]),
}  # fmt: skip
CASES = {
    **{f"{name} of {c:g}": (form, c) for name, (form, cs) in FORMS.items() for c in cs},
    **{f"{name} of an array": case for name, case in ARRAYS.items()},
}
WANTING = [f"{name} of {cs[0]:g}" for name, (_, cs) in FORMS.items()] + [
    f"{name} of an array" for name in ARRAYS
]


def graphs(name, derive):
    """An input, and the value and the gradient of a form."""
    form, c = CASES[name]
    y = ops.tensor("y", AT.shape)
    value = form(y, ops.constant(np.asarray(c)))
    return y, [value, derive(ops.sum(value), y)]


def error(got, truth):
    """The largest relative error, infinite where a result is not a number."""
    got, truth = (np.broadcast_to(a, AT.shape) for a in (got, truth))
    pairs = [(float(g), float(g - t), float(abs(t))) for g, t in zip(got, truth)]
    return max(abs(e) / max(t, 1e-300) if np.isfinite(g) else np.inf for g, e, t in pairs)


def errors(name, derive, passes):
    """Those of the value and the gradient."""
    y, found = graphs(name, derive)
    same, plain = graphs(name, autodiff.gradient)
    truths = evaluate_exact(plain, {same: AT})
    with np.errstate(all="ignore"):
        results = evaluate_numpy(run(passes, found), {y: AT})
    return [error(got, truth) for got, truth in zip(results, truths)]


@pytest.mark.parametrize("name", CASES)
def test_functions_of_literals_keep_their_digits(name):
    assert max(errors(name, grad, PIPELINE)) < 1e-12


@pytest.mark.parametrize("name", WANTING)
def test_functions_rounded_as_they_are_written_are_found_wanting(name):
    assert max(errors(name, autodiff.gradient, ())) > 1e-6


def test_a_cauchy_tail_at_a_literal():
    """Apart from the others: the graph's pi is rounded, and the exact value of the form with it."""
    found = log(0.5 - ops.arctan(ops.constant(1e17)) / np.pi)
    (got,) = evaluate_numpy(run(PIPELINE, [found]), {})
    np.testing.assert_allclose(got, -np.log(np.pi * 1e17), rtol=1e-15)


def test_no_function_of_literals_alone_is_left():
    found = [graph for name in CASES for graph in graphs(name, grad)[1]]
    for node in toposort(run(PIPELINE, found)):
        alone = node.inputs and all(isinstance(x.op, Const) for x in node.inputs)
        assert not (alone and isinstance(node.op, Elementwise)), node


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_literals_without_lost_digits_fold_at_once(dtype):
    """Rules look for literals, so no function of them waits without need."""
    c, d = ops.constant(0.5, dtype=dtype), ops.constant(0.1, dtype=dtype)
    forms = [exp(-c), ops.sigmoid(c), lgamma(c + 1), log(c), c + d, d - c, ops.square(d),
             c - c, exp(c - c), lgamma(4 * c), ops.tanh(c), 3 * c * d, ops.sqrt(d)]  # fmt: skip
    for form in apply_rules(forms, STABLE):
        assert isinstance(form.op, Const), form


def test_literals_at_the_ends_of_the_range_of_floats():
    """Sums of them in an argument are infinite, not refused."""
    y, far = ops.tensor("y"), ops.constant(1.7e308)
    found = [lgamma(y + far + far) - lgamma(y - far), digamma(far + y) - digamma(far + far)]
    (a, b) = evaluate_numpy(run(PIPELINE, found), {y: np.array(3.0)})
    assert a == np.inf and b == -np.inf
