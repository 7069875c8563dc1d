"""From a graph to a function: arguments, passes, plan, target."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import is_

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.dataclass import replace
from probtensor.function import (
    Compilation,
    Function,
    In,
    Lowered,
    Lowering,
    Program,
    Shared,
    function_of,
)
from probtensor.function.implicit import implicit_inputs, measured_inputs, values_of
from probtensor.function.program import Asked, Leaf, checked_inputs, checked_updates, flatten
from probtensor.function.recall import CachedFunction, pack
from probtensor.function.replacing import replaced
from probtensor.function.request import check_options, check_used, level_of
from probtensor.graph import Node, as_tensor
from probtensor.graph.origin import quiet
from probtensor.graph.resize import detached, sizes_read
from probtensor.graph.symbolic import refusal
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.lower.planner import fused, lower
from probtensor.ops import Contract, Det, Gather, Inv, Sized, Slice, SumTo
from probtensor.ops.arrays.transfer import handed_over
from probtensor.ops.halves import HalfTensor, half_of
from probtensor.ops.kinds import REGISTRY, Choice, Composite, Core, Loop, Observing
from probtensor.ops.reductions.folds import flag
from probtensor.ops.values.check import without_checks
from probtensor.ops.values.watch import kept, scalars_in_memory
from probtensor.process import COLLECTIONS
from probtensor.rules import (
    COMPILED,
    FINAL,
    INVERSES,
    PICKS,
    add_products,
    divide_once,
    factor_once,
    read_parts,
    rewrite_graph,
)
from probtensor.rules.given import Given
from probtensor.system.stages import building, stage
from probtensor.targets.auto.cost import choice
from probtensor.targets.auto.target import AutoTarget
from probtensor.targets.auto.tiers import Tiers
from probtensor.targets.base import BuildError, Built, Target, prepared
from probtensor.targets.cython.native import CythonTarget
from probtensor.targets.interp import InterpTarget
from probtensor.targets.machine.target import MachineTarget
from probtensor.transform.branches import close_branches
from probtensor.transform.draws import keyed_draws
from probtensor.transform.linalg.squares import plain_operands, unify_sizes
from probtensor.transform.loops.simplify import finish_loops, simplify_loops
from probtensor.transform.loops.split import split_loops
from probtensor.transform.passes import Pass, expand_composites, report, run
from probtensor.transform.rewrite import Findings, apply_rules


def _last_loops(outputs: Sequence[Node], findings: Findings) -> list[Node]:
    """The outputs after `finish_loops`, and after the rules once more where it found values outside
    of loops, as a carry that is constant by the rules."""
    found = finish_loops(outputs)
    same = all(map(is_, found, outputs))
    return found if same else apply_rules(found, FINAL, findings=findings)


PIPELINE = (
    Pass("unify sizes", unify_sizes, descends=True),
    # By the sizes that are known now: other sizes that are broadcast together are equal.
    Pass("sum to shapes", partial(expand_composites, kind=SumTo), on=(SumTo,)),
    Pass("loops", simplify_loops, descends=True, on=(Loop,)),
    Pass("stabilize", COMPILED),
    Pass("split", split_loops, on=(Loop,)),
    Pass("pick", PICKS, on=(Gather,)),
    Pass("inverses", INVERSES, on=(Inv, Det)),
    Pass("expand", expand_composites, on=(Composite,)),
    Pass("read", read_parts, on=(Slice,)),
    Pass("tidy", FINAL),
    # What the rules made of an expansion, as a system in place of an inverse.
    Pass("expand late", expand_composites, on=(Composite,)),
    Pass("divide", divide_once),
    Pass("factor", factor_once, on=(Core,)),
    # What the rules left unused or invariant.
    Pass("last loops", _last_loops, descends=True, on=(Loop,), rewrites=True),
    Pass("branch", close_branches, on=(Choice,)),
    Pass("plain operands", plain_operands, descends=True, on=(Sized,)),
    Pass("scalars in memory", scalars_in_memory, on=(Observing,)),
    Pass("accumulate", add_products, on=(Contract,)),
)
NOT_FOR_DEVICES = ("accumulate",)


@cache
def meanings() -> tuple[Mapping, Mapping]:
    """The NumPy meanings of C functions and of library routines, by name."""
    functions, routines = {}, effects.routines()
    for op in REGISTRY.values():
        if getattr(op, "c", None):
            functions[op.c] = op().numpy
        if getattr(op, "routine", None):
            routines[op.routine] = op().on_flat_arrays
    return functions, routines


_NATIVE, _MACHINE = CythonTarget(), MachineTarget()
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (AutoTarget(_MACHINE, _NATIVE), _NATIVE, _MACHINE, InterpTarget(meanings))
}
cuda = late("probtensor.targets.cuda.launches")
effects = late("probtensor.ops.values.effects")
checking = late("probtensor.function.numbers.checked")


@public
def function(
    inputs: Sequence[Node | In] = (),
    outputs: object = None,
    *,
    updates: Mapping[Shared, ArrayLike] | Sequence[tuple] | None = None,
    givens: Mapping[Node, ArrayLike] | Sequence[tuple] | None = None,
    name: str | None = None,
    target: str | Target | None = None,
    build: str | None = None,
    on_unused_input: str = "raise",
    seed: int | None = None,
    progress: bool = True,
    checks: bool = True,
    verbose_errors: bool | str | None = None,
    rules: Sequence[Given] | Given = (),
    check: str | None = None,
) -> Function:
    """Compile outputs as a function of inputs.

    inputs           input nodes, or In(node, value=default, name=...); shared variables and data
                     with values are found by themselves
    outputs          a tensor, or a list, tuple or dict of them, nested at will, which is then the
                     structure of the result; Out(tensor, borrow=True) lends its buffer
    updates          {shared: new value} or pairs, computed before any is set: {a: b, b: a} swaps
    givens           {node: replacement} or pairs, put in first
    target           "auto", "cython", "machine", "interp" or "cuda", or a target with options, as
                     in `pt.Cuda(tf32=True)`; by default $PROBTENSOR_TARGET, else "auto"
    build            when target="auto" builds native code: "now", before this returns;
                     "background", at once; "never"; by default $PROBTENSOR_BUILD, else "auto",
                     when calls have taken as long as the build will
    on_unused_input  "raise", "warn" or "ignore"
    seed             of random draws: the same seed gives the same draws, call by call
    progress         after 2 s say on a terminal what is compiled and how far it is
    checks           False: without conditions of `pt.check`; sizes and indices are still checked
    verbose_errors   notes of exceptions of calls: "line", none; "inputs", types, shapes, strides;
                     "values" or True, also small arrays; "memory", also the buffers; by default
                     $PROBTENSOR_ERRORS, else "line"
    rules            your own, applied to the graph before all others, as by `pt.rewrite_graph`
    check            "nan", "inf" or "big" (beyond 1e10): look at the results of each call; at such
                     a number raise NonFiniteError (a FloatingPointError) with the line that made it

    Raises TypeError, ValueError or GraphError (a TypeError) naming the input or the line, and
    BuildError where the target cannot build.

    Returns a `Function`, which is called with arrays and gives arrays in the structure of
    `outputs`.

        >>> x, y = pt.vector("x"), pt.scalar("y")
        >>> pt.function([x, y], {"sum": x + y})([1.0, 2.0], 3.0)
        {'sum': array([4., 5.])}
    """
    options = {"name": name, "target": chosen_target(target, build), "seed": seed}
    options["check"] = None if check is None else checking.checked_kind(check, "function: check")
    options["checks"] = flag(checks, "function: checks")
    options["verbose_errors"] = level_of(verbose_errors)
    program = _program(inputs, outputs, updates, givens, on_unused_input, rules, **options)
    what = name or f"a function of {len(program.inputs)} inputs"
    with building(what, progress), COLLECTIONS.rare(), quiet():
        return compile_program(program)


def _program(
    inputs: Sequence[Node | In],
    outputs: object,
    updates: Mapping[Shared, ArrayLike] | Sequence[tuple] | None,
    givens: Mapping[Node, ArrayLike] | Sequence[tuple] | None,
    on_unused_input: str,
    rules: Sequence[Given] | Given,
    *,
    name: str | None,
    target: str | Target,
    seed: int | None,
    checks: bool = True,
    verbose_errors: str = "line",
    check: str | None = None,
) -> Program:
    """What `function` is asked for, checked."""
    arguments = checked_inputs(inputs)
    leaves, tree = flatten(outputs)
    pairs = checked_updates(updates)
    check_options(name, seed)
    if outputs is None and not pairs:
        raise refusal(
            "function: there is nothing to compute: outputs is None and there are no updates",
            "does what makes the outputs return them?",
            kind=ValueError,
        )
    results = [leaf.variable for leaf in leaves] + [value for _, value in pairs]
    graph = replaced(list(map(as_tensor, results)), givens, "function: givens")
    asked = None
    if not isinstance(rules, (list, tuple)) or rules:
        asked = Asked(graph, rules)
        graph = rewrite_graph(list(graph), rules)
    count = len(leaves)
    graph, memories = zip(*map(handed_over, graph)) if graph else ((), ())
    check_used(arguments, graph, on_unused_input)
    if not checks:
        graph = without_checks(graph)
    both = zip(graph, results, strict=True)
    graph = [half_of(y) if isinstance(old, HalfTensor) else y for y, old in both]
    return Program(
        inputs=arguments,
        outputs=tuple(graph[:count]),
        borrowed=tuple(leaf.borrow for leaf in leaves),
        output_memories=memories[:count],
        tree=tree,
        updates=tuple((old, new) for (old, _), new in zip(pairs, graph[count:])),
        name=name,
        target=target,
        seed=seed,
        compiler=compile_program,
        verbose_errors=verbose_errors,
        asked=asked,
        check=check,
    )


def compile_program(program: Program) -> Function:
    """The function of a program; see `function`."""
    target = target_of(program.target)
    began = time.perf_counter()
    graph, key = keyed_draws(kept(program.graph))
    inputs = [x.variable for x in program.inputs]
    passes = passes_for(target)
    lowered_graph = Lowering(partial(lowered, inputs, graph, key, passes), graph)
    cached = CachedFunction.of(target, inputs, graph)
    record = cached.load()
    built = target.load(record[2]) if record else None
    if built is not None:
        plan, implicit, _ = record
        timings = {"rewrite": time.perf_counter() - began, "lower": 0.0}
    else:
        full = lowered_graph()
        plan, implicit, timings = full.plan, full.implicit, full.timings
        built = prepared(target, plan)
        cached.save(plan, implicit, built.stored or built.source)
    want_native(built, cached, plan, implicit, lowered_graph)
    compilation = Compilation(
        inputs=(*inputs, *implicit),
        given=values_of(implicit),
        key=key,
        plan=plan,
        target=target,
        built=built,
        timings=timings,
        lowered=lowered_graph,
        record=cached.key,
        target_of=target_of,
    )
    return function_of(program, compilation)


def want_native(
    built: Built | Tiers,
    cached: CachedFunction,
    plan: Plan,
    implicit: Sequence[Node],
    lowered: Callable[[], Lowered],
) -> None:
    """Tell code that may be replaced by a native build what is to be built, and where it is
    recorded."""
    if isinstance(built, Tiers):
        save = partial(cached.save, plan, implicit)
        built.attach(partial(full_plan, plan, lowered), cached.key, save)


def full_plan(plan: Plan, lowered: Callable[[], Lowered]) -> Plan:
    """A plan with its kernels. BuildError if the graph is lowered to another plan than that of a
    record, whose buffers the function has."""
    if plan.kernels:
        return plan
    full = lowered().plan
    if pack(full, (), "") != pack(plan, (), ""):
        raise BuildError("the graph is lowered to another plan than before; clear the cache")
    return full


def chosen_target(target: str | Target | None, build: str | None) -> str | Target:
    """The target that was asked for, else that of the environment, else "auto", which builds as
    `build` says. ValueError for another `build`, or one for another target."""
    chosen = target or default_target()
    if build is None:
        return chosen
    choice(build)
    found = target_of(chosen)
    if isinstance(found, AutoTarget):
        return replace(found, when=build)
    if target is not None:
        what = f"build={build!r} is for target='auto', not {found.name!r}"
        raise refusal(what, kind=ValueError)
    return chosen


def recalled(
    record: str,
    inputs: Sequence[Node],
    given: Mapping[Node, np.ndarray],
    name: str,
    target: Target,
    lowered: Callable[[], Lowered],
) -> Function | None:
    """The function of a record, with some inputs bound, without its graph: it has no more than what
    a call needs, and gives a list. None if the record is lost, or needs more than these inputs."""
    began = time.perf_counter()
    cached = CachedFunction(record, inputs, ())
    found = cached.load()
    if found is None:
        return None
    plan, _, source = found
    timings = {"rewrite": time.perf_counter() - began, "lower": 0.0}
    built = target.load(source)
    if built is None:
        return None
    want_native(built, cached, plan, (), lowered)
    count = len(plan.outputs)
    program = Program(
        inputs=tuple(In(x) for x in inputs),
        outputs=(),
        borrowed=(False,) * count,
        output_memories=("cpu",) * count,
        tree=[Leaf(k) for k in range(count)],
        updates=(),
        name=name,
        target=target,
        seed=None,
        compiler=compile_program,
    )
    compilation = Compilation(
        inputs=tuple(inputs),
        given={},
        key=None,
        plan=plan,
        target=target,
        built=built,
        timings=timings,
        lowered=lowered,
        record=record,
        target_of=target_of,
    )
    return function_of(program, compilation, given)


def default_target() -> str:
    """The name of the target where none is asked for."""
    return os.environ.get("PROBTENSOR_TARGET") or "auto"


def target_of(target: str | Target | None) -> Target:
    """The target with a name, by default `default_target()`, or the target itself. ValueError or
    TypeError for anything else."""
    target = target or default_target()
    if not isinstance(target, str):
        if isinstance(target, type):
            raise TypeError(f"{target.__name__} is a class of targets: call it, as in pt.Cuda()")
        if not callable(getattr(target, "build", None)):
            raise TypeError(f"a target is a name or an object with build(plan), not {target!r:.60}")
        return target
    if target == "cuda":
        return cuda_target()
    if target not in TARGETS:
        what = f"target {target!r} is none of {', '.join(sorted([*TARGETS, 'cuda']))}"
        raise refusal(what, kind=ValueError)
    return TARGETS[target]


@cache
def cuda_target() -> Target:
    """The target "cuda"."""
    return cuda.CudaTarget()


def passes_for(target: Target) -> Sequence[Pass]:
    """The passes for a target."""
    skipped = NOT_FOR_DEVICES if target.name == "cuda" else ()
    return [step for step in PIPELINE if step.name not in skipped]


def lowered(
    inputs: Sequence[Node], graph: Sequence[Node], key: Node | None, passes: Sequence[Pass]
) -> Lowered:
    """The result of passes, and the plan, of a graph. GraphError for an input that has no
    value."""
    began = time.perf_counter()
    stage("rewrite")
    plain = detached(graph)
    written = [*plain.outputs, *plain.sources.values()]
    outputs = run(passes, written)
    rewritten = time.perf_counter()
    arguments = [plain.nodes.get(x, x) for x in inputs]
    implicit = implicit_inputs(arguments, outputs, key)
    read = sizes_read(outputs) - set(plain.sources)
    implicit += measured_inputs([*arguments, *implicit], written, read)
    arguments += implicit
    stage("lower")
    values = dict(zip(plain.sources, outputs[len(graph) :], strict=True))
    outputs = outputs[: len(graph)]
    plan = lower(arguments, outputs, written, values)
    timings = {"rewrite": rewritten - began, "lower": time.perf_counter() - rewritten}
    return Lowered(
        outputs=tuple(outputs),
        written=tuple(graph),
        implicit=tuple(implicit),
        plan=plan,
        timings=timings,
        passes=partial(explain_passes, written, passes),
        fused=partial(fused, arguments, outputs, written, values),
        values=values,
        started=tuple(written),
        steps=tuple(passes),
        replan=partial(lower, arguments, outputs, written, values),
    )


def explain_passes(graph: Sequence[Node], passes: Sequence[Pass] = PIPELINE) -> str:
    """A report of the changes to a graph by each pass."""
    log: list = []
    run(passes, graph, log=log)
    return report(log)
