"""Symbolic sizes against the integers that they stand for: random ones, at many values of their
names."""

import itertools
import operator
import random

import numpy as np
import pytest

from probtensor.function.record import decode, encode
from probtensor.graph.node import as_tensor
from probtensor.graph.text import parse, to_text
from probtensor.kernel import simplify
from probtensor.ops.kinds import REGISTRY
from probtensor.types import (
    JOINT,
    Dim,
    ShapeError,
    SizeCheck,
    broadcast_size,
    joints,
    never_negative,
    size_joint,
    size_max,
    size_min,
    size_substitute,
    size_value,
    where_positive,
    without_joints,
)

NAMES = "nmp"
N, M, P = (Dim.name(c) for c in NAMES)
FAR = [(3, 1, 2), (0, 4, 9), (9, 7, 5), (5, 8, 13)]
GRID = [dict(zip(NAMES, v)) for v in (*itertools.product(range(3), repeat=3), *FAR)]
STEPS = {
    "+": (operator.add, operator.add),
    "-": (operator.sub, operator.sub),
    "*": (operator.mul, operator.mul),
    "//": (lambda a, b: a // b, operator.floordiv),
    "%": (lambda a, b: a % b, operator.mod),
    "min": (size_min, min),
    "max": (size_max, max),
}


def random_size(rng, depth=3):
    """A size, and its value as a function of the values of its names."""
    if depth == 0 or rng.random() < 0.2:
        if rng.random() < 0.4:
            number = rng.randint(-3, 4)
            return number, lambda at: number
        name = rng.choice(NAMES)
        return Dim.name(name), lambda at: at[name]
    symbol = rng.choice([*STEPS, "//", "max", "min", "-"])
    of_sizes, of_numbers = STEPS[symbol]
    a, a_of = random_size(rng, depth - 1)
    b, b_of = random_size(rng, depth - 1)
    if isinstance(a, int) and symbol == "%":
        a, a_of = N, lambda at: at["n"]  # a number modulo a size is a tensor
    if symbol in ("//", "%") and isinstance(b, int) and b == 0:
        b, b_of = 2, lambda at: 2
    return of_sizes(a, b), lambda at: of_numbers(a_of(at), b_of(at))


def values(meaning, grid=GRID):
    """The values of a size, each with the values of the names; divisions by zero are omitted."""
    for at in grid:
        try:
            yield at, meaning(at)
        except ZeroDivisionError:
            continue


SIZES = [random_size(random.Random(seed), 1 + seed % 4) for seed in range(400)]
SYMBOLIC = [(size, meaning) for size, meaning in SIZES if isinstance(size, Dim)]


def test_random_sizes_are_of_all_kinds():
    used = {atom for size, _ in SYMBOLIC for atom in str(size).replace("(", " ").split()}
    assert len(SYMBOLIC) > 250
    assert {"min", "max", "+", "-"} <= used
    assert sum("//" in str(size) for size, _ in SYMBOLIC) > 50


def test_arithmetic_is_that_of_integers():
    for size, meaning in SIZES:
        for at, number in values(meaning):
            assert size_value(size, at) == number, (size, at)


def test_quotients_of_products():
    products = [2, 3, N, M, 2 * N, 3 * M, N * N, N * M, 2 * N * M, N * N * M, N * N * N, 6 * N * N]
    tops = [*products, *(a + b for a, b in itertools.pairwise(products)), 4 * N * N - 2 * N]
    for top, bottom in itertools.product(tops, products):
        for at in ({"n": 1, "m": 1}, {"n": 2, "m": 3}, {"n": 5, "m": 2}, {"n": 3, "m": 7}):
            wanted = divmod(size_value(top, at), size_value(bottom, at))
            assert size_value(top // bottom, at) == wanted[0], (top, bottom)
            if isinstance(top, Dim):
                assert size_value(top % bottom, at) == wanted[1], (top, bottom)


def test_sizes_are_substituted_for_names():
    names = {"n": M + 2, "m": 2 * N * P, "p": 3}
    for size, meaning in SYMBOLIC:
        try:
            changed = size_substitute(size, names)
        except ShapeError:
            continue  # a divisor has become 0
        for at in GRID:
            inner = {"n": at["m"] + 2, "m": 2 * at["n"] * at["p"], "p": 3}
            for _, number in values(meaning, [inner]):
                assert size_value(changed, at) == number, (size, changed, at)


def test_a_size_that_is_proved_nonnegative_has_no_negative_value():
    proved = 0
    for size, meaning in SYMBOLIC:
        if never_negative(size):
            proved += 1
            assert all(number >= 0 for _, number in values(meaning)), size
    assert proved > 30


CLAMPED = {  # sizes that contain max(s, 0), as those of slices do
    "itself": (lambda s: size_max(s, 0), lambda v: max(v, 0)),
    "double": (lambda s: 2 * size_max(s, 0), lambda v: 2 * max(v, 0)),
    "half": (lambda s: (size_max(s, 0) + 1) // 2, lambda v: (max(v, 0) + 1) // 2),
    "product": (lambda s: size_max(s, 0) * size_max(N, s), None),
    "sum": (lambda s: size_max(s, 0) + 1, lambda v: max(v, 0) + 1),
    "divisor": (lambda s: 12 // size_max(s, 0), lambda v: 12 // max(v, 0)),
    "in a minimum": (lambda s: size_min(size_max(s, 0), 3), lambda v: min(max(v, 0), 3)),
    "as it is": (lambda s: s, lambda v: v),
}


@pytest.mark.parametrize("form", CLAMPED)
def test_the_simpler_size_is_equal_where_positive(form):
    make, of_numbers = CLAMPED[form]
    changed = 0
    for inner, meaning in SYMBOLIC[::3]:
        size = make(inner)
        bare = where_positive(size)
        changed += bare is not size
        for at, number in values(meaning):
            try:
                value = of_numbers(number) if of_numbers else size_value(size, at)
                assert value <= 0 or size_value(bare, at) == value, (size, bare, at)
            except ZeroDivisionError:
                continue
    assert changed > 15 or form not in ("itself", "double", "half")


RELATIONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@pytest.mark.parametrize("symbol", RELATIONS)
def test_comparisons_that_are_decided_hold_always(symbol):
    relation, decided = RELATIONS[symbol], 0
    for (a, a_of), (b, b_of) in itertools.pairwise(SYMBOLIC):
        for right, right_of in ((b, b_of), (a + 1, lambda at, f=a_of: f(at) + 1)):
            answer = relation(a, right)
            if isinstance(answer, bool):
                decided += 1
                pairs = values(lambda at, f=a_of, g=right_of: (f(at), g(at)))
                assert all(relation(*pair) == answer for _, pair in pairs), (a, symbol, right)
    assert decided > 200


@pytest.mark.parametrize("symbol", RELATIONS)
def test_comparisons_of_sums_are_decided_where_they_can_be(symbol):
    """Where all values of the names, of any size, have one answer."""
    relation = RELATIONS[symbol]
    far = [{"n": n, "m": m} for n, m in itertools.product((0, 1, 2, 50), repeat=2)]
    for a, b, c in itertools.product((-1, 0, 1, 2), (-1, 0, 1), (-2, -1, 0, 1, 2)):
        left = a * N + b * M + c
        if not isinstance(left, Dim):
            continue
        for right in (0, N, M + 1):
            found = {relation(size_value(left, at), size_value(right, at)) for at in far}
            gap = left - right
            signs = {n > 0 for _, n in gap.terms} if isinstance(gap, Dim) else {True}
            answer = relation(left, right)
            if len(found) == 1 and len(signs) == 1:
                assert answer is found.pop(), (left, symbol, right)
            else:
                assert not isinstance(answer, bool) or found == {answer}, (left, symbol, right)


@pytest.mark.parametrize("relation", ["==", "<=", "<"])
def test_checks_that_are_proved_hold_always(relation):
    proved = 0
    for (a, a_of), (b, b_of) in itertools.pairwise(SYMBOLIC):
        for right, right_of in ((b, b_of), (a, a_of), (a + 1, lambda at, f=a_of: f(at) + 1)):
            if SizeCheck(a, relation, right, ()).proved:
                proved += 1
                pairs = values(lambda at, f=a_of, g=right_of: (f(at), g(at)))
                assert all(RELATIONS[relation](*pair) for _, pair in pairs), (a, relation, right)
    assert proved > 150


@pytest.mark.parametrize("size", [N, N + 1], ids=str)
def test_broadcasting_of_sizes(size):
    assert broadcast_size(1, size) is size is broadcast_size(size, 1)
    assert broadcast_size(size, 3) == 3 == broadcast_size(3, size)
    assert broadcast_size(size, 0) == 0 == broadcast_size(0, size)
    assert broadcast_size(size, M) == size_joint(M, size)
    for a, b in itertools.product(range(4), repeat=2):
        try:
            (wanted,) = np.broadcast_shapes((a,), (b,))
        except ValueError:
            with pytest.raises(ShapeError):
                broadcast_size(a, b)
        else:
            assert broadcast_size(a, b) == wanted


def test_joint_sizes():
    """Of any order and grouping, at all values that broadcast; numbers other than 1 decide."""
    parts = [N, M, P, N + 1, 2 * M, 1]
    for a, b, c in itertools.product(parts, repeat=3):
        joint = size_joint(a, b, c)
        assert joint == size_joint(size_joint(c, a), b) == size_joint(b, size_joint(c, a), b)
        assert size_joint(joint, 3) == 3
        assert str(without_joints(joint)) in map(str, (a, b, c))
        for at in GRID:
            numbers = [size_value(n, at) for n in (a, b, c)]
            try:
                (wanted,) = np.broadcast_shapes(*((n,) for n in numbers))
            except ValueError:
                continue
            assert size_value(joint, at) == wanted
            assert size_substitute(joint, at) == wanted
    assert size_substitute(size_joint(N, M), {"n": 1}) == M
    assert size_substitute(size_joint(N, M) * P, {"n": P, JOINT: 1}) in (M * P, P * P)
    assert joints(size_joint(N, M) + P) == ((M, N),)
    with pytest.raises(ShapeError):
        size_substitute(size_joint(N, M), {"n": 2, "m": 3})


JOINT_SIZES = [(size_joint(N, M) * P + 1, None), (size_joint(N - M, M, P) // 2, None)]


def test_texts_and_records_of_sizes_are_read_back():
    for size, _ in [*SYMBOLIC, *JOINT_SIZES]:
        node = as_tensor(size)
        assert parse(to_text(node), REGISTRY) == [node], size
        assert decode(encode(size)) == size
        assert str(decode(encode(size))) == str(size)


# Indices: polynomials in the variables of loops.

I, J = Dim.name("i"), Dim.name("j")
BOUNDS = {"i": N, "j": M}
INDICES = [
    (a * I * M + b * I + c * J + d, lambda at, k=(a, b, c, d): (
        k[0] * at["i"] * at["m"] + k[1] * at["i"] + k[2] * at["j"] + k[3]))
    for a, b, c, d in itertools.product((0, 1, 2), (-1, 0, 1), (-1, 0, 1, 2), (-1, 0, 1))
    if (a, b, c) != (0, 0, 0)
]  # fmt: skip
DIVISORS = [1, 2, 3, M, N, M + 1, 2 * M]


def iterations(n, m):
    """All values of the variables of two nested loops of n and m iterations."""
    return [{"n": n, "m": m, "i": i, "j": j} for i, j in itertools.product(range(n), range(m))]


@pytest.mark.parametrize("divisor", DIVISORS, ids=str)
def test_quotients_within_the_ranges_of_variables(divisor):
    grid = [at for n, m in itertools.product((1, 2, 3), (1, 2, 4)) for at in iterations(n, m)]
    for index, meaning in INDICES:
        quotient = simplify.floordiv(index, divisor, BOUNDS)
        again = simplify.resimplify(simplify.floordiv(index, divisor, {}), BOUNDS)
        for at in grid:
            wanted = meaning(at) // size_value(divisor, at)
            assert size_value(quotient, at) == wanted, (index, at)
            assert size_value(again, at) == wanted, (index, at)


def test_the_coefficient_of_a_variable_is_the_stride_of_an_index():
    linear = 0
    tops = [index for index, _ in INDICES] + [index * I for index, _ in INDICES[::3]]
    indices = tops + [top // d for top in tops[::5] for d in (2, M)]
    indices += [size_max(top, N) for top in tops[::9]]
    for index in indices:
        factor = simplify.coefficient(index, "i")
        if factor is None:
            continue
        linear += 1
        for at in iterations(4, 3):
            start = size_value(index, {**at, "i": 0})
            rest = {**at, "i": 10**6}  # the factor does not depend on the variable itself
            assert size_value(factor, rest) * at["i"] == size_value(index, at) - start, index
    assert linear >= len(INDICES)


@pytest.mark.parametrize("divisor", [2, 3])
def test_multiples_of_quotients_that_are_said_to_be_never_negative_are_not(divisor):
    """Such as n - 5 down to a multiple of 2, which may be negative, and what that leaves over."""
    said = 0
    for size, meaning in SYMBOLIC:
        multiple = divisor * (size // divisor)
        for found, of in (
            (multiple, lambda v: v - v % divisor),
            (size - multiple, lambda v: v % divisor),
            (multiple + divisor - 1 - size, lambda v: divisor - 1 - v % divisor),
        ):
            if never_negative(found):
                said += 1
                assert all(of(number) >= 0 for _, number in values(meaning)), found
    assert said > 300
