"""Every stage of a function as text, for people."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from probtensor.graph.node import Node, line_of
from probtensor.graph.text import to_text
from probtensor.inspect.subject import Subject
from probtensor.kernel.text import statements
from probtensor.late import late
from probtensor.lower.nest import Nest
from probtensor.lower.plan import SizeSource
from probtensor.targets.spell import escaped
from probtensor.types import TensorType

traces = late("probtensor.inspect.trace")

SIGNATURE = """\
/* The compiled plan: buffers[k] and sizes[k] as listed. Re-entrant; needs no Python and no GIL.
   Returns 0, or 1 + the position of the failure in the list of failures. */
int pt_plan(void **buffers, const int64_t *sizes);
"""
NO_SIGNATURE = """\
/* This target has no C function. Buffers and sizes stand in this order in its own code. */
"""


def graph(function: Subject) -> str:
    """The graph as written, each node with the user's line."""
    return to_text(function.program.graph, lines=True)


def passes(function: Subject) -> str:
    """The rewrites of each pass, and the graph after all passes."""
    lowered = function.compilation.lowered()
    return f"{lowered.passes()}\n{to_text(lowered.outputs, lines=True)}"


def rewrites(function: Subject) -> str:
    """Every rewrite of each pass in order, a line for each."""
    return str(traces.record(function))


def groups(function: Subject) -> str:
    """The loop nest of each kernel: the nodes of each loop, and which of them are materialised."""
    rows = []
    fusion = function.compilation.lowered().fused()
    stored = fusion.stored
    for k, kernel in enumerate(fusion.kernels):
        rows.append(f"kernel {k}")
        for nest in kernel:
            if nest.extent is None:
                rows.append("  routine" if nest.alone else "  once")
            rows += _nest(nest, stored, "  ")
    return "\n".join(rows) + "\n"


def _nest(nest: Nest, stored: Container[Node], pad: str) -> Iterator[str]:
    if nest.extent is not None:
        yield f"{pad}over {nest.extent}"
        for inner in nest.inner:
            yield from _nest(inner, stored, f"{pad}  " if inner.extent is not None else pad)
        return
    for task in nest.tasks:
        node = task.node
        mark = " (stored)" if node in stored else ""
        yield f"{pad}  {node.op.text()}: {node.type}{mark}  # {line_of(node)}"


def kernels(function: Subject) -> str:
    """The loops of each kernel."""
    rows = []
    for kernel in function.plan.kernels:
        rows.append(f"{kernel.name}({', '.join(kernel.reads)}) -> {', '.join(kernel.writes)}")
        rows += statements(kernel.body, 1)
    return "\n".join(rows) + "\n"


def schedule(function: Subject) -> str:
    """The loops as the target runs them: vector strips on a CPU, launches on a GPU."""
    target = function.compilation.target
    text = getattr(target, "schedule", None)
    return text(function.plan) if text else f"target {target.name} runs the kernels as they are\n"


def plan(function: Subject) -> str:
    """Buffers, sizes, checks and the order of kernels."""
    found = function.plan
    rows = ["buffers"]
    for k, buffer in enumerate(found.buffers):
        life = found.lifetimes.get(k)
        span = f"  kernels {life[0]} to {life[1]}" if life else ""
        kind = TensorType(buffer.dtype, buffer.shape)
        line = line_of(buffer.node)
        rows.append(f"  {k:>3}  {buffer.name:<5} {buffer.role:<8} {kind}{span}  # {line}")
    rows.append("sizes")
    rows += [f"  {source.name} = {_origin(source, 'buffer {}')}" for source in found.sizes]
    for check in found.size_checks:
        rows.append(f"  {check.left} {check.relation} {check.right}")
    for check in found.index_checks:
        rows.append(f"  {found.buffers[check.buffer].name} indexes {check.bound}")
    rows.append("kernels")
    for k, kernel in enumerate(found.kernels):
        if found.staged and k in found.starts:
            rows.append(f"  stage {found.stage_of(k)}")
        rows.append(f"  {kernel.name}: {', '.join(kernel.reads)} -> {', '.join(kernel.writes)}")
    rows += [f"failure {k + 1}: {text.splitlines()[0]}" for k, text in enumerate(found.failures)]
    return "\n".join(rows) + "\n"


def _origin(size: SizeSource, buffer: str) -> str:
    """Where a size comes from, with the text of a buffer."""
    if size.value is not None:
        return str(size.value)
    if size.measured:
        return f"the value of {buffer.format(size.buffer)}, known from stage {size.stage} on"
    return f"axis {size.axis} of {buffer.format(size.buffer)}"


def source(function: Subject) -> str:
    """The generated text."""
    return function.source


def header(function: Subject) -> str:
    """The C signature of `address`, with this plan's tables."""
    found = function.plan
    rows = [NO_SIGNATURE if callable(function.compilation.built.run) else SIGNATURE, "/* buffers"]
    inputs = {k: escaped(x.name or "") for k, x in zip(found.inputs, function.compilation.inputs)}
    results = dict(zip(found.outputs, range(len(found.outputs))))
    for k, buffer in enumerate(found.buffers):
        shape = ", ".join(map(str, buffer.shape))
        who = f" {inputs[k]}" if inputs.get(k) else f" {results[k]}" if k in results else ""
        const = "const " if buffer.role in ("input", "constant") else ""
        rows.append(f"   {k:>3}  {const}{buffer.dtype} [{shape}]  {buffer.role}{who}")
    rows.append("   sizes")
    for k, s in enumerate(found.sizes):
        rows.append(f"   {k:>3}  {s.name} = {_origin(s, 'buffers[{}]')}")
    if found.staged:
        rows.append(f"   {len(found.sizes):>3}  the stage to run, 0 to {len(found.starts) - 1}")
    return "\n".join(rows) + " */\n"


def tier(function: Subject) -> str:
    """Which code runs now, and what is known of native code."""
    state = getattr(function.compilation.built, "state", "")
    return f"{function.tier} runs now\n" + (f"{state}\n" if state else "")


STAGES: dict[str, Callable[[Subject], str]] = {
    "graph": graph,
    "passes": passes,
    "rewrites": rewrites,
    "groups": groups,
    "kernels": kernels,
    "schedule": schedule,
    "plan": plan,
    "source": source,
    "header": header,
    "tier": tier,
}
