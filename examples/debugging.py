"""Ten mistakes, each found by one call: a tour of the tools of docs/debugging.md.

Run it with `python -m examples.debugging`. It prints what each tool says of a small program that
has one mistake, as such programs have them.
"""

import warnings

import numpy as np

import probtensor as pt

RNG = np.random.default_rng(0)


def nan_in_a_loss():
    """1. A loss is nan: a probability left [0, 1], and its logarithm says so late."""
    p = pt.vector("p")
    entropy = -pt.sum(p * pt.log(p) + (1 - p) * pt.log(1 - p))
    f = pt.function([p], entropy)
    return f.find_nan([0.2, 1.1, 0.7])


def inf_in_a_loop():
    """2. A recurrence overflows: in which step?"""
    x = pt.vector("x")
    last = pt.scan(lambda v, c: pt.exp(c * v), sequences=[x], outputs_info=[pt.as_tensor(0.5)])[0]
    f = pt.function([x], last[-1])
    return f.find_nan([1.0, 3.0, 9.0, 1.0], kind="inf")


def gradient_at_an_edge():
    """3. The value is finite, its gradient is not."""
    x = pt.vector("x")
    distance = pt.sqrt(x)
    f = pt.function([x], pt.grad(pt.sum(distance), x))
    return f.find_nan([1.0, 0.0], kind="inf")


def sizes():
    """4. Two axes do not fit, far from the line that joined them."""
    x, y = pt.vector("x"), pt.vector("y")
    total = x + y
    f = pt.function([x, y], pt.sum(pt.exp(total)))
    try:
        f(np.ones(3), np.ones(4))
    except ValueError as error:
        return error


def wrong_derivative():
    """5. A hand-written derivative is wrong, somewhere in a model."""
    square = pt.custom_vjp(lambda x: x**2)
    square.defvjp(lambda x: (x**2, x), lambda x, g: (g * x,))
    try:
        pt.autodiff.verify_grad(lambda x: pt.log(square(pt.exp(x)) + 1), [np.array([0.1, 0.2])])
    except AssertionError as error:
        return error


def slow_line():
    """6. A model is slow: which line?"""
    x = pt.vector("x")
    scale = pt.sqrt(x * x + 1.0)
    penalty = pt.special.gammaln(scale)
    f = pt.function([x], pt.sum(penalty * x))
    return f.profile(RNG.normal(size=4000))


def lost_digits():
    """7. A small probability has three right digits."""
    rate = pt.scalar("rate")
    p = 1.0 - pt.exp(-rate)
    f = pt.function([rate], pt.sqrt(p), rules=[])
    return f.audit(1e-12)


def funnel():
    """8. Draws diverge."""
    sigma = pt.random.half_normal(5.0, name="sigma")
    mu = pt.random.normal(0.0, 5.0, name="mu")
    theta = pt.random.normal(mu, sigma, name="theta", shape=8)
    y = pt.random.normal(theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), name="y")
    posterior = pt.condition({y: np.array([28.0, 8, -3, 7, -1, 1, 18, 12])})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        idata = pt.sample(posterior, seed=1, progress=False)
    return posterior.explain_divergences(idata, limit=3)


def impossible_start():
    """9. Chains cannot start: the density is zero for one datum."""
    scale = pt.random.half_normal(1.0, name="scale")
    y = pt.random.uniform(0.0, scale, name="y", shape=3)
    posterior = pt.condition({y: np.array([0.1, 9.5, 0.3])})
    return posterior.diagnose([0.0])


def unidentified():
    """10. Two parameters of which the data know the sum only."""
    a, b = pt.random.flat(name="a"), pt.random.flat(name="b")
    y = pt.random.normal(a + b, 1.0, name="y", shape=5)
    return pt.lint(pt.condition({y: np.arange(5.0)}))


MISTAKES = (
    nan_in_a_loss, inf_in_a_loop, gradient_at_an_edge, sizes, wrong_derivative, slow_line,
    lost_digits, funnel, impossible_start, unidentified,
)  # fmt: skip


def main():
    """Print what each tool says."""
    for mistake in MISTAKES:
        print(mistake.__doc__)
        print(f"{mistake()}\n")


if __name__ == "__main__":
    main()
