"""Dense linear algebra by a thread, a warp, a block and the grid, against NumPy."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.lower import lower
from probtensor.ops.linalg.triangular import (
    Cholesky,
    CholeskyGradient,
    SolveLower,
    SolveLowerTransposed,
    SolveUpper,
    SolveUpperTransposed,
    spd,
)
from probtensor.ops.ordering.running import Cumsum
from probtensor.sample.device.chains import text_of
from probtensor.sample.settings import Chees, Nuts
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.transform import gradient
from tests.device.host import INCLUDE, HostDriver
from tests.device.kernels import compiled
from tests.plans import interpret, run, sizes_of

GROUPS = {"thread": (2, 32), "warp": (2, 96), "block": (2, 96), "wide": (1, 256)}
BUFFERS = "const double *x, const double *y, double *out, long long batch, long long n, long long k"
MATRICES = (
    "const {0} *a, const {0} *b, {0} *c, long long batch, long long m, long long n, long long k, "
    "long long a_transposed, long long b_transposed"
)
ROUTINES = {
    "pt_cholesky": (
        "const double *a, double *out, long long batch, long long n", "a, out, batch, n"
    ),
    "pt_cumsum": ("const double *x, double *out, long long batch, long long n", "x, out, batch, n"),
    "pt_solve_lower": (BUFFERS, "x, y, out, batch, n, k"),
    "pt_solve_upper": (BUFFERS, "x, y, out, batch, n, k"),
    "pt_solve_lower_transposed": (BUFFERS, "x, y, out, batch, n, k"),
    "pt_solve_upper_transposed": (BUFFERS, "x, y, out, batch, n, k"),
    "pt_cholesky_gradient": (
        "const double *x, const double *y, double *out, long long batch, long long n",
        "x, y, out, batch, n",
    ),
    "pt_gemm": (MATRICES.format("double"), "a, b, c, batch, m, n, k, a_transposed, b_transposed"),
    "pt_gemm_float32": (
        MATRICES.format("float"), "a, b, c, batch, m, n, k, a_transposed, b_transposed"
    ),
}  # fmt: skip
LONG = """
extern "C" __global__ void chunks(const double *x, double *out, long long batch, long long n)
{ pt_cumsum_chunks(pt_block(), x, out, batch, n); }
extern "C" __global__ void ends(double *out, long long batch, long long n)
{ pt_cumsum_ends(pt_block(), out, out, batch, n); }
extern "C" __global__ void spread(double *out, long long batch, long long n)
{ pt_cumsum_spread(pt_block(), out, out, batch, n); }
"""
CHAIN = """
extern "C" __global__ void chain_{0}(const double *x, double *a, double *low, double *v,
                                     double *y, double *z, double *w, long long n)
{{
    const pt_{0} g;
    if (g.index() > 0)
        return;
    pt_gemm(g, x, x, a, 1, n, n, 2 * n, 0, 1);
    pt_cholesky(g, a, low, 1, n);
    pt_gemm(g, low, a, v, 1, n, n, n, 0, 0);
    pt_solve_lower(g, low, v, y, 1, n, n);
    pt_cumsum(g, y, z, 1, n * n);
    pt_gemm(g, z, low, w, 1, n, n, n, 0, 0);
}}
"""
CHUNK = 4096  # PT_CHUNK
CLOSE = {"float64": 1e-11, "float32": 1e-4}
RNG = np.random.default_rng(21)


def linalg_source():
    """Each routine by each group: all items by the first group, and shared out over the grid."""
    lines = ['#include "pt_linalg.cuh"']
    for name, (parameters, arguments) in ROUTINES.items():
        for group in ("thread", "warp", "block"):
            lines.append(
                f'extern "C" __global__ void grid_{name}_{group}({parameters}) '
                f"{{ {name}_grid(pt_{group}(), {arguments}); }}"
            )
        lines.append(
            f'extern "C" __global__ void one_{name}({parameters}) '
            f"{{ if (pt_warp().index() == 1) {name}(pt_warp(), {arguments}); }}"
        )
    lines += [LONG, *(CHAIN.format(group) for group in ("thread", "warp", "block"))]
    return "\n".join(lines) + "\n"


@pytest.fixture(params=["", "reverse"])
def order(request, monkeypatch):
    """The order in which the threads of a block run on the host."""
    monkeypatch.setenv("CUDA_ON_HOST_ORDER", request.param)


@pytest.fixture
def linalg(device_driver):
    return compiled(device_driver, linalg_source())


@pytest.fixture
def gemm(device_driver):
    return compiled(device_driver, '#include "pt_gemm.cuh"\n')


def check(kernels, routine, group, inputs, meant, *sizes):
    """The routine's output is what is meant, whoever computes it."""
    arrays = [np.ascontiguousarray(x) for x in inputs]
    out = np.full_like(meant, 7)
    name = f"grid_{routine}_{'block' if group == 'wide' else group}"
    kernels.run(name, *GROUPS[group], [out], *arrays, out, *sizes)
    close = CLOSE[str(meant.dtype)]
    np.testing.assert_allclose(out, meant, rtol=close, atol=close)


SIDES = [(0, 3), (3, 0), (4, 1), (3, 2), (3, 3), (2, 4), (3, 5), (2, 8), (3, 13), (2, 33), (1, 70)]


@pytest.mark.parametrize("group", GROUPS)
def test_cholesky(linalg, group, order):
    for batch, n in SIDES:
        a = spd(RNG, batch, n, n)
        if n and batch > 2:
            a[1, -1, -1] = -1.0
            a[2, n // 2, n // 2] = np.nan
        meant = Cholesky().numpy(a)
        above = np.triu(np.ones((n, n), bool), 1)
        check(linalg, "pt_cholesky", group, [np.where(above, 1e300, a)], meant, batch, n)


@pytest.mark.parametrize("matrix, meant", [
    ([[0.0]], [[np.nan]]),
    ([[-0.0]], [[np.nan]]),
    ([[np.inf, 0], [0, 4.0]], [[np.nan] * 2] * 2),
    ([[np.nan, 0], [0, 4.0]], [[np.nan] * 2] * 2),
    ([[1.0, 0], [2.0, 4.0]], [[np.nan] * 2] * 2),
    ([[5e-324]], [[np.sqrt(5e-324)]]),
])  # fmt: skip
def test_cholesky_at_the_edge(linalg, matrix, meant):
    for group in GROUPS:
        n = len(matrix)
        check(linalg, "pt_cholesky", group, [np.array([matrix])], np.array([meant]), 1, n)


@pytest.mark.parametrize("group", GROUPS)
def test_what_cholesky_pulls_back(linalg, group, order):
    for batch, n in SIDES:
        factor = np.tril(RNG.normal(size=(batch, n, n))) + 2 * n * np.eye(n)
        g = RNG.normal(size=(batch, n, n))
        meant = CholeskyGradient().numpy(factor, g)
        given = [factor, np.where(np.tril(np.ones((n, n))) == 1, g, np.nan)]
        check(linalg, "pt_cholesky_gradient", group, given, meant, batch, n)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("op, keep", [
    (SolveLower(), np.tril), (SolveUpper(), np.triu),
    (SolveLowerTransposed(), np.tril), (SolveUpperTransposed(), np.triu),
])  # fmt: skip
def test_triangular_systems(linalg, group, op, keep, order):
    for batch, n in SIDES:
        t = RNG.normal(size=(batch, n, n)) + 2 * n * np.eye(n)
        unread = keep(np.ones((n, n))) == 0
        for k in (0, 1, 3, 4, 7, 40):
            b = RNG.normal(size=(batch, n, k))
            given = [np.where(unread, np.nan, t), b]
            check(linalg, op.routine, group, given, op.numpy(t, b), batch, n, k)


@pytest.mark.parametrize("group", GROUPS)
def test_singular_systems_are_inf_and_nan(linalg, group):
    t = np.diag([1.0, 0.0, np.nan])[None]
    b = np.ones((1, 3, 1))
    for op in (SolveLower(), SolveUpper()):
        with np.errstate(divide="ignore", invalid="ignore"):
            meant = op.numpy(t, b)
        check(linalg, op.routine, group, [t, b], meant, 1, 3, 1)


@pytest.mark.parametrize("group", GROUPS)
def test_running_sums(linalg, group, order):
    for batch, n in ((3, 0), (0, 3), (2, 1), (3, 5), (2, 31), (2, 128), (2, 129), (2, 1025)):
        x = RNG.normal(size=(batch, n))
        check(linalg, "pt_cumsum", group, [x], np.cumsum(x, -1), batch, n)
    x = np.ones((3, 300))
    x[0, 140], x[1, 7], x[2, 1], x[2, 290] = np.nan, np.inf, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        meant = np.cumsum(x, -1)
    check(linalg, "pt_cumsum", group, [x], meant, 3, 300)


def test_long_running_sums(linalg, order):
    for batch, n in ((2, CHUNK - 1), (2, CHUNK), (1, CHUNK + 1), (2, 3 * CHUNK + 77), (2, 0)):
        x = RNG.normal(size=(batch, n))
        out = np.full_like(x, np.nan)
        linalg.run("chunks", 3, 128, [out], x, out, batch, n)
        linalg.run("ends", 2, 64, [out], out, batch, n)
        linalg.run("spread", 3, 128, [out], out, batch, n)
        np.testing.assert_allclose(out, np.cumsum(x, -1), rtol=1e-9, atol=1e-9)


PRODUCTS = [  # batch, m, n, k
    (0, 2, 2, 2), (2, 0, 3, 3), (2, 3, 0, 3), (2, 3, 3, 0), (3, 1, 1, 200), (2, 2, 3, 5),
    (2, 5, 6, 7), (2, 30, 2, 9), (2, 3, 2, 300), (1, 33, 65, 20), (1, 70, 40, 5),
]  # fmt: skip
TURNS = [(a, b) for a in (False, True) for b in (False, True)]


def operands(dtype, batch, m, n, k, a_transposed, b_transposed):
    """Two batches of matrices as they are stored, and their products."""
    a, b = RNG.normal(size=(batch, m, k)), RNG.normal(size=(batch, k, n))
    stored = [
        np.ascontiguousarray(np.swapaxes(x, 1, 2) if turned else x, dtype=dtype)
        for x, turned in ((a, a_transposed), (b, b_transposed))
    ]
    return stored, (a @ b).astype(dtype)


@pytest.mark.parametrize("dtype, routine", [("float64", "pt_gemm"), ("float32", "pt_gemm_float32")])
@pytest.mark.parametrize("group", GROUPS)
def test_products_by_groups(linalg, group, dtype, routine, order):
    for sizes in PRODUCTS:
        for turns in TURNS:
            stored, meant = operands(dtype, *sizes, *turns)
            check(linalg, routine, group, stored, meant, *sizes, *turns)


def test_one_group_takes_the_whole_batch(linalg):
    a, b = spd(RNG, 5, 6, 6), RNG.normal(size=(5, 6, 2))
    low = np.linalg.cholesky(a)
    cases = {
        "pt_cholesky": ([a], low, (5, 6)),
        "pt_cumsum": ([b], np.cumsum(b.reshape(5, 12), -1), (5, 12)),
        "pt_solve_lower": ([low, b], np.linalg.solve(low, b), (5, 6, 2)),
        "pt_solve_upper": ([low.mT.copy(), b], np.linalg.solve(low.mT, b), (5, 6, 2)),
        "pt_gemm": ([a, b], a @ b, (5, 6, 2, 6, 0, 0)),
    }
    for routine, (inputs, meant, sizes) in cases.items():
        out = np.full_like(meant, 7)
        linalg.run(f"one_{routine}", 1, 96, [out], *inputs, out, *sizes)
        np.testing.assert_allclose(out, meant, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("group", ["thread", "warp", "block"])
def test_what_one_routine_writes_the_next_one_reads(linalg, group, order):
    n = 21
    x = RNG.normal(size=(n, 2 * n))
    made = [np.full((n, n), np.nan) for _ in range(6)]
    linalg.run(f"chain_{group}", *GROUPS[group], made, x, *made, n)
    a = x @ x.T
    low = np.linalg.cholesky(a)
    sums = np.cumsum(a).reshape(n, n)
    for got, meant in zip(made, (a, low, low @ a, a, sums, sums @ low), strict=True):
        np.testing.assert_allclose(got, meant, rtol=1e-8, atol=1e-8)


LARGE = [(2, 0, 3, 3), (2, 3, 3, 0), (3, 30, 2, 9), (2, 129, 65, 17), (1, 33, 140, 40)]


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("turns", TURNS)
def test_products_by_the_grid(gemm, dtype, turns, order):
    suffix = {"float64": "f64", "float32": "f32"}[dtype]
    flags = [np.int32(t) for t in turns]
    for sizes in LARGE:
        stored, meant = operands(dtype, *sizes, *turns)
        for grid in (1, 5):
            out = np.full_like(meant, 7)
            gemm.run(f"pt_gemm_{suffix}", grid, 256, [out], *stored, out, *sizes, *flags)
            np.testing.assert_allclose(out, meant, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
def test_products_by_parts_of_the_sum(gemm, dtype, order):
    suffix = {"float64": "f64", "float32": "f32"}[dtype]
    for sizes in [(1, 3, 4, 1000), (2, 5, 5, 3), (2, 2, 2, 0)]:
        for turns in TURNS:
            stored, meant = operands(dtype, *sizes, *turns)
            for splits in (1, 3, 4):
                parts = np.full((splits, *meant.shape), 7, dtype)
                flags = [np.int32(t) for t in turns]
                gemm.run(f"pt_gemm_split_{suffix}", 3, 256, [parts], *stored, parts, *sizes, *flags,
                         splits)  # fmt: skip
                out = np.full_like(meant, 7)
                gemm.run(f"pt_gemm_join_{suffix}", 2, 64, [out], parts, out, out.size, splits)
                np.testing.assert_allclose(out, meant, rtol=CLOSE[dtype], atol=CLOSE[dtype])


def on_the_device(inputs, outputs, arrays):
    """The outputs by the CUDA target, and how many launches they took."""
    plan = lower(inputs, outputs)
    runner = CudaTarget().build(plan).run
    got = run(CudaTarget(), plan, arrays)
    sizes = sizes_of(plan, arrays)
    return got, runner.sequence([sizes[s.name] for s in plan.sizes]).launches


@pytest.mark.parametrize("n, launches", [(300, 1), (20000, 3)])
def test_a_long_running_sum_is_shared_by_blocks(device_driver, n, launches):
    x = new_input("x", "float64", (None, None))
    a = RNG.normal(size=(2, n))
    (got,), count = on_the_device([x], [Cumsum()(x)], [a])
    np.testing.assert_allclose(got, np.cumsum(a, -1), rtol=1e-9, atol=1e-9)
    assert count == launches


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("m, n, k", [(70, 60, 50), (3, 4, 4000), (5, 4, 0)])
def test_products_without_the_library(device_driver, dtype, m, n, k, monkeypatch):
    if not isinstance(device_driver, HostDriver):
        pytest.skip("the library is there")
    monkeypatch.setattr(device_driver, "blas", None)
    x, y = new_input("x", dtype, (None, None)), new_input("y", dtype, (None, None))
    (a, b), meant = operands(dtype, 1, m, n, k, True, False)
    (got,), _ = on_the_device([x, y], [x.T @ y], [a[0], b[0]])
    assert got.dtype == dtype
    np.testing.assert_allclose(got, meant[0], rtol=CLOSE[dtype], atol=10 * CLOSE[dtype])


@pytest.mark.parametrize("group", ["thread", "warp", "block"])
def test_routines_for_each_row(device_driver, group):
    """Cholesky, a system, a product and running sums, once for each of several points."""
    q, x = new_input("q", "float64", (20,)), new_input("x", "float64", (None, None))
    low = ops.cholesky(ops.outer(q, q) + 3 * ops.eye(20))
    z = ops.solve_triangular(low, ops.cumsum(q), lower=True)
    fitted = ops.tanh(x @ ops.reshape(q, (5, 4)))
    value = ops.sum(z**2) + ops.sum(ops.log(ops.diagonal(low))) + ops.sum(fitted @ fitted.T)
    plan = lower([q, x], [value, *gradient(value, [q])])
    points, data = RNG.normal(size=(3, 20)), RNG.normal(size=(12, 5))
    sizes = sizes_of(plan, [points[0], data])
    program = CudaTarget().rows(plan, [0], [sizes[s.name] for s in plan.sizes], group=group)
    assert "pt_gemm(" in program.source and "pt_cholesky(" in program.source
    values, gradients = np.full(3, np.nan), np.full((3, 20), np.nan)
    held = {0: points, 1: data, plan.outputs[0]: values, plan.outputs[1]: gradients}
    places = {k: device_driver.alloc(array.nbytes) for k, array in held.items()}
    for k, place in places.items():
        device_driver.upload(place.address, held[k])
    constants = {k: b for k, b in enumerate(plan.buffers) if b.role == "constant"}
    for k, buffer in constants.items():
        array = np.ascontiguousarray(buffer.node.op.array)
        places[k] = device_driver.alloc(array.nbytes)
        device_driver.upload(places[k].address, array)
    work = device_driver.alloc(program.groups(3) * program.work_bytes)
    status = device_driver.alloc(4)
    pointers = [places[k].address if k in places else 0 for k in range(len(plan.buffers))]
    program.enqueue(pointers, 3, work.address, status.address)
    device_driver.synchronize()
    for k in plan.outputs:
        device_driver.download(places[k].address, held[k])
    for k, point in enumerate(points):
        value, slope = interpret(plan, [point, data])
        np.testing.assert_allclose(values[k], value, rtol=1e-11)
        np.testing.assert_allclose(gradients[k], slope, rtol=1e-9, atol=1e-9)


BESIDE = """
#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_linalg.cuh"
#include "pt_gemm.cuh"
typedef pt_warp pt_chain;
#define PT_DIM 4
struct pt_data { void *b[1]; long long n[1]; long long o[1]; };
static __device__ double pt_density(const pt_chain &g, const pt_data &data, const double *q,
                                    double *grad, char *work, int *status)
{
    pt_cholesky(g, q, grad, 1, 2);
    return grad[0];
}
"""


@pytest.mark.parametrize("sampler", [Nuts, Chees])
def test_a_density_under_a_sampler_may_use_all_of_it(device_driver, sampler):
    """No name of one header is another's."""
    device_driver.module(device_driver.compile(BESIDE + text_of(sampler())))


# Bytes of registers that may go to memory: the largest tile fills all that two blocks can have.
SPILLS = {"linalg": 0, "gemm": 256}


@pytest.mark.slow
@pytest.mark.parametrize("header", SPILLS)
def test_registers_suffice(header, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc here")
    source = tmp_path / "kernels.cu"
    source.write_text(linalg_source() if header == "linalg" else '#include "pt_gemm.cuh"\n')
    include = [f"-I{folder}" for folder in INCLUDE[1:]]
    command = ["nvcc", "-arch=sm_90", "-cubin", "-Xptxas", "-v", *include, "-o", "kernels.cubin"]
    done = subprocess.run(
        [*command, str(source)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    spilled = [int(n) for n in re.findall(r"(\d+) bytes spill", done.stderr)]
    assert spilled and max(spilled) <= SPILLS[header]
