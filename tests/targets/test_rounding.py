"""A product is rounded before it is added: results equal NumPy's bitwise on both targets."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.device.compiler import OPTIONS
from probtensor.targets.cython import native, toolchain

TARGETS = ("interp", "cython")
DTYPES = ("float64", "float32")
FUSING = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fwrapv")


def patterns(a, b, c, d, where, sqrt):
    """Expressions that a compiler could fuse."""
    return [
        a * b - c * d,
        a * b + c * d,
        c - a * b,
        a * b - c,
        a * b + c,
        -(a * b) - c,
        a * a - b * b,
        (a * b) * c + d,
        a * (b * c + d) - c,
        ((a * b + c) * b + d) * b + a,
        where(a < b, a * b, c * d) + a * d,
        b * b - 4 * a * c,
        sqrt(a * a + b * b),
        a / b - c * d,
        (a + b) * (c - d) - a * b,
        1 - a * a,
        (a - c * d) / (a * d + b),
    ]


def elementwise(dtype, target):
    """The patterns over a vector and over scalars, as one function."""
    names = "abcd"
    vectors = [pt.vector(name, dtype=dtype) for name in names]
    scalars = [pt.scalar(name + "0", dtype=dtype) for name in names]
    outs = patterns(*vectors, pt.where, pt.sqrt) + patterns(*scalars, pt.where, pt.sqrt)
    return pt.function([*vectors, *scalars], outs, target=target)


def wrong_bits(function, dtype, n):
    """Numbers of the patterns that differ from NumPy's, on random data and equal products."""
    rng = np.random.default_rng(3)
    values = [rng.uniform(0.1, 2, n).astype(dtype) for _ in range(4)]
    values[2][::2], values[3][::2] = values[1][::2], values[0][::2]  # a*b - c*d is 0
    values[1][1::4] = values[0][1::4]
    firsts = [v[1] for v in values]
    found = function(*values, *firsts)
    expected = patterns(*values, np.where, np.sqrt) + patterns(*firsts, np.where, np.sqrt)
    return [
        k
        for k, (got, want) in enumerate(zip(found, expected, strict=True))
        if np.asarray(got).tobytes() != np.asarray(want, dtype=dtype).tobytes()
    ]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_in_expressions_are_rounded(dtype, target):
    function = elementwise(dtype, target)
    for n in (301, 7) if target == "cython" else (40,):
        assert wrong_bits(function, dtype, n) == []


def _fuses() -> bool:
    """Whether the compiler would fuse on this machine."""
    text = toolchain.cpu_identity()
    return " fma" in text or "asimd" in text or "aarch64" in text or "arm64" in text


@pytest.mark.skipif(not _fuses(), reason="this processor has no fused multiply-add")
def test_a_compiler_that_fuses_is_found_out(monkeypatch, tmp_path):
    key = native.key_of("", toolchain.Compiler((), ""))
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "OPTIMISE", FUSING)
    toolchain.flags.cache_clear()
    try:
        assert native.key_of("", toolchain.Compiler((), "")) != key
        monkeypatch.setattr(native, "_LOADED", {})
        assert len(wrong_bits(elementwise("float64", "cython"), "float64", 301)) > 5
    finally:
        monkeypatch.undo()
        toolchain.flags.cache_clear()


def test_no_compiler_is_told_to_fuse():
    assert "-ffp-contract=off" in toolchain.flags()
    assert "--fmad=false" in OPTIONS
    text = (toolchain.include_dir().parent.parent / "setup.py").read_text()
    assert '"-ffp-contract=off"' in text


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_equal_products_cancel(dtype):
    x, y = pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
    m = pt.matrix("m", dtype=dtype)
    outs = [
        pt.sum(x * x - y * y),
        pt.sqrt(pt.sum(x * x - y * y)),
        pt.sum(pt.stack([x[0] * y[1], -x[1] * y[0]])),
        pt.sqrt(pt.sum(x[:2] * x[:2] * np.array([1, -1], dtype))),
        pt.dot(x[:2], pt.stack([y[1], -y[0]])),
        pt.stack([x[0], -x[1]]) @ m[:2, 0],
        m[:2].T @ pt.stack([x[0], -x[1]]),
    ]
    if dtype == "float64":  # in float32, products of a sum are added as doubles
        outs.append(pt.dot(x[:2], x[:2]) - (x[0] * x[0] + x[1] * x[1]))
        outs.append(pt.dot(x[:3], x[:3]) - ((x[0] * x[0] + x[1] * x[1]) + x[2] * x[2]))
    function = pt.function([x, y, m], outs)
    rng = np.random.default_rng(1)
    for _ in range(40):
        v = rng.uniform(0.5, 2, 5).astype(dtype)
        v[1] = v[0]
        rows = np.tile(v[:2, None], (1, 3)).astype(dtype)
        for k, got in enumerate(function(v, v, rows)):
            assert not np.any(got), (k, got)


def test_explicit_fusing_of_long_sums_is_more_accurate_only():
    """A long sum of products agrees with one in extended precision, whichever way it is written."""
    x, y = pt.vector("x"), pt.vector("y")
    function = pt.function([x, y], [pt.sum(x * y), pt.dot(x, y), pt.sum(pt.square(x))])
    rng = np.random.default_rng(2)
    for n in (63, 64, 65, 200, 5000):
        a, b = rng.normal(size=n), rng.normal(size=n)
        wide = a.astype(np.longdouble)
        scale = np.sum(np.abs(wide * b)), np.sum(np.abs(wide * b)), np.sum(wide * wide)
        exact = np.sum(wide * b), np.sum(wide * b), np.sum(wide * wide)
        for got, want, size in zip(function(a, b), exact, scale, strict=True):
            assert abs(got - want) <= 8 * np.finfo(float).eps * size


@pytest.mark.parametrize("target", ["cython", "machine"])
def test_a_pair_of_a_difference_and_a_sum_is_not_fused(target):
    """gcc's vectoriser of straight-line code makes one fused instruction of such a pair."""
    a, b, c = pt.vector("a"), pt.vector("b"), pt.vector("c")
    pair = pt.stack([a[0] * b[0] - c[0], a[1] * b[1] + c[1]])
    f = pt.function([a, b, c], pair, target=target)
    rng = np.random.default_rng(5)
    for x, y, z in rng.uniform(0.1, 2, (200, 3, 2)):
        assert f(x, y, z).tolist() == [x[0] * y[0] - z[0], x[1] * y[1] + z[1]]


@pytest.mark.parametrize("target", ["cython", "machine"])
def test_floats_made_of_integers_have_no_negative_zero(target):
    x, single = pt.vector("x"), pt.vector("single", dtype="float32")
    casts = [(x, "int64", "float64"), (single, "int64", "float32"), (single, "int32", "float32"),
             (single, "int16", "float64")]  # fmt: skip
    made = [v.astype(whole).astype(back) for v, whole, back in casts]
    outputs = [*made, *(2 * y for y in made), *(pt.sum(pt.sin(y)) for y in made)]
    at = np.linspace(-1.5, 1.5, 37)
    found = pt.function([x, single], outputs, target=target)(at, at.astype("float32"))
    for k in range(4):
        whole = np.trunc(at) + 0.0
        np.testing.assert_array_equal(found[k], whole)
        assert not np.signbit(found[k][whole == 0]).any()
        assert not np.signbit(found[k + 4][whole == 0]).any()
