"""Convolutions of networks against loops; their derivatives by differences."""

import itertools

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import GraphError
from probtensor.ops.shapes import convolution
from tests.nn import loops
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static

CONVS = pt.nn.conv1d, pt.nn.conv2d, pt.nn.conv3d
TRANSPOSES = pt.nn.conv_transpose1d, pt.nn.conv_transpose2d, pt.nn.conv_transpose3d
# shape of the input, of the kernel, stride, pads, dilation, groups
CASES = [
    ((2, 3, 7), (2, 3, 3), (1,), [(0, 0)], (1,), 1),
    ((2, 4, 80), (6, 2, 3), (1,), [(2, 2)], (2,), 2),
    ((1, 2, 90), (9, 2, 9), (2,), [(1, 1)], (1,), 1),
    ((2, 2, 5, 6), (3, 2, 2, 3), (1, 2), [(1, 1), (2, 2)], (1, 1), 1),
    ((3, 4, 8, 7), (8, 4, 3, 3), (2, 1), [(1, 2), (0, 1)], (1, 2), 1),
    ((1, 3, 6, 5), (6, 1, 3, 3), (1, 1), [(1, 1), (1, 1)], (1, 1), 3),
    ((1, 2, 4, 3, 5), (2, 1, 2, 1, 2), (1, 1, 2), [(0, 0), (1, 1), (1, 0)], (2, 1, 1), 2),
]


def rank(case):
    return len(case[2])


def test_values_of_all_ranks_and_settings():
    arrays = [batch(*shape) for case in CASES for shape in (case[0], case[1], case[1][:1])]

    def outputs(*xs):
        return [
            CONVS[rank(case) - 1](x, w, b, stride, pads, dilation, groups)
            for (x, w, b), case in zip(zip(xs[::3], xs[1::3], xs[2::3]), CASES, strict=True)
            for _, _, stride, pads, dilation, groups in [case]
        ]

    def meant(*xs):
        return [
            loops.convolved(x, w, *case[2:]) + b.reshape(-1, *(1,) * rank(case))
            for (x, w, b), case in zip(zip(xs[::3], xs[1::3], xs[2::3]), CASES, strict=True)
        ]

    agree(outputs, meant, *arrays)


def test_transposes_of_all_ranks_and_settings():
    arrays, found, wanted = [], [], []
    for shape, kernel, stride, _, dilation, groups in CASES:
        x, w = batch(shape[0], kernel[0], *shape[2:]), batch(*kernel)
        arrays += [x, w]
        whole = loops.spread(x, w, stride, dilation, groups)
        more = [max(s, d) - 1 for s, d in zip(stride, dilation)]
        wanted.append(whole)
        ends = np.pad(whole, [(0, 0), (0, 0), *[(0, n) for n in more]])
        wanted.append(ends[(..., *[slice(1, n - 1) for n in ends.shape[2:]])])
        found.append((stride, groups, dilation, more))

    def outputs(*xs):
        made = []
        for x, w, (stride, groups, dilation, more) in zip(xs[::2], xs[1::2], found, strict=True):
            f = TRANSPOSES[len(stride) - 1]
            made.append(f(x, w, None, stride, 0, 0, groups, dilation))
            made.append(f(x, w, None, stride, 1, more, groups, dilation))
        return made

    agree(outputs, lambda *_: wanted, *arrays)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_derivatives(case):
    shape, kernel, stride, pads, dilation, groups = CASES[case]
    if case in (1, 2):
        shape = (1, *shape[1:2], 40)  # with a block of sums and a rest, but fewer differences
    f = CONVS[rank(CASES[case]) - 1]
    x, w, b = batch(*shape), batch(*kernel), batch(kernel[0])
    slopes(lambda *xs: f(*xs, stride, pads, dilation, groups), x, w, b)
    g = TRANSPOSES[rank(CASES[case]) - 1]
    x = batch(1, kernel[0], *shape[2:]) if case not in (1, 2) else batch(1, kernel[0], 5)
    slopes(lambda *xs: g(*xs, None, stride, 0, 0, groups, dilation), x, w)


def test_padding_by_words():
    x, y, w = batch(1, 2, 7), batch(2, 6, 5), batch(3, 2, 4)
    k = batch(2, 2, 2, 3)

    def meant(x, y, w, k):
        one, two, none = (1,), (1, 1), [(0, 0)]
        conv = loops.convolved
        return [
            conv(x, w, one, [(1, 2)], one, 1), conv(x, w, (3,), [(1, 2)], one, 1),
            conv(x, w, one, [(6, 0)], (2,), 1), conv(x, w, one, none, one, 1),
            conv(x, w, one, [(1, 3)], one, 1), conv(x, w[..., :1], (3,), none, one, 1),
            conv(y[None], k, two, [(0, 1), (1, 1)], two, 1)[0],
            conv(y[None], k, (2, 2), [(0, 0), (1, 1)], two, 1)[0],
        ]  # fmt: skip

    f, g = pt.nn.conv1d, pt.nn.conv2d
    agree(
        lambda x, y, w, k: [
            f(x, w, padding="same"), f(x, w, None, 3, "same"), f(x, w, None, 1, "causal", 2),
            f(x, w, padding="valid"), f(x, w, padding=(1, 3)), f(x, w[..., :1], None, 3, "same"),
            g(y, k, padding="same"),
            g(y, k, None, 2, "same"),
        ],
        meant, x, y, w, k,
    )  # fmt: skip


def test_separable():
    x, d, p = batch(2, 3, 6, 5), batch(6, 1, 3, 2), batch(4, 6, 1, 1)

    def meant(x, d, p):
        apart = loops.convolved(x, d, (1, 2), [(1, 1), (1, 1)], (1, 1), 3)
        found = np.einsum("bchw,oc->bohw", apart, p[..., 0, 0])
        return [found, np.einsum("bct,oc->bot", loops.convolved(
            x[..., 0], d[..., 0], (1,), [(0, 0)], (1,), 3), p[..., 0, 0])]  # fmt: skip

    agree(
        lambda x, d, p: [
            pt.nn.separable_conv2d(x, d, p, None, (1, 2), 1),
            pt.nn.separable_conv1d(x[..., 0], d[..., 0], p[..., 0]),
        ],
        meant, x, d, p,
    )  # fmt: skip
    slopes(pt.nn.separable_conv2d, batch(1, 2, 3, 3), batch(2, 1, 2, 2), batch(2, 2, 1, 1))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "complex128"])
def test_dtypes_and_large_sums(dtype):
    x, w = (9 * batch(2, 3, 9, 40)).astype(dtype), (9 * batch(8, 3, 3, 3)).astype(dtype)
    if dtype == "complex128":
        x = x * (1 + 2j)
        w = w * (2 - 1j)
    a, k = static(x), static(w, "w")
    one = (1, 1)
    turned = pt.nn.conv_transpose2d(a[:, :, :4, :3], pt.swapaxes(k, 0, 1), None, 2)
    outputs = [pt.nn.conv2d(a, k), pt.nn.conv2d(a[:, :1], k[:1, :1]), turned]
    found, deep, turned = run([a, k], outputs, x, w)
    if x.dtype.itemsize > 4:
        value = loops.spread(x[:, :, :4, :3], np.swapaxes(w, 0, 1), (2, 2), one, 1)
        np.testing.assert_allclose(turned, value, rtol=1e-12)
    for got, value in (
        (found, loops.convolved(x, w, one, [(0, 0)] * 2, one, 1)),
        (deep, loops.convolved(x[:, :1], w[:1, :1], one, [(0, 0)] * 2, one, 1)),
    ):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, value, rtol=1e-5, atol=1e-3 * (dtype == "float32"))


def test_symbolic_sizes_and_empty_batches():
    x, w = pt.tensor4("x"), pt.tensor4("w")
    y = pt.nn.conv2d(x, w, stride=(1, 2), padding="same")
    z = pt.nn.conv_transpose2d(x, pt.swapaxes(w, 0, 1), stride=2)
    f = pt.function([x, w], [y, z, *pt.grad(pt.sum(y**2), [x, w])], target="machine")
    for shape, kernel in (((2, 2, 5, 70), (3, 2, 3, 2)), ((1, 1, 3, 3), (1, 1, 1, 1))):
        a, k = batch(*shape), batch(*kernel)
        pads = [((kernel[2] - 1) // 2, kernel[2] // 2), (0, 0)]
        found, spread, *grads = f(a, k)
        wanted = loops.convolved(a, k, (1, 2), pads, (1, 1), 1)
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)
        whole = loops.spread(a, np.swapaxes(k, 0, 1), (2, 2), (1, 1), 1)
        np.testing.assert_allclose(spread, whole, rtol=1e-11, atol=1e-13)
        assert [g.shape for g in grads] == [shape, kernel]
        assert abs(np.sum(grads[0] * a) - 2 * np.sum(found**2)) < 1e-9 * np.sum(found**2)
        assert abs(np.sum(grads[1] * k) - 2 * np.sum(found**2)) < 1e-9 * np.sum(found**2)
    found, spread, *grads = f(np.zeros((0, 2, 5, 6)), batch(3, 2, 3, 2))
    assert found.shape == (0, 3, 5, 3) and spread.shape == (0, 3, 11, 12)
    assert grads[0].shape == (0, 2, 5, 6) and not grads[1].any()
    for shape, kernel, words in (
        ((1, 2, 5, 5), (1, 3, 1, 1), "3 channels, and input has 2"),
        ((1, 2, 5, 5), (1, 2, 0, 1), "0 is from axis 2 of w"),
    ):
        with pytest.raises(ValueError, match=words):
            f(np.zeros(shape), np.zeros(kernel))
    g = pt.function([x, w], pt.nn.conv2d(x, w), target="machine")
    with pytest.raises(ValueError, match="reaches over 6 elements of axis 3, which has 5"):
        g(np.zeros((1, 2, 5, 5)), np.zeros((1, 2, 1, 6)))


def test_batches_of_inputs_and_of_kernels():
    x, w = batch(3, 2, 4, 6), batch(3, 5, 4, 2)
    a, k = static(x), static(w, "w")
    outputs = [
        pt.vmap(pt.nn.conv1d)(a, k), pt.vmap(lambda y: pt.nn.conv1d(y, k[0]))(a),
        pt.vmap(lambda v: pt.nn.conv1d(a[0], v))(k),
    ]  # fmt: skip
    one, none = (1,), [(0, 0)]
    conv = loops.convolved
    wanted = [
        np.stack([conv(y, v, one, none, one, 1) for y, v in zip(x, w)]),
        np.stack([conv(y, w[0], one, none, one, 1) for y in x]),
        np.stack([conv(x[0], v, one, none, one, 1) for v in w]),
    ]
    for got, value in zip(run([a, k], outputs, x, w), wanted, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-11, atol=1e-13)
    b, v = pt.tensor4("b"), pt.tensor4("v")
    found = run([b, v], [pt.vmap(pt.nn.conv1d)(b, v)], x, w)[0]
    np.testing.assert_allclose(found, wanted[0], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("groups", [1, 2])
def test_windows_that_are_too_many_to_copy(groups, monkeypatch):
    monkeypatch.setattr(convolution, "MOST_COPIED", 10)
    a, k = batch(2, 4, 35), batch(16, 4 // groups, 6)
    x, w = static(a), static(k, "w")
    y = pt.nn.conv1d(x, w, groups=groups)
    f = pt.function([x, w], [y, *pt.grad(pt.sum(y**2), [x, w])], target="machine")
    assert "pt_gemm(" not in f.explain("schedule")
    found, gx, gw = f(a, k)
    np.testing.assert_allclose(found, loops.convolved(a, k, (1,), [(0, 0)], (1,), groups))
    for slope, array in ((gx, a), (gw, k)):
        np.testing.assert_allclose(np.sum(slope * array), 2 * np.sum(found**2))


def test_a_large_product_is_one_of_blas_without_turned_copies():
    """Windows are copied once, in the order of the product, and the kernel is not."""
    x, w = static(batch(2, 16, 12, 12)), static(batch(16, 16, 3, 3), "w")
    y = pt.nn.conv2d(x, w)
    plan = pt.function([x, w], y, target="machine").explain("schedule")
    assert plan.count("pt_gemm(") == 1 and plan.count("\nk") == 2, plan
    grads = pt.function([x, w], pt.grad(pt.sum(y**2), [x, w]), target="machine")
    assert grads.explain("schedule").count("pt_gemm(") == 3


def test_what_is_refused():
    x, w = np.ones((1, 4, 5)), np.ones((6, 4, 3))
    k = np.ones((2, 1, 3, 3))
    f, g = pt.nn.conv1d, pt.nn.conv_transpose1d
    cases = [
        (lambda: f(np.ones(4), w), "input has 3 axes, a batch, channels and 1 more"),
        (lambda: f(x, np.ones((4, 3))), "weight has 3 axes, not 2"),
        (lambda: f(x, np.ones((6, 4, 0))), "weight has no elements"),
        (lambda: f(x, np.ones((6, 2, 3))), "weight is for 2 channels, and input has 4"),
        (lambda: f(x, w, groups=3), "groups=3 does not divide 4 channels"),
        (lambda: f(x, np.ones((5, 2, 3)), groups=2), "groups=2 does not divide 5 results"),
        (lambda: f(x, w, groups=0), "groups is a whole number from 1 on, not 0"),
        (lambda: f(x, w, stride=0), "stride is a whole number from 1 on, not 0"),
        (lambda: f(x, w, stride=1.5), "stride is an integer"),
        (lambda: f(x, w, dilation=(1, 2)), "dilation is one number"),
        (lambda: f(x, w, dilation=3), "reaches over 7 elements of axis 2, which has 5"),
        (lambda: f(x, w, padding=-1), "padding is a whole number from 0 on, not -1"),
        (lambda: f(x, w, padding="full"), "'valid', 'same', 'causal'"),
        (lambda: pt.nn.conv2d(x, k, padding="causal"), "one of 'valid', 'same'"),
        (lambda: pt.nn.conv2d(x, k, padding=(1, 2, 3)), "a pair .before, after. for each"),
        (lambda: f(x, w, np.ones(5)), "bias has a number for each of 6 results"),
        (lambda: g(x, w), "weight is for 6 channels, and input has 4"),
        (lambda: g(x, np.ones((4, 1, 3)), output_padding=1), "output_padding=1 is not below"),
        (lambda: g(x, np.ones((4, 1, 3)), padding=4), "padding cuts 8 elements off 7"),
        (lambda: pt.nn.separable_conv1d(pt.tensor3("x"), w, w), "channels of input must be known"),
        (lambda: pt.nn.separable_conv1d(x, np.ones((4, 1, 2)), np.ones((2, 3, 1))), "pointwise is"),
        (lambda: pt.nn.separable_conv1d(x, np.ones((4, 1, 2)), np.ones((2, 4, 2))), "has 2 taps"),
    ]
    for call, words in cases:
        with pytest.raises((GraphError, ValueError), match=words) as caught:
            call()
        assert str(caught.value).count("nn.") == 1 and "test_convolutions.py:" in str(caught.value)


def test_calls_that_do_not_fit_name_the_function_and_its_line():
    x, w, b = pt.tensor4("x"), pt.tensor4("w"), pt.vector("b")
    y = pt.nn.conv2d(x, w, b, groups=2)
    f = pt.function([x, w, b], pt.grad(pt.sum(y**2), [x, w, b]), target="machine")
    z = pt.nn.conv_transpose2d(x, w, padding=2)
    g = pt.function([x, w], pt.nn.max_pool2d(z, 2), target="machine")
    reaches = "nn.conv2d: the kernel reaches over 5 elements of axis 2, which has 2"
    for call, shapes, words in (
        (f, ((1, 2, 2, 2), (2, 1, 5, 5), (2,)), reaches),
        (f, ((1, 3, 5, 5), (2, 1, 5, 5), (2,)), "nn.conv2d: groups=2 does not divide 3 channels"),
        (f, ((1, 2, 5, 5), (3, 1, 5, 5), (3,)), "nn.conv2d: groups=2 does not divide 3 results"),
        (f, ((1, 2, 5, 5), (2, 2, 5, 5), (2,)), "nn.conv2d: weight is for 2 channels in each"),
        (f, ((1, 2, 5, 5), (2, 1, 5, 5), (3,)), "nn.conv2d: bias has 3 numbers for 2 results"),
        (g, ((1, 1, 2, 2), (1, 1, 1, 1)), "nn.conv_transpose2d: padding cuts 4 elements off 2"),
        (g, ((1, 1, 2, 2), (1, 1, 4, 4)), "nn.max_pool2d: the window reaches over 2"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            call(*map(np.ones, shapes))
        message = str(caught.value)
        assert "test_convolutions.py:" in message and message.count("\n") < 8


def test_steps_larger_than_the_kernel_and_parts_of_products_of_symbolic_sizes():
    """The number of blocks of sums may be 0, and all sizes within rows of a buffer are named."""
    x, w = pt.tensor3("x"), pt.tensor("w", shape=(2, 2, 2))
    f = pt.function([x, w], pt.nn.conv1d(x, w, None, 3, 1, groups=2), target="machine")
    for n in (3, 40, 300):
        a, k = batch(2, 4, n), batch(2, 2, 2)
        wanted = loops.convolved(a, k, (3,), [(1, 1)], (1,), 2)
        np.testing.assert_allclose(f(a, k), wanted, rtol=1e-11, atol=1e-13)
    y, v = pt.tensor4("y"), pt.tensor("v", shape=(6, 3, 4, 1))
    z = pt.nn.conv_transpose2d(y, v, None, (1, 2), (2, 0), (1, 0), 2, (2, 3))
    a, k = batch(2, 6, 5, 3), batch(6, 3, 4, 1)
    whole = loops.spread(a, k, (1, 2), (2, 3), 2)[:, :, 2:-1]
    np.testing.assert_allclose(run([y, v], [z], a, k)[0], whole, rtol=1e-11, atol=1e-13)
    b = pt.tensor("b", shape=(2, 6, 3, None, None), dtype="bool")
    u = pt.tensor("u", shape=(18, 3, None, 4, 3), dtype="bool")
    found = pt.nn.conv3d(b, u, None, (3, 3, 1), [(0, 0), (1, 2), (2, 2)], (1, 1, 3), 2)
    a, k = batch(2, 6, 3, 4, 5) > 1, batch(18, 3, 2, 4, 3) > 1
    wanted = loops.convolved(
        1 * a, 1 * k, (3, 3, 1), [(0, 0), (1, 2), (2, 2)], (1, 1, 3), 2
    )
    np.testing.assert_array_equal(run([b, u], [found], a, k)[0], wanted > 0)


def test_sizes_known_in_part_are_compiled_as_well():
    """Of input, kernel and what results are multiplied by, some have sizes that are known."""
    rng = np.random.default_rng(5)
    for taps, strides, dilations, pads, sizes, groups in (
        ((3, 1), (1, 1), (1, 1), (0, 1), (5, 4), 1),
        ((2, 1), (1, 1), (2, 2), (1, 2), (5, 5), 1),
        ((1, 3), (3, 1), (1, 2), (1, 0), (5, 5), 2),
        ((3, 2, 2), (2, 2, 3), (2, 1, 1), (2, 2, 1), (6, 3, 3), 1),
        ((3, 2, 2), (2, 3, 2), (2, 1, 2), (2, 0, 0), (1, 6, 3), 1),
        ((2, 1, 1), (3, 2, 3), (2, 1, 1), (1, 0, 2), (6, 2, 5), 1),
    ):
        a = rng.normal(size=(2, 2 * groups, *sizes))
        k = rng.normal(size=(2 * groups, 2, *taps))
        conv = getattr(pt.nn, f"conv{len(taps)}d")
        options = {"stride": strides, "padding": pads, "dilation": dilations, "groups": groups}
        factor = rng.normal(size=conv(pt.as_tensor(a), pt.as_tensor(k), **options).eval().shape)
        found = []
        for known in itertools.product((True, False), repeat=3):
            shapes = [v.shape if n else (None,) * v.ndim for v, n in zip((a, k, factor), known)]
            x, w, r = (pt.tensor(n, dtype="float64", shape=s) for n, s in zip("xwr", shapes))
            y = conv(x, w, **options)
            outputs = [y, *pt.grad(pt.sum(pt.tanh(y) * r), [x, w])]
            found.append(pt.function([x, w, r], outputs, target="machine")(a, k, factor))
        for values in found[1:]:
            for value, meant in zip(values, found[0], strict=True):
                np.testing.assert_allclose(value, meant, rtol=1e-11, atol=1e-12)


def test_messages_name_the_function_that_was_called():
    x, w = pt.tensor4("x"), pt.tensor4("w")
    inputs = {x: np.ones((1, 3, 2, 2)), w: np.ones((1, 3, 5, 5))}
    with pytest.raises(ValueError, match=r"nn.conv2d: the kernel reaches over 5 elements of"):
        pt.nn.conv2d(x, w).eval(inputs)
    kernel = np.ones((3, 3, 1, 1))
    with pytest.raises(ValueError, match=r"^nn.conv_transpose2d: padding cuts 4 elements off 2"):
        pt.nn.conv_transpose2d(x, kernel, padding=2).eval({x: inputs[x]})
    with pytest.raises(TypeError, match=r"^nn.conv_transpose2d: padding cuts 4 elements off 2"):
        pt.nn.conv_transpose2d(inputs[x], kernel, padding=2)


def test_a_network_whose_sizes_are_all_symbolic():
    """Buffers are proved to be read within rows whose sizes are differences and quotients."""
    arrays = [batch(3, 1, 12, 12), batch(2, 1, 3, 3), batch(2), batch(3, 2, 2, 2), batch(12, 4)]
    x, *weights = nodes = [pt.tensor(f"x{k}", shape=(None,) * a.ndim) for k, a in enumerate(arrays)]
    h = pt.nn.max_pool2d(pt.nn.relu(pt.nn.conv2d(x, *weights[:2])), 2)
    h = pt.nn.max_pool2d(pt.nn.conv2d(h, weights[2]), 2).reshape(h.shape[0], 12)
    loss = pt.nn.cross_entropy(h @ weights[3], [0, 1, 3])
    f = pt.function(nodes, [loss, *pt.grad(loss, weights)], target="machine")
    steps = [batch(*a.shape) for a in arrays[1:]]
    _, *slopes_ = f(*arrays)
    ends = [f(arrays[0], *(a + t * s for a, s in zip(arrays[1:], steps)))[0] for t in (1e-6, -1e-6)]
    slope = sum(np.sum(g * s) for g, s in zip(slopes_, steps, strict=True))
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, slope, rtol=1e-6)
