"""The machine against native code, on a few kernels: for `probtensor doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from cython_ext.timing import Frame
from probtensor import ops
from probtensor.compile import function
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.graph.node import new_input
from probtensor.targets.auto.builder import BUILDER
from probtensor.targets.auto.cost import has_compiler, loss, note_gain
from probtensor.transform.autodiff import gradient

SECONDS = 0.02  # to measure each for, three times
TRIES = 3
SIZE = 500  # of the matrices of the product


@dataclass(frozen=True)
class Compared:
    """Seconds for one run of a kernel on the machine, and natively where there is a compiler."""

    name: str
    machine: float
    native: float | None

    @property
    def gain(self) -> float:
        """How many times as fast native code is."""
        return self.machine / self.native


def kernels() -> list[tuple[str, list[Node], list[Node], list[np.ndarray]]]:
    """(name, inputs, outputs, arguments) of each."""
    rng = np.random.default_rng(0)
    q, x = new_input("q", "float64", (8,)), new_input("x", "float64", (None,))
    rows, y = new_input("rows", "float64", (None, 8)), new_input("y", "float64", (None,))
    small = ops.sum(ops.exp(q) - q * q)
    logits = ops.sum(rows * q, axis=1)
    logistic = ops.sum(y * logits - ops.softplus(logits))
    states, _ = ops.scan(lambda step, state: ops.tanh(0.5 * state + step), x, outputs_info=[0.0])
    recursion = ops.sum(states * states)
    data = [rng.normal(size=8), rng.normal(size=(1000, 8)), rng.normal(size=1000)]
    return [
        ("8 numbers, with gradient", [q], [small, gradient(small, q)], data[:1]),
        ("10,000 exp, summed", [x], [ops.sum(ops.exp(x))], [rng.normal(size=10_000)]),
        ("1,000 rows of logistic regression, with gradient", [q, rows, y],
         [logistic, gradient(logistic, q)], data),
        ("1,000 steps of a recursion, with gradient", [x], [recursion, gradient(recursion, x)],
         [rng.normal(size=1000)]),
    ]  # fmt: skip


def compare() -> list[Compared]:
    """Each kernel on the machine, and natively if there is a compiler. BuildError if that fails."""
    native = has_compiler()
    return [
        Compared(
            name,
            _seconds(inputs, outputs, arguments, "machine"),
            _seconds(inputs, outputs, arguments, "cython") if native else None,
        )
        for name, inputs, outputs, arguments in kernels()
    ]


def report() -> Iterator[str]:
    """What `compare` finds, and what the builder does, as lines. The gains are noted in the cache,
    for processes that find no compiler."""
    found = compare()
    for each in found:
        text = f"tiers     {each.name}: {1e6 * each.machine:.2f} us on the machine"
        if each.native is not None:
            text += f", {1e6 * each.native:.2f} us natively, {each.gain:.1f} times as fast"
        yield text
    yield blas()
    if has_compiler():
        note_gain([each.gain for each in found])
    else:
        yield f"lost      {loss()}"
    yield f"builder   {BUILDER.state}"


def blas() -> str:
    """How quick a product of matrices is, by the library that functions call and by NumPy's."""
    a, b = (new_input(name, "float64", (None, None)) for name in "ab")
    x = np.random.default_rng(0).normal(size=(SIZE, SIZE))
    made = function([a, b], a @ b, target="machine")
    assert np.allclose(made(x, x), x @ x)
    own = min(Frame(made, (x, x)).time(made.code, 1) for _ in range(TRIES))
    began = []
    for _ in range(TRIES):
        start = time.perf_counter()
        np.matmul(x, x)
        began.append(time.perf_counter() - start)
    rates = [2e-9 * SIZE**3 / seconds for seconds in (own, min(began))]
    return (
        f"product   of {SIZE} x {SIZE}: {1e3 * own:.1f} ms, {rates[0]:.1f} GFLOP/s; by NumPy "
        f"{rates[1]:.1f} GFLOP/s"
    )


def _seconds(
    inputs: list[Node], outputs: list[Node], arguments: list[np.ndarray], target: str
) -> float:
    made = function(inputs, outputs, target=target)
    frame = Frame(made, tuple(arguments))
    once = max(frame.time(made.code, 10), 1e-8)
    count = max(1, int(SECONDS / once))
    return min(frame.time(made.code, count) for _ in range(TRIES))
