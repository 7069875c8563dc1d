"""Branches: their values, what is not computed, derivatives, and branches in loops."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.check import check
from probtensor.graph.walk import conditional, toposort
from probtensor.kernel.ir import If, walk
from probtensor.ops.kinds import Branch, Choice
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.branches import close_branches, open_branches
from tests.plans import CountingTarget


def slopes(function, at, step=1e-6):
    """Central differences of a function of an array."""
    at = np.asarray(at, float)
    found = np.zeros(at.shape + np.shape(function(at)))
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        found[index] = (function(up) - function(down)) / (2 * step)
    return found


def test_results_of_every_form(target):
    """Several results, nested branches, shared work, branches that only read, one function."""
    x, c, d = pt.vector("x"), pt.scalar("c"), pt.scalar("d")
    k = pt.scalar("k", dtype="int64")
    u = pt.exp(x)
    a, b = pt.ifelse(c > 0, [u, pt.log(x)], [u + 1, pt.sin(x)])
    later = pt.ifelse(d > 0, a + pt.cos(x), b)
    total = pt.ifelse(c > 0, pt.sum(x), 2 * d) + 1
    nested = pt.ifelse(
        c > 0, pt.ifelse(d > 0, pt.tan(x), pt.ifelse(c > 0, pt.cosh(x), pt.sinh(x))), pt.cos(x)
    )
    picked = pt.loop.switch(
        k, [lambda t: {"a": t.sum(), "b": 1}, lambda t: {"a": 2.0, "b": k + 1},
            lambda t: {"a": 3, "b": -1}], x
    )  # fmt: skip
    tree = pt.loop.cond(
        c > 0, lambda p, q: (p + q["t"], [q["t"]]), lambda p, q: (p, [p]), x, {"t": u}
    )
    read = pt.ifelse(d, x, u), pt.ifelse(d > 0, c, d)
    f = pt.function([x, c, d, k], [a, b, later, total, nested, *read, picked, tree])
    v = np.array([0.5, 2.0, 1.0])
    e = np.exp(v)
    for p in (1.0, -1.0):
        for q, i in ((1.0, -3), (0.0, 1), (0.0, 9)):
            first = e if p > 0 else e + 1
            second = np.log(v) if p > 0 else np.sin(v)
            inner = np.tan(v) if q > 0 else np.cosh(v)
            meant = (
                first, second, first + np.cos(v) if q > 0 else second,
                (v.sum() if p > 0 else 2 * q) + 1, inner if p > 0 else np.cos(v),
                v if q else e, p if q > 0 else q,
            )  # fmt: skip
            *got, found, (plus, (t,)) = f(v, p, q, i)
            for one, want in zip(got, meant, strict=True):
                np.testing.assert_allclose(one, want, rtol=1e-12)
            assert found == [{"a": v.sum(), "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": -1}][
                min(max(i, 0), 2)
            ]
            np.testing.assert_allclose(plus, v + e if p > 0 else v)
            np.testing.assert_allclose(t, e if p > 0 else v)


def test_checks_of_the_other_branch_cannot_fail(target):
    x, i = pt.vector("x"), pt.scalar("i", dtype="int64")
    inside = (i >= 0) & (i < x.shape[0])
    guarded = pt.ifelse(inside, x[i], -1.0)
    rows = pt.ifelse(inside, [x * x[i], pt.cumsum(x) + x[i]], [x, x + 1])
    other = pt.ifelse(i < 0, 0.0, x[i])
    f = pt.function([x, i], [guarded, *rows])
    g = pt.function([x, i], other)
    v = np.array([3.0, 5.0])
    np.testing.assert_allclose(f(v, 1)[0], 5.0)
    np.testing.assert_allclose(f(v, 1)[2], np.cumsum(v) + 5)
    np.testing.assert_allclose(f(v, 7)[0], -1.0)
    np.testing.assert_allclose(f(v, 7)[1], v)
    np.testing.assert_allclose(g(v, -100), 0.0)
    with pytest.raises(IndexError, match="out of bounds"):
        g(v, 7)


def test_the_other_branch_is_not_computed():
    """Outside of loops and in their steps."""
    target = CountingTarget()
    c, x = pt.scalar("c"), pt.vector("x")
    costly = pt.sum(pt.exp(pt.sin(x[:, None] * x[None, :])))
    step = pt.loop.scan(
        lambda h, u: (pt.ifelse(u > 0, h + pt.sum(pt.exp(pt.sin(h * x[:, None] * x))), h + u), h),
        c, pt.stack([-c, -c, c]),
    )[0]  # fmt: skip
    for y in (pt.ifelse(c > 0, costly, 2 * c), step):
        f = pt.function([c, x], y, target=target)
        v = np.linspace(0, 1, 9)
        assert not target.computed(f, 0.0, v)
        assert target.computed(f, 1.0, v) == 2 * 81


@pytest.mark.parametrize("target", ["interp", "cython"], indirect=True)
def test_derivatives_to_second_order(target):
    """Unused inputs have zeros; inner nodes, forward mode, Hessians and products."""
    x, c, d = pt.vector("x"), pt.scalar("c"), pt.scalar("d")
    z = pt.sin(x)
    y = pt.ifelse(
        c > 0, pt.sum(pt.exp(z) * x) + pt.sum(x**3), pt.ifelse(d > 0, pt.sum(pt.log(x)), d * c)
    )
    cost = y**2

    def value(v, p, q):
        if p > 0:
            return ((np.exp(np.sin(v)) * v).sum() + (v**3).sum()) ** 2
        return np.log(v).sum() ** 2 if q > 0 else (p * q) ** 2

    outputs = [cost, *pt.grad(cost, [x, c, d, z]), pt.hessian(cost, x), pt.jvp(cost, x, x),
               pt.hvp(cost, x, x)]  # fmt: skip
    f = pt.function([x, c, d], outputs)
    v = np.array([0.4, 0.9])
    for p, q in ((1.0, 0.5), (-1.0, 0.7), (-1.0, -0.3)):
        got = f(v, p, q)
        close = {"rtol": 1e-6, "atol": 1e-8}
        np.testing.assert_allclose(got[0], value(v, p, q))
        by_each = [slopes(lambda a, p=p, q=q: value(a, p, q), v),
                   slopes(lambda a, q=q: value(v, a, q), p),
                   slopes(lambda a, p=p: value(v, p, a), q)]  # fmt: skip
        for one, want in zip(got[1:4], by_each, strict=True):
            np.testing.assert_allclose(one, want, **close)
        second = slopes(lambda a, p=p, q=q: f(a, p, q)[1], v)
        np.testing.assert_allclose(got[5], second, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(got[6], got[1] @ v, rtol=1e-12)
        np.testing.assert_allclose(got[7], got[5] @ v, rtol=1e-9, atol=1e-12)
        by_sine = 2 * np.sqrt(value(v, p, q)) * np.exp(np.sin(v)) * v if p > 0 else [0.0, 0.0]
        np.testing.assert_allclose(got[4], by_sine, rtol=1e-9)


def test_the_slope_of_a_choice_between_inputs():
    """A choice that needs no branch, since nothing is computed for its alternatives alone."""
    a, b, k = pt.scalar("a"), pt.scalar("b"), pt.scalar("k", dtype="int64")
    two = pt.grad(pt.ifelse(k > 0, a, b) * 3, [a, b])
    three = pt.grad(ops.IfElse()(k, a, b, a) ** 2, [a, b])
    function = pt.function([a, b, k], [*two, *three], target="interp")
    assert [float(g) for g in function(2.0, 5.0, 1)] == [3, 0, 0, 10]
    assert [float(g) for g in function(2.0, 5.0, 0)] == [0, 3, 4, 0]


def test_branches_in_loops(target):
    """Each step takes one branch, whose checks alone may fail; derivatives to second order. And
    loops in branches."""
    x, w = pt.vector("x"), pt.vector("w")
    i = pt.scalar("i", dtype="int64")

    def step(h, t):
        first = w[pt.astype(t, "int64")] * h + w[i]
        a = pt.ifelse(t > 0, first, h * 0.5 + pt.sum(pt.exp(w * h)))
        return pt.tanh(a), a

    last, rows = pt.loop.scan(step, 0.1, x)
    cost = last + pt.sum(rows)
    gradient = pt.grad(cost, w)
    running = pt.loop.scan(lambda s, t: (s + t, s * t), 0.0, x)
    total, products = pt.ifelse(i > 1, list(running), [w[0], x])
    inner = [total, products, pt.grad(total + pt.sum(products), x)]
    f = pt.function([x, w, i], [cost, gradient, pt.hvp(cost, w, pt.ones_like(w)), *inner])

    def value(v, a, k):
        h, total = 0.1, 0.0
        for t in v:
            y = a[int(t)] * h + a[k] if t > 0 else h * 0.5 + np.exp(a * h).sum()
            h, total = np.tanh(y), total + y
        return h + total

    a = np.array([0.3, -0.2, 0.5])
    for v, k in (([1.0, -5.0, 2.0, -9.0], 1), ([-10.0, -5.0], 77)):
        got = f(v, a, k)
        np.testing.assert_allclose(got[0], value(v, a, k))
        first = slopes(lambda b, v=v, k=k: value(v, b, k), a)
        np.testing.assert_allclose(got[1], first, rtol=1e-6)
        second = slopes(lambda b, v=v, k=k: f(v, b, k)[1].sum(), a)
        np.testing.assert_allclose(got[2], second, rtol=1e-5)
        sums = np.cumsum(v)
        np.testing.assert_allclose(got[3], sums[-1] if k > 1 else a[0])
        np.testing.assert_allclose(got[4], (sums - v) * v if k > 1 else v)
        np.testing.assert_allclose(got[5], 1 + sums[-1] - v if k > 1 else np.ones(len(v)))
    with pytest.raises(IndexError, match="out of bounds"):
        f([1.0, -5.0], a, 77)


@pytest.mark.parametrize("target", ["interp", "cython"], indirect=True)
def test_batches(target):
    """A condition that all items share keeps its branches; one for each item selects."""
    xs, cs, c = pt.matrix("xs"), pt.vector("cs"), pt.scalar("c")
    each = pt.vmap(lambda x, c: pt.ifelse(c > 0, pt.exp(x).sum(), c))(xs, cs)
    shared = pt.vmap(lambda x: pt.ifelse(c > 0, pt.exp(x).sum(), c))(xs)
    index = pt.astype(cs, "int64")
    picked = pt.vmap(lambda x, k: pt.loop.switch(k, [pt.sum, pt.prod, pt.max], x))(xs, index)
    f = pt.function([xs, cs, c], [each, shared, picked])
    rows = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    got = f(rows, [1.0, -1.0, 8.0], -2.0)
    sums = np.exp(rows).sum(1)
    np.testing.assert_allclose(got[0], [sums[0], -1.0, sums[2]])
    np.testing.assert_allclose(got[1], [-2.0] * 3)
    np.testing.assert_allclose(got[2], [2.0, 7.0, 7.0])
    np.testing.assert_allclose(f(rows, [1.0, -1.0, 8.0], 2.0)[1], sums)


@pytest.mark.parametrize("target", ["interp"], indirect=True)
def test_a_random_variable_is_one_draw_in_a_branch_and_outside(target):
    c, sigma = pt.scalar("c"), pt.scalar("sigma")
    z = pt.random.normal(0, sigma)
    only = pt.random.normal(10, 1)
    f = pt.function([c, sigma], [z, pt.ifelse(c > 0, z * 2, only)], seed=3)
    outside, inside = f(1.0, 1.0)
    assert inside == 2 * outside
    assert f(-1.0, 1.0)[1] > 5


@pytest.mark.parametrize("target", ["interp"], indirect=True)
def test_the_message_of_a_failure_is_that_of_the_branch_taken(target):
    c = pt.shared(0.0)
    first, second = (pt.random.poisson(c - n) for n in (1, 2))
    with pytest.raises(ValueError, match="it is -2"):
        pt.draw(pt.ifelse(c > 0, first, second), seed=1)


# What is computed where.


def parts_of(outputs):
    """The graph with branches, the branches in it, and the names of ops outside of them."""
    closed = close_branches(outputs)
    check(closed)
    order = toposort(closed)
    branches = [node for node in order if isinstance(node.op, Branch)]
    return closed, branches, {node.op.name for node in order}


def names_in(body):
    return {node.op.name for node in body.order()} - {"input"}


x, c, d = pt.vector("x"), pt.scalar("c"), pt.scalar("d")


def test_what_is_needed_anyway_is_outside_and_the_rest_is_in_the_branches():
    u, both = pt.exp(x), pt.cos(x)
    y = pt.ifelse(pt.sum(pt.sinh(x)) > 0, u + both + pt.log(x), both * pt.tan(x))
    _, (branch,), outside = parts_of([y, u])
    assert {"exp", "cos", "sinh"} <= outside and not {"log", "tan"} & outside
    assert [names_in(body) for body in branch.op.bodies] == [{"add", "log"}, {"mul", "tan"}]


def test_choices_by_one_condition_are_one_branch_and_share_their_work():
    y = pt.ifelse(c > 0, pt.sum(pt.exp(x)), pt.sum(pt.log(x)))
    _, (branch,), outside = parts_of([y, pt.grad(y, x)])
    assert not {"exp", "log"} & outside
    first, second = (list(body.order()) for body in branch.op.bodies)
    assert [node.op.name for node in first].count("exp") == 1
    assert [node.op.name for node in second].count("log") == 1
    # One that depends on the result of the other is a branch of its own.
    again = pt.ifelse(c > 0, pt.sin(y), pt.cos(y))
    assert len(parts_of([y, again])[1]) == 2
    # The negation is the same condition.
    negated = pt.function([x, c], [y, pt.ifelse(~(c > 0), pt.sum(x), 0.0)], target="interp")
    kernels = negated.plan.kernels
    assert sum(isinstance(s, If) for k in kernels for s in walk(k.body)) == 1


def test_a_choice_of_what_is_there_already_needs_no_branch():
    u = pt.exp(x)
    closed, branches, names = parts_of([pt.ifelse(c > 0, x, u), u, pt.ifelse(c > 0, 1.0, d)])
    assert not branches and "if_else" in names
    assert sum(isinstance(node.op, Choice) for node in toposort(closed)) == 2


def test_a_branch_within_a_branch_of_the_same_condition_is_decided():
    y = pt.ifelse(c > 0, pt.ifelse(c > 0, pt.sin(x), pt.cos(x)), pt.tan(x))
    _, (branch,), _ = parts_of([y])
    assert [names_in(body) for body in branch.op.bodies] == [{"sin"}, {"tan"}]


def test_work_of_two_conditions_is_in_both_branches():
    u = pt.exp(x)
    y = [pt.ifelse(c > 0, u, x), pt.ifelse(d > 0, pt.sin(u), x)]
    assert u in conditional(y)
    _, branches, outside = parts_of(y)
    assert len(branches) == 2 and "exp" not in outside
    assert all("exp" in names_in(branch.op.bodies[0]) for branch in branches)


def test_branches_open_to_the_choices_they_were():
    u = pt.exp(x)
    y = pt.ifelse(c > 0, pt.ifelse(d > 0, u * pt.sin(x), pt.cos(x)), u + pt.tan(x))
    outputs = [y, pt.sum(y) * pt.ifelse(d > 0, pt.log(c), c)]
    closed = close_branches(outputs)
    assert all(a is b for a, b in zip(open_branches(closed), outputs, strict=True))
    for p in (1.0, -1.0):
        for q in (1.0, -1.0):
            values = {x: np.array([0.3, 0.7]), c: np.array(p), d: np.array(q)}
            for got, want in zip(evaluate_numpy(closed, values), evaluate_numpy(outputs, values)):
                np.testing.assert_array_equal(got, want)


def test_long_chains_of_branches():
    """Depth is no limit, as for all graphs."""
    y = c
    for n in range(1500):
        y = pt.ifelse(y > n, pt.sin(y), y + 1)
    closed, branches, _ = parts_of([y])
    assert len(branches) == 1500
    (got,) = evaluate_numpy(closed, {c: np.array(0.5)})
    want = 0.5
    for n in range(1500):
        want = np.sin(want) if want > n else want + 1
    np.testing.assert_allclose(got, want)


def test_constant_conditions_and_equal_branches_leave_no_branch():
    one = [pt.ifelse(True, x, pt.exp(x)), pt.ifelse(c > 0, x, x),
           pt.loop.switch(7, [pt.exp, lambda t: t], x)]  # fmt: skip
    f = pt.function([x, c], one, target="interp", on_unused_input="ignore")
    assert not any(isinstance(s, If) for k in f.plan.kernels for s in walk(k.body))
    assert "pt_exp" not in f.explain("kernels")
    for got in f([1.0, 2.0], 1.0):
        np.testing.assert_array_equal(got, [1.0, 2.0])


def test_results_that_nothing_reads_go():
    used, _ = pt.ifelse(c > 0, [pt.sin(x), pt.exp(x)], [pt.cos(x), pt.log(x)])
    _, (branch,), _ = parts_of([used])
    assert len(branch.type) == 1


# Calls.


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pt.ifelse(x, 1.0, 2.0), r"ifelse: the condition x has shape .*not \(\)"),
        (lambda: pt.ifelse(c, x, c), "values of result 0 differ in type: x is float64"),
        (lambda: pt.ifelse(c, [x], [x, x]), "1 tensors in then_branch, 2 in else_branch"),
        (lambda: pt.ifelse(c, pt.ones(2), pt.ones(3)), r"have shapes \(2,\) and \(3,\)"),
        (lambda: pt.loop.cond(x, lambda: c, lambda: c), "loop.cond: the condition x"),
        (lambda: pt.loop.cond(c, lambda: (c, c), lambda: c), r"the functions give \(\*, \*\) and"),
        (lambda: pt.loop.switch(c, [lambda: c]), "the index c is float64"),
        (lambda: pt.loop.switch(0, []), "there are no branches"),
    ],
)
def test_calls_that_are_refused(call, says):
    with pytest.raises(pt.GraphError, match=says) as error:
        call()
    assert "test_branches.py" in str(error.value)
    assert len(str(error.value).splitlines()) <= 8


def test_what_calls_give():
    first, second = pt.ifelse(c > 0, (x, 1), (2 * x, 2.5), name="pair")
    assert (first.name, second.dtype) == ("pair", "float64")
    assert isinstance(pt.ifelse(c, [x], [x]), list)
    assert isinstance(pt.ifelse(c, (x,), [x]), tuple)
    assert pt.ifelse(c, 1, 2).dtype == "int64"
    assert pt.ifelse(c, pt.scalar("n", dtype="int8"), 2).dtype == "int8"
    n = pt.scalar("n", dtype="uint64")
    f = pt.function([n, c], pt.loop.switch(n, [lambda: c, lambda: 2 * c]), target="interp")
    assert [f(k, 3.0) for k in (0, 1, 2**64 - 1)] == [3.0, 6.0, 6.0]


def test_shapes_that_differ_at_a_call_are_refused():
    y = pt.vector("y")
    f = pt.function([x, y, c], pt.ifelse(c > 0, x, y), target="interp")
    np.testing.assert_array_equal(f([1.0], [2.0], -1.0), [2.0])
    with pytest.raises(ValueError, match=r"(?s)ifelse: sizes 2 and 1 .*test_branches.py"):
        f([1.0], [2.0, 3.0], 1.0)
