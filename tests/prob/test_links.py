"""Links written as people write them: densities of 0/1 data, categories and ordered categories and
their first two derivatives against mpmath, from -1000 to 1000, where probabilities round to 0 and 1
and exponentials overflow."""

import math
import re

import mpmath
import numpy as np
import pytest

import probtensor as pt
from tests.prob.exact_links import AT, DIGITS, LOG, check, log1mexp, log_between, truth

R = pt.random
N = len(AT)
ROWS = np.arange(N)
LINKS = {
    "sigmoid": ("logistic", lambda e: pt.sigmoid(e)),
    "1 / (1 + exp(-e))": ("logistic", lambda e: 1 / (1 + pt.exp(-e))),
    "exp(e) / (1 + exp(e))": ("logistic", lambda e: pt.exp(e) / (1 + pt.exp(e))),
    "u / (u + 1)": ("logistic", lambda e: (lambda u: u / (u + 1))(pt.exp(e))),
    "1 - 1 / (1 + exp(e))": ("logistic", lambda e: 1 - 1 / (1 + pt.exp(e))),
    "tanh": ("logistic", lambda e: 0.5 * (1 + pt.tanh(e / 2))),
    "tanh apart": ("logistic", lambda e: 0.5 + 0.5 * pt.tanh(0.5 * e)),
    "tanh over 2": ("logistic", lambda e: (1 + pt.tanh(e / 2)) / 2),
    "expit": ("logistic", lambda e: pt.special.expit(e)),
    "ndtr": ("probit", lambda e: pt.special.ndtr(e)),
    "erfc": ("probit", lambda e: 0.5 * pt.erfc(-e / np.sqrt(2))),
    "erfc halved": ("probit", lambda e: pt.erfc(-e / math.sqrt(2)) / 2),
    "erfc by sqrt(0.5)": ("probit", lambda e: 0.5 * pt.erfc(-math.sqrt(0.5) * e)),
    "erf": ("probit", lambda e: 0.5 * (1 + pt.erf(e / np.sqrt(2)))),
    "erf apart": ("probit", lambda e: 0.5 + 0.5 * pt.erf(e / pt.sqrt(2.0))),
    "1 - exp(-exp(e))": ("cloglog", lambda e: 1 - pt.exp(-pt.exp(e))),
    "-expm1(-exp(e))": ("cloglog", lambda e: -pt.expm1(-pt.exp(e))),
    "exp(-exp(-e))": ("loglog", lambda e: pt.exp(-pt.exp(-e))),
    "arctan": ("cauchit", lambda e: 0.5 + pt.arctan(e) / np.pi),
    "arctan by 1 / pi": ("cauchit", lambda e: (1 / math.pi) * pt.arctan(e) + 0.5),
}
# A density of 0/1 data y, given as data and as a literal, for a probability p.
WAYS = {
    "literal": lambda p, y, data: pt.logp(R.bernoulli(p), y.astype(int)),
    "data": lambda p, y, data: pt.logp(R.bernoulli(p), data.astype("int64")),
    "cross entropy": lambda p, y, data: data * pt.log(p) + (1 - data) * pt.log(1 - p),
    "choice": lambda p, y, data: pt.log(pt.where(pt.eq(data, 1), p, 1 - p)),
    "choice of logs": lambda p, y, data: pt.where(pt.eq(data, 1), pt.log(p), pt.log1p(-p)),
    "xlogy": lambda p, y, data: pt.xlogy(data, p) + pt.xlogy(1 - data, 1 - p),
    "binomial": lambda p, y, data: pt.logp(R.binomial(1, p), y.astype(int)),
    "two classes": lambda p, y, data: pt.logp(
        R.categorical(pt.stack([1 - p, p], axis=-1)), data.astype("int64")
    ),
}


def bernoulli_cases(names, ways):
    cases = {}
    for name in names:
        cdf, link = LINKS[name]
        for y in (1, 0):
            for way in ways:

                def term(eta, way=way, y=y, link=link):
                    given = np.full(N, float(y))
                    return WAYS[way](link(eta), given, pt.data(given))

                cases[f"{name}, {y}, {way}"] = term, LOG[cdf][1 - y]
    return cases


@pytest.mark.parametrize("name", LINKS)
def test_densities_of_0_and_1(name):
    check(bernoulli_cases([name], WAYS), "interp")


def test_densities_of_0_and_1_compiled():
    """All links in one module."""
    check(bernoulli_cases(LINKS, ["cross entropy"]), "cython")


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_links_in_single_precision(target):
    at = np.array([-1e3, -104, -88, -17, -1, 0, 1, 17, 88, 104, 1e3])
    eta = pt.vector("eta", shape=at.shape, dtype="float32")
    outputs = {}
    for name, (_, link) in LINKS.items():
        p = link(eta)
        for y in (1, 0):
            term = WAYS["cross entropy"](p, y, pt.data(np.full(at.shape, y, p.dtype)))
            outputs[name, y] = [term, pt.grad(pt.sum(term), eta)]
    keys = [*outputs]
    found = pt.function([eta], [outputs[key] for key in keys], target=target)(at.astype("float32"))
    for (name, y), got in zip(keys, found, strict=True):
        exact = LOG[LINKS[name][0]][1 - y]
        for order, value in enumerate(got):
            with np.errstate(over="ignore"):
                right = truth(exact, order, tuple(at)).astype("float32")
            np.testing.assert_allclose(value, right, rtol=1e-5, atol=1e-37, err_msg=f"{name} {y}")


def test_posteriors_have_no_guard_and_right_values():
    y = np.arange(N) % 2
    for name, (cdf, link) in LINKS.items():
        right = [np.where(y == 1, truth(LOG[cdf][0], k), truth(LOG[cdf][1], k)) for k in (0, 1)]
        used = np.isfinite(right[0])
        for way in ("bernoulli", "potential"):
            eta = R.flat(shape=int(used.sum()), name="eta")
            data = pt.data(y[used], name="d")
            posterior = (
                pt.condition({R.bernoulli(link(eta), name="y"): y[used]}, target="interp")
                if way == "bernoulli"
                else pt.condition(
                    {}, potentials=[WAYS["cross entropy"](link(eta), y, data)], target="interp"
                )
            )
            value, slope = posterior.logp_and_grad(AT[used])
            assert posterior.guarded == (), name
            np.testing.assert_allclose(value, right[0][used].sum(), rtol=1e-12, err_msg=name)
            np.testing.assert_allclose(slope, right[1][used], rtol=1e-10, err_msg=name)


def test_what_users_clip_stays_clipped():
    eta = pt.vector("eta")
    p = pt.clip(pt.sigmoid(eta), 1e-6, 1 - 1e-6)
    f = pt.function([eta], pt.logp(R.bernoulli(p), np.ones(2, int)), target="interp")
    np.testing.assert_allclose(f([-1e3, 1e3]), [np.log(1e-6), np.log1p(-1e-6)], rtol=1e-9)


# Categories.


def classes(eta):
    return pt.stack([eta, pt.zeros((N,)), 1 - eta / 2], axis=-1)


SHARES = {
    "softmax": lambda x: pt.softmax(x, axis=-1),
    "keepdims": lambda x: pt.exp(x) / pt.sum(pt.exp(x), axis=-1, keepdims=True),
    "new axis": lambda x: pt.exp(x) / pt.sum(pt.exp(x), axis=1)[:, None],
    "transposed": lambda x: (pt.exp(x.T) / pt.sum(pt.exp(x.T), axis=0)).T,
}


def log_share(k):
    def f(x):
        terms = [x, mpmath.mpf(0), 1 - x / 2]
        top = max(terms)
        return terms[k] - top - mpmath.log(sum(mpmath.exp(t - top) for t in terms))

    return f


def sticks(eta):
    first, second = pt.sigmoid(eta), 1 / (1 + pt.exp(1 - 0.5 * eta))
    return pt.stack([first, second * (1 - first), (1 - first) * (1 - second)], axis=-1)


def log_stick(k):
    first, rest = LOG["logistic"]
    forms = (
        first,
        lambda x: first(x / 2 - 1) + rest(x),
        lambda x: rest(x) + rest(x / 2 - 1),
    )
    return forms[k]


def category_cases():
    cases = {}
    for k in range(3):
        given = np.full(N, k)
        for name, share in SHARES.items():
            exact = log_share(k)
            cases[f"{name} {k}"] = (
                lambda e, s=share, g=given: pt.logp(R.categorical(s(classes(e))), pt.data(g)),
                exact,
            )
            cases[f"{name} gathered {k}"] = (
                lambda e, s=share, g=given: pt.log(s(classes(e))[ROWS, pt.data(g)]),
                exact,
            )
        cases[f"sticks {k}"] = (
            lambda e, g=given: pt.logp(R.categorical(sticks(e)), pt.data(g)),
            log_stick(k),
        )
    return cases


def test_categories():
    check(category_cases(), "interp", near=(2e-14, 1e-13, 3e-13))


# Ordered categories by hand.


CUTS = np.array([-1.0, 0.5, 2.0])


def log_level(cdf, k):
    def f(x):
        cuts = [mpmath.mpf(c) - x for c in CUTS]
        if k == 0:
            return LOG[cdf][0](cuts[0])
        return LOG[cdf][1](cuts[-1]) if k == 3 else log_between(cdf, cuts[k], cuts[k - 1])

    return f


def cumulative(link, eta):
    inner = link(CUTS - eta[:, None])
    return pt.concatenate([pt.zeros((N, 1)), inner, pt.ones((N, 1))], axis=1)


def of_levels(link, eta, k):
    return pt.log(pt.diff(cumulative(link, eta), axis=1)[ROWS, k])


def of_categories(link, eta, k):
    return pt.logp(R.categorical(pt.diff(cumulative(link, eta), axis=1)), k)


def of_pieces(link, eta, k):
    low, middle, high = (link(c - eta) for c in CUTS)
    return pt.logp(R.categorical(pt.stack([low, middle - low, high - middle, 1 - high], -1)), k)


def of_choices(link, eta, k):
    cuts = pt.as_tensor(CUTS)
    upper, lower = cuts[pt.minimum(k, 2)] - eta, cuts[pt.maximum(k, 1) - 1] - eta
    between = pt.where(pt.eq(k, 3), 1 - link(CUTS[2] - eta), link(upper) - link(lower))
    return pt.log(pt.where(pt.eq(k, 0), link(CUTS[0] - eta), between))


def of_infinite_ends(link, eta, k):
    ends = pt.concatenate([[-np.inf], pt.as_tensor(CUTS), [np.inf]])
    return pt.log(link(ends[k + 1] - eta) - link(ends[k] - eta))


def of_gathered_cumulatives(link, eta, k):
    table = cumulative(link, eta)
    return pt.log(table[ROWS, k + 1] - table[ROWS, k])


ORDINAL = [
    of_levels, of_categories, of_pieces, of_choices, of_infinite_ends, of_gathered_cumulatives,
]  # fmt: skip
ORDINAL_LINKS = ["1 / (1 + exp(-e))", "erfc"]
OTHER_LINKS = ["1 - exp(-exp(e))", "exp(-exp(-e))", "arctan"]


def ordinal_cases(names, ways):
    cases = {}
    for name in names:
        cdf, link = LINKS[name]
        for way in ways:
            for k in range(4):
                cases[f"{name} {way.__name__} {k}"] = (
                    lambda e, w=way, link=link, k=k: w(link, e, pt.data(np.full(N, k))),
                    log_level(cdf, k),
                )
    return cases


@pytest.mark.parametrize("way", ORDINAL, ids=lambda way: way.__name__)
def test_ordered_categories(way):
    check(ordinal_cases(ORDINAL_LINKS, [way]), "interp", near=(2e-13, 1e-13, 3e-13))


def test_ordered_categories_of_other_links():
    check(ordinal_cases(OTHER_LINKS, [of_levels]), "interp", near=(2e-13, 1e-13, 3e-13))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_narrow_categories_of_normal_laws(dtype):
    """Logarithms at the ends of an interval are equal where their rounding exceeds its width."""
    tiny = [2.0**-k for k in (3, 6, 8, 11, 20, 40)]
    middles = [0.0, 0.3, -3.0, 8.0, -30.0]
    rows = [(c, w) for c in middles for w in tiny if w > 2.0**-20 * abs(c) or dtype == "float64"]
    rows = np.array([(c + w, c - w) for c, w in rows], dtype)
    rows = rows[rows[:, 0] > rows[:, 1]]
    a, b = pt.vector("a", shape=(len(rows),), dtype=dtype), pt.vector("b", dtype=dtype)
    term = pt.log(pt.ndtr(a) - pt.ndtr(b))
    f = pt.function([a, b], [term, *pt.grad(pt.sum(term), [a, b])], target="interp")
    digits = np.finfo(dtype).eps / np.finfo("float64").eps
    for (upper, lower), value, *slopes in zip(rows, *f(*rows.T)):
        with mpmath.workdps(DIGITS):
            upper, lower = mpmath.mpf(float(upper)), mpmath.mpf(float(lower))
            right = log_between("probit", upper, lower)
            peak = mpmath.exp(-right) / mpmath.sqrt(2 * mpmath.pi)
            exact = peak * mpmath.exp(-(upper**2) / 2), -peak * mpmath.exp(-(lower**2) / 2)
        # Far out a rounding of an end moves its density by its square.
        moved = digits * 4e-16 * float(upper**2)
        assert abs(value - right) <= digits * 1e-14 * abs(right) + moved, (upper, lower)
        for slope, wanted in zip(slopes, exact):
            assert abs(slope / wanted - 1) <= (1e-11 if dtype == "float64" else 1e-4) + moved


def test_counts_of_a_discrete_weibull_law():
    """P(y) = q**(y**a) - q**((y + 1)**a), as it is written; q next to 0 and to 1."""

    def of_powers(eta, k, a):
        q, k = 1 / (1 + pt.exp(-eta)), pt.constant(np.full(N, float(k)))
        return pt.log(q ** (k**a) - q ** ((k + 1) ** a))

    def exact(k, a):
        def f(x):
            log, gap = LOG["logistic"][0](x), (mpmath.mpf(k) + 1) ** a - mpmath.mpf(k) ** a
            return mpmath.mpf(k) ** a * log + log1mexp(gap * log)

        return f

    check(
        {
            f"{k}, {a}": (lambda e, k=k, a=a: of_powers(e, k, a), exact(k, a))
            for k, a in [(0, 1.7), (1, 0.5), (3, 1.5), (40, 0.3)]
        },
        "interp",
        near=(0.0, 0.0, 3e-13),
    )


def test_classes_of_exponentials_beside_1():
    """The rest of softmax by hand: 1 - n/s of the sum s of three, and 1 - n/s - m/s."""

    def of(make):
        return lambda e: make(pt.exp(e), pt.exp(0.25 * e))

    def exact(n, m):
        def f(x):
            a, b = mpmath.exp(x), mpmath.exp(x / 4)
            return mpmath.log(1 + (1 - n) * a + (1 - m) * b) - mpmath.log(1 + a + b)

        return f

    check(
        {
            "one": (of(lambda a, b: pt.log(1 - a / (1 + a + b))), exact(1, 0)),
            "two": (of(lambda a, b: pt.log(1 - a / (1 + a + b) - b / (1 + a + b))), exact(1, 1)),
            "log1p": (of(lambda a, b: pt.log1p(-b / (a + 1 + b))), exact(0, 1)),
        },
        "interp",
        near=(1e-13, 1e-13, 3e-13),
    )


def test_the_risk_of_a_dose():
    """1 - (1 + dose / b)**-a, the beta-Poisson response, with a and b far apart."""
    dose, a = 2.5, 0.2

    def f(x):
        return log1mexp(-mpmath.mpf(a) * mpmath.log1p(mpmath.mpf(dose) * mpmath.exp(-x)))

    def risk(e):
        return pt.log(1 - (1 + dose / pt.exp(e)) ** (-a))

    check({"risk": (risk, f)}, "interp", near=(1e-13, 1e-13, 3e-13))


SIGNED = {
    "log(exp(-(x + e)))": (lambda x, e: pt.log(pt.exp(-(x + e))), lambda x, e: (-x - e, -1)),
    "log(3 exp(-(x e)))": (
        lambda x, e: pt.log(3 * pt.exp(-(x * e))), lambda x, e: (np.log(3) - x * e, -e),
    ),
    "log(x + e)": (lambda x, e: pt.log(x + e), lambda x, e: (np.log(x + e), 1 / (x + e))),
    "log(1 + x e)": (lambda x, e: pt.log(1 + x * e), lambda x, e: (np.log1p(x * e), e / (1 + x*e))),
    "log(e / (e + x))": (
        lambda x, e: pt.log(e / (e + x)), lambda x, e: (-np.log1p(x / e), -1 / (e + x)),
    ),
    "log(1 - x / (x + e))": (
        lambda x, e: pt.log(1 - x / (x + e)), lambda x, e: (-np.log1p(x / e), -1 / (e + x)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", SIGNED)
def test_exponentials_beside_numbers_of_either_sign(way):
    """What is read by its logarithm may be 0, or less, beside an exponential e = exp(y)."""
    make, exact = SIGNED[way]
    at = np.array([(0.0, 0.3), (-0.0, -2.0), (0.0, 0.0), (-0.9, 0.0), (-5.0, 0.0), (2.0, 1.0)])
    if "exp(" not in way:
        at = at[at[:, 0] > -1]
    x, y = pt.vector("x"), pt.vector("y")
    term = make(x, pt.exp(y))
    f = pt.function([x, y], [term, pt.grad(pt.sum(term), x)], target="interp")
    value, slope = exact(at[:, 0], np.exp(at[:, 1]))
    np.testing.assert_allclose(f(*at.T), [value, np.broadcast_to(slope, len(at))], 1e-13)


@pytest.mark.slow
def test_categories_compiled():
    check(category_cases(), "cython", near=(2e-14, 1e-13, 3e-13))
    links = [*ORDINAL_LINKS, *OTHER_LINKS, "sigmoid", "ndtr"]
    for way in (of_levels, of_choices, of_gathered_cumulatives):
        check(ordinal_cases(links, [way]), "cython", near=(2e-13, 1e-13, 3e-13))


GLMS = {
    "bernoulli": lambda mean: R.bernoulli(logit_p=mean, name="y"),
    "poisson": lambda mean: R.poisson(pt.exp(mean), name="y"),
    "negative_binomial": lambda mean: R.negative_binomial(mu=pt.exp(mean), alpha=2.0, name="y"),
    "normal": lambda mean: R.normal(mean, R.exponential(1.0, name="sigma"), name="y"),
}


@pytest.mark.parametrize("columns", [3, 20])
@pytest.mark.parametrize("name", GLMS)
def test_regressions_read_the_rows_once(name, columns):
    """Value and gradient are one loop over the rows of X, as in functions written by hand; a few
    columns are arrays of their own."""
    rng = np.random.default_rng(3)
    x = pt.data(rng.normal(size=(40, columns)), name="X")
    beta = R.normal(0, 1, shape=columns, name="beta")
    post = pt.condition({GLMS[name](x @ beta): rng.integers(0, 2, 40)}, target="machine")
    kernels = re.split(r"\n(?=k\d+\()", post.function.explain("kernels"))
    over_rows = [k for k in kernels if re.search(r"for i\d+ in range\(n0\)", k)]
    assert len(over_rows) == 1 and len(re.findall(r"in range\(n0\)", over_rows[0])) == 1
    read = set(re.findall(r"x\d+\[20\*i\d+ \+ i\d+\]", over_rows[0]))
    if columns == 3:
        products = set(re.findall(r"(x\d+)\[i\d+\] \* x\d+\[\d\]", over_rows[0]))
        assert len(products) == 3 and not read
    else:
        assert len({x.partition("[")[0] for x in read}) == 1
