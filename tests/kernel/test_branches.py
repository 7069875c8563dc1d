"""Branches in kernels: what is checked of them, what they mean, and what passes keep of that."""

import numpy as np
import pytest

from probtensor.kernel.check import KernelError, check
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Check,
    Choice,
    For,
    If,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Store,
    exprs_of,
    indices_of,
    map_indices,
    walk,
)
from probtensor.kernel.text import statements
from probtensor.kernel.tidy import inline_locals
from probtensor.kernel.touch import buffers_of, locals_set, names_read, writes_of
from probtensor.schedule.grid.passes import schedule
from probtensor.schedule.grid.phases import InOrder, Once, Sync
from probtensor.schedule.group.syncs import with_syncs
from probtensor.schedule.strips.forms import Strip
from probtensor.schedule.strips.passes import strip
from probtensor.schedule.strips.text import to_text
from probtensor.types import Dim

I, N = Dim.name("i"), Dim.name("n")
DIMS = {"x": N, "c": 1, "y": N, "z": 1}


def load(buffer, index=0):
    return Load(buffer, index, "float64")


def ref(name):
    return Ref(name, "float64")


def apply(fn, *args, dtype="float64"):
    return Apply(fn, args, dtype)


POSITIVE = apply(">", load("c"), Lit(0.0, "float64"), dtype="bool")
# if c > 0: y = exp(x), s = sum(x); else: check, s = 2 * c;  z = s
BRANCH = If(
    POSITIVE,
    (
        For("i", N, (Store("y", I, apply("exp", load("x", I))),), (
            Acc("a", "add", 0.0, load("x", I)),)),
    ),
    (
        Let("t", apply("*", load("c"), Lit(2.0, "float64"))),
        Check(Lit(False, "bool"), 7),
    ),
    (Choice("s", ref("a"), ref("t")),),
)  # fmt: skip
KERNEL = Kernel("k", (BRANCH, Store("z", 0, ref("s"))), ("x", "c"), ("y", "z"))


def run(kernel, c):
    buffers = {"x": np.arange(3.0), "c": np.array([c]), "y": np.full(3, 9.0), "z": np.zeros(1)}
    status = Machine(buffers, {"n": 3}, {"exp": np.exp}).run(kernel)
    return status, buffers["y"].tolist(), buffers["z"].tolist()


TAKEN = {1.0: (0, np.exp(np.arange(3.0)).tolist(), [3.0]), -1.0: (7, [9.0] * 3, [-2.0])}


@pytest.mark.parametrize("c", TAKEN)
def test_one_body_runs_and_defines_the_locals(c):
    check(KERNEL, DIMS, ["n"])
    assert run(KERNEL, c) == TAKEN[c]
    tidied = Kernel("k", inline_locals(KERNEL.body))
    assert tidied.body[0].choices[0].second == BRANCH.otherwise[0].expr
    check(tidied, DIMS, ["n"])
    assert run(tidied, c) == TAKEN[c]


def test_what_a_branch_reads_and_writes_is_found():
    assert locals_set(BRANCH) == {"s": "float64"}
    assert writes_of(BRANCH) == ("y",)
    assert set(buffers_of(BRANCH)) == {"x", "c", "y"}
    assert names_read(BRANCH) == {"n", "i", "a", "t"}
    assert len(list(walk((BRANCH,)))) == 5
    assert POSITIVE in exprs_of(BRANCH)
    moved = map_indices(BRANCH, lambda index: index + 1)
    assert moved.condition.args[0].index == 1
    assert moved.then[0].extent == N + 1
    assert set(indices_of(moved)) == {1}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ((If(POSITIVE, (Let("t", load("c")),)), Store("z", 0, ref("t"))), "t is read before"),
        ((If(POSITIVE, (Let("t", load("c")),), (Store("z", 0, ref("t")),)),), "t is read before"),
        ((If(POSITIVE, (), (), (Choice("s", ref("u"), load("c")),)),), "u is read before"),
        ((If(POSITIVE, (), (), (Choice("s", Lit(1, "int64"), load("c")),)),), "int64 or float64"),
        ((Let("s", load("c")), If(POSITIVE, (), (), (Choice("s", ref("s"), ref("s")),))), "twice"),
        ((If(POSITIVE, (For("i", N, (Store("z", 0, load("x", I)),)),)),), "same element"),
    ],
)  # fmt: skip
def test_broken_branches_are_refused(broken, says):
    with pytest.raises(KernelError, match=says):
        check(Kernel("k", broken), DIMS, ["n"])


def test_both_bodies_may_define_a_local_of_one_name():
    both = If(POSITIVE, (Let("t", load("c")),), (Let("t", load("x")),))
    check(Kernel("k", (both,)), DIMS, ["n"])


def test_text():
    assert "\n".join(statements(inline_locals((BRANCH,)), 0)) == (
        "if (c[0] > 0.0):\n"
        "  a = 0.0\n"
        "  for i in range(n):\n"
        "    y[i] = exp(x[i])\n"
        "    a add= x[i]\n"
        "  s = a\n"
        "else:\n"
        "  check False else 7\n"
        "  s = (c[0] * 2.0)"
    )


def test_loops_in_branches_are_cut_into_strips():
    (cut,) = strip((BRANCH,))
    assert isinstance(cut.then[0], Strip)
    shown = to_text("k", (cut,))
    assert shown.splitlines()[1] == "  if (c[0] > 0.0):"
    assert "strips of 64" in shown
    assert shown.splitlines()[-1] == "    s = t"


def test_a_group_or_a_thread_of_a_grid_runs_a_branch():
    """A group of threads where there are loops to share, else one thread."""
    dtypes = dict.fromkeys(DIMS, "float64")
    (phase,) = schedule(KERNEL, DIMS, dtypes, {}, verify=True).phases
    assert isinstance(phase, InOrder)
    around = For("i", N, (If(POSITIVE, (Store("y", I, load("x", I)),)),))
    (phase,) = schedule(Kernel("k", (around,)), DIMS, dtypes, {}, verify=True).phases
    assert isinstance(phase, InOrder)
    scalar = If(POSITIVE, (), (), (Choice("s", load("c"), Lit(0.0, "float64")),))
    kernel = Kernel("k", (scalar, Store("z", 0, ref("s"))))
    (phase,) = schedule(kernel, DIMS, dtypes, {}, verify=True).phases
    assert isinstance(phase, Once)


def test_groups_of_threads_wait_for_each_other_in_branches():
    synced = with_syncs((Store("c", 0, load("x")), BRANCH))
    assert isinstance(synced[1], Sync)
    assert isinstance(synced[2].then[-1], Sync)
    own = If(POSITIVE, (Store("c", 0, load("x")),))
    assert isinstance(with_syncs((own,))[0].then[0], Sync)
