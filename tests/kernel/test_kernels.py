"""Index arithmetic, the verifier, and the passes over kernels."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probtensor.kernel.check import KernelError, check
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import Acc, Apply, Call, For, Kernel, Let, Lit, Load, Ref, Store
from probtensor.kernel.simplify import Index, coefficient, floordiv, resimplify
from probtensor.kernel.tidy import inline_locals
from probtensor.types import Dim, size_substitute, size_value

I, J, N, M = (Dim.name(c) for c in "ijnm")
BOUNDS = {"i": N, "j": M}


def test_merged_axes_are_split_again_without_a_division():
    flat = I * M + J
    assert floordiv(flat, M, BOUNDS) == I
    assert Index(flat, BOUNDS).__mod__(M).size == J


def test_an_inexact_division_is_an_atom():
    assert str(floordiv(I * M + 2 * J, M, BOUNDS)) == "(2*j)//m + i"


def test_a_division_is_simplified_when_ranges_are_given():
    opaque = floordiv(I * M + J, M, {})
    assert resimplify(opaque, BOUNDS) == I


@given(
    st.integers(1, 5), st.integers(1, 5), st.lists(st.integers(-3, 3), min_size=3, max_size=3),
    st.integers(1, 6),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_division_and_remainder_are_those_of_python(n, m, factors, divisor):
    a, b, c = factors
    polynomial = I * a + J * b + c
    index = Index(polynomial, {"i": n, "j": m}) if not isinstance(polynomial, int) else None
    if index is None:
        return
    for i, j in itertools.product(range(n), range(m)):
        names = {"i": i, "j": j}
        value = a * i + b * j + c
        assert size_value((index // divisor).size, names) == value // divisor
        assert size_value((index % divisor).size, names) == value % divisor


def test_coefficients_and_substitution():
    index = I * N + 3 * J + 1
    assert coefficient(index, "i") == N
    assert coefficient(index, "j") == 3
    assert coefficient(I * I, "i") is None
    assert coefficient(floordiv(I, 2, {}), "i") is None
    assert size_substitute(index, {"i": 0, "j": N}) == 3 * N + 1


def load(buffer, index):
    return Load(buffer, index, "float64")


def times(a, b):
    return Apply("*", (a, b), "float64")


def kernel(*body):
    return Kernel("k", body)


SOUND = kernel(
    For("i", N, (Let("t", load("x", I)), Store("y", I, times(Ref("t", "float64"), load("x", I))))),
)


def test_a_sound_kernel_passes():
    check(SOUND, {"x": N, "y": N}, ["n"])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (kernel(Store("y", 0, Ref("t", "float64"))), "t is read before it is set"),
        (kernel(For("i", N, (Store("y", 0, load("x", I)),))), "write the same element"),
        (kernel(For("i", N, (Store("y", I + 1, load("x", I)),))), "left by 1 elements"),
        (kernel(For("i", N, (Store("y", I, load("z", I)),))), "z is no buffer"),
        (kernel(Let("t", Lit(1.0, "float64")), Let("t", Lit(1.0, "float64"))), "set twice"),
        (kernel(Let("x", Lit(1.0, "float64"))), "x is set, and is a buffer"),
        (kernel(For("i", M, (Store("y", I, Lit(0.0, "float64")),))), "m is read before"),
        (
            kernel(
                For("i", N, (Let("t", load("x", I)),)),
                Store("y", 0, Ref("t", "float64")),
            ),
            "t is read before",
        ),
    ],
)
def test_broken_kernels_are_refused(broken, says):
    with pytest.raises(KernelError, match=says):
        check(broken, {"x": N, "y": N}, ["n"])


K = Dim.name("k")


def loop(read, store="y", index=I, op=None, extent=N):
    """A loop that reads y at one index and stores at another."""
    return kernel(For("i", extent, (Store(store, index, load("y", read), op),)))


def rows(read, index=I * M + J, *before):
    """A loop over rows of m elements that writes each row, then reads it."""
    write = For("j", M, (Store("y", index, load("x", I)),))
    read_back = For("k", M, (Store("z", I * M + K, load("y", read)),))
    return kernel(For("i", N, (*before, write, read_back)))


ELEMENTS = {"x": N, "y": 100 * N * M, "z": 100 * N * M}
FOLDED = Acc("s", "add", 0.0, load("y", I + 1))
COMPUTED = Let("p", Load("q", I, "int64"))
P = Dim.name("p")


@pytest.mark.parametrize(
    "racing",
    [
        loop(I + 1),
        loop(I + 1, op="add"),
        loop(0 * I),
        loop(2 * I),
        loop(I, index=I + M),
        loop(N - 1 - I),
        loop(I, index=2 * I),
        kernel(For("i", N, (Store("y", I, load("x", I)),), (FOLDED,))),
        kernel(For("i", N, (COMPUTED, Store("y", I, load("y", P))))),
        kernel(For("i", N, (COMPUTED, Store("y", I, load("y", I + P))))),
        kernel(For("i", N, (COMPUTED, Store("y", P, load("y", I), "add")))),
        kernel(For("i", N, (For("j", M, (Store("y", I * M + J, load("y", J * N + I)),)),))),
        rows(I * M + K + 1),
        rows(I * M + M + K),
        rows(K * N + I),
        rows(K),
        rows(I * M + K, I * M + 2 * J),
        rows(I + N * K + 1, I + N * J),
        rows(I + 2 * M, I + N * J),
    ],
)
def test_reading_what_another_iteration_stores_is_refused(racing):
    with pytest.raises(KernelError, match="another may store"):
        check(racing, {**ELEMENTS, "q": N}, ["n", "m"])


@pytest.mark.parametrize(
    "independent",
    [
        loop(I),
        loop(I, op="add"),
        loop(I + N),
        loop(I, index=I + N),
        loop(2 * N - 1 - I),
        loop(I + 5, extent=5),
        loop(2 * I + 1, index=2 * I),
        loop(7, extent=1),
        rows(I * M + K),
        rows(I * M + M - 1 - K),
        rows(I * M),
        rows(I * M + P, I * M + J, COMPUTED),
        rows(I * M + N * M + K),
        rows(I * M + floordiv(K, 2, {})),
        rows(I + N * K, I + N * J),
        rows(I + 2 * N, I + N * J),
        rows(2 * I + 4 * N + 1, 2 * I + 2 * N * J),
    ],
)
def test_independent_iterations_pass(independent):
    check(independent, {**ELEMENTS, "q": N}, ["n", "m"])


def test_a_load_under_a_condition_may_be_out_of_bounds():
    guard = Apply("<", (Ref("c", "float64"), Lit(0.0, "float64")), "bool")
    body = (
        Let("c", load("x", I)),
        Store("y", I, Apply("where", (guard, load("x", I + 5), Ref("c", "float64")), "float64")),
    )
    check(kernel(For("i", N, body)), {"x": N, "y": N}, ["n"])


def run(kernel, **buffers):
    machine = Machine(buffers, {"n": buffers["x"].size}, {})
    assert machine.run(kernel) == 0
    return buffers


@pytest.mark.parametrize("index", [3, 4, -1, -3, -4])
def test_the_interpreter_refuses_accesses_out_of_bounds(index):
    """At both ends: NumPy would count negative indices from the end."""
    with pytest.raises(IndexError, match=rf"load of x\[{index}\]"):
        run(kernel(Store("y", 0, load("x", index))), x=np.ones(3), y=np.ones(3))
    for op in (None, "add", "max"):
        with pytest.raises(IndexError, match=rf"store to y\[{index}\]"):
            run(kernel(Store("y", index, load("x", 0), op)), x=np.ones(3), y=np.ones(3))


def test_inlining_of_locals_preserves_the_values():
    body = (
        For(
            "i",
            N,
            (
                Let("a", times(load("x", I), load("x", I))),
                Let("b", Apply("+", (Ref("a", "float64"), Lit(1.0, "float64")), "float64")),
                Let("c", Apply("square", (Ref("b", "float64"),), "float64")),
                Store("y", I, Ref("c", "float64")),
            ),
            (Acc("s", "add", 0.0, load("x", I)),),
        ),
        Store("z", 0, Ref("s", "float64")),
    )
    short = inline_locals(body)
    assert len(short[0].body) < len(body[0].body)
    x = np.arange(5.0)
    before = run(kernel(*body), x=x, y=np.zeros(5), z=np.zeros(1))
    after = run(kernel(*short), x=x, y=np.zeros(5), z=np.zeros(1))
    np.testing.assert_array_equal(before["y"], after["y"])
    assert before["z"] == after["z"] == 10


def test_a_local_is_not_moved_past_a_store_to_the_buffer_it_reads():
    body = (
        Let("t", load("x", 0)),
        Store("x", 0, Lit(7.0, "float64")),
        Store("y", 0, Ref("t", "float64")),
    )
    after = run(kernel(*inline_locals(body)), x=np.array([3.0]), y=np.zeros(1))
    assert after["y"][0] == 3.0


def test_a_local_is_not_moved_into_a_loop():
    body = (
        Let("t", Apply("pt_exp", (load("x", 0),), "float64")),
        For("i", N, (Store("y", I, times(Ref("t", "float64"), load("x", I))),)),
    )
    assert isinstance(inline_locals(body)[0], Let)


@pytest.mark.parametrize("reads, writes, numbers, says", [
    ((("x", 0),), (("y", 0),), (M,), "m is read before it is set"),
    ((("x", I),), (("y", 0),), (N,), "i is read before it is set"),
    ((("x", 0),), (("z", 0),), (N,), "z is no buffer"),
    ((("x", N + 1),), (("y", 0),), (N,), "x is left by 2 elements"),
])  # fmt: skip
def test_broken_calls_are_refused(reads, writes, numbers, says):
    check(kernel(Call("r", (("x", 0),), (("y", 0),), (N,))), {"x": N, "y": N}, ["n"])
    with pytest.raises(KernelError, match=says):
        check(kernel(Call("r", reads, writes, numbers)), {"x": N, "y": N}, ["n"])
