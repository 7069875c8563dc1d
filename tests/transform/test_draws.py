"""Random variables in bodies of loops: one draw for each step, the same for the same seed."""

import numpy as np

import probtensor as pt
from probtensor import ops
from probtensor.graph.closed import with_bodies
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Random
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.process import new_uid
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.draws import has_draws, keyed_draws
from probtensor.transform.loops.simplify import simplify_loops

STEPS = ops.constant(np.zeros(5))
TWO = ops.constant(np.zeros(2))


def values(outputs, seed=3):
    """Draws of the outputs by the meaning of each op."""
    drawn, key = keyed_draws(outputs)
    assert not any(isinstance(node.op, Random) for node in with_bodies(toposort(drawn)))
    found = evaluate_numpy(drawn, {key: np.uint64(seed)})
    simple = evaluate_numpy(simplify_loops(drawn), {key: np.uint64(seed)})
    assert all(a.tobytes() == b.tobytes() for a, b in zip(found, simple, strict=True))
    return found


def walk(c, u):
    e = pt.random.normal(0, 1)
    return c + e + u, e


def programs():
    outside = pt.random.normal(0, 1)
    once = pt.loop.scan(lambda c, u: (c + outside, outside), 0.0, STEPS)[1]
    pairs = pt.loop.scan(lambda c, u: (None, pt.random.normal(0, 1, shape=2)), None, None, 4)[1]
    nested = pt.loop.scan(lambda c, u: pt.loop.scan(walk, c, STEPS), 0.0, TWO)[1]
    by_kind = pt.loop.scan(
        lambda c, u: (c, [pt.random.poisson(3.0), pt.random.gamma(2.0, 1.0)]), 0.0, STEPS
    )[1]
    return [*pt.loop.scan(walk, 0.0, STEPS), pt.loop.scan(walk, 0.0, STEPS)[1], outside, once,
            pairs, nested, *by_kind]  # fmt: skip


def test_steps_loops_and_variables_draw_apart():
    total, first, second, outside, once, pairs, nested, _, _ = values(programs())
    assert np.isclose(total, first.sum(), rtol=1e-14)
    assert np.array_equal(once, np.full(5, outside))
    drawn = np.concatenate([first, second, [outside], pairs.ravel(), nested.ravel()])
    assert len(np.unique(drawn)) == len(drawn) == 29
    assert np.all(np.abs(drawn) < 6) and 0.5 < drawn.std() < 1.5


def test_draws_are_the_same_for_a_seed_on_every_target(target):
    outputs = programs()
    function = pt.function([], outputs, seed=11, target=target)
    again = pt.function([], outputs, seed=11, target="interp")
    for _ in range(2):
        pairs = list(zip(function(), again(), strict=True))
        assert all(np.allclose(a, b, rtol=1e-12) for a, b in pairs)
    first, later = pairs[1][1], function()[1]
    assert not np.any(first == later)


def test_a_loop_draws_what_it_drew_with_other_loops_beside_it():
    """Merging loops changes no draw: the numbers of streams are given before."""
    both = [pt.loop.scan(walk, 0.0, STEPS)[1] for _ in range(2)]
    drawn, key = keyed_draws(both)
    merged = simplify_loops(drawn)
    assert len({x.inputs[0] for x in merged}) == 1 < len({x.inputs[0] for x in drawn})
    for a, b in zip(*(evaluate_numpy(g, {key: np.uint64(2)}) for g in (drawn, merged)),
                    strict=True):  # fmt: skip
        assert np.array_equal(a, b)


def test_two_loops_with_one_variable_draw_the_same():
    """As a loop and what its derivative runs again."""
    since = new_uid()
    c, u = ops.tensor("c"), ops.tensor("u")
    e = pt.random.normal(0, 1)
    found = []
    for extra in ([e], [c, e]):
        body, outside = body_of([c, u], [c + e * u, *extra], since)
        found.append(run(body, 5, [ops.as_tensor(0.0)], [STEPS + 1.0], outside)[-1])
    a, b = values(found)
    assert np.array_equal(a, b) and len(np.unique(a)) == 5


def test_a_loop_backwards_draws_by_the_number_of_the_step():
    since = new_uid()
    c, u = ops.tensor("c"), ops.tensor("u")
    body, outside = body_of([c, u], [c + u, pt.random.normal(0, 1)], since)
    found = [run(body, 5, [ops.as_tensor(0.0)], [STEPS], outside, backwards=b)[1]
             for b in (False, True)]  # fmt: skip
    a, b = values(found)
    assert np.array_equal(a, b)


def test_loops_of_no_known_length_count_their_steps():
    since = new_uid()
    c, k = ops.tensor("c"), ops.tensor("k", (), "int64")
    body, outside = body_of([c, k], [c + pt.random.normal(0, 1), k + 1, k >= 3], since)
    first = [ops.as_tensor(0.0), ops.as_tensor(0)]
    total, count, steps = run(body, None, first, [], outside, stops=True)
    u = ops.tensor("u")
    bounded, others = body_of([c, u], [c + pt.random.normal(0, 1)], since)
    (fixed,) = run(bounded, 4, first[:1], [ops.constant(np.zeros(4))], others)
    a, k, n = values([total, count, steps])
    (b,) = values([fixed])
    assert a == b and k == n == 4


def test_draws_of_inner_loops_are_seen():
    inner = pt.loop.scan(lambda c, u: pt.loop.scan(walk, c, STEPS), 0.0, TWO)
    assert has_draws([inner[1]]) and not has_draws([pt.loop.scan(lambda c, u: (c, u), 0.0, TWO)[1]])


def test_what_is_made_outside_is_drawn_once():
    mu = pt.random.normal(0, 1, name="mu")
    made = mu * 2

    def step(c, u):
        own = pt.random.normal(made, 0.001)
        return c, (own, mu)

    _, (own, outside) = pt.loop.scan(step, 0.0, STEPS)
    own, outside, mu = values([own, outside, mu])
    assert np.all(outside == mu) and np.all(np.abs(own - 2 * mu) < 0.01)
    assert len(np.unique(own)) == 5


def test_rows_of_pt_draw_differ():
    rows = pt.draw(pt.loop.scan(walk, 0.0, STEPS)[1], draws=3, seed=1)
    assert rows.shape == (3, 5) and len(np.unique(rows)) == 15
