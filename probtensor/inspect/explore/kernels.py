"""Kernels and generated code as rows, and the names by which rows and nodes are linked.

A statement is called by what it defines or writes, `kernel.text.name_of`: a local, a fold, a
buffer, the variable of a loop. Within a kernel that names the row of the kernel, the lines of
generated code (by their marks, `targets/marks.py`), and the node (by the record of its lowering,
`lower.buffers.Trace`). Locals that were inlined into a statement are linked to the row of that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Node
from probtensor.inspect.explore.costs import NONE, Cost, Piece, pieces
from probtensor.inspect.explore.sources import Sources
from probtensor.inspect.subject import Subject
from probtensor.kernel.ir import For, If, Kernel, Let, Scan, Stmt, exprs_of, walk
from probtensor.kernel.text import name_of, rows
from probtensor.kernel.touch import expr_names
from probtensor.late import late
from probtensor.lower.buffers import Trace
from probtensor.lower.plan import Plan
from probtensor.schedule.strips import text as strips
from probtensor.schedule.strips.passes import strip
from probtensor.targets.marks import unmarked

cython = late("probtensor.targets.cython.render")
cuda = late("probtensor.targets.cuda.render")

NUMBERED = re.compile(r"_\d+$")  # what `kernel.scans.substitute.Names` adds to a name


@dataclass
class Kernels:
    """The kernels of a plan, with what each of their names stands for.

    rows    of each kernel: text, name, number of the user's line, cost
    nodes   of each kernel, the nodes of each name
    of_nodes, of_lines   what nodes cost, and lines by their numbers
    """

    rows: list[list[tuple[str, str, int, list[float] | None]]] = field(default_factory=list)
    nodes: list[dict[str, list[Node]]] = field(default_factory=list)
    of_nodes: dict[Node, Cost] = field(default_factory=dict)
    of_lines: dict[int, Cost] = field(default_factory=dict)

    def add(
        self,
        parts: Iterable[Piece],
        locals_: Mapping[str, Mapping[Node, None]],
        sources: Sources,
    ) -> None:
        """Add the costs of a kernel's statements, before locals are inlined, to those of its nodes
        and lines."""
        for _, name, origin, cost in parts:
            for node in list(locals_.get(name, ()))[:1]:
                self.of_nodes[node] = self.of_nodes.get(node, NONE) + cost
            line = sources.of_text(origin)
            self.of_lines[line] = self.of_lines.get(line, NONE) + cost


def kernels_of(
    plan: Plan, outputs: Sequence[Node], trace: Trace, sources: Sources, sizes: Mapping[str, int],
    target: str = "cython",
) -> Kernels:  # fmt: skip
    """The kernels of a plan for a target, whose lowering was recorded in `trace`. An output whose
    last broadcast changes nothing is in the buffer of what is broadcast."""
    found = Kernels()
    results = [(plan.buffers[k].name, node) for k, node in zip(plan.outputs, outputs)]
    for kernel, locals_, body in zip(plan.kernels, trace.locals, trace.bodies, strict=True):
        found.rows.append(list(_rows(kernel, plan, sizes, sources, target)))
        present = {row[1] for row in found.rows[-1]}
        where = absorbed(body, present)
        nodes: dict[str, dict[Node, None]] = {}
        written = present.union(kernel.writes)
        own = [pair for pair in results if pair[0] in kernel.writes]
        for name, node in chain(_named(body, written, locals_, trace.buffers), own):
            for shown in where.get(name, (name,)):
                nodes.setdefault(shown, {})[node] = None
        found.nodes.append({name: list(held) for name, held in nodes.items()})
        found.add(pieces(body, plan, sizes, target), locals_, sources)
    return found


def _rows(
    kernel: Kernel, plan: Plan, sizes: Mapping[str, int], sources: Sources, target: str
) -> Iterator[tuple[str, str, int, list[float] | None]]:
    """The rows of a kernel. Of several rows of one part, as a sum's, the last one has its cost."""
    parts = pieces(kernel.body, plan, sizes, target)
    costs = {(id(stmt), name): cost for stmt, name, _, cost in parts}
    lines = list(rows(kernel.body, 0))
    last = {(id(row.stmt), row.name): k for k, row in enumerate(lines)}
    for k, row in enumerate(lines):
        part = id(row.stmt), row.name
        cost = costs.get(part) if last[part] == k else None
        shown = cost.row() if cost is not None and cost != NONE else None
        yield row.text, row.name, sources.of_text(row.origin), shown


def _named(
    body: tuple[Stmt, ...],
    written: set[str],
    locals_: Mapping[str, Mapping[Node, None]],
    buffers: Mapping[str, Node],
) -> Iterator[tuple[str, Node]]:
    """The names that a kernel writes, with their nodes."""
    yield from ((name, node) for name, nodes in locals_.items() for node in nodes)
    every = written.union(name_of(stmt) for stmt in walk(body))
    for name in sorted(every - locals_.keys()):
        stem = name
        while stem not in locals_ and stem not in buffers and NUMBERED.search(stem):
            stem = NUMBERED.sub("", stem)
        held = locals_.get(stem, (buffers[stem],) if stem in buffers else ())
        yield from ((name, node) for node in held)


def absorbed(body: tuple[Stmt, ...], present: set[str]) -> dict[str, list[str]]:
    """For each local that is no row of the kernel, the names of the rows it was inlined into."""
    readers: dict[str, list[str]] = {}
    for owner, names in _reads(body):
        for name in names:
            held = readers.setdefault(name, [])
            if owner not in held:
                held.append(owner)
    found: dict[str, list[str]] = {}
    lets = [stmt.name for stmt in walk(body) if isinstance(stmt, Let)]
    for name in reversed(dict.fromkeys(lets)):  # readers come after what they read
        if name in present:
            continue
        reached: dict[str, None] = {}
        for reader in readers.get(name, ()):
            reached.update(dict.fromkeys(found.get(reader, (reader,))))
        found[name] = list(reached)
    return found


def _reads(body: tuple[Stmt, ...]) -> Iterator[tuple[str, set[str]]]:
    """The locals that each name's expressions read."""
    for stmt in walk(body):
        match stmt:
            case For(accs=accs):
                yield from ((acc.name, expr_names(acc.term)) for acc in accs)
            case Scan(states=states, stop=stop):
                yield from ((s.name, expr_names(s.init) | expr_names(s.next)) for s in states)
                if stop is not None:
                    yield stmt.var, expr_names(stop)
            case If(condition, choices=choices):
                yield name_of(stmt), expr_names(condition)
                for c in choices:
                    yield c.name, expr_names(c.first) | expr_names(c.second)
            case _:
                own = name_of(stmt)
                yield from ((own, expr_names(expr)) for expr in exprs_of(stmt))


# Generated code.

CodeRow = tuple[str, int, str]  # text, number of the kernel, name


def code_of(function: Subject, plan: Plan) -> dict[str, object]:
    """The generated code of a function: its language, its rows, and a note where it is not what
    runs."""
    target = function.compilation.target
    if target.name == "cuda":
        deterministic = getattr(target, "deterministic", False)
        source = cuda.render(plan, deterministic=deterministic, marked=True).source
        return _code("CUDA C++", source, plan)
    if target.name in ("auto", "cython"):
        note = "" if target.name == "cython" else f"{getattr(function, 'tier', '')} runs now"
        return _code("Cython", cython.render(plan, marked=True), plan, note)
    if target.name == "machine":
        return _schedule(plan)
    if target.name != "interp":  # a target of the user's: its text, without links
        return _code(target.name, getattr(function, "source", ""), plan)
    note = "target 'interp' runs the kernels as they are: there is no generated code"
    return {"language": "", "rows": [], "note": note}


def _code(language: str, source: str, plan: Plan, note: str = "") -> dict[str, object]:
    numbers = {kernel.name: k for k, kernel in enumerate(plan.kernels)}
    found = [(text, numbers.get(kernel, -1), name) for text, kernel, name in unmarked(source)]
    while found and not found[-1][0]:
        found.pop()
    return {"language": language, "rows": found, "note": note}


def _schedule(plan: Plan) -> dict[str, object]:
    """The strips that the machine runs."""
    found: list[CodeRow] = []
    for k, kernel in enumerate(plan.kernels):
        found.append((f"{kernel.name}:", k, ""))
        found += [(text, k, name) for text, name in strips.rows(strip(kernel.body, True), 1)]
    return {"language": "strips of the machine", "rows": found, "note": ""}
