"""Shapes of loops that the machine runs in another form than compiled code: results are equal."""

import numpy as np

import probtensor as pt
from tests.conftest import compiled_at
from tests.plans import same_bits


def compare(cases, inputs, datas):
    """The names of the cases that differ between the machine and the module, for any data. Each
    case has inputs of its own, so that all are in one module but none shares its loops."""
    given = {name: inputs() for name in cases}
    outputs = [case(*given[name]) for name, case in cases.items()]
    flat = [x for own in given.values() for x in own]
    options = {"on_unused_input": "ignore"}
    with compiled_at("-O1"):
        native = pt.function(flat, outputs, target="cython", **options)
    found = pt.function(flat, outputs, target="machine", **options)
    wrong = set()
    for data in datas:
        arrays = [array for _ in cases for array in data]
        for name, a, b in zip(cases, found(*arrays), native(*arrays), strict=True):
            wrong |= set() if same_bits(a, b) else {name}
    return wrong


def test_columns_of_indices_that_are_scattered_to_the_same_elements():
    """Short loops over columns of indices, whose additions keep the order of the iterations."""

    def inputs():
        indices = [pt.matrix(f"k{n}", dtype="int64", shape=(n, None)) for n in (3, 2)]
        return [*indices, pt.vector("x"), pt.vector("v"), pt.matrix("t", shape=(2, None))]

    def terms(x):
        return pt.exp(x)[:, None] * pt.constant([1.0, 0.3, 0.7])

    def slope(loss, v):
        return pt.grad(loss.sum(), v)

    cases = {
        "three": lambda k, k2, x, v, t: pt.zeros(6).at[k.T].add(terms(x)),
        "two": lambda k, k2, x, v, t: pt.zeros(6).at[k2.T].add(pt.exp(x)[:, None] * v[:2]),
        "plain": lambda k, k2, x, v, t: pt.zeros(6).at[k2.T].add(t.T),
        "sums": lambda k, k2, x, v, t: slope(pt.softplus(v[k.T].sum(axis=1)) * x, v),
        "weights": lambda k, k2, x, v, t: slope(pt.softplus((v[k2.T] * t.T).sum(axis=1)), v),
        "logsumexp": lambda k, k2, x, v, t: slope(pt.logsumexp(v[k.T], axis=1) * x, v),
        "set": lambda k, k2, x, v, t: pt.zeros(6).at[k.T].set(terms(x)),
        "product": lambda k, k2, x, v, t: pt.ones(6).at[k.T].multiply(1 + 0.01 * terms(x)),
        "float32": lambda k, k2, x, v, t: (
            pt.zeros(6, "float32").at[k.T].add(terms(x).astype("float32"))
        ),
    }
    rng = np.random.default_rng(4)
    datas = [
        (rng.integers(0, 5, (3, n)), rng.integers(0, 5, (2, n)), rng.normal(size=n),
         rng.normal(size=5), rng.normal(size=(2, n)))
        for n in (1, 20, 64, 65, 130, 600, 3000)
    ]  # fmt: skip
    assert not compare(cases, inputs, datas)


def test_sums_by_group_of_terms_that_short_loops_compute():
    """Routines that add runs of equal indices first are used only where compiled code has them."""

    def inputs():
        return [pt.vector("k", dtype="int64"), pt.vector("x"), pt.matrix("y", shape=(3, None)),
                pt.matrix("t", shape=(5, 3)), pt.matrix("z")]  # fmt: skip

    def mixed(k, y, t):
        return pt.logsumexp(y.T + t[k, :1], axis=1)

    cases = {
        "logsumexp": lambda k, x, y, t, z: pt.grad((mixed(k, y, t) * x).sum(), t),
        "rows": lambda k, x, y, t, z: pt.grad(
            (pt.logsumexp(y.T + (z @ t[0])[:, None], axis=1) * x).sum(), t
        ),
        "sums": lambda k, x, y, t, z: pt.zeros(5).at[k].add((pt.exp(y.T) * x[:, None]).sum(axis=1)),
    }
    rng = np.random.default_rng(5)
    datas = [
        (np.sort(rng.integers(0, 5, n)), rng.normal(size=n), rng.normal(size=(3, n)),
         rng.normal(size=(5, 3)), rng.normal(size=(n, 3)))
        for n in (1, 20, 64, 65, 130, 600, 3000)
    ]  # fmt: skip
    assert not compare(cases, inputs, datas)
