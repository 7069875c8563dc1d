"""Loops with sizes that data decide: of sequences, of carries, the number of steps."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.text import parse, to_text

X = np.array([1.0, -2.0, 3.0, 4.0, -5.0])


def test_steps_and_carries_have_sizes_of_data(target):
    x, n, c = pt.vector("x"), pt.iscalar("n"), pt.scalar("c")
    y = x[x > 0]
    last, running = pt.loop.scan(lambda a, u: (a + u, a * u), 0.0, y)
    doubled, _ = pt.scan(lambda a: 2 * a, outputs_info=[pt.constant(1.0)], n_steps=n)
    wide, _ = pt.loop.scan(lambda a, u: (a * u + y, None), y, pt.constant([1.0, 2.0, 3.0]))
    chosen = pt.ifelse(c > 0, pt.sum(y), pt.max(pt.unique(x), initial=0.0))
    cost = last * pt.sum(running)
    function = pt.function(
        [x, n, c], [last, running, doubled, wide, chosen, pt.grad(cost, x), pt.grad(wide.sum(), x)]
    )
    for point, steps in ((X, 4), (-np.abs(X), 0), (np.abs(X), 2)):
        y = point[point > 0]
        before = np.cumsum(y) - y
        found = function(point, np.int32(steps), steps - 1.0)
        np.testing.assert_allclose(found[0], y.sum())
        np.testing.assert_allclose(found[1], before * y)
        np.testing.assert_allclose(found[2], 2.0 ** np.arange(1, steps + 1))
        np.testing.assert_allclose(found[3], 16 * y)
        np.testing.assert_allclose(found[4], y.sum() if steps > 1 else max(point.max(), 0))
        # The sum of products of pairs is ((sum)**2 - sum of squares) / 2.
        slope = (before * y).sum() + y.sum() * (y.sum() - y)
        wanted = np.zeros(len(point))
        wanted[point > 0] = slope
        np.testing.assert_allclose(found[5], wanted)
        np.testing.assert_allclose(found[6], np.where(point > 0, 16.0, 0.0))


def test_until_ends_the_outputs(target):
    x, limit, w = pt.vector("x"), pt.scalar("limit"), pt.scalar("w")
    powers, _ = pt.scan(
        lambda a: (a * w, pt.until(a * w > limit)), outputs_info=[pt.constant(1.0)], n_steps=50
    )
    sums, _ = pt.scan(
        lambda u, a: (a + u, pt.until(a + u > limit)),
        sequences=[x],
        outputs_info=[pt.constant(0.0)],
    )
    function = pt.function(
        [x, limit, w], [powers, pt.grad(powers.sum(), w), sums, pt.grad(sums.sum(), x)]
    )
    for limit, count, steps in ((20.0, 5, 4), (1.0, 1, 1), (1e30, 50, 7)):
        found = function(np.arange(1.0, 8.0), limit, 2.0)
        k = np.arange(1.0, count + 1)
        np.testing.assert_allclose(found[0], 2**k)
        np.testing.assert_allclose(found[1], np.sum(k * 2 ** (k - 1)))
        np.testing.assert_allclose(found[2], np.cumsum(np.arange(1.0, 8.0))[: len(found[2])])
        steps = len(found[2])
        np.testing.assert_allclose(found[3], np.maximum(steps - np.arange(7), 0))
        assert steps == 7 or found[2][-1] > limit >= np.append(0, found[2])[-2]


def test_text_givens_and_batches_reach_into_bodies():
    x, w, m = pt.vector("x"), pt.vector("w"), pt.matrix("m")
    y = x[x > 0]
    last, _ = pt.loop.scan(lambda a, u: (a * u + y, None), y, pt.constant([1.0, 2.0, 3.0]))
    text = to_text([last], whole=True)
    again = parse(text, ops.REGISTRY, {"x": x})
    assert again[0] is last
    function = pt.function([w], last, givens={x: -w}, target="interp")
    np.testing.assert_allclose(function(X), [32.0, 80.0])
    rows = pt.vmap(lambda row: pt.loop.scan(lambda a, u: (a + u * y.sum(), None), 0.0, row)[0])(m)
    np.testing.assert_allclose(rows.eval({x: X, m: np.ones((2, 3))}), [24.0, 24.0])


def test_a_step_has_no_size_of_its_own():
    m = pt.matrix("m")
    with pytest.raises(pt.GraphError, match="sizes of its own") as caught:
        pt.loop.scan(lambda a, row: (a + row[row > 0].sum(), None), 0.0, m)
    text = str(caught.value)
    assert __file__ in text and "size=" in text and len(text.splitlines()) <= 8


def test_a_derivative_that_computes_again_has_no_size_of_its_own():
    def until(x):
        return pt.sum(pt.scan(lambda c: (2 * c, pt.until(c > 5)), outputs_info=x, n_steps=9)[0])

    with pytest.raises(pt.GraphError, match="checkpoint: the derivative of until would") as caught:
        pt.checkpoint(until)(pt.scalar("s"))
    assert "int(scan(s)[" in str(caught.value) and "while_loop" not in str(caught.value)
