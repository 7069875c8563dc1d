"""From a graph to a function: what is asked for, the passes, the plan, the target."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.function import Compilation, DeviceFunction, Function, In, Program, Shared, Whole
from probtensor.function.call import checked_seed
from probtensor.function.device_build import Deferred, deferred
from probtensor.function.program import (
    checked_inputs,
    checked_updates,
    flatten,
    literal_for,
    pairs_of,
)
from probtensor.function.recall import fingerprint, pack, unpack
from probtensor.function.record import Damaged, Unknown
from probtensor.graph import GraphError, Node, inputs_of, line_of, replace, toposort
from probtensor.graph.law import size_laws
from probtensor.graph.node import Input, new_input
from probtensor.graph.resize import size_name, sizes_read, with_sizes
from probtensor.graph.symbolic import refusal
from probtensor.lower.planner import lower
from probtensor.ops.kinds import REGISTRY, method
from probtensor.ops.require import asked_for
from probtensor.ops.transfer import handed_over
from probtensor.rules import FINAL, PICKS, STABLE, divide_once
from probtensor.system.stages import building, stage
from probtensor.targets.base import Target
from probtensor.targets.cache import recall, remember
from probtensor.targets.gpu import CudaTarget
from probtensor.targets.interp import InterpTarget
from probtensor.targets.native import CythonTarget
from probtensor.transform.draws import has_draws, lower_draws
from probtensor.transform.passes import Pass, expand_composites, report, run
from probtensor.types import SizeCheck

PIPELINE = (
    Pass("stabilize", STABLE),
    Pass("pick", PICKS),
    Pass("expand", expand_composites),
    Pass("tidy", FINAL),
    Pass("divide", divide_once),
)


@cache
def meanings() -> tuple[Mapping, Mapping]:
    """What C functions and library routines compute, on NumPy arrays, by name."""
    functions, routines = {}, {}
    for op in REGISTRY.values():
        if getattr(op, "c", None):
            functions[op.c] = op().numpy
        if getattr(op, "routine", None):
            routines[op.routine] = op().on_flat_arrays
    return functions, routines


TARGETS: Mapping[str, Target] = {
    target.name: target for target in (CythonTarget(), InterpTarget(meanings), CudaTarget())
}


@public
def function(
    inputs: Sequence[Node | In] = (),
    outputs: Any = None,
    *,
    updates: Any = None,
    givens: Any = None,
    name: str | None = None,
    target: str | Target | None = None,
    on_unused_input: str = "raise",
    seed: int | None = None,
    progress: bool = True,
) -> Function:
    """Compile outputs as a function of inputs.

    inputs           input nodes, or In(node, value=default, name=...); shared variables and data
                     with values are found by themselves
    outputs          a tensor, or a list, tuple or dict of them, nested at will, which is then the
                     structure of the result; Out(tensor, borrow=True) lends its buffer
    updates          {shared: new value} or pairs: all computed before any is assigned, after the
                     outputs, so that {a: b, b: a} swaps
    givens           {node: replacement} or pairs, put in before anything else
    target           "cython", "interp" or "cuda", or a target with options, as in
                     `pt.Cuda(tf32=True)`; by default $PROBTENSOR_TARGET, else "cython"
    on_unused_input  "raise", "warn" or "ignore"
    seed             of random draws: the same seed gives the same draws, call by call
    progress         say on a terminal, after 2 s, what is compiled and how far it is

    Raises TypeError, ValueError or GraphError (a TypeError) naming the input or the line, and
    BuildError where the target cannot build.

    Returns a `Function`, which is called with arrays and gives arrays in the structure of
    `outputs`.

        >>> x, y = pt.vector("x"), pt.scalar("y")
        >>> pt.function([x, y], {"sum": x + y})([1.0, 2.0], 3.0)
        {'sum': array([4., 5.])}
    """
    given = checked_inputs(inputs)
    leaves, tree = flatten(outputs)
    pairs = checked_updates(updates)
    check_options(name, seed)
    if outputs is None and not pairs:
        raise refusal(
            "function: there is nothing to compute: outputs is None and there are no updates",
            "does what makes the outputs return them?",
            kind=ValueError,
        )
    graph = [leaf.variable for leaf in leaves] + [value for _, value in pairs]
    graph = replace_givens(graph, givens)
    count = len(leaves)
    graph, places = zip(*map(handed_over, graph)) if graph else ((), ())
    check_used(given, graph, on_unused_input)
    program = Program(
        inputs=given,
        outputs=tuple(graph[:count]),
        borrowed=tuple(leaf.borrow for leaf in leaves),
        places=places[:count],
        tree=tree,
        updates=tuple((old, new) for (old, _), new in zip(pairs, graph[count:])),
        name=name,
        target=target or os.environ.get("PROBTENSOR_TARGET") or "cython",
        seed=seed,
        compiler=compile_program,
    )
    with building(name or f"a function of {len(given)} inputs", progress):
        return compile_program(program)


def check_options(name: Any, seed: Any) -> None:
    """TypeError or ValueError for a name or a seed that is none."""
    if name is not None and not isinstance(name, str):
        raise refusal(f"function: name must be a string, not {name!r:.60}")
    checked_seed(seed)


def replace_givens(graph: list[Node], givens: Any) -> list[Node]:
    """The graph with nodes replaced by tensors of the same dtype and rank."""
    changes: dict[Node, Node] = {}
    for old, new in pairs_of(givens, "function: givens", "{tensor: replacement}"):
        if not isinstance(old, Node):
            raise refusal(f"function: givens replace tensors, not {old!r:.80}")
        old = ops.as_tensor(old)
        value = literal_for(old, new)
        if (value.dtype, value.ndim) != (old.dtype, old.ndim):
            raise GraphError(
                f"function: givens put {value.type} in place of {old.type}: dtype and number of "
                f"axes must agree\n  replaced: made at {line_of(old)}\n  "
                f"replacement: made at {line_of(value)}"
            )
        changes[old] = asked_for(value, "function: givens", *_known_sizes(old, value))
    names = replaced_sizes(changes)
    if not names:
        return replace(graph, changes)
    # Other inputs stay what they are, though their declared shapes may name the replaced sizes.
    kept = {x: x for x in inputs_of(graph)}
    done = with_sizes(graph, names, kept | changes)
    return [done[y] for y in graph]


def _known_sizes(old: Node, new: Node) -> Iterator[SizeCheck]:
    """That what stands in the place of a tensor has the sizes that are known of it."""
    for axis, (size, other) in enumerate(zip(old.shape, new.shape, strict=True)):
        if isinstance(size, int) and size != other:
            text = f"{old.described} has size {size} along axis {axis}, its replacement "
            if isinstance(other, int):
                raise refusal(f"function: givens: {text}{other}", old.birthplace, kind=ValueError)
            yield SizeCheck(other, "==", size, (text, other))


def replaced_sizes(changes: Mapping[Node, Node]) -> dict[str, Any]:
    """What the sizes of replaced inputs are named by: sizes of what stands in their place."""
    names: dict[str, Any] = {}
    for old, new in changes.items():
        if isinstance(old.op, Input):
            for size, other in zip(old.shape, new.shape):
                name = size_name(size)
                if name is not None:
                    names.setdefault(name, other)
    return names


def check_used(given: Sequence[In], graph: Sequence[Node], policy: str) -> None:
    """Every input is needed by the graph, its values or only its sizes, or what `policy` says
    happens."""
    if policy not in ("raise", "warn", "ignore"):
        raise refusal(
            f"function: on_unused_input is 'raise', 'warn' or 'ignore', not {policy!r}",
            kind=ValueError,
        )
    needed = set(inputs_of(graph))
    unused = [(k, x) for k, x in enumerate(given) if x.variable not in needed]
    if policy == "ignore" or not unused:
        return
    read = sizes_read(graph)
    for k, x in unused:
        if any(size_name(n) in read for n in x.variable.shape):
            continue
        text = f"function: input {x.name or k} is not used by the outputs"
        hint = "leave it out, or pass on_unused_input='ignore'"
        unneeded = refusal(text, x.variable.birthplace, hint, kind=ValueError)
        if policy == "raise":
            raise unneeded
        warnings.warn(str(unneeded), UserWarning, stacklevel=3)


def compile_program(program: Program) -> Function:
    """The function of a program; see `function`."""
    target = target_of(program.target)
    began = time.perf_counter()
    graph, key = draw_random(program.graph)
    inputs = [x.variable for x in program.inputs]
    whole = cache(partial(lowered, inputs, graph, key))
    mark = remembered_as(target, inputs, graph)
    known = mark and recalled(mark, inputs, graph)
    if known:
        plan, implicit, source = known
        timings = {"rewrite": time.perf_counter() - began, "lower": 0.0}
        built = target.load(source)
    else:
        plan, implicit, timings = whole().plan, whole().implicit, whole().timings
        built = deferred(target, plan) if target.name == "cuda" else target.build(plan)
        if mark:
            leaves = inputs_of(graph)
            place = {x: k for k, x in enumerate(leaves)}
            with suppress(Unknown):
                packed = pack(plan, [place[x] for x in implicit], built.source)
                remember(mark, packed)
    compilation = Compilation(
        inputs=(*inputs, *implicit),
        given=values_of(implicit),
        key=key,
        plan=plan,
        target=target,
        built=built,
        timings={**timings, **built.timings},
        whole=whole,
    )
    kind = DeviceFunction if isinstance(built.run, Deferred) else Function
    return kind(program, compilation)


def target_of(target: str | Target) -> Target:
    """The target of a name, or the target itself. ValueError or TypeError for anything else."""
    if not isinstance(target, str):
        if isinstance(target, type):
            raise TypeError(f"{target.__name__} is a class of targets: call it, as in pt.Cuda()")
        if not callable(getattr(target, "build", None)):
            raise TypeError(f"a target is a name or an object with build(plan), not {target!r:.60}")
        return target
    if target not in TARGETS:
        what = f"target {target!r} is none of {', '.join(sorted(TARGETS))}"
        raise refusal(what, kind=ValueError)
    return TARGETS[target]


def lowered(inputs: Sequence[Node], graph: Sequence[Node], key: Node | None) -> Whole:
    """The passes and the plan of a graph. GraphError for an input that has no value."""
    began = time.perf_counter()
    stage("rewrite")
    outputs = run(PIPELINE, graph)
    rewritten = time.perf_counter()
    implicit = implicit_inputs(inputs, outputs, key)
    implicit += measured_inputs([*inputs, *implicit], graph)
    stage("lower")
    plan = lower([*inputs, *implicit], outputs, graph)
    timings = {"rewrite": rewritten - began, "lower": time.perf_counter() - rewritten}
    told = partial(explain_passes, graph)
    return Whole(tuple(outputs), tuple(graph), tuple(implicit), plan, timings, told)


def remembered_as(target: Target, inputs: Sequence[Node], graph: Sequence[Node]) -> str:
    """The key under which functions of this graph are kept; empty where none are."""
    if not isinstance(target, CythonTarget):
        return ""
    try:
        return fingerprint(inputs, graph, [target.name])
    except Unknown:
        return ""


def recalled(mark: str, inputs: Sequence[Node], graph: Sequence[Node]) -> Any:
    """(plan without kernels, implicit inputs, source) of a graph compiled before, or None."""
    data = recall(mark)
    if data is None:
        return None
    try:
        record, implicit = unpack(data, inputs, inputs_of(graph))
    except Damaged:
        return None
    return record.plan, implicit, record.source


def explain_passes(graph: Sequence[Node]) -> str:
    """What the pipeline does to a graph, pass by pass."""
    log: list = []
    run(PIPELINE, graph, log=log)
    return report(log)


def implicit_inputs(
    inputs: Sequence[Node], outputs: Sequence[Node], key: Node | None
) -> list[Node]:
    """Inputs nobody passes: shared variables, data with values, the key of draws.

    GraphError for an input that has no value.
    """
    found = [node for node in inputs_of(outputs) if node not in set(inputs)]
    for node in found:
        valued = getattr(node.op, "default", None) is not None
        if not valued and not isinstance(node, Shared) and node is not key:
            raise GraphError(
                f"function: the outputs need {node.name or 'an unnamed input'} ({node.type}), made "
                f"at {line_of(node)}: add it to the inputs, or replace it with givens"
            )
    return found


def measured_inputs(inputs: Sequence[Node], graph: Sequence[Node]) -> list[Node]:
    """Inputs with values that the passes took out of a graph, but for whose sizes its laws ask."""
    gone = [x for x in inputs_of(graph) if x not in set(inputs)]
    gone = [x for x in gone if isinstance(x, Shared) or getattr(x.op, "default", None) is not None]
    if not gone:
        return []
    order = toposort(graph)
    asked = {name for law in size_laws(order, ()) for name in law.names()}
    asked -= {size_name(n) for x in inputs for n in x.shape}
    return [x for x in gone if asked & {size_name(n) for n in x.shape}]


def values_of(nodes: Sequence[Node]) -> dict[Node, np.ndarray]:
    """The values of inputs that carry one in the graph."""
    defaults = {node: getattr(node.op, "default", None) for node in nodes}
    return {node: default.array for node, default in defaults.items() if default is not None}


def draw_random(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs with each random variable replaced by a draw under a key, which is an input; the
    key is None where nothing is drawn."""
    if not has_draws(outputs):
        return list(outputs), None
    key = new_input("key", "uint64", ())
    return lower_draws(outputs, key), key


_EVALUATED: WeakKeyDictionary[Node, dict[tuple[Node, ...], Function]] = WeakKeyDictionary()


def evaluate(node: Node, values: Mapping[Any, Any] | None = None) -> np.ndarray:
    """The value of a tensor, given those of the inputs it needs: {input or its name: value}.

    The compiled function is kept as long as the tensor lives.
    """
    node = ops.as_tensor(node)
    named = {x.name: x for x in inputs_of([node]) if x.name}
    given = {}
    for key, value in pairs_of(values, "eval: values", "{input or its name: value}"):
        known = key if isinstance(key, Node) else named.get(key)
        if known is None:
            takes = f"it needs {', '.join(named) or 'no named input'}"
            raise refusal(
                f"eval: {key!r:.80} is not an input of this tensor, nor its name", takes
            )
        given[known] = value
    inputs = tuple(given)
    functions = _EVALUATED.setdefault(node, {})
    if inputs not in functions:
        functions[inputs] = function(inputs, node, on_unused_input="ignore")
    return functions[inputs](*given.values())


method(public(evaluate, name="eval"), "eval")
