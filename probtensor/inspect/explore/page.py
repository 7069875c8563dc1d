"""The page: all that a compiled function shows, and the program that shows it, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from probtensor.inspect.explore.costs import bytes_of, sizes_of
from probtensor.inspect.explore.graphs import Table
from probtensor.inspect.explore.history import passes_of
from probtensor.inspect.explore.kernels import Kernels, code_of, kernels_of
from probtensor.inspect.explore.sources import Sources
from probtensor.inspect.explore.times import times_of
from probtensor.inspect.subject import Subject
from probtensor.lower.buffers import Trace
from probtensor.lower.plan import Plan
from probtensor.version import __version__

HERE = Path(__file__).parent
STYLES = ("base.css", "panes.css")
SCRIPTS = (
    "data.js", "layout.js", "text.js", "links.js", "canvas.js", "graph.js", "model.js", "steps.js",
    "costs.js", "main.js", "start.js",
)  # fmt: skip


def explore(
    function: Subject,
    path: str | PathLike[str],
    *,
    args: Sequence[np.ndarray] | None = None,
    profile: object = None,
    model: Mapping[str, object] | None = None,
) -> Path:
    """Write the page of a function; see `Function.explore`. `model` is what a posterior adds."""
    target = Path(fspath(path))
    text = page(data_of(function, args, profile, model))
    target.write_text(text, encoding="utf-8")
    return target


def data_of(
    function: Subject,
    args: Sequence[np.ndarray] | None = None,
    profile: object = None,
    model: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What a page shows, as plain values for JSON."""
    lowered = function.compilation.lowered()
    trace = Trace()
    plan = lowered.replan(trace=trace)
    sizes, assumed = sizes_of(function, plan, args)
    sources = Sources()
    table = Table(sources)
    passes = passes_of(function, table)
    final = table.graph(lowered.outputs)
    target = function.compilation.target.name
    kernels = kernels_of(plan, lowered.outputs, trace, sources, sizes, target)
    for nodes in kernels.nodes:
        table.graph(node for held in nodes.values() for node in held)
    found: dict[str, object] = {
        "version": __version__,
        "title": function.label or "function",
        "target": target,
        "outputs": final,
        "sizes": {source.name: sizes[source.name] for source in plan.sizes},
        "assumed": assumed,
        "passes": passes,
        "kernels": _kernels(plan, kernels, table),
        "code": code_of(function, plan),
        "buffers": _buffers(plan, sizes, table),
        "times": times_of(profile, plan, sources),
        "model": _model(model, sources),
        "costs": {
            "nodes": {table.numbers[n]: c.row() for n, c in kernels.of_nodes.items()
                      if n in table.numbers},
            "lines": {n: c.row() for n, c in kernels.of_lines.items() if n >= 0},
        },
    }  # fmt: skip
    return found | {"table": table.data(), "sources": sources.data()}


def _kernels(plan: Plan, found: Kernels, table: Table) -> list[dict[str, object]]:
    return [
        {
            "name": kernel.name,
            "reads": kernel.reads,
            "writes": kernel.writes,
            "rows": rows,
            "nodes": {name: [table.numbers[n] for n in held] for name, held in nodes.items()},
        }
        for kernel, rows, nodes in zip(plan.kernels, found.rows, found.nodes, strict=True)
    ]


def _buffers(plan: Plan, sizes: Mapping[str, int], table: Table) -> list[dict[str, object]]:
    """The buffers of a plan, with the node that each holds."""
    return [
        {
            "name": buffer.name,
            "dtype": buffer.dtype,
            "shape": ", ".join(map(str, buffer.shape)),
            "role": buffer.role,
            "bytes": size,
            "life": plan.lifetimes.get(k),
            "node": table.graph([buffer.node])[0],
        }
        for k, (buffer, size) in enumerate(zip(plan.buffers, bytes_of(plan, sizes)))
    ]


def _model(model: Mapping[str, object] | None, sources: Sources) -> Mapping[str, object] | None:
    """A model with the numbers of its lines."""
    if model is None:
        return None
    parts = [{**part, "line": sources.of_text(part["line"])} for part in model["parts"]]
    terms = [{**term, "line": sources.of_text(term["line"])} for term in model["terms"]]
    return {**model, "parts": parts, "terms": terms}


# The file.


def page(data: Mapping[str, object]) -> str:
    """The text of the page."""
    text = json.dumps(data, separators=(",", ":"), default=_plain, allow_nan=False)
    parts = {
        "title": _escaped(str(data["title"])),
        "styles": _joined(HERE / "assets", STYLES),
        "library": _library(),
        "scripts": _joined(HERE / "assets", SCRIPTS),
        "data": text.replace("<", "\\u003c"),
    }
    made = (HERE / "assets" / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        made = made.replace(f"<!--{name}-->", part, 1)
    return made


def _joined(folder: Path, names: Iterable[str]) -> str:
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _library() -> str:
    """The layout library with its licence, without the address of its source map."""
    vendor = HERE / "vendor"
    licence = (vendor / "dagre.LICENSE.txt").read_text(encoding="utf-8")
    code = (vendor / "dagre.min.js").read_text(encoding="utf-8")
    rows = [row for row in code.splitlines() if not row.startswith(("//#", "/*!"))]
    return f"/*!\n{licence}*/\n" + "\n".join(rows)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(value: object) -> object:
    """A value that JSON does not know."""
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
