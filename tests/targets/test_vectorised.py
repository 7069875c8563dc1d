"""gcc vectorises the loops over rows: what kept it from that does not come back."""

import re
import subprocess
import sysconfig
from itertools import pairwise

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.kernel.ir import Apply, For, Let, Lit, Load, Ref, Store
from probtensor.lower import lower
from probtensor.schedule.strips.forms import Strip, VectorSegment
from probtensor.targets.cython import toolchain
from probtensor.targets.cython.held import chosen_numbers, held
from probtensor.targets.cython.render import render
from probtensor.types import Dim

LOOP = re.compile(r"(\s*)for \(\w+ = 0; \w+ < (\w+); \w+\+=1\) \{")
TINY = 1e-300


N, M = Dim.name("n"), Dim.name("m")
ROWS = [pt.tensor(f"x{k}", (N,)) for k in range(13)]
X, Y, Z, *_ = ROWS
C = pt.scalar("c")
GRAPHS = {
    # Selections by a number: a condition, and a parameter with edges of its own.
    "choice by a number": [pt.sum(pt.where(C > 0, pt.exp(X), pt.tanh(X)))],
    "choice by numbers in a row": [pt.sum(pt.where(C > X, pt.where(C > 1, C, X), pt.tanh(X)))],
    "number under a condition": [pt.sum(pt.where(X > 0, C, 1.0) * pt.exp(X))],
    "numbers under conditions": [
        pt.sum(pt.where(X > 0, pt.where(Y > 0, C, 2 * C), Y) * pt.exp(X)),
    ],
    "number on a diagonal": [
        pt.exp(-ops.square(X[:, None] - X)) + pt.where(pt.eye(N, dtype="bool"), C, 0.0),
    ],
    "parameter": [pt.sum(ops.power_divergence(pt.exp(X), C, Y))],
    "power": [pt.sum(pt.exp(X) ** C)],
    "parameters": [pt.sum(ops.kl_div_exp(C, X) + ops.poisson_slope(C, Y))],
    "degrees of freedom": [
        pt.sum(ops.student_kernel(X, C, C + 1) + ops.student_slope(C, X, C + 1)),
    ],
    # Comparisons that gcc merges into selections of truth values.
    "limits": [
        pt.sum(ops.beta_divergence(pt.maximum(X, TINY), pt.maximum(Y, TINY), Z)),
        pt.sum(ops.lgamma_rest(pt.maximum(X, TINY))),
    ],
    "pointers": [*(pt.exp(a * b) for a, b in pairwise(ROWS)), pt.sum(pt.exp(X))],
}


def compiled(graphs, folder, flags):
    """The text of a module in C, and the lines of its loops that gcc vectorises."""
    inputs = sorted({node for y in graphs for node in inputs_of(y)}, key=lambda node: node.name)
    source = folder / "module.pyx"
    source.write_text(render(lower(inputs, graphs)))
    c = toolchain.translate(source, "module")
    folders = [folder, toolchain.include_dir(), toolchain.include_dir() / "host",
               sysconfig.get_path("include")]  # fmt: skip
    command = [*toolchain.compiler_command(), *flags, *(f"-I{path}" for path in folders), str(c),
               "-o", str(folder / "module.so"), "-fopt-info-vec-optimized", "-lm"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.findall(rf"{c.name}:(\d+):\d+: optimized: loop vectorized", done.stderr)
    return c.read_text().splitlines(), {int(line) for line in found}


def inputs_of(y):
    return [node for node in pt.graph.toposort([y]) if isinstance(node.op, pt.graph.Input)]


def loops_over_rows(lines):
    """The lines of innermost loops whose extent is no number."""
    for number, line in enumerate(lines, 1):
        start = LOOP.match(line)
        if start is None or start[2].isdecimal():
            continue
        end = lines.index(f"{start[1]}}}", number)
        inside = lines[number:end]
        if not any(LOOP.match(inner) for inner in inside):
            yield number


@pytest.fixture(scope="module")
def gcc():
    version = subprocess.run(
        [*toolchain.compiler_command(), "--version"], capture_output=True, text=True, check=True
    ).stdout
    if "Free Software Foundation" not in version or "x86_64" not in sysconfig.get_platform():
        pytest.skip("reports of gcc for this processor are read")


@pytest.mark.parametrize("name", GRAPHS)
def test_a_loop_over_rows_is_vectorised(name, gcc, full_builds, tmp_path):
    lines, vectorised = compiled(GRAPHS[name], tmp_path, toolchain.flags())
    loops = set(loops_over_rows(lines))
    assert loops
    assert loops <= vectorised


def test_the_report_sees_what_a_flag_changes(gcc, full_builds, tmp_path):
    flags = [flag for flag in toolchain.flags() if flag != "-fno-tree-pre"]
    lines, vectorised = compiled(GRAPHS["limits"], tmp_path, flags)
    assert not set(loops_over_rows(lines)) <= vectorised


def strip_of(*exprs):
    body = tuple(Let(f"t{k}", expr, "") for k, expr in enumerate(exprs))
    return Strip("i", Dim.name("n"), 64, (VectorSegment(body),), ())


NUMBER = Load("c", 0, "float64")
ROW = Load("x", Dim.name("i"), "float64")
POSITIVE = Apply("<", (Lit(0.0, "float64"), ROW), "bool")


def test_a_number_that_the_kernel_stores_is_not_held():
    chosen = Apply("where", (POSITIVE, NUMBER, ROW), "float64")
    assert [*held(strip_of(chosen), [], []).locals] == [NUMBER]
    assert not held(strip_of(chosen), ["c"], []).locals


def test_numbers_that_a_plain_loop_chooses_are_held():
    chosen = Apply("where", (POSITIVE, NUMBER, ROW), "float64")
    body = (Let("t0", chosen, ""), Store("y", Dim.name("i"), Ref("t0", "float64"), None, ""))
    loop = For("i", Dim.name("n"), body)
    assert chosen_numbers(loop, []) == [NUMBER]
    assert not chosen_numbers(loop, ["c"])
    added = Let("t0", Apply("+", (ROW, NUMBER), "float64"))
    assert not chosen_numbers(For("i", 3, (added,)), [])
    assert not chosen_numbers(For("j", 3, (loop,)), [])


def test_what_is_set_in_the_loop_is_not_held():
    own = Ref("t0", "float64")
    condition = Apply("<", (own, NUMBER), "bool")
    found = held(strip_of(ROW, Apply("where", (condition, own, ROW), "float64")), [], [])
    assert [*found.locals] == [NUMBER]
    assert not found.arrays


def test_conditions_and_parameters_have_an_element_for_each_lane():
    condition = Apply("<", (NUMBER, Lit(1.0, "float64")), "bool")
    chosen = Apply("where", (condition, ROW, NUMBER), "float64")
    power = Apply("pt_kl_div_exp", (NUMBER, ROW), "float64")
    assert [*held(strip_of(chosen, power), [], []).arrays] == [condition, NUMBER]
    assert [*held(strip_of(power), [], ["pt_kl_div_exp"]).arrays] == []


@pytest.mark.parametrize("rows", [0, 1, 7, 65])
def test_held_numbers_have_their_values(rows, held_function):
    rng = np.random.default_rng(rows)
    a, b = rng.normal(size=rows), rng.uniform(0.1, 2.0, rows)
    for c in (-1.5, 2.5):
        for own, by_meaning in zip(*(f(a, b, c, [c / 4, 5.0]) for f in held_function), strict=True):
            np.testing.assert_allclose(own, by_meaning, rtol=1e-11)


@pytest.fixture(scope="module")
def held_function():
    """Native code and the interpreter, with strips alone and inside of other loops."""
    a, b, c, d = pt.tensor("a", (N,)), pt.tensor("b", (N,)), pt.scalar("c"), pt.tensor("d", (M,))
    table = a[:, None] * b + c
    inner = pt.where(table > c, pt.where(c > 0, pt.exp(table), pt.tanh(table)), c)
    outputs = [
        pt.sum(pt.where(c > 0, pt.exp(a), pt.where(a > b, c, pt.tanh(b)))),
        pt.sum(inner, axis=1),
        pt.sum(b ** (1 + c) + ops.power_divergence(b, c * c, b)),
        pt.where(a > 0, c, b) * pt.exp(pt.sum(inner, axis=0)),
        d - d[:, None] * pt.where(pt.eye(M, dtype="bool"), c, d[0]),
    ]
    return [pt.function([a, b, c, d], outputs, target=target) for target in ("cython", "interp")]
