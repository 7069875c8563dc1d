"""Loops tried at small sizes: sizes fit the laws, and what is free of races is allowed."""

import pytest

from probtensor.kernel.trial import finds_no_race, small_sizes
from probtensor.types import Dim, SizeCheck, size_floordiv

I, J, K, M, N, P = (Dim.name(c) for c in "ijkmnp")

LAWS = [
    [(N - M + 1, "==", 3)],
    [(size_floordiv(N - 3, 2) + 1, "==", 50), (N, "<", 102)],
    [(128, "<=", N), (N * M, "==", 6 * P)],
    [(N, "==", 3 * size_floordiv(N, 3)), (P, "<", N)],
    [(N * M, "==", 2304), (N, "==", 48)],
]


@pytest.mark.parametrize("laws", LAWS, ids=range(len(LAWS)))
def test_small_sizes_fit_the_laws(laws):
    laws = [SizeCheck(*law, ("",)) for law in laws]
    found = list(small_sizes(["n"], laws))
    assert found and len({tuple(sorted(x.items())) for x in found}) == len(found)
    for values in found:
        assert min(values.values()) > 0 and all(law.holds(values) for law in laws)


def test_laws_that_no_sizes_fit_allow_nothing():
    never = [SizeCheck(2 * N, "==", 3, ("",))]
    assert not list(small_sizes(["n"], never))
    assert not finds_no_race(I, I, ("i", N), {}, {}, never)


@pytest.mark.parametrize(("stored", "read", "inner", "laws", "expected"), [
    (I * M + J, I * M + K, {"j": M, "k": M}, [], True),
    (I * M + J, I * M + K, {"j": M, "k": M + 1}, [], False),
    (I * M + J, I * M + K, {"j": M, "k": 4}, [(4, "<=", M)], True),
    (I * M + J, I * M + K, {"j": M, "k": 4}, [(3, "<=", M)], False),
    (I * size_floordiv(N, 2) + J, I * 3 + K, {"j": 3, "k": 3}, [(N, "==", 7)], True),
    (I * size_floordiv(N, 2) + J, I * 3 + K, {"j": 3, "k": 3}, [(N, "==", 8)], False),
    (I * M + P, I * M, {}, [], False),
    (I * 10**6 + J, I * 10**6 + K, {"j": 10**6, "k": 3}, [], False),  # too many to try
])  # fmt: skip
def test_an_element_that_two_iterations_touch_is_found(stored, read, inner, laws, expected):
    laws = [SizeCheck(*law, ("",)) for law in laws]
    assert finds_no_race(stored, read, ("i", N), inner, {}, laws) is expected
