"""Loops that would never end: for items of a batch that take another branch, and where a check of
an iteration of a loop in their steps fails."""

import signal

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Loop

VALUES = np.array([-1.5, 2.0, 3.0, -0.5])


def halved(v):
    """Ends where v is positive only."""
    improve = lambda c: pt.where(v > 0, c * 0.5, c + 1)  # noqa: E731
    return pt.loop.while_loop(lambda c: c > 1, improve, pt.abs(v) + 2)


def bounded(v):
    """The same with room for its steps, for derivatives."""
    improve = lambda c: pt.where(v > 0, c * v * 0.2, c)  # noqa: E731
    return pt.loop.while_loop(lambda c: c > 1, improve, pt.abs(v) + 2, max_steps=10)


def within(v):
    """Steps whose own loop does not end for items that have ended before others."""

    def step(c):
        inner = lambda d: pt.where(c > 1, d * 0.9, d + 1)  # noqa: E731
        return pt.loop.while_loop(lambda d: d > c * 0.5, inner, c)

    return pt.loop.while_loop(lambda c: c > 1, step, pt.abs(v) + 2)


def scanned(v):
    return pt.scan(lambda c: halved(c) * 0.5, outputs_info=[v], n_steps=2)[0][-1]


def counted(v):
    steps = pt.cast(pt.where(v > 0, v, 1e15), "int64")
    return pt.loop.fori_loop(0, steps, lambda i, c: c * 0.5 + i, v)


def chosen(v):
    return pt.ifelse(v > 2, halved(v), halved(v * 0.5))


@pytest.fixture
def impatient():
    """Ends what Python runs after half a minute."""

    def stop(number, frame):
        raise TimeoutError("the loop runs on")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("loop", [halved, within, scanned, counted, chosen])
def test_items_that_take_another_branch_run_no_step(loop, impatient, device_driver):
    x, s = pt.vector("x"), pt.scalar("s")

    def guarded(v):
        return pt.ifelse(v > 0, loop(v), v * 3)

    def twice(v):
        return pt.loop.switch(pt.cast(v > -1, "int64"), [lambda u: u, guarded], v)

    one = pt.function([s], [guarded(s), twice(s)], target="interp")
    wanted = np.array([one(v) for v in VALUES]).T
    batches = [pt.vmap(guarded)(x), pt.vmap(twice)(x)]
    pairs = pt.vmap(pt.vmap(guarded))(pt.stack([x, x[::-1]]))
    for target in ("interp", "machine", "cuda"):  # the first of them can be ended
        f = pt.function([x], [*batches, pairs], target=target)
        first, second, both = f(VALUES)
        np.testing.assert_allclose(first, wanted[0])
        np.testing.assert_allclose(second, wanted[1])
        np.testing.assert_allclose(both, [wanted[0], wanted[0][::-1]])


def test_their_derivatives_have_none_either():
    x, s = pt.vector("x"), pt.scalar("s")

    def guarded(v):
        return pt.ifelse(v > 0, bounded(v), v * 3)

    one = pt.function([s], pt.grad(guarded(s), s), target="interp")
    f = pt.function([x], pt.grad(pt.sum(pt.vmap(guarded)(x)), x), target="interp")
    np.testing.assert_allclose(f(VALUES), [one(v) for v in VALUES])


def test_a_loop_that_no_item_decides_is_run_once():
    """It is not repeated for the items, though all of them have it in a branch."""
    x, s = pt.vector("x"), pt.scalar("s")
    shared = pt.loop.while_loop(lambda c: c > 1, lambda c: c * 0.5, s)
    y = pt.vmap(lambda v: pt.ifelse(v > 0, shared * v, v))(x)
    f = pt.function([x, s], y, target="interp")
    np.testing.assert_allclose(f([-1.0, 2.0], 12.0), [-1.0, 1.5])
    (loop,) = (node for node in toposort([y]) if isinstance(node.op, Loop))
    assert [x.ndim for x in loop.op.body.parameters] == [0]


def test_a_check_of_an_iteration_ends_the_loop_around_it(impatient, device_driver):
    x, w, s = pt.vector("x"), pt.vector("w"), pt.scalar("s")

    def read(c):
        return c + pt.sum(w[pt.cast(x * c, "int64")])

    def scanned(c):
        def item(v):
            following = lambda d: w[pt.cast(d, "int64")] * 1.1 + d  # noqa: E731
            return pt.scan(following, outputs_info=[v * c], n_steps=2)[0][-1]

        return c + pt.sum(pt.loop.map(item, x))

    def chosen(c):
        return pt.ifelse(c > 0.5, read(c), c + 1)

    loops = [pt.loop.while_loop(lambda c: c > 0, step, s) for step in (read, scanned, chosen)]
    for loop in loops:
        for target in ("interp", "machine", "cuda"):  # the first of them can be ended
            f = pt.function([x, w, s], loop, target=target)
            with pytest.raises(IndexError, match="out of bounds"):
                f([0.5, 2.0], [0.0, 1.0, 2.0], 1.0)
