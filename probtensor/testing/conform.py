"""The contract of an op, as checks that users can run on their own ops.

    from probtensor.testing import conform
    conform.check_op(MyOp)                                # all of it, on the samples of the op
    conform.check_op(MyOp, evaluate=conform.compiled())   # and on the Cython target as well

For each sample of an op: the inferred type is that of the NumPy result, in float32 and float64; the
vjp agrees with finite differences, and so does the derivative of the vjp; the jvp is the transpose
of the vjp; results are the same with symbolic sizes; `element` of a view agrees with NumPy; a
composite equals its expansion; a batch equals the results of its items; and a target agrees with
NumPy, at edges too. Each check raises AssertionError with the op, the sample and both values.

Tolerances are for float64 unless a sample is float32: finite differences are good to about 1e-7,
values to a few units in the last place, more where an op says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Node, Op, make, new_input
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Composite, Kind, View
from probtensor.ops.samples import Sample
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import pull_back, push_forward
from probtensor.transform.batch import vmap_nodes

Evaluate = Callable[[Sequence[Node], Sequence[Node], Sequence[np.ndarray]], Sequence[np.ndarray]]
SEED = 20240607


@dataclass(frozen=True)
class Case:
    """One sample of an op as a graph: symbolic inputs, their arrays and the output, which is part
    `part` if the op has several results."""

    op: Op
    inputs: tuple[Node, ...]
    arrays: tuple[np.ndarray, ...]
    output: Node
    smooth: bool
    part: int = 0

    def values(self) -> dict[Node, np.ndarray]:
        """The inputs with their arrays."""
        return dict(zip(self.inputs, self.arrays, strict=True))

    def __str__(self) -> str:
        shapes = ", ".join(f"{a.dtype}{list(a.shape)}" for a in self.arrays)
        part = f", part {self.part}" if self.part else ""
        return f"{self.op.text()}({shapes}){part}"


def case_of(
    op_class: type[Kind], sample: Sample, seed: int = SEED, dtype: str = "float64", part: int = 0
) -> Case:
    """The sample as a case, its float64 arrays converted to `dtype`."""
    rng = np.random.default_rng(seed)
    arrays = tuple(np.asarray(a) for a in sample.make(rng))
    if dtype != "float64":
        with np.errstate(over="ignore"):
            arrays = tuple(a.astype(dtype) if a.dtype == "float64" else a for a in arrays)
    op = op_class(**sample.parameters)
    inputs = tuple(new_input(f"x{k}", a.dtype, a.shape) for k, a in enumerate(arrays))
    output = parts(make(op, inputs))[part]
    smooth = sample.smooth and op.differentiable and (part == 0 or output.type.is_float)
    return Case(op, inputs, arrays, output, smooth, part)


def cases_of(op_class: type[Kind], dtype: str = "float64", first: int = SEED) -> Iterator[Case]:
    """A case for each sample of the op and part of its result, with seeds from `first` on."""
    for number, sample in enumerate(op_class.samples or ()):
        case = case_of(op_class, sample, first + number, dtype)
        yield case
        for part in range(1, len(_all_parts(case))):
            yield case_of(op_class, sample, first + number, dtype, part)


def _all_parts(case: Case) -> tuple[Node, ...]:
    return parts(make(case.op, case.inputs))


def joined(case: Case) -> Case:
    """The case with all float parts of its result concatenated to one vector."""
    floats = [ops.ravel(x) for x in _all_parts(case) if x.type.is_float]
    return replace(case, output=ops.concatenate(floats))


def check_op(op_class: type[Kind], evaluate: Evaluate | None = None) -> None:
    """Every check on every sample of the op; `evaluate` adds a target to be compared."""
    if not op_class.samples:
        raise AssertionError(f"{op_class.__name__} has no samples")
    for case in cases_of(op_class):
        check_type(case)
        check_element(case)
        check_derivatives(case)
        if case.part == 1 and case.smooth:
            check_derivatives(joined(case))
        check_unknown_sizes(case)
        check_expansion(case)
        if evaluate is not None:
            check_target(case, evaluate)
    for case, other in zip(cases_of(op_class), cases_of(op_class, first=SEED + 1000), strict=True):
        check_batch(case, other)
    if takes_float32(op_class):
        for case in cases_of(op_class, "float32"):
            check_type(case)
            if evaluate is not None:
                check_target(case, evaluate)


def takes_float32(op_class: type[Kind]) -> bool:
    """Whether the op works in float32: draws and factorisations are float64 only."""
    for sample in op_class.samples[:1]:
        try:
            case_of(op_class, sample, dtype="float32")
        except TypeError:
            return False
    return True


def check_type(case: Case) -> None:
    """The inferred dtype and shape are those of the NumPy result."""
    evaluate_numpy([case.output], case.values())


def check_element(case: Case) -> None:
    """The `element` of a view, on plain integers, gives each element of its NumPy result and reads
    no index out of bounds."""
    if not isinstance(case.op, View):
        return
    meant = evaluate_numpy([case.output], case.values())[0]
    readers = [_reader(array) for array in _placed(case)]
    types = [x.type for x in case.inputs]
    for index in np.ndindex(meant.shape):
        got = case.op.element(list(index), readers, types, case.output.type, _select)
        if got is _OUTSIDE or not (got == meant[index] or got != got):
            shown = "a place outside its input" if got is _OUTSIDE else repr(got)
            raise AssertionError(f"{case}: element{list(index)} is {shown}, not {meant[index]!r}")


def _placed(case: Case) -> list[np.ndarray]:
    """The arrays, with index arrays wrapped to their axis: `element` gets indices that have been
    bounds-checked."""
    arrays = list(case.arrays)
    mode = getattr(case.op, "mode", "raise")
    for k, (source, axis) in case.op.index_inputs().items():
        n = arrays[source].shape[axis]
        arrays[k] = np.clip(arrays[k], 0, n - 1) if mode == "clip" else arrays[k] % n
    return arrays


_OUTSIDE = object()


def _reader(array: np.ndarray) -> Callable[[Sequence[int]], Any]:
    def read(index: Sequence[int]) -> Any:
        inside = all(0 <= i < n for i, n in zip(index, array.shape, strict=True))
        value = array[tuple(index)] if inside else _OUTSIDE
        return int(value) if inside and array.dtype.kind == "i" else value

    return read


def _select(condition: bool, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
    return a() if condition else b()


def check_expansion(case: Case, rtol: float = 1e-12) -> None:
    """A composite expands into a graph of the same type and value, at edges too."""
    if not isinstance(case.op, Composite):
        return
    expanded = case.op.expand(*case.inputs)
    if expanded.type != case.output.type:
        raise AssertionError(f"{case}: expands into {expanded.type}, not {case.output.type}")
    values = case.values()
    meant, got = evaluate_numpy([case.output, expanded], values)
    assert_close(got, meant, rtol, 1e-14, f"{case}: expanded")


def check_batch(case: Case, other: Case, rtol: float = 1e-9) -> None:
    """A batch of two items, `case` and `other`, of one input or of all, equals the results of the
    op for each item. Both are cases of one sample; inputs that are not batched are from `case`."""
    count = len(case.inputs)
    for chosen in dict.fromkeys([*((k,) for k in range(count)), tuple(range(count))]):
        if not chosen:
            continue
        values = case.values()
        batches: dict[Node, Node] = {}
        for k in chosen:
            x, both = case.inputs[k], np.stack([case.arrays[k], other.arrays[k]])
            batches[x] = new_input(f"{x.name}_items", x.dtype, both.shape)
            values[batches[x]] = both
        (batched,) = vmap_nodes([case.output], batches)
        got = evaluate_numpy([batched], values)[0]
        for number, source in enumerate((case, other)):
            item = {case.inputs[k]: source.arrays[k] for k in chosen}
            meant = evaluate_numpy([case.output], case.values() | item)[0]
            what = f"{case}: item {number} of a batch of inputs {list(chosen)}"
            assert_close(got[number], meant, rtol, 1e-12, what)


def check_target(
    case: Case, evaluate: Evaluate, rtol: float | None = None, atol: float = 0.0
) -> None:
    """`evaluate(inputs, outputs, arrays)` agrees with NumPy, nan and infinities included."""
    meant = evaluate_numpy([case.output], case.values())[0]
    got = np.asarray(evaluate(case.inputs, [case.output], case.arrays)[0])
    if got.dtype != meant.dtype or got.shape != meant.shape:
        raise AssertionError(f"{case}: target gives {got.dtype}{list(got.shape)}")
    if rtol is None:
        # 16 ulps, of the largest term of a sum; more where a routine says so.
        rtol = 2e-6 if "float32" in (meant.dtype, *[a.dtype for a in case.arrays]) else 4e-15
        rtol = max(rtol, 4e-15 * getattr(case.op, "condition", 1.0))
        largest = np.max(np.abs(meant[np.isfinite(meant)]), initial=0.0) if meant.size else 0.0
        allowed = max(_is_sum(case.op), getattr(case.op, "rounding", 0.0))
        atol = max(atol, rtol * float(largest) * allowed)
    assert_close(got, meant, rtol, atol, f"{case}: target")


def _is_sum(op: Op) -> bool:
    return isinstance(op, (ops.kinds.Reduction, ops.kinds.Contraction, Composite, ops.Scatter))


# Derivatives.


def check_derivatives(case: Case, rtol: float = 2e-6) -> None:
    """On a smooth case: vjp against differences, the second derivative likewise, jvp = vjp^T."""
    if not case.smooth:
        return
    rng = np.random.default_rng(SEED)
    moved = [k for k, a in enumerate(case.arrays) if a.dtype == "float64"]
    wrt = [case.inputs[k] for k in moved]
    weight = rng.normal(size=_shape(case))
    directions = [rng.normal(size=case.arrays[k].shape) for k in moved]
    pulled = pull_back(case.output, wrt, ops.constant(weight))
    slope = _inner(pulled, directions)
    value = ops.sum(case.output * weight)
    _compare_slope(case, value, slope, moved, directions, rtol, "vjp")
    second = pull_back(slope, wrt, ops.ones_like(slope))
    again = [rng.normal(size=d.shape) for d in directions]
    _compare_slope(case, slope, _inner(second, again), moved, again, 10 * rtol, "second derivative")
    pushed = push_forward(case.output, wrt, [ops.constant(d) for d in directions])
    values = case.values()
    forward, reverse = evaluate_numpy([ops.sum(pushed * weight), slope], values)
    assert_close(forward, reverse, 1e-9, 1e-11, f"{case}: jvp against vjp")


def check_unknown_sizes(case: Case) -> None:
    """The value and the vjp are the same with symbolic sizes for all sizes but 1."""
    shapes = [tuple(1 if n == 1 else None for n in a.shape) for a in case.arrays]
    inputs = tuple(
        new_input(f"x{k}", a.dtype, s) for k, (a, s) in enumerate(zip(case.arrays, shapes))
    )
    output = parts(make(case.op, inputs))[case.part]
    free = replace(case, inputs=inputs, output=output)
    known, found = (_with_gradients(c) for c in (case, free))
    for k, (got, meant) in enumerate(zip(found, known, strict=True)):
        what = f"vjp {k - 1}" if k else "value"
        assert_close(got, meant, 1e-12, 1e-12, f"{case}: {what} with unknown sizes")


def _with_gradients(case: Case) -> list[np.ndarray]:
    """The value of a case and, if it is smooth, the vjp of its floats for a cosine weight."""
    outputs = [case.output]
    if case.smooth:
        shape = evaluate_numpy([case.output], case.values())[0].shape
        g = ops.constant(np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape))
        wrt = [x for x in case.inputs if x.type.is_float]
        outputs += pull_back(case.output, wrt, ops.broadcast_to(g, case.output.shape))
    return evaluate_numpy(outputs, case.values())


def _shape(case: Case) -> tuple[int, ...]:
    return tuple(int(n) for n in case.output.shape)


def _inner(gradients: Sequence[Node], directions: Sequence[np.ndarray]) -> Node:
    total: Any = 0.0
    for g, d in zip(gradients, directions, strict=True):
        total = ops.sum(g * d) + total
    return total


def _compare_slope(case, value, slope, moved, directions, rtol, what) -> None:
    """The derivative of a scalar along directions, against Richardson's central differences."""
    values = case.values()

    def at(step: float) -> float:
        shifted = dict(values)
        for k, direction in zip(moved, directions, strict=True):
            shifted[case.inputs[k]] = case.arrays[k] + step * direction
        return float(evaluate_numpy([value], shifted)[0])

    h = 1e-4
    one, two = (at(h) - at(-h)) / (2 * h), (at(2 * h) - at(-2 * h)) / (4 * h)
    estimate = (4 * one - two) / 3
    got = float(evaluate_numpy([slope], values)[0])
    scale = abs(at(0.0)) + abs(estimate)
    assert_close(got, estimate, rtol, 1e-7 * scale + 1e-8, f"{case}: {what}")


def assert_close(got: Any, meant: Any, rtol: float, atol: float, what: str) -> None:
    """Equal within the tolerances; nan equals nan, and an infinity only itself."""
    got, meant = np.asarray(got), np.asarray(meant)
    if meant.dtype.kind != "f":
        good = np.asarray(got == meant)
    else:
        with np.errstate(all="ignore"):
            near = np.abs(got - meant) <= atol + rtol * np.abs(meant)
        good = (near & np.isfinite(meant)) | (got == meant) | (np.isnan(got) & np.isnan(meant))
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        raise AssertionError(
            f"{what}: {int((~good).sum())} of {good.size} values differ\n"
            f"  first at {list(index)}: {got[index]!r}, not {meant[index]!r}"
        )


def through(compile_graph: Callable[[Sequence[Node], Sequence[Node]], Callable]) -> Evaluate:
    """An `evaluate` from a compiler: `compile_graph(inputs, outputs)` gives a function of arrays
    that returns a list."""

    def evaluate(
        inputs: Sequence[Node], outputs: Sequence[Node], arrays: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        return compile_graph(inputs, list(outputs))(*arrays)

    return evaluate


def reference(
    inputs: Sequence[Node], outputs: Sequence[Node], arrays: Sequence[np.ndarray]
) -> Sequence[np.ndarray]:
    """The `evaluate` of NumPy itself."""
    values: Mapping[Node, np.ndarray] = dict(zip(inputs, arrays, strict=True))
    return evaluate_numpy(outputs, values)
