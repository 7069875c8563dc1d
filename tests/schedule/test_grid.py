"""Which loops run in parallel on a grid, and the forms of stores that several iterations share."""

import probtensor as pt
from probtensor.kernel.ir import Store, walk
from probtensor.schedule.grid.passes import schedule
from probtensor.schedule.grid.phases import MapPhase, Once, Reduce, statements
from probtensor.types import size_product
from tests.models.programs import varying_intercepts


def phases_of(inputs, outputs, deterministic=False):
    """The phases of all kernels of a function, in order."""
    plan = pt.function(inputs, outputs, target="interp").plan
    elements = {b.name: size_product(b.shape) for b in plan.buffers}
    dtypes = {b.name: b.dtype for b in plan.buffers}
    constants = {s.name: s.value for s in plan.sizes if s.value is not None}
    return [
        phase
        for kernel in plan.kernels
        for phase in schedule(
            kernel, elements, dtypes, constants, deterministic, verify=True
        ).phases
    ]


def logistic(columns):
    x, y = pt.matrix("x", shape=(None, columns)), pt.vector("y")
    w = pt.vector("w", shape=(columns,))
    logit = x @ w
    loss = pt.sum(y * logit - pt.softplus(logit))
    return [x, y, w], [loss, pt.grad(loss, w)]


def test_value_and_gradient_of_a_regression_take_one_launch():
    (rows,) = phases_of(*logistic(25))
    assert isinstance(rows, MapPhase)
    # The gradient's buffer is stored at the end, so no earlier launch sets it to zero.
    assert [(p.count, p.op, p.initial.value) for p in rows.privates] == [(25, "add", 0.0)]
    assert len(rows.accs) == 1


def test_a_long_gradient_is_a_fold_of_its_own():
    rows, columns = phases_of(*logistic(300))
    assert isinstance(rows, MapPhase) and isinstance(columns, Reduce)
    assert not columns.contiguous_terms  # neighbouring threads take neighbouring columns


def test_elementwise_loops_are_collapsed():
    x = pt.tensor("x", shape=(None, None, None))
    (rows,) = phases_of([x], [pt.exp(x) + 1])
    assert len(rows.loops) == 3
    (store,) = rows.body
    assert str(store.index) == rows.flat


def test_sums_along_rows_columns_and_all():
    x = pt.matrix("x")
    (total,) = phases_of([x], [x.sum()])
    assert isinstance(total, MapPhase) and len(total.loops) == 2 and len(total.accs) == 1
    (along,) = phases_of([x], [x.sum(axis=1)])
    assert isinstance(along, Reduce) and along.contiguous_terms
    (down,) = phases_of([x], [x.sum(axis=0)])
    assert isinstance(down, Reduce) and not down.contiguous_terms


def test_scalars_are_computed_at_the_end_of_the_phase_before_them():
    x = pt.vector("x")
    (rows,) = phases_of([x], [pt.log(pt.sum(x**2))])
    assert isinstance(rows, MapPhase) and rows.after
    a = pt.scalar("a")
    (once,) = phases_of([a], [a + 1, a * 2])
    assert isinstance(once, Once)


def test_sums_by_index_are_atomic_or_folds():
    inputs, outputs, _ = varying_intercepts()
    atomic = phases_of(inputs, outputs)
    folds = phases_of(inputs, outputs, deterministic=True)
    assert not any(isinstance(phase, Reduce) for phase in atomic)
    assert sum(isinstance(phase, Reduce) for phase in folds) == 2
    atomics = [
        stmt
        for phase in folds
        for stmt in walk(statements(phase))
        if isinstance(stmt, Store) and stmt.op == "add" and isinstance(phase, MapPhase)
    ]
    assert not atomics


def test_the_last_of_plain_stores_to_one_element_wins():
    x, i, v = pt.vector("x"), pt.vector("i", dtype="int64"), pt.vector("v")
    found = phases_of([x, i, v], [x.at[i].set(v)])
    ops = [s.op for p in found for s in walk(statements(p)) if isinstance(s, Store)]
    assert ops.count("max") == 1  # the number of the last iteration that stores to each element


