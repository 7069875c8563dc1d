"""`posterior.diagnose` names the datum and the operation that made a density, or its gradient, not
finite; `posterior.function` has the tools of any function."""

import numpy as np
import pytest

import probtensor as pt

R = pt.random
HERE = __file__
DATA = np.array([1.0, 2.0, -3.0, 4.0])


def line_with(mark):
    """The line of this file that ends with a comment."""
    with open(HERE, encoding="utf-8") as file:
        return next(f"{HERE}:{k}" for k, text in enumerate(file, 1)
                    if text.rstrip().endswith(f"# {mark}"))  # fmt: skip


def regression():
    slope = R.normal(0, 1, name="slope")
    sigma = R.half_normal(1, name="sigma")
    centre = slope + pt.log(pt.data(DATA, name="x") - 2 * slope)  # mark centre
    y = R.normal(centre, sigma, name="y", shape=4)
    return pt.condition({y: np.ones(4)}, target="machine")


def test_the_datum_and_the_operation():
    posterior = regression()
    text = posterior.diagnose([-2.0, 0.0])
    assert "because" not in text and "y: the normal likelihood" in text
    text = posterior.diagnose([0.1, 0.0])
    assert "y[2]: the normal likelihood is nan" in text
    assert "y because log(x - 2 * " in text and "is nan at [2]: log of a negative number" in text
    assert line_with("mark centre") in text and "= -3.2 at [2]" in text
    term = next(t for t in posterior.terms([0.1, 0.0]).terms if t.name == "y")
    assert term.origin.op == "log" and term.origin.index == (2,)


def test_a_density_of_zero():
    s = R.half_normal(1, name="s")  # mark half
    y = R.uniform(0, s, name="y", shape=3)
    posterior = pt.condition({y: [0.5, 3.0, 0.2]}, target="machine")
    text = posterior.diagnose([0.0])  # a guard says it in fewer words
    assert "y[1]" in text and "entry [1] is 3" in text and "because" not in text
    text = posterior.diagnose([800.0])
    assert "s because where(" in text and "takes the literal -inf" in text
    assert line_with("mark half") in text


def test_a_gradient_that_is_not_finite_where_the_density_is():
    b, c = R.normal(0, 1, name="b"), R.normal(0, 1, name="c", shape=2)
    z = R.normal(pt.sqrt(b) + pt.sum(c), 1, name="z")  # mark root
    posterior = pt.condition({z: 1.0}, target="machine")
    q = [0.0, 1.0, 1.0]
    value, gradient = posterior.logp_and_grad(np.array(q))
    assert np.isfinite(value) and not np.isfinite(gradient[0])
    text = posterior.diagnose(q)
    assert "the derivative by b is -inf, q[0]" in text and "division by 0" in text
    assert "in the derivative of what is computed at" in text and line_with("mark root") in text


def test_tools_of_the_function_of_a_posterior():
    posterior = regression()
    q = np.array([-2.0, 0.0])
    f = posterior.function
    assert f.find_nan(q) is None and f.compare("interp", q).equal
    assert f.compare("passes", q).equal
    found = f.audit(q)
    assert found.worst is None and min(r.compiled for r in found.results) > 12
    report = f.find_nan(np.array([0.1, 0.0]))
    assert report.op == "log" and report.line == line_with("mark centre")


def test_a_sum_that_loses_digits_in_a_density():
    shift = R.normal(0, 1e9, name="shift")
    y = R.normal((shift + 0.1) - shift, 1e-3, name="y")  # mark shift
    posterior = pt.condition({y: 0.103}, target="machine")
    worst = posterior.function.audit(np.array([2.0**0.5])).worst
    assert worst is not None and worst.line == line_with("mark shift")


def test_a_checked_function_of_a_posterior_is_that_of_a_block():
    f = regression().function
    with pt.debug.check("nan"), pytest.raises(FloatingPointError, match="log of a negative"):
        f(np.array([0.1, 0.0]))


def test_a_parameter_that_is_nan_is_explained():
    s = R.normal(0, 1, name="s")
    y = R.normal(0.0, pt.sqrt(s), name="y")
    posterior = pt.condition({y: 1.0}, target="machine")
    text = posterior.diagnose([-1.0])
    assert "sigma of normal 'y' must be a number > 0; it is nan" in text
    assert "y because sqrt(s) is nan: square root of a negative number" in text
    z = R.normal(0.0, s, name="z")
    text = pt.condition({z: 1.0}, target="machine").diagnose([-1.0])
    assert "it is -1" in text and "because" not in text
