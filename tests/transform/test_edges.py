"""Derivatives where a slope is infinite or nan and the cotangent is exactly zero."""

import functools

import mpmath
import numpy as np
import pytest

import probtensor as pt

NAN, INF = np.nan, np.inf
# name: (function, its exact meaning, a pole, a point beside it)
SLOPES = {
    "log": (pt.log, mpmath.log, 0.0, 2.0),
    "log2": (pt.log2, lambda x: mpmath.log(x, 2), 0.0, 3.0),
    "log10": (pt.log10, mpmath.log10, 0.0, 3.0),
    "log1p": (pt.log1p, mpmath.log1p, -1.0, 0.5),
    "sqrt": (pt.sqrt, mpmath.sqrt, 0.0, 2.0),
    "cbrt": (pt.cbrt, mpmath.cbrt, 0.0, 2.0),
    "reciprocal": (lambda x: 3 / x, lambda x: 3 / x, 0.0, 2.0),
    "quotient": (lambda x: x / (x * x), lambda x: 1 / x, 0.0, 2.0),
    "fourth root": (lambda x: x**0.25, lambda x: x ** mpmath.mpf(0.25), 0.0, 2.0),
    "inverse root": (lambda x: x**-0.5, lambda x: 1 / mpmath.sqrt(x), 0.0, 2.0),
    "inverse square": (lambda x: x**-2, lambda x: x**-2, 0.0, 2.0),
    "x log x": (lambda x: x * pt.log(x), lambda x: x * mpmath.log(x), 0.0, 2.0),
    "xlogy": (lambda x: pt.xlogy(2.0, x), lambda x: 2 * mpmath.log(x), 0.0, 2.0),
    "xlog1py": (lambda x: pt.xlog1py(2.0, x), lambda x: 2 * mpmath.log1p(x), -1.0, 2.0),
    "arcsin": (pt.arcsin, mpmath.asin, 1.0, 0.25),
    "arccos": (pt.arccos, mpmath.acos, -1.0, 0.25),
    "arccosh": (pt.arccosh, mpmath.acosh, 1.0, 2.0),
    "arctanh": (pt.arctanh, mpmath.atanh, 1.0, 0.25),
    "logit": (pt.special.logit, lambda x: mpmath.log(x / (1 - x)), 0.0, 0.25),
    "erfinv": (pt.special.erfinv, mpmath.erfinv, 1.0, 0.25),
    "ndtri": (pt.special.ndtri, lambda x: mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1), 0.0, 0.25),
    "lgamma": (pt.special.gammaln, mpmath.loggamma, 0.0, 2.5),
    "digamma": (pt.special.digamma, mpmath.digamma, 0.0, 2.5),
    "log1mexp": (
        lambda x: pt.log(1 - pt.exp(x)), lambda x: mpmath.log(1 - mpmath.exp(x)), 0.0, -1.0,
    ),
    "square of nan": (pt.square, lambda x: x * x, NAN, 2.0),
    "product with nan": (lambda x: x * pt.exp(x), lambda x: x * mpmath.exp(x), NAN, 0.5),
    "mixture of nan": (
        lambda x: pt.logaddexp(pt.log(x), x), lambda x: mpmath.log(x + mpmath.exp(x)), NAN, 0.5,
    ),
    "deep": (
        lambda x: pt.exp(pt.sin(pt.log(x) ** 2)),
        lambda x: mpmath.exp(mpmath.sin(mpmath.log(x) ** 2)), 0.0, 2.0,
    ),
}  # fmt: skip


def is_kept(x, pole):
    return ~pt.isnan(x) if pole != pole else pt.not_equal(x, pole)


# kind of zero: cost of (f, x, pole, index input), where x[0] is a pole and x[1] is not
ZEROS = {
    "where": lambda f, x, p, i: pt.where(is_kept(x, p), f(x), 0.0),
    "other branch": lambda f, x, p, i: pt.where(~is_kept(x, p), 0.0, f(x)),
    "literal mask": lambda f, x, p, i: pt.where(np.array([False, True]), f(x), 0.0),
    "nested": lambda f, x, p, i: pt.sin(3 * pt.where(is_kept(x, p), 2 * f(x) + 1, 0.0)) / 6,
    "of a sum": lambda f, x, p, i: pt.where(
        is_kept(x, p), pt.sum(f(x[:, None] + np.zeros(2)), axis=1) / 2, 0.0
    ),
    "sum of two": lambda f, x, p, i: (
        pt.where(is_kept(x, p), f(x), 0.0) + pt.where(x > 1e9, f(x) ** 2, 0.0)
    ),
    "slice": lambda f, x, p, i: f(x)[1:],
    "element": lambda f, x, p, i: f(x)[1],
    "backwards": lambda f, x, p, i: f(x)[::-1][:1],
    "literal indices": lambda f, x, p, i: f(x)[[1]],
    "mask as indices": lambda f, x, p, i: f(x)[np.array([False, True])],
    "diagonal": lambda f, x, p, i: pt.diagonal(f(pt.stack([x, x])))[1:],
    "overwritten": lambda f, x, p, i: f(x).at[0].set(0.0),
}  # fmt: skip
# Zeros that are values, not masks: these need guards, and guards do not handle nan in the data.
NUMBERS = {
    "indices": lambda f, x, p, i: f(x)[i],
    "joined slices": lambda f, x, p, i: f(x)[1:] / 2 + f(x)[-1] / 2,
    "flat": lambda f, x, p, i: f(x)[i] + 0 * x[1],
}


def cells():
    for slope, (f, exact, pole, beside) in SLOPES.items():
        for kind, zero in (ZEROS | ({} if pole != pole else NUMBERS)).items():
            if kind == "nested":
                def meant(x, exact=exact):
                    return mpmath.sin(3 * (2 * exact(x) + 1)) / 6
            else:
                meant = exact
            yield f"{slope}, {kind}", f, zero, pole, beside, meant


ALL = list(cells())
# Each slope with every fourth kind of zero, so that every pair of neighbours in the table is met.
SOME = [cell for k, cell in enumerate(ALL) if (k + k // 16) % 4 == 0]
slowly = pytest.param(ALL, id="all", marks=pytest.mark.slow)
every = pytest.mark.parametrize("table", [pytest.param(SOME, id="some"), slowly])


def programs(table, dtype="float64"):
    """(inputs, costs, values): one scalar cost for each cell."""
    i = pt.tensor("i", (1,), dtype="int64")
    inputs, costs, values = [i], [], [np.array([1])]
    for k, (_, f, zero, pole, beside, _) in enumerate(table):
        x = pt.tensor(f"x{k}", (2,), dtype=dtype)
        inputs.append(x)
        costs.append(pt.sum(zero(f, x, pole, i)))
        values.append(np.array([pole, beside], dtype))
    return inputs, costs, values


@functools.cache
def derivative(meant, at, order):
    with mpmath.workdps(40):
        return float(mpmath.diff(meant, mpmath.mpf(at), order))


def check(table, found, order=1, rtol=1e-12):
    wrong = []
    for (name, _, _, _, beside, meant), got in zip(table, found, strict=True):
        right = np.array([0.0, derivative(meant, beside, order)])
        if not np.allclose(got, right, rtol=rtol, atol=0):
            wrong.append(f"{name}: {got}, not {right}")
    assert not wrong, f"{len(wrong)} of {len(table)} are wrong:\n" + "\n".join(wrong[:40])


def run(inputs, outputs, values, target="interp"):
    return pt.function(inputs, outputs, target=target, on_unused_input="ignore")(*values)


@every
@pytest.mark.parametrize(
    ("target", "dtype"), [("cython", "float64"), ("interp", "float64"), ("interp", "float32")]
)
def test_a_zero_weight_meets_no_slope_in_reverse(table, target, dtype):
    inputs, costs, values = programs(table, dtype)
    slopes = [pt.grad(cost, x) for cost, x in zip(costs, inputs[1:])]
    found = run(inputs, slopes, values, target)
    assert all(g.dtype == dtype for g in found)
    check(table, found, rtol=1e-12 if dtype == "float64" else 1e-4)


@every
def test_a_zero_weight_meets_no_slope_forwards(table):
    inputs, costs, values = programs(table)
    pairs = list(zip(costs, inputs[1:]))
    pushed = [pt.stack([pt.jvp(c, x, u) for u in np.eye(2)]) for c, x in pairs]
    check(table, run(inputs, pushed, values))


@every
def test_second_derivatives_are_zero_where_nothing_is_chosen(table):
    inputs, costs, values = programs(table)
    pairs = list(zip(costs, inputs[1:]))
    outputs = [pt.sum(pt.hessian(c, x), 1) for c, x in pairs]
    outputs += [pt.hvp(c, x, np.ones(2)) for c, x in pairs]
    found = run(inputs, outputs, values)
    check(table, found[: len(table)], 2, 1e-9)
    check(table, found[len(table) :], 2, 1e-9)


# Single programs: (cost, by what, values of the inputs, the right derivative).

X, Y, A, S = pt.tensor("x", (3,)), pt.tensor("y", (3,)), pt.tensor("a", (2, 3)), pt.scalar("s")
ORIGIN, ROW = np.zeros(3), np.array([[1.0, 1, 1], [0, 1, 2]])
AT = {X: ORIGIN, Y: np.array([1.0, np.nan, 3]), A: ROW, S: 1.5}
DEVIATION = np.array([[0.0, 0, 0], np.array([-1, 0, 1]) / np.sqrt(6)])
QUADRATIC = np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 1]])
LIMITS = {
    "norm": (pt.norm(X), X, ORIGIN),
    "norm of a matrix": (pt.norm(X[:, None] * np.ones(2)), X, ORIGIN),
    "norm of order 3": (pt.norm(X, 3), X, ORIGIN),
    "norm by a scale": (pt.norm(S * X), S, 0),
    "root of a product of vectors": (pt.sqrt(X @ X), X, ORIGIN),
    "root of a quadratic form": (pt.sqrt(X @ QUADRATIC @ X), X, ORIGIN),
    "root of a sum of scaled squares": (pt.sqrt(pt.exp(S) * pt.sum(X**2) / 3), X, ORIGIN),
    "power of a sum of squares": (pt.sum(X**2) ** 0.25, X, ORIGIN),
    "cube root of a square": (pt.sum(pt.cbrt(X * X)), X, ORIGIN),
    "abs": (pt.sum(pt.abs(X)), X, ORIGIN),
    "root of abs": (pt.sum(pt.sqrt(pt.abs(X))), X, ORIGIN),
    "root of a clipped number": (pt.sum(pt.sqrt(pt.maximum(X - 1, 0))), X, ORIGIN),
    "root of 1 - cos": (pt.sum(pt.sqrt(1 - pt.cos(X))), X, ORIGIN),
    "angle of a cosine": (pt.sum(pt.arccos(pt.cos(X))), X, ORIGIN),
    "hyperbolic distance": (pt.sum(pt.arccosh(1 + X**2)), X, ORIGIN),
    "root of a product": (pt.sum(pt.sqrt(X * (X + S))), S, 0),
    "x * sqrt(x)": (pt.sum(X * pt.sqrt(X)), X, ORIGIN),
    "exp of -norm": (pt.exp(-pt.norm(X) / S), S, 0),
    "std": (pt.sum(pt.std(A, axis=1)), A, DEVIATION),
    "std with ddof": (pt.sum(pt.std(A, axis=1, ddof=1)), A, DEVIATION * np.sqrt(1.5)),
    "prod with zeros": (pt.prod(X + np.array([0, 0, 1.0])), X, ORIGIN),
    "prod with a zero": (pt.prod(X + np.array([0, 2, 3.0])), X, [6, 0, 0]),
    "largest of log": (pt.max(pt.log(X + np.array([0, 1, 2]))), X, [0, 0, 0.5]),
    "ties of logs": (pt.sum(pt.maximum(pt.log(X), -9)), X, ORIGIN),
    "clipped quotient": (pt.sum(pt.clip(1 / X, -3, 3)), X, ORIGIN),
    "clipped overflow": (pt.sum(pt.minimum(S * pt.exp(X + 1e3), 5)), S, 0),
    "logistic past overflow": (pt.sum(1 / (2 + S * pt.exp(X + 1e3))), X, ORIGIN),
    "double exponential": (pt.sum(pt.exp(-pt.exp(X + 800))), X, ORIGIN),
    "nan left out": (pt.sum(pt.where(pt.isnan(Y), 0, (Y - S) ** 2)), S, -2.0),
    "nan left out of a row": (
        pt.sum(pt.where(pt.isnan(Y), 0, pt.sum((Y[:, None] - S) ** 2, axis=1))), S, -2.0,
    ),
    "nan left out of a fold": (
        pt.sum(pt.where(pt.isnan(Y), 0, pt.logsumexp(Y[:, None] * S + np.zeros(2), 1))), S, 4.0,
    ),
    "nan left out by where=": (pt.sum((Y - S) ** 2, where=~pt.isnan(Y)), S, -2.0),
    "nan left out of a mean": (pt.mean((Y - S) ** 2, where=~pt.isnan(Y)), S, -1.0),
    "a weight of 0": (pt.sum(X * pt.sqrt(X + np.array([0, 1, 4]))), X, [0, 1, 2]),
    "mixture": (
        pt.logsumexp(pt.log(X + np.array([0, 0.5, 0.5])) + np.arange(-1.0, -4, -1)), X,
        np.exp([-1, -2, -3]) / (0.5 * np.exp(-2) + 0.5 * np.exp(-3)),
    ),
    "mixture of two": (pt.logaddexp(pt.log(S - 1.5), pt.log1p(1.5 - S) - 1), S, np.e - 1),
    "mixture, naive": (
        pt.sum(pt.log(pt.sum(pt.exp(pt.log(X + np.array([0, 1, 0])) - ROW), axis=1))), X,
        np.exp(-ROW + ROW[:, [1]]).sum(0),
    ),
    "category": (
        pt.logp(pt.random.categorical(X + np.array([0, 0.5, 0.5])), 1), X, [0, 2, 0],
    ),
    "cotangent by a mask": (pt.sum(pt.where(S > 0, pt.log(X + 1), 0)), X, np.ones(3)),
    "a product at 0": (pt.grad(pt.sum(X * pt.log(Y)), Y)[0], X, [1, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("target", ["cython", "interp"])
def test_derivatives_at_edges_are_limits_or_subgradients(target):
    slopes = [pt.grad(cost, wrt) for cost, wrt, _ in LIMITS.values()]
    found = run(list(AT), slopes, AT.values(), target)
    wrong = [
        f"{name}: {got}, not {right}"
        for (name, (_, _, right)), got in zip(LIMITS.items(), found, strict=True)
        if not np.allclose(got, right, rtol=1e-12, atol=1e-15)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_has_no_derivative_stays_nan():
    # The slope of square(sqrt(x)) at 0 is 1 and that of x / (1 + x) as well; neither 0 nor inf
    # would be right, so that 0 * inf is left as it is.
    costs = [
        pt.sum(pt.square(pt.sqrt(X))), pt.sum(1 / (1 + 1 / X)), pt.sum(pt.sigmoid(pt.log(X))),
        pt.sum(X / X),
    ]  # fmt: skip
    assert np.isnan(run([X], [pt.grad(cost, X) for cost in costs], [ORIGIN])).all()
    assert np.isposinf(run([X], pt.grad(pt.sum(pt.sqrt(X)), X), [ORIGIN])).all()
    assert np.isposinf(run([X], pt.grad(pt.sum(pt.log(X)), X), [ORIGIN])).all()


def test_a_guard_is_a_product_to_further_derivatives():
    # d/dw d/dx of w * sqrt(x) is 1 / (2 * sqrt(x)), at w = 0 too.
    w = pt.tensor("w", (3,))
    slope = pt.grad(pt.sum(w * pt.sqrt(X)), X)
    x = np.array([0.25, 1, 4])
    mixed = pt.grad(pt.sum(slope), w)
    pushed = pt.jvp(slope, w, np.ones(3))
    for found in run([w, X], [mixed, pushed], [ORIGIN, x]):
        np.testing.assert_allclose(found, 1 / (2 * np.sqrt(x)), rtol=1e-15)


def test_jacobians_have_zeros_off_their_diagonal():
    x = np.array([0.0, 1.0, 2.0])
    outputs = [pt.log(X), 1 / X, pt.sqrt(X), X * pt.log(X), pt.log(X)[::-1][::-1]]
    found = run([X], [pt.jacobian(y, X) for y in outputs], [x])
    for jacobian in found:
        off = jacobian[~np.eye(3, dtype=bool)]
        assert (off == 0).all(), jacobian


def test_positions_and_scales_of_kernels():
    m, s = pt.tensor("m", (3, 2)), pt.scalar("s")
    at, weights = np.array([[0.0, 0], [1, 0], [1, 0]]), np.arange(1.0, 10).reshape(3, 3)
    differences = m[:, None, :] - m[None, :, :]
    distances = [
        pt.sqrt(pt.sum((differences / s) ** 2, axis=-1)), pt.norm(differences, axis=-1) / s,
        pt.sqrt(pt.maximum(pt.sum(m * m, 1)[:, None] + pt.sum(m * m, 1) - 2 * m @ m.T, 0)) / s,
        pt.sqrt(pt.einsum("ijk,ijk->ij", differences, differences)) / s,
    ]  # fmt: skip
    kernels = {
        "half": lambda d, e: e(-d),
        "three halves": lambda d, e: (1 + 3**0.5 * d) * e(-(3**0.5) * d),
        "five halves": lambda d, e: (1 + 5**0.5 * d + 5 * d * d / 3) * e(-(5**0.5) * d),
        "rational": lambda d, e: (1 + d * d / 3) ** -1.5,
        "power": lambda d, e: e(-(d**1.3)),
    }

    def meant(f, at, s):
        d = np.sqrt((((at[:, None] - at) / s) ** 2).sum(-1))
        return float((weights * f(d, np.exp)).sum())

    slopes, right = [], []
    for f in kernels.values():
        h = 1e-5
        by_s = (meant(f, at, 1.3 + h) - meant(f, at, 1.3 - h)) / (2 * h)
        by_m = np.zeros((3, 2))
        for index in np.ndindex(3, 2):
            step = np.zeros((3, 2))
            step[index] = h
            by_m[index] = (meant(f, at + step, 1.3) - meant(f, at - step, 1.3)) / (2 * h)
        for d in distances:
            slopes += pt.grad(pt.sum(weights * f(d, pt.exp)), [s, m])
            right += [by_s, by_m]
    # Central differences make the subgradient 0 of a kink as well.
    for got, expected in zip(run([m, s], slopes, [at, 1.3]), right, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_posteriors_with_missing_data_have_gradients_and_sample():
    y = np.array([1, np.nan, 3, 2, np.nan])
    b = pt.random.normal(0.0, 1.0, name="b")
    term = pt.where(np.isnan(y), 0.0, pt.logp(pt.random.normal(b, 1.0), y))
    posterior = pt.condition({}, potentials=[term])
    value, slope = posterior.logp_and_grad(np.array([0.5]))
    np.testing.assert_allclose(slope, [0.5 + 2.5 + 1.5 - 0.5], rtol=1e-14)
    draws = pt.sample(posterior, draws=200, tune=200, chains=1, seed=1, progress=False)
    assert abs(float(draws.posterior["b"].mean()) - 1.5) < 0.3
    w = pt.random.dirichlet(np.ones(3), name="w")
    shares = w @ np.array([[0.9, 0.1, 0]] * 3)
    seen = pt.random.categorical(shares, shape=2, name="seen")
    value, slope = pt.condition({seen: np.array([0, 1])}).logp_and_grad(np.array([0.3, -0.2]))
    assert np.isfinite(value) and np.isfinite(slope).all()


# Random programs: what is masked out has no part in the gradient.

UNARY = (
    pt.log, pt.sqrt, pt.exp, pt.square, pt.sin, pt.tanh, pt.abs, pt.log1p, pt.arcsin, pt.cbrt,
    pt.special.expit, pt.special.gammaln, lambda x: x**1.5, lambda x: 1 / x, lambda x: x**-2,
    lambda x: x**3, lambda x: pt.softplus(x), lambda x: 0.5 * x - 1, pt.special.logit,
)  # fmt: skip
BINARY = (
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b,
    lambda a, b: pt.where(a > b, a, b), pt.maximum, pt.logaddexp, lambda a, b: a**b,
)  # fmt: skip
EDGES = np.array([0.0, -0.0, 1.0, -1.0, NAN, INF, -INF, 1e300, -1e-310, 2.0, 0.5, 0.3, 1.7])


def drawn(rng, x, s):
    """An elementwise program of x and s, as a function of both."""
    nodes = [x, s * x, x + 0 * s]
    for _ in range(rng.integers(2, 6)):
        if rng.random() < 0.6:
            nodes.append(UNARY[rng.integers(len(UNARY))](nodes[rng.integers(len(nodes))]))
        else:
            a, b = (nodes[k] for k in rng.integers(len(nodes), size=2))
            nodes.append(BINARY[rng.integers(len(BINARY))](a, b))
    return nodes[-1] + 0.5 * nodes[rng.integers(len(nodes))]


def gradient(cost, wrt):
    return pt.grad(cost, wrt, disconnected_inputs="ignore")


def compared(seed):
    """The gradient of a program under a mask beside that of the same on the kept entries alone."""
    s, c, x = pt.scalar("s"), pt.tensor("c", (13,), "bool"), pt.tensor("x", (13,))
    y = drawn(np.random.default_rng(seed), x, s)
    each = run([x, s], [y, pt.jacobian(y, s), gradient(pt.sum(y), x)], [EDGES, 0.7])
    selected = np.isfinite(each).all(axis=0)
    if not selected.any():
        return [], []
    z = pt.tensor("z", (int(selected.sum()),))
    cost = pt.sum(drawn(np.random.default_rng(seed), z, s))
    alone = run([z, s], gradient(cost, [z, s]), [EDGES[selected], 0.7])
    expected = np.zeros(13)
    expected[selected] = alone[0]
    costs = [
        pt.sum(pt.where(c, y, 0)), pt.sum(pt.where(~c, 0, 2 * y)) / 2, pt.sum(y[selected]),
        pt.sum(pt.sin(pt.where(c, y, 0)) + pt.where(c, y - pt.sin(y), 0)), pt.sum(y, where=c),
    ]  # fmt: skip
    found = [run([x, s, c], gradient(cost, [x, s]), [EDGES, 0.7, selected]) for cost in costs]
    return found, [expected, alone[1]]


# The last three: masks within masks, and mixtures under an index array and within a product.
FEW = [*range(13), 44, 85, 129]


@pytest.mark.parametrize(
    "seeds",
    [pytest.param(FEW, id="few"), pytest.param(range(200), id="all", marks=pytest.mark.slow)],
)
def test_masked_programs_have_the_gradient_of_what_is_kept(seeds):
    wrong, met = [], 0
    for seed in seeds:
        found, right = compared(seed)
        for k, got in enumerate(found):
            met += 1
            close = [np.allclose(g, r, 1e-9, 1e-9) for g, r in zip(got, right, strict=True)]
            if not all(close):
                wrong.append(f"seed {seed}, cost {k}: {got}, not {right}")
    assert met >= 20 and not wrong, "\n".join(wrong)


# name: (function of x and y, values of both, the gradient by both; None is no number)
ONE_OF_TWO = {
    "a factor that does not turn": (
        lambda x, y: pt.sqrt(pt.arccos(x) * pt.square(y)) + y, (1.0, 3.0), (None, 1.0)),
    "a term that does not turn": (
        lambda x, y: pt.sqrt(pt.square(y) + pt.arccos(x)), (1.0, 0.0), (None, None)),
    "both terms turn": (
        lambda x, y: pt.sqrt(pt.square(y) + pt.abs(x)), (0.0, 0.0), (0.0, 0.0)),
    "an overflow below": (lambda x, y: 1 / (2 + pt.sinh(x)) + y * y, (-800.0, 2.0), (0.0, 4.0)),
    "an overflow above": (lambda x, y: 1 / (2 + pt.sinh(x)) + y * y, (800.0, 2.0), (0.0, 4.0)),
    "slopes that are -inf": (lambda x, y: -pt.sqrt(x * y), (0.0, 0.0), (0.0, 0.0)),
    "slopes that are inf": (lambda x, y: pt.sqrt(x * y), (0.0, 0.0), (0.0, 0.0)),
    "a mixture of what is left": (
        lambda x, y: pt.logaddexp(pt.log1p(x) + y, 2 * y), (-1.0, 0.5), (np.exp(-0.5), 2.0)),
    "a mixture without a part": (
        lambda x, y: pt.logaddexp(pt.log(x) - y, y), (0.0, 0.5), (np.exp(-1.0), 1.0)),
    "a mixture that is taken from": (
        lambda x, y: pt.logaddexp(pt.log(x) - y, y), (2.0, 0.0), (1 / 3, -1 / 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_OF_TWO)
def test_what_is_said_of_one_operand_is_not_said_of_the_other(name):
    form, at, expected = ONE_OF_TWO[name]
    x, y = pt.scalar("x"), pt.scalar("y")
    found = pt.function([x, y], pt.grad(form(x, y), [x, y]), target="interp")(*at)
    for got, right in zip(found, expected, strict=True):
        if right is None:
            assert got != 0
        else:
            np.testing.assert_allclose(got, right, rtol=1e-13)
