"""The verifier against loops run one iteration at a time: it is a race if one iteration stores an
element that another reads."""

import itertools
import random

import numpy as np
import pytest

import probtensor as pt
from probtensor.kernel.check import KernelError, check
from probtensor.kernel.ir import Acc, Apply, For, IndexValue, Kernel, Let, Load, Ref, Store
from probtensor.types import Dim, SizeCheck, size_substitute, size_value

I, J, K, N, M = (Dim.name(c) for c in "ijknm")
SIZES = [{"n": n, "m": m} for n, m in itertools.product((1, 2, 3), (1, 2, 4))]
LARGE = dict.fromkeys("xyz", 10**6)  # elements of buffers, so that no access is out of bounds


def load(buffer, index):
    return Load(buffer, index, "float64")


def random_index(rng, variables):
    """An index of the shapes that lowering writes, and near misses of them."""
    inner = rng.choice([0, *variables[1:], *variables[1:]])
    outer = rng.choice([I * M, I * M, I * M, I, I * N, 2 * I * M, 0 * I])
    sign = rng.choice([1, 1, 1, 1, -1, 2])
    gap = rng.choice([0, 0, 0, 0, 1, -1, M, M - 1, N * M, N * M - 1, N, 5])
    return outer + sign * inner + gap


def random_loop(rng):
    """A loop over i with statements and inner loops that store to y and read it."""
    count = itertools.count()

    def statement(variables, depth):
        kind = rng.choice(["store", "store", "let", "loop", "loop"][: 5 if depth == 0 else 3])
        if kind == "loop":
            var = Dim.name(f"j{next(count)}")
            body = [statement([*variables, var], 1) for _ in range(rng.choice([1, 1, 2]))]
            accs = ()
            if rng.random() < 0.3:
                term = load(rng.choice("xy"), random_index(rng, [*variables, var]))
                accs = (Acc(f"a{next(count)}", "add", 0.0, term),)
            return For(str(var), M, tuple(body), accs)
        if kind == "let":
            return Let(f"t{next(count)}", load("y", random_index(rng, variables)))
        value = load(rng.choice("xxy"), random_index(rng, variables))
        return Store("y", random_index(rng, variables), value, rng.choice([None, "add"]))

    body = tuple(statement([I], 0) for _ in range(rng.choice([1, 2, 2])))
    accs = ()
    if rng.random() < 0.3:
        accs = (Acc("s", "add", 0.0, load(rng.choice("xy"), random_index(rng, [I]))),)
    extent = rng.choice([N, N, N, 3, 2])
    return For("i", extent, body, accs)


def loads(expr):
    if isinstance(expr, Load):
        yield expr
    for arg in expr.args if isinstance(expr, Apply) else ():
        yield from loads(arg)


def touched(body, accs, at):
    """(read, stored) indices of y in one iteration, whose variables have the values `at`."""
    read, stored = set(), set()
    exprs = [stmt.expr for stmt in body if isinstance(stmt, (Let, Store))]
    for expr in (*exprs, *(acc.term for acc in accs)):
        read |= {size_value(x.index, at) for x in loads(expr) if x.buffer == "y"}
    for stmt in body:
        if isinstance(stmt, Store):
            stored.add(size_value(stmt.index, at))
        if isinstance(stmt, For):
            for k in range(size_value(stmt.extent, at)):
                inner = touched(stmt.body, stmt.accs, {**at, stmt.var: k})
                read, stored = read | inner[0], stored | inner[1]
    return read, stored


def races(loop, at):
    """Whether an iteration of the loop, or of one in it, reads what another iteration stores."""
    iterations = [{**at, loop.var: k} for k in range(size_value(loop.extent, at))]
    found = [touched(loop.body, loop.accs, values) for values in iterations]
    for a, b in itertools.permutations(range(len(iterations)), 2):
        if found[a][0] & found[b][1]:
            return True
    inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
    return any(races(stmt, values) for stmt in inner for values in iterations)


def accepted(loop):
    try:
        check(Kernel("k", (loop,)), LARGE, ["n", "m"])
    except KernelError:
        return False
    return True


@pytest.mark.parametrize("first", range(0, 1200, 400))
def test_no_loop_with_a_race_is_accepted(first):
    passed = racing = 0
    for seed in range(first, first + 400):
        loop = random_loop(random.Random(seed))
        if accepted(loop):
            passed += 1
            assert not any(races(loop, at) for at in SIZES), (seed, loop)
        else:
            racing += any(races(loop, at) for at in SIZES)
    assert passed > 40 and racing > 100


def test_a_condition_does_not_hide_that_all_iterations_read_one_element():
    """A load under a condition is assumed to be in the block of its iteration only if its stride
    is that of the store, and not 0."""
    inside = Apply("<", (IndexValue(I), IndexValue(N)), "bool")
    hidden = Apply("where", (inside, load("y", 0 * I + 3), load("x", I)), "float64")
    for index in (I, I * M):
        loop = For("i", N, (Store("y", index, load("x", I)), Let("t", hidden)))
        assert not accepted(loop)
    fixed = For("i", N, (Store("y", 3, load("x", I), "add"), Let("t", hidden)))
    assert not accepted(fixed)


P = Dim.name("p")


@pytest.mark.parametrize(("stored", "read", "allowed"), [
    (I, I + P, False), (0 * I + 3, P, False), (P, P, False), (I + P, I, False),
    (I + P, I + P, False),
    (I * M + J, I * M + P, True), (I * M + P, I * M, True),
])  # fmt: skip
def test_a_computed_offset_is_allowed_in_a_block_of_several_elements(stored, read, allowed):
    computed = Let("p", Load("x", I, "int64"))
    inner = For("j", M, (Store("y", stored, load("x", I), "add"),))
    assert accepted(For("i", N, (computed, Let("t", load("y", read)), inner))) == allowed


SET_TOO_LATE = [
    (For("j", Dim.name("k"), (Let("t", load("x", I)),)),),
    (Let("t", load("x", Dim.name("k"))),),
    (Store("y", Dim.name("k"), load("x", I)),),
    (Let("t", IndexValue(Dim.name("k"))),),
    (For("j", M, (Let("t", load("x", J)),)), Store("y", I, Ref("t", "float64"))),
    (For("j", M, (Let("t", load("x", J)),)), Let("u", IndexValue(J))),
    (For("j", M, (), (Acc("s", "add", 0.0, Ref("k", "float64")),)),),
]


@pytest.mark.parametrize("body", SET_TOO_LATE, ids=range(len(SET_TOO_LATE)))
def test_every_name_is_set_before_it_is_read(body):
    assert not accepted(For("i", N, body))


STEPS = [I * M + J, I + J * N, 2 * I + 2 * J, I * I + J, J]


@pytest.mark.parametrize("index", STEPS, ids=str)
@pytest.mark.parametrize("access", ["load", "store"])
def test_indices_are_compared_with_the_size_of_a_buffer(index, access):
    """A buffer is refused exactly if it is too small for the largest index."""
    last = size_substitute(index, {"i": N - 1, "j": M - 1})
    for spare in (-2, -1, 0, 1):
        value = load("x", index) if access == "load" else load("z", 0)
        stored = index if access == "store" else I * M + J
        body = For("i", N, (For("j", M, (Store("y", stored, value, "add"),)),))
        elements = {**LARGE, ("x" if access == "load" else "y"): last + 1 + spare}
        try:
            check(Kernel("k", (body,)), elements, ["n", "m"])
        except KernelError as error:
            assert spare < 0 and f"left by {-spare} elements" in str(error)
        else:
            assert spare >= 0


def test_size_laws_show_that_rows_are_apart():
    """Rows of m elements, of which the first 4 are read: apart if calls check that 4 <= m, and not
    if they check that m <= 4."""
    row = For("j0", M, (Store("y", I * M + Dim.name("j0"), load("x", I)),))
    read = For("j1", 4, (Let("t0", load("y", I * M + Dim.name("j1"))),))
    kernel = Kernel("k", (For("i", N, (row, read)),))
    check(kernel, LARGE, "nm", [SizeCheck(4, "<=", M, ("",))])
    check(kernel, LARGE, "nm", [SizeCheck(M, "==", 4, ("",))])
    for laws in ([], [SizeCheck(M, "<=", 4, ("",))], [SizeCheck(3, "<=", M, ("",))]):
        with pytest.raises(KernelError, match="another may store"):
            check(kernel, LARGE, "nm", laws)


def test_bounds_that_are_minima_and_strides_that_are_sums_are_proved():
    """Kernels of these functions store and read a buffer in one loop, an item by itself."""
    y, a, b = pt.tensor3("y"), pt.lscalar("a"), pt.lscalar("b")
    z = pt.exp(y)
    f = pt.function([y, a, b], [z, z[:, a:, b:], z[:, :a, 1:b]], target="machine")
    x = np.arange(24.0).reshape(2, 3, 4) / 24
    for got, meant in zip(f(x, 1, 2), (x, x[:, 1:, 2:], x[:, :1, 1:2]), strict=True):
        np.testing.assert_allclose(got, np.exp(meant), rtol=1e-14)
    w = pt.tensor4("w")
    g = pt.function([y, w], pt.nn.conv_transpose2d(y, w, stride=2), target="machine")
    found = g(np.ones((2, 3, 2)), np.ones((2, 1, 3, 2)))
    assert found.shape == (1, 7, 4) and found.sum() == 2 * 6 * 6
