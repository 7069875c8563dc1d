"""`verify_grad` accepts right gradients and finds wrong ones."""

import numpy as np
import pytest

import probtensor as pt

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_gradients_pass(dtype):
    a, b = RNG.normal(size=(3, 4)).astype(dtype), RNG.normal(size=4).astype(dtype)
    pt.autodiff.verify_grad(lambda x, y: pt.exp(x) @ y, [a, b], target="machine")
    pt.autodiff.verify_grad(lambda x: pt.sum(x**2), [b], n_tests=1, target="machine")


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.0001, np.nan])
def test_a_wrong_gradient_is_found_and_placed(factor):
    wrong = pt.custom_vjp(lambda x: x**2)
    scale = np.array([1.0, 1.0, factor])
    wrong.defvjp(lambda x: (x**2, x), lambda x, g: (2 * x * g * scale,))
    with pytest.raises(pt.autodiff.GradientError, match=r"argument 0, element \[2\]"):
        pt.autodiff.verify_grad(wrong, [np.array([1.0, 2.0, 3.0])], target="machine")


def test_gradients_of_several_arguments():
    slopes = pt.autodiff.numeric_grad(lambda x, y: np.sum(x) * y**2, [np.ones(2), np.array(3.0)])
    np.testing.assert_allclose(slopes[0], [9, 9], rtol=1e-8)
    np.testing.assert_allclose(slopes[1], 12, rtol=1e-8)
    with pytest.raises(TypeError, match="argument 0 is int64"):
        pt.autodiff.numeric_grad(np.sum, np.arange(3))


def test_piece_by_piece_is_the_whole():
    x, w1, w2 = pt.vector("x"), pt.scalar("w1"), pt.scalar("w2")
    h = pt.tanh(x * w1)
    cost = pt.sum(h**2 * w2)
    (by_w2,), (at_h,) = pt.subgraph_grad([w2], [h], cost=cost)
    (by_w1,), (by_x,) = pt.subgraph_grad([w1], [x], start={h: at_h})
    at = {x: np.array([0.2, -0.4]), w1: 1.3, w2: 0.7}
    meant = [g.eval(at) for g in pt.grad(cost, [w1, x])]
    np.testing.assert_allclose(by_w1.eval(at), meant[0])
    np.testing.assert_allclose(by_x.eval(at), meant[1])
    meant = np.sum(np.tanh(at[x] * 1.3) ** 2)
    np.testing.assert_allclose(by_w2.eval({k: at[k] for k in (x, w1)}), meant)
    with pytest.raises(TypeError, match="give start, a cost or both"):
        pt.subgraph_grad([w1], [x])


def test_scaled_zero_and_undefined_gradients():
    x = pt.scalar("x")
    assert pt.grad(pt.grad_scale(x, -2.0) ** 2, x).eval({x: 3.0}) == -12
    assert pt.grad(pt.zero_grad(x) * x, x).eval({x: 3.0}) == 3
    assert pt.grad(pt.zero_grad(x) ** 2, x).eval({x: 3.0}) == 0
    with pytest.raises(TypeError, match="undefined_grad has no derivative"):
        pt.grad(pt.undefined_grad(x) ** 2, x)


def test_a_jacobian_in_either_mode_and_the_cheaper_one():
    x = pt.vector("x", shape=(3,))
    s = pt.scalar("s")
    y = pt.exp(x[:2] * s) * x[1]
    for wrt in (x, s, [x, s]):
        nodes = [pt.jacobian(y, wrt, mode=mode) for mode in ("reverse", "forward", None)]
        flat = [z for node in nodes for z in (node if isinstance(node, list) else [node])]
        got = pt.function([x, s], flat, target="machine")([0.1, -0.4, 2.0], 0.7)
        third = len(flat) // 3
        for k in range(third):
            np.testing.assert_allclose(got[k], got[third + k], rtol=1e-13)
            np.testing.assert_allclose(got[k], got[2 * third + k], rtol=1e-13)
    with pytest.raises(ValueError, match="mode='both'"):
        pt.jacobian(y, x, mode="both")


def wrong_square():
    wrong = pt.custom_vjp(lambda x: x**2)
    wrong.defvjp(lambda x: (x**2, x), lambda x, g: (2.1 * x * g,))
    return wrong


def test_the_operation_with_the_wrong_derivative_is_named():
    wrong = wrong_square()

    def model(x):
        a = pt.exp(x)
        b = wrong(a)  # the wrong one
        return pt.log(b + 1.0)

    with pytest.raises(pt.autodiff.GradientError) as caught:
        pt.autodiff.verify_grad(model, [np.array([0.1, 0.2])], target="machine")
    text = str(caught.value)
    assert "the derivative of custom_vjp is wrong" in text and "b = wrong(a)  # the" in text
    assert "square(exp(argument 0)) by exp(argument 0), element [0]: 2.6" in text


def test_a_wrong_derivative_has_the_name_of_the_function_and_the_line_of_its_call():
    @pt.custom_vjp
    def soft_step(x, slope):
        return pt.sigmoid(x * slope)

    def forward(x, slope):
        return soft_step(x, slope), (x, slope)

    def backward(kept, g):
        x, slope = kept
        return 2 * g * slope, pt.sum(g * x)

    soft_step.defvjp(forward, backward)

    def model(x):
        return soft_step(pt.exp(x), 2.0) ** 2  # the call

    with pytest.raises(pt.autodiff.GradientError) as caught:
        pt.autodiff.verify_grad(model, [np.array([0.1, 0.2])], target="interp")
    text = str(caught.value)
    assert "the derivative of custom_vjp soft_step is wrong" in text and "# the call" in text
    assert "soft_step(exp(argument 0), 2) by exp(argument 0), element [0]: " in text


def test_a_rule_of_a_function_without_a_name_calls_it():
    scaled = pt.custom_vjp(lambda x, y: x * pt.exp(y))
    scaled.defvjp(lambda x, y: (scaled(x, y), (x, y)),
                  lambda r, g: (g * pt.exp(r[1]), g * r[0]))  # fmt: skip

    def model(x):
        return scaled(x, pt.sin(x))  # the call

    with pytest.raises(pt.autodiff.GradientError) as caught:
        pt.autodiff.verify_grad(model, [np.array([0.1, 0.2])], target="interp")
    assert "# the call\n  argument 0 * exp(sin(argument 0)) by sin(argument 0)" in str(caught.value)


def test_a_wrong_derivative_in_what_is_computed_again():
    wrong = wrong_square()
    again = pt.checkpoint(lambda x: pt.exp(x) * wrong(x))
    with pytest.raises(pt.autodiff.GradientError, match="the derivative of custom_vjp is wrong"):
        pt.autodiff.verify_grad(again, [np.array([0.1, 0.2])], target="interp")


def test_a_wrong_derivative_in_a_loop_and_in_one_of_two_results():
    wrong = wrong_square()

    def loop(x):
        return pt.scan(lambda v, c: pt.tanh(wrong(c) + v), sequences=[x],
                       outputs_info=[pt.as_tensor(0.5)])[0]  # fmt: skip

    both = pt.custom_vjp(lambda x, y: (x * y, x + y))
    both.defvjp(lambda x, y: ((x * y, x + y), (x, y)),
                lambda r, g: (g[0] * r[1] + g[1], g[0] * r[0] - g[1]))  # fmt: skip
    with pytest.raises(pt.autodiff.GradientError, match=r"custom_vjp is wrong\n.*wrong\(c\) \+ v"):
        pt.autodiff.verify_grad(loop, [np.array([0.1, 0.2, 0.3])], target="machine")
    point = [np.array([1.0, 2.0]), np.array([1.0, 0.5])]
    pt.autodiff.verify_grad(lambda x, y: both(x, y)[0], point, target="machine")
    with pytest.raises(pt.autodiff.GradientError, match="by argument 1, element"):
        pt.autodiff.verify_grad(lambda x, y: pt.sin(both(x, y)[1]), point, target="machine")


def test_derivatives_that_are_set_on_purpose_are_told():
    with pytest.raises(pt.autodiff.GradientError, match="zero_grad sets the derivative"):
        pt.autodiff.verify_grad(lambda x: pt.exp(pt.zero_grad(x)) * x, [np.ones(2)],
                                target="machine")  # fmt: skip


def test_wrong_arguments_are_told():
    right = [np.ones(2)]
    for fun, points in (
        (pt.exp, np.ones(2)), (pt.exp, 3.0), (pt.exp(pt.vector("x")), right),
        (pt.exp, [np.arange(2)]), (pt.exp, [np.ones(2, complex)]),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"verify_grad: .*\n  at .*test_verify\.py:\d+\n  "):
            pt.autodiff.verify_grad(fun, points)
