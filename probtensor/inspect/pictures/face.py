"""`graph_model`, `to_dot`, `to_mermaid`, `to_json`, `from_json`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from probtensor.calls import public
from probtensor.graph.node import Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.inspect import trace as traces
from probtensor.inspect.pictures import writers
from probtensor.inspect.pictures.graphs import of_graph, of_plan, read_program
from probtensor.inspect.pictures.picture import Picture
from probtensor.inspect.subject import Subject, function_in
from probtensor.inspect.texts.placement import Placement, placement_of

OF = ("graph", "compiled", "plan", "model")


@public
def graph_model(given: object, of: str | None = None) -> Picture:
    """The description of a graph, a plan or a model, which all formats are written from.

    given  tensors: one, a list or a dict; a compiled function; a posterior
    of     "graph": the graph as it was written; of a function also "compiled", the graph after all
           passes, the name of a pass, or "plan", its kernels and buffers; of a posterior "model",
           its variables on plates, or what a function has. By default "model" of a posterior,
           "compiled" of a function

    Returns a `Picture`: `items` (with `id`, `label`, `kind`, `line` and `facts`), `arrows` and
    `groups`. Raises TypeError for what is none of these, ValueError for another `of`.

        >>> x = pt.vector("x")
        >>> [item.label.split("\\n")[0] for item in pt.graph_model(pt.exp(x) + 1).items]
        ['x', 'exp', '1.0', 'add']
    """
    function = None if isinstance(given, (Node, Mapping, list, tuple)) else function_in(given)
    drawn = getattr(given, "picture", None)
    if drawn is not None and of in (None, "model"):
        return drawn()
    if function is not None:
        with function.compilation.lines():
            return _of_function(function, of or "compiled")
    if of not in (None, "graph"):
        raise refusal(
            f"graph_model: of={of!r:.40} is for compiled functions and posteriors", kind=ValueError
        )
    parts = list(given.values()) if isinstance(given, Mapping) else given
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    if not parts or not all(isinstance(part, Node) for part in parts):
        raise refusal(
            f"graph_model: {given!r:.60} is no tensor, function or posterior",
            "give one of these, or a list or dict of tensors",
        )
    return of_graph([as_tensor(part) for part in parts])


def _of_function(function: Subject, of: str) -> Picture:
    lowered = function.compilation.lowered()
    if of == "plan":
        return of_plan(lowered.plan)
    if of == "graph":
        return of_graph(function.program.graph or lowered.written)
    if of == "compiled":
        return of_graph(lowered.outputs, facts=_facts(placement_of(function)))
    trace = traces.record(function)
    try:
        return of_graph(trace.at(of)[: len(lowered.outputs)])
    except KeyError:
        names = dict.fromkeys(("graph", "compiled", "plan", *(s.name for s in trace.stages)))
        text = f"graph_model: of={of!r:.40} is none of {', '.join(names)}"
        raise refusal(text, kind=ValueError) from None


def _facts(placement: Placement):
    def of(node: Node) -> dict[str, object]:
        buffer = placement.buffers.get(node)
        found: dict[str, object] = {}
        if node in placement.kernels:
            found["kernels"] = list(placement.kernels[node])
        if buffer is not None:
            found["buffer"] = buffer.name
        return found

    return of


@public
def to_dot(given: object, of: str | None = None) -> str:
    """A graph, a plan or a model in Graphviz's language: `dot -Tsvg` draws it.

    given, of  as of `pt.graph_model`

    Inputs are green, constants and data grey, outputs blue, kernels and random variables round;
    bodies of loops and plates are frames. Returns text.
    Raises what `pt.graph_model` raises.

        >>> print(pt.to_dot(pt.exp(pt.scalar("x"))).splitlines()[-2])
          n0 -> n1;
    """
    return writers.dot(graph_model(given, of))


@public
def to_mermaid(given: object, of: str | None = None) -> str:
    """A graph, a plan or a model in Mermaid's language, which Markdown viewers draw.

    given, of  as of `pt.graph_model`

    Returns text. Raises what `pt.graph_model` raises.

        >>> print(pt.to_mermaid(pt.exp(pt.scalar("x"))))
        graph TD
          n0["x<br>float64"]
          n1["exp<br>float64"]
          n0 --> n1
          style n0 fill:#ccebc5
          style n1 fill:#b3cde3
    """
    return writers.mermaid(graph_model(given, of))


@public
def to_json(given: object, of: str | None = None, *, indent: int | None = None) -> str:
    """A graph, a plan or a model as JSON: nodes with op, parameters, type and line, edges, groups.

    given, of  as of `pt.graph_model`
    indent     spaces of each level; None for one line

    JSON of a graph has it as a program too, from which `pt.from_json` makes it again. Where some op
    has no text, as a distribution, `program` is null and `why_no_program` says why.

    Returns text. Raises what `pt.graph_model` raises.

        >>> import json
        >>> json.loads(pt.to_json(pt.exp(pt.scalar("x"))))["nodes"][1]["op"]
        'exp'
    """
    return json.dumps(writers.plain(graph_model(given, of)), indent=indent)


@public
def from_json(text: str) -> list[Node]:
    """The graph in JSON that `pt.to_json` wrote.

    Returns its outputs in a list, over new inputs of the same names and types; shared variables are
    inputs, complex inputs real ones with their parts along the last axis.
    Raises ValueError for other text, and for a graph with ops that have no text.

        >>> x = pt.vector("x")
        >>> (y,) = pt.from_json(pt.to_json(pt.exp(x) * 2))
        >>> pt.graph_hash(y) == pt.graph_hash(pt.exp(x) * 2)
        True
    """
    try:
        found = json.loads(text)
        right = found["format"] == writers.FORMAT
    except (TypeError, KeyError, ValueError):
        right = False
    if not right:
        raise refusal("from_json: this is no JSON of pt.to_json", kind=ValueError)
    if not found.get("program"):
        why = found.get("why_no_program") or f"it describes a {found.get('title')}"
        raise refusal(f"from_json: the graph cannot be made again: {why}", kind=ValueError)
    return read_program(found["program"])
