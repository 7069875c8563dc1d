"""Derivatives through `pt.scan` as users write them, against formulas and differences."""

import numpy as np

import probtensor as pt

RNG = np.random.default_rng(3)


def differences(f, x, step=1e-6):
    """The gradient of f at x by central differences."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            ends.append(f(moved))
        found[place] = (ends[0] - ends[1]) / (2 * step)
    return found


def network_loss(inputs, targets, state, weights, inward):
    """The loss of a recurrent network."""

    def step(u, y, h):
        h = pt.tanh(pt.dot(h, weights) + pt.dot(u, inward))
        return [h, pt.sum((h - y) ** 2)]

    (states, losses), _ = pt.scan(step, [inputs, targets], [state, None])
    return pt.sum(losses), states


def test_gradients_of_a_recurrent_network(target):
    shapes = {"u": (6, 2), "y": (6, 3), "h": (3,), "W": (3, 3), "V": (2, 3)}
    nodes = [pt.tensor(name, shape=(None,) * len(shape)) for name, shape in shapes.items()]
    values = [RNG.normal(size=shape) / 2 for shape in shapes.values()]
    loss, states = network_loss(*nodes)
    gradients = pt.grad(loss, nodes)
    direction = RNG.normal(size=(3, 3))
    curvature = pt.hvp(loss, nodes[3], pt.as_tensor(direction))
    forward = pt.jvp(states[-1], nodes[3], pt.as_tensor(direction))
    f = pt.function(nodes, [loss, *gradients, curvature, forward])
    _, *found, second, tangent = f(*values)
    reference = pt.function(nodes, [loss, gradients[3], states[-1]], target="interp")
    for k, gradient in enumerate(found):

        def at(x, k=k):
            return float(reference(*values[:k], x, *values[k + 1 :])[0])

        np.testing.assert_allclose(gradient, differences(at, values[k]), rtol=1e-5, atol=1e-7)
    ends = [reference(*values[:3], values[3] + s * 1e-6 * direction, values[4]) for s in (1, -1)]
    np.testing.assert_allclose(second, (ends[0][1] - ends[1][1]) / 2e-6, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(tangent, (ends[0][2] - ends[1][2]) / 2e-6, rtol=1e-5, atol=1e-7)


def truncated(w, noise, start, depth):
    """The gradient of the sum of the states over w, through the last steps alone."""
    states, slopes = [start], [0.0]
    first = len(noise) - depth
    for t, e in enumerate(noise):
        slope = slopes[-1] if t > first else 0.0
        states.append(w * states[-1] + e)
        slopes.append(states[-2] + w * slope if t >= first else 0.0)
    return slopes[-1]


def derivatives(x, w, e, s0):
    """Derivatives by name: Jacobians by loops over gradients, truncated gradients, taps, both
    directions, numbers of steps that data decide."""
    y = x**2 * x[0]
    jacobian, _ = pt.scan(
        lambda i, y, x: pt.grad(y[i], x), pt.arange(y.shape[0]), non_sequences=[y, x]
    )
    slope = pt.grad(pt.sum(x**3) + pt.prod(x), x)
    hessian, _ = pt.scan(
        lambda i, g, x: pt.grad(g[i], x), pt.arange(x.shape[0]), non_sequences=[slope, x]
    )
    found = {"jacobian": jacobian, "hessian": hessian}
    for depth in (-1, 3, 1):
        states, _ = pt.scan(lambda e, s: w * s + e, e, s0, truncate_gradient=depth)
        found[f"last {depth}"] = pt.grad(states[-1], w)
    initial = {"initial": pt.stack([s0, 2 * s0]), "taps": [-2, -1]}
    taps, _ = pt.scan(lambda e, y2, y1: w * y2 + y1 * e, e, initial)
    found["taps by w"], found["taps by s0"] = pt.grad(taps[-1], [w, s0])
    windows, _ = pt.scan(lambda a, b: a * b, {"input": e, "taps": [-1, 2]}, go_backwards=True)
    found["windows"] = pt.grad(pt.sum(windows * (1 + pt.arange(4))), e)
    root, _ = pt.reduce(lambda e, s: s * w + e**2, e, s0, go_backwards=True)
    found["reduce"] = pt.grad(root, e)
    products, _ = pt.scan(lambda x, p: (x * p, pt.until(x * p > 2)), 1 + x**2, s0)
    found["until by x"], found["until by s0"] = pt.grad(pt.sum(products), [x, s0])
    counted, _ = pt.scan(lambda e, s: w * s + e, e, s0, n_steps=pt.sum(x > 0))
    root = pt.loop.while_loop(lambda r: abs(r * r - w) > 1e-12, lambda r: (r + w / r) / 2, 1.0)

    def raised(k):
        return pt.loop.fori_loop(0, k, lambda i, p: p * w, s0, max_steps=5)

    sums = pt.sum(pt.map(raised, pt.arange(4))[0])
    return {
        **found,
        "counted": pt.grad(counted[-1], e),
        "while": pt.grad(root, w),
        "loops in steps": pt.grad(sums, w),
    }


def expected_derivatives(a, noise):
    """The same at w = 0.8 and s0 = 0.3."""
    slopes = np.zeros(7)
    for k in range(4):  # step k reads places 3 - k and 6 - k
        slopes[3 - k] += (k + 1) * noise[6 - k]
        slopes[6 - k] += (k + 1) * noise[3 - k]

    def last_of_taps(w, s0):
        y = [s0, 2 * s0]
        for n in noise:
            y.append(w * y[-2] + y[-1] * n)
        return y[-1]

    # 0.3 * 1.25 and 0.3 * 1.25 * 3.25 are below 2, with the third factor, 5, they are above.
    first, second, third = 1 + a**2
    by_factor = 0.3 * np.array([1 + second + second * third, first * (1 + third), first * second])
    step = 1e-6
    return {
        "jacobian": np.diag(2 * a * a[0]) + np.outer(a**2, [1, 0, 0]),
        "hessian": np.diag(6 * a) + np.array([[0, a[2], a[1]], [a[2], 0, a[0]], [a[1], a[0], 0]]),
        **{f"last {d}": truncated(0.8, noise, 0.3, d) for d in (3, 1)},
        "last -1": truncated(0.8, noise, 0.3, 7),
        "taps by w": (last_of_taps(0.8 + step, 0.3) - last_of_taps(0.8 - step, 0.3)) / (2 * step),
        "taps by s0": last_of_taps(0.8, 1.0),
        "windows": slopes,
        "reduce": 2 * noise * 0.8 ** np.arange(7),
        "until by x": by_factor * 2 * a,
        "until by s0": first * (1 + second + second * third),
        "counted": [0.8, 1, 0, 0, 0, 0, 0],
        "while": 0.5 / np.sqrt(0.8),
        "loops in steps": 0.3 * (1 + 2 * 0.8 + 3 * 0.8**2),
    }


def test_derivatives_by_formula(target):
    inputs = [pt.vector("x"), pt.scalar("w"), pt.vector("e"), pt.scalar("s0")]
    a, noise = np.array([0.5, 1.5, -2.0]), RNG.normal(size=7)
    found = pt.function(inputs, derivatives(*inputs))(a, 0.8, noise, 0.3)
    expected = expected_derivatives(a, noise)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)
