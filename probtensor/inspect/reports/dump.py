"""A bug report as one zip: graph, plan, source, versions, inputs if allowed, and a script."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from operator import is_

import numpy as np

from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import Closed, map_bodies, map_nodes, with_outputs
from probtensor.graph.node import Node, Op, line_of, made_by, make
from probtensor.graph.symbolic import refusal
from probtensor.graph.text import to_text
from probtensor.graph.walk import rebuild
from probtensor.inspect import stages
from probtensor.inspect.pictures import writers
from probtensor.inspect.pictures.graphs import of_graph, of_plan, read_program
from probtensor.inspect.reports import environment
from probtensor.inspect.reports.arguments import given_values, sampled_values, sizes_of
from probtensor.inspect.reports.script import SCRIPT
from probtensor.inspect.reports.values import Scope
from probtensor.inspect.subject import Subject
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.ops.values.watch import unwatched
from probtensor.transform.rewrite import fitted
from probtensor.version import __version__

README = """\
Bug report of {label}, made by probtensor {version}.

    python {name}           make the function again, run it, and compare with what was recorded

reproduce.py   the script that does this, also from the unpacked files
graph.txt      the graph as it was written, a line for each node, with the user's lines
graph.json     the same as data; the script reads it
compiled.*     the graph after all passes
rewrites.txt   every rewrite in between; report.txt the same by line, with costs
plan.*, kernels.txt, schedule.txt, header.h, source.*   what was made of it
versions.txt   the environment, as `probtensor doctor` tells it
results.npz    what came out, if it did
function.json  names and types of inputs and outputs, target, options
{inputs}
{notes}"""
EFFECTS = "the graph is written without pt.debug.print, callback and breakpoint"
SUFFIXES = {"cython": "pyx", "auto": "pyx", "cuda": "cu"}


@dataclass(frozen=True)
class Dump:
    """What was written.

    path     of the file
    files    the names of the files in it
    notes    what could not be written, and why
    """

    path: str
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = "reproduces it" if "graph.json" in self.files else "says why it cannot be made again"
        head = f"{self.path}: {len(self.files)} files; python {self.path} {told}"
        return "\n".join([head, *self.notes])

    __repr__ = __str__


@dataclass(eq=False)
class _Files:
    """The files so far, and what could not be made."""

    texts: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, make: Callable[[], str | bytes]) -> None:
        """A file; where it cannot be made, a note says why. A bug report is wanted where something
        does not work, so nothing that fails here may stop it."""
        try:
            made = make()
        except Exception as error:
            what = " ".join(str(error).split())[:300]
            self.notes.append(f"no {name}: {type(error).__name__}: {what}")
            return
        self.texts[name] = made.encode() if isinstance(made, str) else made


def dump(
    function: Subject,
    path: str | os.PathLike,
    inputs: object = None,
    more: Mapping[str, Callable[[], str]] | None = None,
    label: str = "",
) -> Dump:
    """Write the report of a function into a zip at `path`. `inputs` are arguments, with which bound
    and shared arrays are written too; without them random ones of the same shapes. `more` are
    further files."""
    path = os.fspath(path)
    if not path.endswith(".zip"):
        raise refusal(f"dump: {path!r:.80} does not end in .zip", kind=ValueError)
    files = _Files()
    args, kwargs = _arguments(inputs)
    given = given_values(function, args, kwargs) if inputs is not None else None
    lowered = function.compilation.lowered()
    _texts(files, function, lowered)
    nodes = list(function.compilation.inputs)
    made = _graphs(files, function, lowered, nodes)
    values = given if given is not None else _sampled(files, function)
    error = None
    if values is not None:
        files.add("inputs.npz", lambda: _packed([values[x] for x in nodes]))
        if made is not None:
            error = _record(files, function, made, [values[x] for x in nodes])
    why = "" if made is not None else next((n for n in files.notes if "graph.json" in n), "unknown")
    files.add("function.json", lambda: _about(function, lowered, given is None, error, why))
    for name, write in (more or {}).items():
        files.add(name, write)
    files.texts["reproduce.py"] = files.texts["__main__.py"] = SCRIPT.encode()
    files.texts["README.txt"] = _readme(files, function, path, given, values, label).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files.texts):
            # Dated alike, so that one function gives one file.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), files.texts[name],
                             zipfile.ZIP_DEFLATED)  # fmt: skip
    return Dump(path, tuple(sorted(files.texts)), tuple(files.notes))


def _arguments(inputs: object) -> tuple[tuple, dict[str, object]]:
    if inputs is None:
        return (), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)), {}


def _readme(files: _Files, function: Subject, path: str, given: object, values: object,
            label: str) -> str:  # fmt: skip
    told = {
        "given": "inputs.npz     all inputs, bound and shared arrays included",
        "sampled": "inputs.npz     random inputs of the same shapes; the only data of the user's "
                   "in here are\n               constants of the graph",
        "none": "There are no inputs in it.",
    }  # fmt: skip
    kind = "given" if given is not None else "sampled" if values is not None else "none"
    return README.format(
        label=label or function.label, version=__version__, name=os.path.basename(path),
        inputs=told[kind], notes="\n".join(files.notes),
    )  # fmt: skip


def _texts(files: _Files, function: Subject, lowered: object) -> None:
    """The stages of compilation as text."""
    target = function.compilation.target.name
    files.add("graph.txt", lambda: to_text(lowered.written, lines=True))
    files.add("rewrites.txt", lambda: stages.rewrites(function))
    files.add("report.txt", lambda: f"{function.report()}\n")
    files.add("plan.txt", lambda: stages.plan(function))
    files.add("plan.json", lambda: json.dumps(writers.plain(of_plan(lowered.plan)), indent=1))
    for name in ("kernels", "groups", "schedule", "tier"):
        files.add(f"{name}.txt", lambda name=name: stages.STAGES[name](function))
    files.add("header.h", lambda: stages.header(function))
    if function.source:
        files.add(f"source.{SUFFIXES.get(target, 'txt')}", lambda: function.source)
    files.add("versions.txt", environment.text)


def _graphs(
    files: _Files, function: Subject, lowered: object, nodes: Sequence[Node]
) -> list[Node] | None:
    """Write the graph as data, as it was written and after all passes. The nodes that the first of
    these gives when it is read, which the script will have; None if neither can be read."""
    made = None
    for name, outputs in (("graph", lowered.written), ("compiled", lowered.outputs)):
        plain = _in_words(unwatched(outputs))
        if name == "graph" and not all(map(is_, unwatched(outputs), outputs)):
            files.notes.append(EFFECTS)
        picture = of_graph([*nodes, *plain])
        program = picture.facts.get("program")
        data = json.dumps(writers.plain(picture), indent=1)
        if program is None:
            files.notes.append(f"{name}.json cannot be made a graph again: "
                               f"{picture.facts['why_no_program']}")  # fmt: skip
            files.texts[f"{name}-unreadable.json"] = data.encode()
            continue
        files.texts[f"{name}.json"] = data.encode()
        made = read_program(program) if made is None else made
    return made


def _in_words(outputs: Sequence[Node]) -> list[Node]:
    """The outputs without ops that no text can name, as that of a draw that has derivatives, where
    these stand for a graph."""

    def body(inner: Closed) -> Closed:
        return with_outputs(inner, _in_words(inner.outputs))

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        op = map_bodies(node.op, body) if node.op.has_bodies else node.op
        if _is_unnamed(op):
            with made_by(node):
                return fitted(op.expand(*inputs), node, "dump")
        return rebuild(node, inputs) if op == node.op else make(op, inputs)

    made = list(outputs)
    while True:
        before, made = made, map_nodes(made, change)
        if all(map(is_, made, before)):
            return made


def _is_unnamed(op: Op) -> bool:
    return isinstance(op, Composite) and REGISTRY.get(op.name) is not type(op)


def _record(
    files: _Files, function: Subject, made: Sequence[Node], values: Sequence[np.ndarray]
) -> str | None:
    """Write what the graph gives for the inputs, computed as the script does it; the error as text
    if that fails."""
    count = len(function.compilation.inputs)
    again = function.program.with_graph(made[:count], made[count:])
    try:
        results = again.compiler(again)(*values)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    files.add("results.npz", lambda: _packed(list(map(np.asarray, results))))
    return None


def _packed(arrays: Sequence[np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{f"a{k}": np.asarray(array) for k, array in enumerate(arrays)})
    return file.getvalue()


def _sampled(files: _Files, function: Subject) -> dict[Node, np.ndarray] | None:
    """Random arrays for all inputs, none of the user's among them."""
    graph = function.compilation.lowered().written

    def works(values: Mapping[Node, np.ndarray]) -> bool:
        scope = Scope(dict(values), sizes_of(values))
        try:
            return all(np.isfinite(scope.value(y)).all() for y in graph)
        except Exception:  # whatever an op raises for values that it is not made for
            return False

    try:
        return sampled_values(function, graph, works, private=True)
    except ValueError as error:
        files.notes.append(f"no inputs.npz: {str(error).splitlines()[0]}")
        return None


def _about(
    function: Subject, lowered: object, sampled: bool, error: str | None, why: str
) -> str:
    """What the script reads beside the graph."""
    compilation, program = function.compilation, function.program
    names = {x.variable: x.name for x in program.inputs}
    inputs = [
        {"name": names.get(x) or x.name, "type": str(x.type), "line": line_of(x),
         "bound": x in function.bound or x in compilation.given, "shared": hasattr(x.op, "cell")}
        for x in compilation.inputs
    ]  # fmt: skip
    count = len(lowered.written) - len(program.updates)
    outputs = [f"output {k}" for k in range(count)]
    outputs += [f"update of {old.name or 'shared'}" for old, _ in program.updates]
    asked = getattr(program, "asked", None)
    return json.dumps({
        "name": program.name,
        "version": __version__,
        "target": compilation.target.name,
        "target_options": repr(compilation.target),
        "seed": program.seed,
        "rules_of_the_user": asked is not None,
        "inputs": inputs,
        "outputs": outputs,
        "sampled": sampled,
        "error": error,
        "why_no_graph": why,
        "timings": dict(compilation.timings),
    }, indent=1)  # fmt: skip
