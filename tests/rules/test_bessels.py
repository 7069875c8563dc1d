"""Logarithms and quotients of modified Bessel functions, compared with mpmath."""

import mpmath
import numpy as np
import pytest

import probtensor as pt
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.rules.probability.bessels import FALLING, GROWING
from probtensor.rules.sets import TOPICS
from probtensor.testing.sound import fired
from probtensor.transform.passes import run

AT = np.array([1e-8, 0.4, 1.5, 7.0, 40.0, 650.0, 720.0, 800.0, 1e5])
special = pt.special
# name: (logarithm as a graph, its exact value, with the sign of its argument)
LOGS = {
    "i0": (lambda x: pt.log(special.i0(x)), lambda x: mpmath.log(mpmath.besseli(0, x))),
    "i0 of -x": (lambda x: pt.log(special.i0(-x)), lambda x: mpmath.log(mpmath.besseli(0, x))),
    "i1": (lambda x: pt.log(special.i1(x)), lambda x: mpmath.log(mpmath.besseli(1, x))),
    "iv": (lambda x: pt.log(special.iv(3.25, x)), lambda x: mpmath.log(mpmath.besseli(3.25, x))),
    "k0": (lambda x: pt.log(special.k0(x)), lambda x: mpmath.log(mpmath.besselk(0, x))),
    "k1": (lambda x: pt.log(special.k1(x)), lambda x: mpmath.log(mpmath.besselk(1, x))),
    "kv": (lambda x: pt.log(special.kv(2.5, x)), lambda x: mpmath.log(mpmath.besselk(2.5, x))),
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """{name: (values, slopes)} of all logarithms, from one function."""
    x = pt.vector("x")
    values = [log(x) for log, _ in LOGS.values()]
    slopes = [pt.grad(pt.sum(y), x) for y in values]
    got = pt.function([x], values + slopes, target="interp")(AT)
    return dict(zip(LOGS, zip(got[: len(LOGS)], got[len(LOGS) :])))


@pytest.mark.parametrize("name", LOGS)
def test_logarithms_and_their_slopes_are_accurate(found, name):
    with mpmath.workdps(40):
        right = [float(LOGS[name][1](mpmath.mpf(x))) for x in AT]
        slope = [float(mpmath.diff(LOGS[name][1], mpmath.mpf(x))) for x in AT]
    values, slopes = found[name]
    error = np.abs(values - right) / np.maximum(1, np.abs(right))
    assert error.max() < 32 * np.finfo(float).eps
    np.testing.assert_allclose(slopes, slope, rtol=1e-13)


def test_values_at_the_ends_are_those_of_the_plain_functions():
    x, v = pt.vector("x"), pt.vector("v")
    plain = [pt.log(f(x)) for f in (special.i0, special.i1, special.k0, special.k1)]
    plain += [pt.log(f(v, x)) for f in (special.iv, special.kv)]
    at = np.array([0.0, -0.0, np.nan, -3.0, 5.0, np.inf, -np.inf])
    orders = np.array([0.0, 2.0, 1.0, 2.0, np.nan, 0.5, 1.0])
    made = run(PIPELINE, plain)
    names = {node.op.name for node in toposort(made)}
    assert not names & {kind().name for kind in (*GROWING, *FALLING)}
    got = pt.function([x, v], plain, target="interp")(at, orders)
    with np.errstate(all="ignore"):
        want = [y.op.numpy(y.inputs[0].op.numpy(*[at, orders][: len(y.inputs[0].inputs)][::-1]))
                for y in plain]  # fmt: skip
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a[:5], b[:5], rtol=1e-14, atol=1e-15)
    # SciPy has no value of i0 at inf.
    grow = [np.inf, np.inf, -np.inf, -np.inf, np.inf, -np.inf]
    assert [a[5] for a in got] == grow and np.isnan([a[6] for a in got]).all()


def test_each_rule_changes_its_example_and_leaves_other_arguments():
    (quotient,) = [r for r in TOPICS["bessels"] if r.example]
    for graph in quotient.example():
        assert quotient.name in fired(quotient, graph)[1]
    x, y = pt.vector("x"), pt.vector("y")
    for kept in (
        special.i0(x) / special.i0(y), special.i0(x) / special.k0(x),
        special.i0(x) * special.i1(x), (special.i0(x) + 1) / special.i1(x),
        special.j0(x) / special.j1(x), (special.i0(x) + special.i1(y)) / special.i0(x),
    ):  # fmt: skip
        assert fired(quotient, kept)[0] == [kept]
