"""First and second derivatives of logarithms of quotients and products over the range of floats: a
square of a quotient that is beside them on the way overflows where they are numbers."""

import numpy as np
import pytest

import probtensor as pt

EXPONENTS = {"float64": (-307, -300, -160, -99, 0, 99, 160, 300), "float32": (-37, -20, -9, 0, 37)}
# A form, and its first and second derivatives by x and s.
FORMS = {
    "x / s": (lambda x, s: pt.log(x / s), lambda x, s: (1 / x, -1 / s, -1 / x / x, 0, 1 / s / s)),
    "s / x": (lambda x, s: pt.log(s / x), lambda x, s: (-1 / x, 1 / s, 1 / x / x, 0, -1 / s / s)),
    "x * s": (lambda x, s: pt.log(x * s), lambda x, s: (1 / x, 1 / s, -1 / x / x, 0, -1 / s / s)),
    "x / s / s": (
        lambda x, s: pt.log(x / s / s), lambda x, s: (1 / x, -2 / s, -1 / x / x, 0, 2 / s / s),
    ),
    "x * x / s": (
        lambda x, s: pt.log(x * x / s), lambda x, s: (2 / x, -1 / s, -2 / x / x, 0, 1 / s / s),
    ),
    "s over x / s": (
        lambda x, s: pt.log(s / (x / s)), lambda x, s: (-1 / x, 2 / s, 1 / x / x, 0, -2 / s / s),
    ),
}  # fmt: skip


def close(got, want, dtype):
    """Equal to some roundings; what is subnormal may have rounded to 0 on the way."""
    tiny = float(np.finfo(dtype).tiny)
    largest = float(np.finfo(dtype).max)
    if abs(want) > largest:
        return got == np.copysign(np.inf, want)
    return abs(got - want) <= 32 * np.finfo(dtype).eps * abs(want) + tiny


@pytest.mark.parametrize("dtype", EXPONENTS)
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("forward", [False, True], ids=["reverse", "forward"])
def test_slopes_of_logarithms_of_quotients(name, dtype, forward):
    form, slopes = FORMS[name]
    x, s = pt.tensor("x", (), dtype), pt.tensor("s", (), dtype)
    value = form(x, s)
    by_x, by_s = pt.grad(value, [x, s])
    one, zero = pt.ones((), dtype=dtype), pt.zeros((), dtype=dtype)
    pairs = [(by_x, 0), (by_x, 1), (by_s, 1)]
    if forward:
        tangents = ([one, zero], [zero, one])
        second = [pt.jvp(g, [x, s], tangents[k]) for g, k in pairs]
    else:
        second = [pt.grad(g, [x, s][k], disconnected_inputs="ignore") for g, k in pairs]
    f = pt.function([x, s], [value, by_x, by_s, *second], target="interp")
    checked = 0
    for a in EXPONENTS[dtype]:
        for b in EXPONENTS[dtype]:
            at = [np.asarray(3.0 * 10.0**a, dtype), np.asarray(7.0 * 10.0**b, dtype)]
            with np.errstate(all="ignore"):
                value, *found = (float(v) for v in f(*at))
                wanted = slopes(*(np.longdouble(v) for v in at))
            if not np.isfinite(value):
                continue  # The quotient as written is out of the range of floats.
            checked += 1
            for got, want in zip(found, wanted):
                assert close(got, want, dtype), (a, b, found, wanted)
    assert checked > 8


SOME = {
    "slice": lambda v: v[1:3],
    "elements": lambda v: v[[1, 2]],
    "where": lambda v: pt.where(np.array([False, True, True, False]), v, 0.0),
}


@pytest.mark.parametrize("some", SOME)
@pytest.mark.parametrize("name", FORMS)
def test_slopes_where_some_elements_are_read(name, some):
    form, slopes = FORMS[name]
    x, s = np.array([0.4, 1.3, 2.8, 0.7]), 1.4
    a, b = pt.tensor("a", (4,)), pt.scalar("b")
    total = pt.sum(SOME[some](form(a, b)))
    found = pt.function([a, b], pt.grad(total, [a, b]), target="machine")(x, s)
    read = np.array([0, 1, 1, 0])
    want = slopes(x, s)
    np.testing.assert_allclose(found[0], read * want[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], np.sum(read * want[1]), rtol=1e-12)
