"""The verifier against loops run turn by turn: what one turn stores and another reads is a race."""

import itertools
import random

import pytest

from probtensor.kernel.check import KernelError, check
from probtensor.kernel.ir import Acc, Apply, For, IndexValue, Kernel, Let, Load, Ref, Store
from probtensor.types import Dim, size_substitute, size_value

I, J, K, N, M = (Dim.name(c) for c in "ijknm")
SIZES = [{"n": n, "m": m} for n, m in itertools.product((1, 2, 3), (1, 2, 4))]
ROOM = dict.fromkeys("xyz", 10**6)  # so that nothing but races is refused


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
    """(read, stored) places of y in one turn, whose variables have the values `at`."""
    read, stored = set(), set()
    own = [stmt.expr for stmt in body if isinstance(stmt, (Let, Store))]
    for expr in (*own, *(acc.term for acc in accs)):
        read |= {size_value(x.index, at) for x in loads(expr) if x.buffer == "y"}
    for stmt in body:
        if isinstance(stmt, Store):
            stored.add(size_value(stmt.index, at))
        if isinstance(stmt, For):
            for turn in range(size_value(stmt.extent, at)):
                inner = touched(stmt.body, stmt.accs, {**at, stmt.var: turn})
                read, stored = read | inner[0], stored | inner[1]
    return read, stored


def races(loop, at):
    """Whether a turn of the loop, or of one in it, reads what another turn of it stores."""
    turns = [{**at, loop.var: k} for k in range(size_value(loop.extent, at))]
    found = [touched(loop.body, loop.accs, turn) for turn in turns]
    for a, b in itertools.permutations(range(len(turns)), 2):
        if found[a][0] & found[b][1]:
            return True
    inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
    return any(races(stmt, turn) for stmt in inner for turn in turns)


def accepted(loop):
    try:
        check(Kernel("k", (loop,)), ROOM, ["n", "m"])
    except KernelError:
        return False
    return True


@pytest.mark.parametrize("first", range(0, 1200, 400))
def test_no_loop_with_a_race_is_accepted(first):
    taken = racing = 0
    for seed in range(first, first + 400):
        loop = random_loop(random.Random(seed))
        if accepted(loop):
            taken += 1
            assert not any(races(loop, at) for at in SIZES), (seed, loop)
        else:
            racing += any(races(loop, at) for at in SIZES)
    assert taken > 40 and racing > 100


def test_a_choice_does_not_hide_reading_one_place_at_all_turns():
    """What is read under a condition is taken to lie in the turn's own stretch, if it has one."""
    inside = Apply("<", (IndexValue(I), IndexValue(N)), "bool")
    hidden = Apply("where", (inside, load("y", 0 * I + 3), load("x", I)), "float64")
    for index in (I, I * M):
        loop = For("i", N, (Store("y", index, load("x", I)), Let("t", hidden)))
        assert not accepted(loop)
    fixed = For("i", N, (Store("y", 3, load("x", I), "add"), Let("t", hidden)))
    assert not accepted(fixed)


P = Dim.name("p")


@pytest.mark.parametrize(("stored", "read", "apart"), [
    (I, I + P, False), (0 * I + 3, P, False), (P, P, False), (I + P, I, False),
    (I + P, I + P, False),
    (I * M + J, I * M + P, True), (I * M + P, I * M, True),
])  # fmt: skip
def test_a_place_that_is_data_may_lie_in_a_stretch_of_more_than_one(stored, read, apart):
    place = Let("p", Load("x", I, "int64"))
    inner = For("j", M, (Store("y", stored, load("x", I), "add"),))
    assert accepted(For("i", N, (place, Let("t", load("y", read)), inner))) == apart


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
def test_places_are_compared_with_the_end_of_a_buffer(index, access):
    """One element fewer than the largest place asks for is refused, and no more."""
    last = size_substitute(index, {"i": N - 1, "j": M - 1})
    for spare in (-2, -1, 0, 1):
        place = load("x", index) if access == "load" else load("z", 0)
        stored = index if access == "store" else I * M + J
        body = For("i", N, (For("j", M, (Store("y", stored, place, "add"),)),))
        elements = {**ROOM, ("x" if access == "load" else "y"): last + 1 + spare}
        try:
            check(Kernel("k", (body,)), elements, ["n", "m"])
        except KernelError as error:
            assert spare < 0 and f"left by {-spare} elements" in str(error)
        else:
            assert spare >= 0
