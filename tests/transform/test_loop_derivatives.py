"""Derivatives and batches of loops agree with those of the same steps written out, to second order.

The bodies have carries of several shapes, a counter, sequences, invariants, products with
matrices, and a nested loop.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import GraphError
from probtensor.graph.walk import replace, toposort
from probtensor.lower.memory import layout
from probtensor.ops.kinds import Contraction, Loop
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient as gradient_of
from probtensor.transform.autodiff import push_forward
from probtensor.transform.batch import vmap_nodes
from tests.plans import sizes_of

SEED = 5


def mixed_step(carries, elements, shared):
    """A vector, a scalar and a counter; a product with a matrix; a matrix of invariants."""
    (h, s, i), (x, u), (w, b) = carries, elements, shared
    after = pt.tanh(h @ w + x * s + b)
    total = 0.7 * s + pt.sum(after * h) * 0.3 + u * pt.cos(0.1 * i)
    return (after, total, i + 1), (after * u, h), pt.sum(after * after) < 0.2


def memory_step(carries, elements, shared):
    """Batches of rows, gated, as in recurrent networks; the new carry is stacked."""
    (h, _, _), (x, u), (w, b) = carries, elements, shared
    rows = pt.outer(x, b) + h[None, :]
    gate = pt.sigmoid(rows @ w)
    after = pt.sum(gate * pt.tanh((gate * rows) @ w.T + u), axis=0) * 0.5
    return (after, carries[1] * 0.9 + u * h[0], carries[2] + 2), (after, carries[2]), h[0] > 0.9


def nested_step(carries, elements, shared):
    """A loop of three steps within a step, over an invariant."""
    (h, s, i), (x, u), (w, b) = carries, elements, shared

    def inner(c, row):
        c = pt.sin(c * row + x[0]) + h
        return c, pt.sum(c) * u

    last, sums = pt.loop.scan(inner, b, w)
    return (last * 0.5, pt.sum(sums) + s * 0.2, i + 1), (last, sums), s > 1.2


STEPS = {"mixed": mixed_step, "memory": memory_step, "nested": nested_step}


@dataclass
class Program:
    """A loop with symbolic inputs, and the same steps written out."""

    step: object
    steps: int
    options: dict = field(default_factory=dict)
    count: int | None = None
    symbolic: bool = False

    def __post_init__(self):
        shapes = [(3,), (), (self.steps, 3), (self.steps,), (3, 3), (3,)]
        rng = np.random.default_rng(SEED)
        self.arrays = [rng.normal(size=shape) * 0.6 for shape in shapes]
        known = [s if not self.symbolic else tuple(None for _ in s) for s in shapes]
        if self.symbolic:  # only the number of steps
            known[2], known[3] = (None, 3), (None,)
            known[0], known[4], known[5] = (3,), (3, 3), (3,)
        self.inputs = [pt.tensor(f"x{k}", s) for k, s in enumerate(known)]
        self.values = dict(zip(self.inputs, self.arrays))
        self.carries = [*self.inputs[:2], pt.constant(0)]

    def of_length(self, steps):
        """The same inputs with another number of steps, for a program with symbolic sizes."""
        other = Program(self.step, steps, self.options, self.count, True)
        other.inputs, other.carries = self.inputs, self.carries
        other.values = dict(zip(self.inputs, other.arrays))
        return other

    def own(self):
        shapes = [*(x.shape for x in self.carries), (3,), ()]
        dtypes = [*(x.dtype for x in self.carries), "float64", "float64"]
        return [pt.tensor(f"own{k}", s, d) for k, (s, d) in enumerate(zip(shapes, dtypes))]

    def loop(self):
        own = self.own()
        following, stacked, stop = self.step(own[:3], own[3:], self.inputs[4:])
        stops = [stop] if self.options.get("stops") else []
        body, outside = body_of(own, [*following, *stacked, *stops])
        counts = [] if self.count is None else [pt.constant(self.count)]
        steps = self.inputs[2].shape[0]
        found = run(body, steps, self.carries, self.inputs[2:4], [*outside, *counts],
                    counted=bool(counts), **self.options)  # fmt: skip
        return list(found)

    def written_out(self):
        limit = self.steps if self.count is None else self.count
        run_steps = limit
        if self.options.get("stops"):
            run_steps = int(evaluate_numpy(self.loop()[-1:], self.values)[0])
        order = range(limit)[::-1] if self.options.get("backwards") else range(limit)
        order = list(order)[:run_steps]
        kept = self.options.get("truncate")
        first = 0 if kept is None else len(order) - kept
        carries, stacks = self.carries, {}
        for k, t in enumerate(order):
            if k == first > 0:
                carries = [pt.stop_gradient(c) if c.type.is_float else c for c in carries]
            following, stacked, _ = self.step(
                carries, [self.inputs[2][t], self.inputs[3][t]], self._shared(k < first)
            )
            carries = following
            stacks[t] = [pt.stop_gradient(y) if k < first and y.type.is_float else y
                         for y in stacked]  # fmt: skip
        own = self.own()
        rows = self.step(own[:3], own[3:], self.inputs[4:])[1]
        found = list(carries)
        for j, like in enumerate(rows):
            zero = pt.zeros(like.shape, like.dtype)
            values = [stacks[t][j] if t in stacks else zero for t in range(self.steps)]
            found.append(pt.stack(values) if values else pt.zeros((0, *like.shape), like.dtype))
        return found

    def _shared(self, constant):
        shared = self.inputs[4:]
        return [pt.stop_gradient(x) for x in shared] if constant else shared


def cost_of(results):
    """A sum of all float results with changing weights."""
    rng = np.random.default_rng(SEED)
    total = 0.0
    for y in results:
        if y.type.is_float:
            weights = pt.constant(rng.normal(size=(50,)))
            flat = pt.ravel(y)
            total = total + pt.sum(flat * weights[: flat.shape[0]]) + 0.1 * pt.sum(flat**2)
    return total


def derivatives_of(results, program):
    """The cost, its gradient, a Hessian-vector product, and the same by forward mode."""
    inputs = program.inputs
    directions = [pt.stop_gradient(pt.cos(3 * x + k)) for k, x in enumerate(inputs)]
    cost = cost_of(results)
    slopes = gradient_of(cost, inputs, disconnected_inputs="ignore")
    slope = sum(pt.sum(g * d) for g, d in zip(slopes, directions))
    second = gradient_of(slope, inputs, disconnected_inputs="ignore")
    along, again = push_forward([cost, slope], inputs, directions)
    return [cost, *slopes, *second, along, again]


CASES = {
    "plain": {},
    "backwards": {"backwards": True},
    "truncate": {"truncate": 2},
    "truncate backwards": {"truncate": 2, "backwards": True},
    "checkpoint": {"checkpoint": "sqrt"},
    "checkpoint backwards": {"checkpoint": "sqrt", "backwards": True},
    "checkpoint truncate": {"checkpoint": "sqrt", "truncate": 4},
    "carries": {"checkpoint": "carries"},
    "stops": {"stops": True},
    "stops backwards": {"stops": True, "backwards": True},
    "stops checkpoint": {"stops": True, "checkpoint": "sqrt"},
    "stops truncate": {"stops": True, "truncate": 2},
    "stops truncate backwards": {"stops": True, "truncate": 2, "backwards": True},
    "counted": {"count": 3},
    "counted backwards": {"count": 3, "backwards": True},
    "counted checkpoint": {"count": 5, "checkpoint": "sqrt"},
    "counted checkpoint backwards": {"count": 5, "checkpoint": "sqrt", "backwards": True},
    "counted truncate backwards": {"count": 5, "truncate": 2, "backwards": True},
    "counted stops backwards": {"count": 5, "stops": True, "backwards": True},
}


def program_of(name, steps, case, symbolic=False):
    options = dict(CASES[case])
    count = options.pop("count", None)
    return Program(STEPS[name], steps, options, count and min(count, steps), symbolic)

def assert_same_derivatives(loop, program, what):
    """The derivatives `loop` are those of the steps of the program written out."""
    meant = evaluate_numpy(derivatives_of(program.written_out(), program), program.values)
    for k, (got, want) in enumerate(zip(loop, meant, strict=True)):
        np.testing.assert_allclose(got, want, 1e-10, 1e-11, err_msg=f"{what}: {k}")


@pytest.mark.parametrize("case", CASES)
def test_derivatives_are_those_of_the_steps_written_out(case):
    name = list(STEPS)[list(CASES).index(case) % len(STEPS)]
    program = program_of(name, 5, case)
    found = derivatives_of(program.loop(), program)
    assert_same_derivatives(evaluate_numpy(found, program.values), program, f"{name} {case}")


@pytest.mark.slow
@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", STEPS)
def test_derivatives_of_all_bodies_in_all_forms(name, case, symbolic):
    for steps in (0, 1, 2, 7):
        if CASES[case].get("truncate", 0) > steps:
            continue
        program = program_of(name, steps, case, symbolic)
        found = evaluate_numpy(derivatives_of(program.loop(), program), program.values)
        assert_same_derivatives(found, program, f"{name} {case} {steps} {symbolic}")


@pytest.mark.parametrize("case", ["plain", "checkpoint"])
def test_one_graph_is_right_for_every_number_of_steps(case):
    program = program_of("memory", 3, case, symbolic=True)
    found = derivatives_of(program.loop(), program)
    for steps in (0, 1, 2, 6):
        shorter = program.of_length(steps)
        values = evaluate_numpy(found, shorter.values)
        assert_same_derivatives(values, shorter, f"{case} {steps}")


@pytest.mark.parametrize("case", ["plain", "stops", "counted backwards", "checkpoint"])
def test_a_batch_is_its_items(case):
    """Each subset of the inputs as batches, with items that stop at different steps; also of the
    gradient."""
    program = program_of("mixed", 4, case)
    inputs, rng = program.inputs, np.random.default_rng(SEED)
    results = program.loop()
    slope = gradient_of(cost_of(results), inputs, disconnected_inputs="ignore")
    outputs = [*results, *slope[2:5]]
    items = [a + rng.normal(size=(3, *a.shape)) for a in program.arrays]
    for chosen in ([0], [2], [1, 4], [0, 1, 2, 3, 4, 5]):
        batches = {inputs[k]: pt.tensor("items", items[k].shape) for k in chosen}
        found = vmap_nodes(outputs, batches)
        values = program.values | {batches[inputs[k]]: items[k] for k in chosen}
        got = evaluate_numpy(found, values)
        for item in range(3):
            one = program.values | {inputs[k]: items[k][item] for k in chosen}
            for k, want in enumerate(evaluate_numpy(outputs, one)):
                np.testing.assert_allclose(
                    got[k][item], want, 1e-11, 1e-12, err_msg=f"{chosen} {item} {k}"
                )


def test_a_batch_of_numbers_of_steps():
    x, n = pt.vector("x", shape=(5,)), pt.tensor("n", (), "int64")
    counts = pt.constant(np.array([0, 3, 5, 1]))

    def powers(n):
        return pt.loop.fori_loop(0, n, lambda i, h: pt.sin(h) + i * 0.1, pt.sum(x))

    one = [powers(n)]
    (many,) = vmap_nodes(one, {n: counts})
    given = {x: np.arange(5.0)}
    got = evaluate_numpy([many], given)[0]
    want = [evaluate_numpy(one, given | {n: k})[0] for k in (0, 3, 5, 1)]
    np.testing.assert_allclose(got, want, 1e-13)


def test_jacobian_and_hessian_of_a_loop():
    x, w = pt.vector("x", shape=(3,)), pt.matrix("w", shape=(3, 3))
    rng = np.random.default_rng(SEED)
    values = {x: rng.normal(size=3), w: rng.normal(size=(3, 3)) * 0.5}

    def step(h, _):
        return pt.tanh(w @ h), None

    last = pt.loop.scan(step, x, None, 4)[0]
    meant = x
    for _ in range(4):
        meant = pt.tanh(w @ meant)
    pairs = zip(
        (pt.jacobian(last, x), pt.jacobian(last, w), pt.hessian(pt.sum(last**2), x)),
        (pt.jacobian(meant, x), pt.jacobian(meant, w), pt.hessian(pt.sum(meant**2), x)),
    )
    for got, want in pairs:
        np.testing.assert_allclose(*evaluate_numpy([got, want], values), 1e-10, 1e-12)


# What the derivative computes and stores.


def loops_of(outputs):
    return [x for x in with_bodies(toposort(outputs)) if isinstance(x.op, Loop)]


def test_what_a_recurrent_network_stores_is_not_stored_or_computed_again():
    """The stacked states serve as what the derivative reads, no product with the state is computed
    in the backward loop but that of its cotangent, and the gradient of the matrix is one product
    after it."""
    h, xs = pt.vector("h", shape=(3,)), pt.matrix("xs", shape=(7, 3))
    w = pt.matrix("w", shape=(3, 3))

    def step(h, x):
        after = pt.tanh(h @ w + x)
        return after, after

    states = pt.loop.scan(step, h, xs)[1]
    slopes = gradient_of(pt.sum(states**2), [h, w, xs])
    forward, backward = loops_of(slopes)
    assert forward.op.stacked == 1 and backward.op.backwards
    products = [x for x in backward.op.body.order() if isinstance(x.op, Contraction)]
    assert len(products) == 1
    assert backward.op.carries == 1  # the cotangent of the state: no matrix is summed
    assert isinstance(toposort([slopes[1]])[-1].op, Contraction)


def test_the_gradient_of_a_table_is_written_once():
    """No step of the backward loop copies a table in which a step looks up elements."""
    table, pairs = pt.matrix("table", shape=(4, 3)), pt.matrix("pairs", shape=(3, 2))
    numbers = pt.tensor("numbers", (5,), "int64")

    def step(h, i):
        row = table[i] * h + pairs[i % 3, 0] * pairs[:, 1]
        return pt.tanh(row), table[:, i % 3] @ table[:, 0] + h[0]

    last, products = pt.loop.scan(step, pt.ones(3), numbers)
    cost = pt.sum(last) + pt.sum(products**2)
    slopes = gradient_of(cost, [table, pairs])
    carried = loops_of(slopes)[-1].inputs[: loops_of(slopes)[-1].op.carries]
    assert {x.ndim for x in carried} == {1}
    h, outputs = pt.ones(3), 0.0
    for k in range(5):
        h, y = step(h, numbers[k])
        outputs = outputs + y**2
    meant = gradient_of(pt.sum(h) + outputs, [table, pairs])
    rng = np.random.default_rng(SEED)
    values = {table: rng.normal(size=(4, 3)), pairs: rng.normal(size=(3, 2)),
              numbers: np.array([2, 0, 2, 3, 1])}  # fmt: skip
    found = evaluate_numpy([*slopes, *meant], values)
    for got, want in zip(found[:2], found[2:]):
        np.testing.assert_allclose(got, want, 1e-11)


def test_the_gradient_of_the_last_state_is_no_stack_of_zeros():
    x, w = pt.vector("x", shape=(6,)), pt.scalar("w")
    for backwards in (False, True):
        states = pt.loop.scan(lambda h, u: (pt.sin(h * w + u),) * 2, 0.5, x, reverse=backwards)[1]
        last = states[0 if backwards else -1]
        slope = gradient_of(last + 2 * last, w)
        backward = loops_of([slope])[-1]
        assert backward.op.sequences == 2  # the state before the step, and the element
        low, high = (evaluate_numpy([last], {x: np.arange(6.0), w: v})[0]
                     for v in (0.7 - 1e-6, 0.7 + 1e-6))  # fmt: skip
        got = evaluate_numpy([slope], {x: np.arange(6.0), w: 0.7})[0]
        np.testing.assert_allclose(got, 3 * (high - low) / 2e-6, 1e-8)


def test_the_derivative_by_a_variable_leaves_random_variables_of_constants():
    a = pt.scalar("a")
    slope = pt.grad(pt.random.normal(0, 1) * a**2, a)
    f = pt.function([a], [slope], target="interp", seed=1)
    assert f(3.0)[0] != 0


def test_only_what_is_read_is_stored():
    x = pt.vector("x")

    def step(carry, u):
        linear, product, count = carry
        return (linear * 0.5 + u, product * u, count + 1), None

    last = pt.loop.scan(step, (1.0, 1.0, 0), x)[0]
    (backward,) = loops_of(gradient_of(last[0], [x]))
    assert backward.op.sequences == 0  # a linear recurrence reads nothing
    forward, backward = loops_of(gradient_of(last[1], [x]))
    assert forward.op.stacked == 1
    assert backward.op.sequences == 2  # the product before the step, and the element


def test_memory_of_checkpoints_grows_with_the_root_of_the_number_of_steps():
    h, xs = pt.vector("h", shape=(16,)), pt.vector("xs")

    def bytes_of(checkpoint, steps):
        last = pt.loop.scan(lambda h, x: (pt.sin(h * x), None), h, xs, checkpoint=checkpoint)[0]
        plan = pt.function([h, xs], pt.grad(pt.sum(last**2), h), target="interp").plan
        arrays = {k: np.zeros(16 if k == plan.inputs[0] else steps) for k in plan.inputs}
        return layout(plan, sizes_of(plan, arrays))[0]

    assert bytes_of(None, 10**4) > 10**4 * 16 * 8
    assert bytes_of("sqrt", 10**4) < 500 * 16 * 8
    assert bytes_of("sqrt", 10**6) < 5500 * 16 * 8


def test_gradients_past_what_a_step_does_not_take_are_zero():
    x = pt.vector("x")

    def step(total, u):
        total = pt.where(u > 0, total + pt.log(u) * total, total)
        return total, pt.where(u > 0, pt.sqrt(u), 0.0)

    last, roots = pt.loop.scan(step, 1.0, x)
    slope = pt.grad(last + pt.sum(roots * 0.0), x)
    found = evaluate_numpy([slope], {x: np.array([0.0, 2.0, 0.0, 3.0])})[0]
    assert found[0] == found[2] == 0 and np.isfinite(found).all()


def test_a_loop_of_no_known_length_is_run_again_with_the_length_that_it_had():
    x, n = pt.scalar("x"), pt.tensor("n", (), "int64")
    last = pt.loop.while_loop(lambda h: h < 100, lambda h: h * x, 1.5)
    counted = pt.loop.fori_loop(0, n, lambda i, h: pt.sin(h) * x + i, x)
    slopes = [pt.grad(y, x) for y in (last, counted)]
    outputs = [*slopes, *(pt.grad(g, x) for g in slopes), pt.jvp(last, x, 1.0)]
    f = pt.function([x, n], outputs, target="interp")
    for steps in (0, 1, 4):
        h = x
        for i in range(steps):
            h = pt.sin(h) * x + i
        slope = pt.grad(h, x)
        second = pt.grad(slope, x, disconnected_inputs="ignore")
        want = evaluate_numpy([slope, second], {x: 2.0})
        found = f(2.0, steps)
        np.testing.assert_allclose(found, [672, want[0], 2016, want[1], 672], 1e-12)
        np.testing.assert_allclose(evaluate_numpy(outputs, {x: 2.0, n: steps}), found, 1e-12)


def test_a_loop_in_a_step_needs_a_bound():
    x = pt.scalar("x")

    def grown(steps):
        def step(h, _):
            return pt.loop.while_loop(
                lambda v: v < 9, lambda v: v * x, h * 0.1, max_steps=steps
            ), None

        return pt.loop.scan(step, 1.0, None, 3)[0]

    lines = r"(?s)without a bound.*test_loop_derivatives.py.*max_steps="
    with pytest.raises(GraphError, match=lines):
        pt.grad(grown(None), x)
    low, slope, high = (evaluate_numpy([y], {x: v})[0] for y, v in (
        (grown(9), 2 - 1e-6), (pt.grad(grown(9), x), 2.0), (grown(9), 2 + 1e-6)))  # fmt: skip
    np.testing.assert_allclose(slope, (high - low) / 2e-6, 1e-7)


@pytest.mark.parametrize("options", [{}, {"checkpoint": "sqrt"}, {"truncate_gradient": 9}])
def test_the_derivative_of_a_step_that_draws_is_that_at_the_draws(options):
    x, a = pt.vector("x"), pt.scalar("a")

    def step(u, h):
        return pt.tanh(h * a + u * pt.random.normal(0, 1))

    states, _ = pt.scan(step, sequences=x, outputs_info=0.3, **options)
    cost = pt.sum(states**2)
    outputs = [cost, pt.grad(cost, a), pt.jvp(cost, a, 1.0)]
    f = pt.function([x, a], outputs, target="interp", seed=3).copy
    data = np.linspace(-1, 1, 9)
    (low, *_), (_, slope, along), (high, *_) = (f()(data, v) for v in (0.7 - 1e-5, 0.7, 0.7 + 1e-5))
    np.testing.assert_allclose([slope, along], (high - low) / 2e-5, 1e-7)


@pytest.mark.parametrize("target", ["interp", "cython"], indirect=True)
def test_derivatives_of_loops_compiled(target):
    """Gradients in several forms, in one function."""
    programs = [program_of("mixed", 5, case) for case in ("stops", "checkpoint")]
    outputs = []
    for program in programs:
        given = dict(zip(program.inputs, programs[0].inputs))
        cost = cost_of(program.loop())
        outputs += replace(pt.grad(cost, program.inputs, disconnected_inputs="ignore"), given)
    f = pt.function(programs[0].inputs, outputs)
    meant = evaluate_numpy(outputs, programs[0].values)
    for got, want in zip(f(*programs[0].arrays), meant, strict=True):
        np.testing.assert_allclose(got, want, 1e-11, 1e-12)
