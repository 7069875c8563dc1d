"""Programs of every kind that the tools for compiled functions must cope with."""

import functools

import numpy as np

import probtensor as pt


def dense():
    x, w = pt.matrix("x"), pt.vector("w")
    loss = pt.sum(pt.log(1 + pt.exp(x @ w)))
    return [x, w], [loss, pt.grad(loss, w)]


def scanned():
    x, h0 = pt.matrix("x"), pt.vector("h0")
    hs, _ = pt.scan(
        lambda xt, h: pt.tanh(xt * 1 + h * pt.log(1 + pt.exp(xt))),
        sequences=[x],
        outputs_info=[h0],
    )
    loss = pt.sum(hs[-1] ** 2)
    return [x, h0], [loss, *pt.grad(loss, [x, h0])]


def looped():
    n, x = pt.iscalar("n"), pt.scalar("x")
    return [n, x], [pt.loop.fori_loop(0, n, lambda i, c: pt.log(pt.exp(c)) + 1.0 * i, x)]


def chosen():
    c, x, w = pt.scalar("c"), pt.matrix("x"), pt.vector("w")
    return [c, x, w], [pt.ifelse(c > 0, pt.log(pt.exp(c) * 1), pt.sum(pt.linalg.inv(x) @ w))]


def complexes():
    z = pt.tensor("z", shape=(None,), dtype="complex128")
    return [z], [pt.sum(pt.exp(z) * pt.conj(z))]


def masked():
    u = pt.vector("u")
    return [u], [pt.sum(pt.log(1 + pt.exp(u[u > 0])))]


def drawn():
    return [], [pt.random.normal(0, 1, shape=3) * 2]


def shared_state():
    total, x = pt.shared(np.zeros(2), name="total"), pt.vector("x")
    return [x], [total * 1 + x], {total: total + x}


PROGRAMS = {
    f.__name__: f
    for f in (dense, scanned, looped, chosen, complexes, masked, drawn, shared_state)
}


@functools.cache
def compiled(name, target="interp"):
    """A program as a function, compiled once."""
    inputs, outputs, *rest = PROGRAMS[name]()
    return pt.function(inputs, outputs, updates=rest[0] if rest else None, target=target)


@functools.cache
def posterior():
    """Eight schools."""
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    theta = pt.random.normal(mu, tau, shape=8, name="theta")
    y = pt.random.normal(theta, np.arange(1, 9.0), name="y")
    return pt.condition({y: np.arange(8.0)})
