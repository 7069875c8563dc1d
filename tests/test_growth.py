"""Compile time is linear in the size of a graph, at every stage from the user's code to text.

The fast tests count calls, function by function, at two sizes: one that is called three times as
often per node at three times the size is a loop within a loop. What makes no calls, such as copies
of tuples, shows in the times of larger graphs, which are deeper than Python's stack as well.
"""

import cProfile
import gc
import pstats
import time

import pytest

import probtensor as pt
from probtensor.lower import layout
from probtensor.targets.base import Built
from probtensor.targets.cython.render import render

TIMES = 3  # the ratio of the sizes
SLACK = 2  # of the number of calls, over its growth in proportion: there are thresholds of size
FEW = 12  # calls per node below which a function may belong to a step that small graphs lack
STEP = 0.01


class Text:
    """A target that ends at the text of a module."""

    name = "text"

    def build(self, plan):
        """The text as the source of a function that cannot be called."""
        layout(plan, {source.name: source.value or 3 for source in plan.sizes})
        return Built(lambda *_: 1, render(plan))


def compiled(inputs, outputs, wrt=None):
    """Compile outputs, with the gradient of the first by `wrt`."""
    if wrt is not None:
        found = pt.grad(outputs[0], wrt)
        outputs = [*outputs, *(found if isinstance(found, list) else [found])]
    f = pt.function(inputs, outputs, target=Text(), on_unused_input="ignore")
    f.bind({x.name: 0.5 for x in inputs if not x.ndim})


def link(y, k):
    """One of three operations."""
    return (pt.sin(y), y * 1.01, y + 0.3)[k % 3]


def chain_of_vectors(n):
    x = y = pt.vector("x")
    for k in range(n):
        y = link(y, k)
    compiled([x], [pt.sum(y)], x)


def chain_of_scalars(n):
    x = y = pt.scalar("x")
    for k in range(n):
        y = link(y, k)
    compiled([x], [y], x)


def node_with_many_users(n):
    x = pt.vector("x")
    e, total = pt.exp(x), x
    for k in range(n):
        total = total + pt.sin(e * (1 + k / n))
    compiled([x], [pt.sum(total)], x)


def many_vectors(n):
    xs = [pt.vector(f"x{k}") for k in range(n)]
    cost = pt.sum(xs[0])
    for x in xs:
        cost = cost + pt.sum(pt.tanh(x))
    compiled(xs, [cost], xs)


def many_matrices(n):
    xs = [pt.matrix(f"x{k}") for k in range(n)]
    v = h = pt.vector("v")
    for x in xs:
        h = pt.tanh(x @ h)
    compiled([v, *xs], [pt.sum(h)], xs)


def many_scalars(n):
    xs = [pt.scalar(f"x{k}") for k in range(n)]
    cost = xs[0]
    for x in xs:
        cost = cost + x**2
    compiled(xs, [cost], xs)


def one_matrix_often(n):
    w, v = pt.matrix("w"), pt.vector("v")
    h = v
    for _ in range(n):
        h = pt.tanh(w @ h)
    compiled([w, v], [pt.sum(h)], [w])


def disconnected_inputs(n):
    xs = [pt.scalar(f"x{k}") for k in range(n)]
    cost = xs[0] * 2.0
    for x in xs:
        cost = cost + (x - x)
    compiled(xs, [cost], xs)


def elements_taken_and_stacked(n):
    x = pt.vector("x")
    v = pt.stack([pt.sin(x[k] * 2.0) for k in range(n)])
    compiled([x], [pt.sum(v * v)], x)


def scalars_stacked(n):
    xs = [pt.scalar(f"x{k}") for k in range(n)]
    v = pt.stack([pt.exp(x) for x in xs])
    compiled(xs, [pt.sum(v * v)], xs)


def vectors_joined(n):
    xs = [pt.vector(f"x{k}", shape=(3,)) for k in range(n)]
    v = pt.concatenate([pt.exp(x) for x in xs])
    compiled(xs, [pt.sum(v * v)], xs)


def many_sums(n):
    x = pt.vector("x")
    compiled([x], [pt.sum(pt.sin(x * (k + 1.0))) for k in range(n)])


def many_outputs(n):
    x = pt.vector("x")
    compiled([x], [pt.sin(x * (k + 1.0)) for k in range(n)])


def scatters(n):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    y = pt.zeros((9,))
    for k in range(n):
        y = y.at[i].add(pt.sin(x * (k + 1.0)))
    compiled([x, i], [pt.sum(y * y)], x)


def euler_steps(n):
    th = pt.vector("th")
    a, b, c, d, u, v = [th[k] for k in range(6)]
    us, vs = [], []
    for _ in range(n):
        u, v = u + STEP * (a * u - b * u * v), v + STEP * (d * u * v - c * v)
        us.append(u)
        vs.append(v)
    cost = pt.sum((pt.stack(us) - 1.0) ** 2) + pt.sum((pt.stack(vs) - 2.0) ** 2)
    compiled([th], [cost], th)


def scalar_variables(n):
    observed = {}
    for k in range(n):
        mu = pt.random.normal(0, 1, name=f"m{k}")
        observed[pt.random.normal(mu, 1.0, name=f"y{k}")] = 0.5 + k / n
    pt.condition(observed, target=Text())


def sum_of_variables(n):
    total = pt.random.normal(0, 1, name="m")
    for k in range(n):
        total = total + pt.random.normal(0, 1, name=f"m{k}")
    pt.condition({pt.random.normal(total, 1.0, name="y"): 1.0}, target=Text())


def random_walk(n):
    x, s = pt.random.normal(0, 1, name="x"), pt.random.half_normal(1.0, name="s")
    observed = {}
    for k in range(n):
        x = pt.random.normal(x, s, name=f"x{k}")
        observed[pt.random.normal(x, 0.5, name=f"y{k}")] = 0.1 * (k % 7)
    pt.condition(observed, target=Text())


LIGHT = (
    chain_of_vectors, chain_of_scalars, node_with_many_users, many_vectors, many_scalars,
    disconnected_inputs, scalars_stacked, vectors_joined, many_sums, many_outputs,
)  # fmt: skip
HEAVY = (
    many_matrices, one_matrix_often, elements_taken_and_stacked, scatters, euler_steps,
    scalar_variables, sum_of_variables, random_walk,
)  # fmt: skip


def calls_of(family, n):
    """How often each function is called, by its place."""
    gc.collect()
    with cProfile.Profile() as profile:
        family(n)
    found = pstats.Stats(profile).stats.items()
    # When weak references die depends on the collections of garbage.
    return {place: count for place, (_, count, *_) in found if "weakref" not in str(place)}


@pytest.mark.parametrize("family", [*LIGHT, *HEAVY], ids=lambda f: f.__name__)
def test_no_function_is_called_more_often_per_node_in_larger_graphs(family):
    n = 10 if family in LIGHT else 4
    family(3)
    small, large = calls_of(family, n), calls_of(family, TIMES * n)
    grown = {
        place: (small.get(place, 0), count)
        for place, count in large.items()
        if small.get(place, 0) > FEW * n and count > SLACK * TIMES * small[place]
    }
    assert not grown


@pytest.mark.slow
@pytest.mark.parametrize("family", [*LIGHT, *HEAVY], ids=lambda f: f.__name__)
def test_compile_times_are_linear(family):
    n = 400 if family in LIGHT else 100
    times = []
    for count in (n, n, 4 * n):
        gc.collect()
        began = time.process_time()
        family(count)
        times.append(time.process_time() - began)
    assert times[2] <= 8 * max(times[:2])
    assert times[2] > times[1]


@pytest.mark.slow
@pytest.mark.parametrize("family", [chain_of_vectors, chain_of_scalars, sum_of_variables],
                         ids=lambda f: f.__name__)  # fmt: skip
def test_graphs_deeper_than_the_stack(family):
    family(1500)
