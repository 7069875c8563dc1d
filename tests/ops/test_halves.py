"""float16 as what inputs, shared variables and results are stored in."""

import pickle

import numpy as np
import pytest

import probtensor as pt

BITS = np.arange(65536, dtype="uint16").view("float16")
KNOWN = BITS[np.isfinite(BITS)]
RNG = np.random.default_rng(3)
EDGES = [65504, 65519.999, 65520, 1e6, 2.0**-24, 2.0**-25, 3 * 2.0**-26, 2.0**-14 - 2.0**-26, 2049,
         2051, 1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 0.0, np.inf, np.nan, 1e-300]  # fmt: skip
DRAWN = RNG.normal(size=500) * 10.0 ** RNG.integers(-9, 6, 500)
TIES = (KNOWN[:-1:37].astype(float) + KNOWN[1::37].astype(float)) / 2
WIDE = np.concatenate([EDGES, np.negative(EDGES), DRAWN, TIES])
TARGETS = ["machine", "interp", pytest.param("cython", marks=pytest.mark.slow)]


def halves(x):
    with np.errstate(over="ignore"):
        return np.asarray(x).astype("float16")


def same(got, meant):
    """Of one dtype, equal bit by bit but for nan."""
    assert got.dtype == meant.dtype
    np.testing.assert_array_equal(got, meant)
    real = ~np.isnan(meant)
    np.testing.assert_array_equal(np.signbit(got)[real], np.signbit(meant)[real])


@pytest.mark.parametrize("target", TARGETS)
def test_every_float16_passes_unchanged(target):
    given = BITS if target != "interp" else BITS[::97]
    x = pt.vector("x", "float16")
    assert x.dtype == "float16" and x.name == "x" and (x + 1).dtype == "float32"
    outputs = [x, x.astype("float32"), x * 2, (x * 2).astype("float16")]
    found = pt.function([x], outputs, target=target)(given)
    wide = given.astype("float32")
    with np.errstate(invalid="ignore"):
        twice = wide * 2
    for got, meant in zip(found, (given, wide, twice, halves(twice)), strict=True):
        same(got, meant)


@pytest.mark.parametrize("target", TARGETS)
def test_casts_round_once_as_numpys(target):
    v, w, i = pt.vector("v"), pt.fvector("w"), pt.ivector("i")
    outputs = [v.astype("float16"), w.astype(np.float16), v.astype("float16").astype("float32"),
               pt.cast(v, "float16").astype("float64"), i.astype("float16")]  # fmt: skip
    f = pt.function([v, w, i], outputs, target=target)
    single, whole = WIDE.astype("float32"), np.array([1, -2049, 70000], "int32")
    found, once = f(WIDE, single, whole), halves(WIDE)
    meant = once, halves(single), once.astype("float32"), once.astype("float64"), halves(whole)
    for got, expected in zip(found, meant, strict=True):
        same(got, expected)


@pytest.mark.parametrize("target", TARGETS)
def test_shared_variables_are_stored_in_float16(target):
    s = pt.shared(np.array([1, 2, 3], "float16"), name="s")
    t = pt.shared([0.1, 0.2], dtype="float16")
    v = pt.vector("v")
    f = pt.function([v], [s, s + v], updates={s: (s + v).astype("float16"), t: t}, target=target)
    before, total = f([0.1, 0.2, 0.3])
    same(before, np.array([1, 2, 3], "float16"))
    np.testing.assert_array_equal(total, [1.1, 2.2, 3.3])
    stored = s.get_value(borrow=True)
    assert stored.nbytes == 6
    same(stored, halves([1.1, 2.2, 3.3]))
    same(t.get_value(), halves([0.1, 0.2]))
    s.set_value([4, 5.5, 6])
    same(f(np.zeros(3))[0], halves([4, 5.5, 6]))
    other = pt.shared(np.zeros(3, "float16"))
    same(f.copy(swap={s: other})(np.ones(3))[0], np.zeros(3, "float16"))
    same(other.get_value(), np.ones(3, "float16"))
    with pytest.raises(TypeError, match=r"must be float16 with 1 axes(.|\n)*astype\('float16'\)"):
        pt.function([v], [], updates={s: s + 1})
    with pytest.raises(TypeError, match="does not fit"):
        s.set_value(np.array([1.0, 2.0, 3.0]))


def test_derivatives_pass_the_rounding():
    x, v = pt.vector("x", "float16"), pt.vector("v")
    cost = pt.sum((x**2).astype("float16") * 3) + pt.sum(v.astype("float16") ** 2)
    by_x, by_v = pt.grad(cost, [x, v])
    assert by_x.dtype == "float32" and by_v.dtype == "float64"
    tangent = pt.jvp(v.astype("float16") * 2.0, v, np.ones(2))
    found = pt.function([x, v], [by_x, by_v, tangent], target="machine")(halves([1, 2]), [0.1, 3])
    np.testing.assert_array_equal(found[0], [6, 12])
    np.testing.assert_array_equal(found[1], 2 * halves([0.1, 3]).astype("float64"))
    np.testing.assert_array_equal(found[2], [2, 2])


def test_a_half_is_read_as_the_float32_that_it_stands_for():
    x = pt.matrix("x", "float16", shape=(3, 3))
    stands = pt.as_tensor(x)
    assert stands.dtype == "float32" and x.shape == (3, 3) and x.astype("float16") is x
    for f in (
        lambda z: z.sum(), lambda z: z.T[0], lambda z: -z, lambda z: z @ z, lambda z: np.sin(z),
        lambda z: 2 * z, lambda z: z > 0, lambda z: z.at[0].add(1.0), lambda z: pt.stack([z, z]),
        lambda z: pt.where(z > 0, z, 0.0), lambda z: z + np.float16(1), lambda z: pt.linalg.det(z),
        lambda z: pt.softmax(z, 0), lambda z: pt.logaddexp(z, 1.0), lambda z: pt.max(z, 1),
    ):  # fmt: skip
        assert f(x) is f(stands)
    assert x + 1.0 is stands + 1.0 and (x + np.ones(3)).dtype == "float64"


def test_the_border_of_a_function():
    x, a = pt.vector("x", "float16"), halves([0.5, 0.25])
    twice = (x * 2).astype("float16")
    f = pt.function([pt.In(x, value=[1, 2])], {"y": twice, "same": x}, target="machine")
    same(f()["y"], halves([2, 4]))
    same(pickle.loads(pickle.dumps(f))(a)["y"], a * 2)
    same(f.subset("same")(a), a)
    same(f.bind({x: a})()["y"], a * 2)
    same(twice.eval({x: a}), a * 2)
    same(x.eval({"x": a}), a)
    same(pt.function([], x, givens={x: a}, target="machine")(), a)
    z = pt.fvector("z")
    same(pt.function([z], twice, givens={x: z / 3}, target="machine")([1, 2]),
         halves(2 * (np.float32([1, 2]) / np.float32(3))))  # fmt: skip
    assert pt.to_text(twice) == pt.to_text(pt.as_tensor(twice)) and "from_half" in pt.to_text(x)
    with pytest.raises(TypeError, match=r"x: expected float16, got float64(.|\n)*made at"):
        f(np.array([1.0]))
    with pytest.raises(TypeError, match="complex"):
        pt.zvector("z").astype("float16")


def test_messages_call_a_tensor_of_float16_by_its_name_and_dtype():
    x = pt.scalar("x", dtype="float16")
    with pytest.raises(TypeError, match=r"^x: expected float32, got float64"):
        pt.function([], x * 1, givens={x: np.float64(0.1)})
    w, v = (pt.shared(np.ones(2, kind), name=kind) for kind in ("float16", "float32"))
    with pytest.raises(TypeError, match="cannot stand for <float16: float16"):
        pt.function([], w * 1).copy(swap={w: v})
