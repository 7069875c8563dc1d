"""Random graphs through every pass and target: the value must not change.

    python -m probtensor.testing.fuzz 500 [--target cython] [--seed 0] [--nodes 14] [--loops]
                                          [--sizes]

With --loops graphs have loops too. With --sizes the graphs are also called with arrays of wrong
sizes; see `misfit`. Otherwise each graph is written as text and parsed; run through the pipeline,
with its value compared by the NumPy reference before and after each pass; differentiated in both
modes; and run on a target, many graphs in one compiled function. A failing graph is shrunk and
printed as a program.

Rules may change roundings, and a graph may amplify these without bound. So the tolerance is
measured: the graph is run again with every float result perturbed by a few ulps, and the spread of
the results is the tolerance. Elements that are nan or infinite in the reference are not compared.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from probtensor import ops
from probtensor.compile import PIPELINE, function
from probtensor.dataclass import dataclass, field
from probtensor.graph.check import check
from probtensor.graph.closed import with_bodies
from probtensor.graph.evaluate import Value, value_of
from probtensor.graph.node import Node, Op
from probtensor.graph.parts import types_of
from probtensor.graph.sizes import measured_sizes, resized
from probtensor.graph.text import parse, to_text
from probtensor.graph.walk import toposort
from probtensor.ops.complexes.factors import ComplexEigh, ComplexFullSVD, ComplexSVD
from probtensor.ops.derivatives import SameValue
from probtensor.ops.kinds import REGISTRY, Composite, Kind
from probtensor.ops.random.draws import Draw
from probtensor.testing.generate import RandomGraph, random_graph, shrink
from probtensor.testing.misfit import SizeFailure, fuzz_sizes
from probtensor.testing.reference import evaluate_numpy, size_names_of
from probtensor.transform import Pass, pull_back, push_forward, run

Evaluate = Callable[[Sequence[Node], Sequence[Node], Sequence[np.ndarray]], Sequence[np.ndarray]]
# The perturbation of each operation in a noisy run, in ulps, and the number of noisy runs.
NOISE = 4.0
RUNS = 5
# Ops that add terms.
SUMS = (ops.Sum, ops.Contract, ops.Scatter, ops.Cumsum, ops.CumsumColumns)
# The tolerance, as a multiple of the spread of the noisy runs.
SPREAD = 25.0


class FuzzFailure(AssertionError):
    """A graph whose value a step changed, shrunk and printed."""


@dataclass
class Tally:
    """What was done: graphs, comparisons of each kind, rules that fired."""

    graphs: int = 0
    done: Counter = field(default_factory=Counter)
    fired: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        rows = [f"{self.graphs} graphs"]
        rows += [f"{count:7} {name}" for name, count in sorted(self.done.items())]
        rows += [f"{len(self.fired)} rules fired, {sum(self.fired.values())} times"]
        return "\n".join(rows)


def compiled(target: str) -> Evaluate:
    """How a target evaluates a graph: all outputs in one function."""

    def evaluate(inputs, outputs, arrays):
        call = function(list(inputs), list(outputs), target=target, on_unused_input="ignore")
        return call(*arrays)

    return evaluate


def fuzz(
    count: int,
    seed: int = 0,
    *,
    nodes: int = 14,
    passes: Sequence[Pass] = PIPELINE,
    targets: Sequence[Evaluate] = (),
    batch: int = 50,
    loops: bool = False,
) -> Tally:
    """Check `count` graphs, from seeds `seed` on; FuzzFailure with the smallest one that fails.

    Each of the targets is given `batch` graphs at a time. With `loops`, graphs have loops too.
    """
    tally = Tally()
    waiting: list[RandomGraph] = []
    for number in range(seed, seed + count):
        graph = random_graph(number, nodes, loops)
        _run_checks(graph, passes, tally)
        tally.graphs += 1
        waiting.append(graph)
        if len(waiting) == batch or number == seed + count - 1:
            for evaluate in targets:
                check_target(waiting, evaluate, tally)
            waiting = []
    return tally


def _run_checks(graph: RandomGraph, passes: Sequence[Pass], tally: Tally) -> None:
    checks = {
        "text": check_text,
        "passes": partial(check_passes, passes=passes),
        "derivatives": partial(check_derivatives, passes=passes),
    }
    for name, one in checks.items():
        try:
            one(graph, tally=tally)
        except Exception as error:
            raise _reported(graph, name, error, partial(_fails, one)) from error


def _fails(one: Callable, graph: RandomGraph) -> bool:
    try:
        one(graph, tally=Tally())
    except Exception:
        return True
    return False


def _reported(
    graph: RandomGraph, name: str, error: Exception, fails: Callable[[RandomGraph], bool]
) -> FuzzFailure:
    small = shrink(graph, fails)
    used = set(toposort(small.outputs))
    values = "\n".join(
        f"  {node.name} = {value.dtype} {value.tolist()}" for node, value in small.values.items()
        if node in used
    )  # fmt: skip
    return FuzzFailure(
        f"seed {graph.seed}, {name}: {error}\n\n{to_text(small.outputs, whole=True)}\n{values}"
    )


# The derivative of grad_clip is not linear; random draws may have none; that of complex vectors is
# the one for which none changes along itself, where differences follow the phases of LAPACK.
_ONE_WAY = (ops.GradClip, Draw, ComplexEigh, ComplexSVD, ComplexFullSVD)


def _has_both_ways(node: Node) -> bool:
    """False where there may be no derivative, or none that is linear. An op without one whose
    values are no floats stops derivatives, and does no harm."""
    if isinstance(node.op, _ONE_WAY):
        return False
    stops = isinstance(node.op, Kind) and not node.op.differentiable
    return not stops or not any(t.is_float for t in types_of(node))


# Comparing.


def noisy_runs(graph: RandomGraph, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """The outputs of a few runs in which every float operation is perturbed by a few ulps."""
    names = size_names_of(graph.values)
    order = toposort(graph.outputs)
    leaves = [node for node in order if not node.needs]
    exact_leaves = dict(zip(leaves, evaluate_numpy(leaves, graph.values), strict=True))
    with np.errstate(all="ignore"):
        return [_noisy(order, graph.outputs, exact_leaves, names, rng) for _ in range(RUNS)]


def _noisy(
    order: Sequence[Node],
    outputs: Sequence[Node],
    given: Mapping[Node, Value],
    names: Mapping[str, int],
    rng: np.random.Generator,
) -> list[Value]:
    """The outputs with every operation perturbed, in bodies as well."""
    found, names = dict(given), dict(names)
    for node in order:
        if node in found:
            continue
        names.update(measured_sizes(node, found))
        if not node.inputs:
            found[node] = value_of(node, (), names)
            continue
        op, inputs = resized(node.op, names), [found[x] for x in node.inputs]
        if op.has_bodies and not isinstance(op, Composite):  # those of solvers are composites
            found[node] = op.computed(inputs, lambda body, values: _noisy(
                body.order(), body.outputs, dict(zip(body.parameters, values)), {}, rng
            ))  # fmt: skip
        else:
            found[node] = _all_off(op.numpy(*inputs), _rounded_size(op, inputs), rng)
    return [found[node] for node in outputs]


def _rounded_size(op: Op, inputs: Sequence[np.ndarray]) -> np.ndarray | None:
    """The sum of the sizes of the terms of a sum, which bounds its partial sums: those are what is
    rounded, in an order that is not promised, however small the sum is. None for other ops."""
    if not isinstance(op, SUMS) or getattr(op, "mode", "add") != "add":
        return None
    sizes = [np.abs(x) if np.asarray(x).dtype.kind == "f" else x for x in inputs]
    return np.asarray(op.numpy(*sizes))


def _all_off(value: Value, size: np.ndarray | None, rng: np.random.Generator) -> Value:
    """`_off` of a value, or of each part of it."""
    if isinstance(value, tuple):
        return tuple(_off(np.asarray(part), size, rng) for part in value)
    return _off(np.asarray(value), size, rng)


def _off(value: np.ndarray, size: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    if value.dtype.kind != "f":
        return value
    eps = np.finfo(value.dtype).eps
    off = value * (1 + NOISE * eps * rng.uniform(-1, 1, value.shape))
    if size is not None:
        off = off + eps * size * rng.uniform(-1, 1, value.shape)
    return off.astype(value.dtype)


def difference(
    wanted: np.ndarray, got: np.ndarray, noisy: Sequence[np.ndarray], tally: Tally
) -> str | None:
    """The message about a difference beyond rounding of a result from the wanted one; else None."""
    got = np.asarray(got)
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return f"{wanted.dtype}{wanted.shape} became {got.dtype}{got.shape}"
    if wanted.dtype.kind != "f":
        firm = np.all([run == wanted for run in noisy], axis=0)
        wrong = firm & (got != wanted)
    else:
        firm, wrong = _float_difference(wanted, got, noisy)
    tally.done["elements compared"] += int(np.sum(firm))
    if not np.any(wrong):
        return None
    index = tuple(int(k) for k in np.argwhere(wrong)[0]) if wrong.ndim else ()
    return f"{wanted[index]!r} became {got[index]!r} at index {index} of {wanted.shape}"


def _float_difference(wanted, got, noisy) -> tuple[np.ndarray, np.ndarray]:
    runs = np.stack([wanted, *noisy]).astype("float64")
    numbers = np.isfinite(runs).all(axis=0)
    with np.errstate(all="ignore"):
        spread = np.where(numbers, runs.max(axis=0) - runs.min(axis=0), 0)
        scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=0) if wanted.size else 0
        eps = float(np.finfo(wanted.dtype).eps)
        allowed = SPREAD * spread + 64 * eps * np.abs(wanted) + 4 * eps * scale + 1e-100
        wrong = numbers & ~(np.abs(got.astype("float64") - wanted) <= allowed)
    return numbers, wrong


# The checks.


def check_text(graph: RandomGraph, tally: Tally) -> None:
    """The graph is valid, and the same after writing and parsing it as text."""
    check(graph.outputs, graph.values)
    text = to_text(graph.outputs, whole=True)
    again = to_text(parse(text, REGISTRY), whole=True)
    if again != text:
        raise AssertionError(f"the text reads back as\n{again}")
    tally.done["texts read back"] += 1


def check_passes(graph: RandomGraph, passes: Sequence[Pass], tally: Tally) -> None:
    """Each pass preserves types and values."""
    rng = np.random.default_rng(graph.seed)
    current = list(graph.outputs)
    before = evaluate_numpy(current, graph.values)
    noisy = noisy_runs(graph, rng)
    for step in passes:
        log: list = []
        after = run([step], current, inputs=graph.values, verify=True, log=log)
        values = evaluate_numpy(after, graph.values)
        for k, (old, new) in enumerate(zip(before, values, strict=True)):
            found = difference(old, new, [r[k] for r in noisy], tally)
            if found is not None:
                raise AssertionError(f"pass {step.name!r}, output {k}: {found}")
        tally.done["passes compared"] += 1
        tally.fired.update({rule: times for rule, _, times in log[0].fired})
        current, before = list(after), values


def check_derivatives(graph: RandomGraph, passes: Sequence[Pass], tally: Tally) -> None:
    """Reverse mode is forward mode transposed; both agree with finite differences where these are
    to be trusted; the gradient survives all passes."""
    inputs = [x for x in graph.values if x.dtype == "float64"]
    tops = [y for y in graph.outputs if y.dtype == "float64"]
    if not inputs or not tops:
        return
    rng = np.random.default_rng(graph.seed)
    tangents = [np.asarray(rng.normal(size=graph.values[x].shape)) for x in inputs]
    weights = [
        np.asarray(rng.normal(size=v.shape)) for v in evaluate_numpy(tops, graph.values)
    ]  # fmt: skip
    if not all(map(_has_both_ways, with_bodies(toposort(tops)))):
        tally.done["without a derivative both ways"] += 1
        return
    pulled = pull_back(tops, inputs, weights)
    pushed = push_forward(tops, inputs, tangents)
    derived = RandomGraph((*pulled, *pushed), graph.values, graph.seed)
    found = evaluate_numpy(derived.outputs, graph.values)
    noisy = noisy_runs(derived, rng)
    sums = [_pairings(run, weights, tangents) for run in (found, *noisy)]
    _check_transposed(sums, tally)
    _check_finite_differences(graph, inputs, tops, weights, tangents, sums[0][0], tally)
    check_passes(derived, passes, tally)


def _pairings(values, weights, tangents) -> tuple[float, float, float]:
    """weights . J . tangents from the vjp, from the jvp, and the size of its terms."""
    pulled, pushed = values[: len(tangents)], values[len(tangents) :]
    with np.errstate(all="ignore"):
        left = [np.sum(p * t) for p, t in zip(pulled, tangents, strict=True)]
        right = [np.sum(p * w) for p, w in zip(pushed, weights, strict=True)]
        size = sum(np.sum(np.abs(p * t)) for p, t in zip(pulled, tangents, strict=True))
    return float(sum(left)), float(sum(right)), float(size)


def _check_transposed(sums: list[tuple[float, float, float]], tally: Tally) -> None:
    table = np.array(sums)
    if not np.isfinite(table).all():
        tally.done["derivatives with infinities"] += 1
        return
    left, right, size = table[0]
    spread = np.ptp(table[:, 0]) + np.ptp(table[:, 1])
    if abs(left - right) > SPREAD * spread + 1e-11 * size + 1e-300:
        raise AssertionError(f"vjp gives {left!r}, jvp gives {right!r}")
    tally.done["derivatives both ways"] += 1


# Ops whose derivative is not that of their value, or is that for symmetric changes only.
_UNSEEN = (SameValue, ops.ValueOf, ops.CustomVjp, ops.Cholesky, ops.Eigh)


def _check_finite_differences(
    graph: RandomGraph,
    inputs: Sequence[Node],
    tops: Sequence[Node],
    weights: Sequence[np.ndarray],
    tangents: Sequence[np.ndarray],
    slope: float,
    tally: Tally,
) -> None:
    order = list(with_bodies(toposort(tops)))
    types = [t for node in order for t in types_of(node)]
    unseen = any(isinstance(node.op, _UNSEEN) for node in order)
    if unseen or any(t.dtype == "float32" for t in types):
        return

    def cost(step: float) -> float:
        moved = {x: graph.values[x] + step * t for x, t in zip(inputs, tangents, strict=True)}
        values = evaluate_numpy(tops, {**graph.values, **moved})
        with np.errstate(all="ignore"):
            return float(sum(np.sum(w * v) for w, v in zip(weights, values, strict=True)))

    steps = (1e-5, 2.3e-5)
    slopes = [(cost(h) - cost(-h)) / (2 * h) for h in steps]
    size = max(abs(slope), *map(abs, slopes))
    blur = 1e-15 * abs(cost(0.0)) / steps[0]
    # Near a kink, a jump or a pole the two differences do not agree, and say nothing.
    if not np.isfinite([slope, *slopes]).all() or abs(slopes[0] - slopes[1]) > 1e-6 * size + blur:
        tally.done["finite differences not to be trusted"] += 1
        return
    if abs(slopes[0] - slope) > 1e-4 * size + 100 * blur + 1e-8:
        raise AssertionError(f"vjp gives {slope!r}, finite differences {slopes[0]!r}")
    tally.done["finite differences"] += 1


def check_target(graphs: Sequence[RandomGraph], evaluate: Evaluate, tally: Tally) -> None:
    """The target agrees with the reference: all graphs in one call, then the failing one alone."""
    found = _evaluated(graphs, evaluate)
    for graph, results in zip(graphs, found, strict=True):
        fault = _target_fault(graph, results, tally)
        if fault is not None:
            raise _reported(
                graph, "target", AssertionError(fault), partial(_fails_on_target, evaluate)
            )
        tally.done["graphs on targets"] += 1


def _evaluated(graphs: Sequence[RandomGraph], evaluate: Evaluate) -> list[list[np.ndarray]]:
    inputs = [x for graph in graphs for x in graph.values]
    arrays = [value for graph in graphs for value in graph.values.values()]
    outputs = [y for graph in graphs for y in graph.outputs]
    results = list(evaluate(inputs, outputs, arrays))
    split = []
    for graph in graphs:
        split.append([np.asarray(r) for r in results[: len(graph.outputs)]])
        results = results[len(graph.outputs) :]
    return split


def _target_fault(graph: RandomGraph, results: Sequence[np.ndarray], tally: Tally) -> str | None:
    wanted = evaluate_numpy(graph.outputs, graph.values)
    noisy = noisy_runs(graph, np.random.default_rng(graph.seed))
    for k, (old, new) in enumerate(zip(wanted, results, strict=True)):
        fault = difference(old, new, [r[k] for r in noisy], tally)
        if fault is not None:
            return f"output {k}: {fault}"
    return None


def _fails_on_target(evaluate: Evaluate, graph: RandomGraph) -> bool:
    try:
        (results,) = _evaluated([graph], evaluate)
        return _target_fault(graph, results, Tally()) is not None
    except Exception:
        return True


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: prints a tally, or the failing graph and exits with 1."""
    parser = argparse.ArgumentParser(prog="probtensor.testing.fuzz")
    parser.add_argument("count", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=14)
    parser.add_argument("--target", choices=("cython", "interp", "cuda"), default="cython")
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--loops", action="store_true")
    given = parser.parse_args(arguments)
    try:
        if given.sizes:
            found = fuzz_sizes(given.count, given.seed, target=given.target)
            print("\n".join(f"{count:7} calls {what}" for what, count in sorted(found.items())))
            return
        targets = [compiled(given.target)]
        options = {"nodes": given.nodes, "loops": given.loops}
        print(fuzz(given.count, given.seed, targets=targets, **options))
    except (FuzzFailure, SizeFailure) as failure:
        print(failure)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
