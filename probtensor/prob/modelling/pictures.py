"""Models as pictures: plain text, Mermaid, Graphviz, JSON, LaTeX. All are text; no package is
needed. Graphs without random variables are formulas, in one line or in LaTeX.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from probtensor.calls import line_text, public
from probtensor.graph import Node, ancestors, as_tensor
from probtensor.inspect.pictures import writers
from probtensor.inspect.pictures.picture import Arrow, Group, Item, Picture
from probtensor.inspect.subject import function_in
from probtensor.inspect.texts.formulas import formula
from probtensor.prob.distributions.base import Deterministic, Potential, RandomVariable
from probtensor.prob.model.data import Data
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.expressions import Writer
from probtensor.prob.modelling.structure import DATA, FREE, Part, Structure, structure_of
from probtensor.rules import stabilized

LONGEST = 4000  # characters of a formula in LaTeX

@public
def model_graph(model: object, format: str = "text") -> str:
    """The graph of a model, from causes to effects.

    model   a posterior, or named tensors: one, a list or a dict
    format  "text": a line for each part; "mermaid" or "graphviz": the source of a diagram, which
            Markdown viewers and `dot` draw; "json": the parts as data. Variables are round
            (observed ones grey), deterministics boxes, data grey boxes, potentials octagons; parts
            with the same axes are on one plate

    Returns text, the same for the same model. Raises ValueError for another format, TypeError for
    what is no model.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu + 1, 2.0, shape=3, name="y")
        >>> print(pt.model_graph(pt.condition({y: [1.0, 2.0, 3.0]})))
        mu   ~ normal(0, 5)       free
        y[3] ~ normal(mu + 1, 2)  observed
    """
    if format not in FORMATS:
        raise ValueError(
            f"model_graph: format={format!r:.60} is none of {', '.join(FORMATS)}\n"
            f"  at {line_text()}"
        )
    structure = structure_of("model_graph", model)
    write = FORMATS[format]
    return _text(structure) if write is None else write(picture_of(structure))


@public
def latex(model: object) -> str:
    r"""A model or an expression as LaTeX.

    model  a posterior, named tensors that are random or depend on random variables, or any tensors
           or compiled function: one, a list or a dict

    A model has one line for each variable, deterministic and potential, for `aligned` in a formula.
    Other tensors are written down to their inputs: sums with indices, fractions, matrices, cases,
    loops as recursions. Names of Greek letters become these, and what follows an underscore an
    index.

    Returns text. Raises TypeError for what is neither.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> tau = pt.random.half_cauchy(5, name="tau_a")
        >>> print(pt.latex(pt.random.normal(mu, tau, name="theta")))
        \begin{aligned}
        \mu &\sim \operatorname{Normal}\left(0, 5\right) \\
        \tau_{a} &\sim \operatorname{HalfCauchy}\left(5\right) \\
        \theta &\sim \operatorname{Normal}\left(\mu, \tau_{a}\right)
        \end{aligned}
        >>> x, beta = pt.vector("x"), pt.scalar("beta")
        >>> print(pt.latex(pt.sum((x - beta) ** 2) / 2))
        \frac{\sum_{i} \left(x_{i} - \beta\right)^{2}}{2}
    """
    tensors = expressions_in(model)
    if tensors is not None:
        return latex_of_tensors(tensors)
    structure = structure_of("latex", model)
    writer = structure.writer(latex=True)
    rows = []
    for part in structure.parts:
        if part.kind != DATA:
            sign = r"\sim" if part.distribution else "="
            rows.append(rf"{writer.name(part.name)} &{sign} {structure.formula(part, writer)}")
    return aligned(rows)


@public
def pprint(expression: object, *, simplify: bool = False, longest: int = 2000) -> str:
    """An expression as mathematics, in one line: infix operators, with no more parentheses than
    needed.

    expression  a tensor, a compiled function (its outputs), a posterior, or a list or dict of these
    simplify    apply the rules that every function is simplified by first
    longest     characters; of a longer expression the deepest parts are written as `...`

    Factors of 1, signs and literals of a product are written once, equal factors as a power, and
    nothing for ops that only repeat or rearrange elements. So gradients read as mathematics.

    Returns text, for several tensors a line each; for a model the text of `pt.model_graph`.
    Raises TypeError for what is neither tensor nor model.

        >>> x = pt.scalar("x")
        >>> pt.pprint(pt.grad(pt.exp(x) / x, x))
        '-exp(x) / x**2 + exp(x) / x'
    """
    tensors = expressions_in(expression)
    if tensors is None:
        return model_graph(expression)
    nodes = list(tensors.values())
    nodes = stabilized(nodes) if simplify else nodes
    rows = [
        f"{f'{name} = ' if name else ''}{one_line(node, longest)}"
        for name, node in zip(tensors, nodes, strict=True)
    ]
    return "\n".join(rows)


def expressions_in(given: object) -> dict[str, Node] | None:
    """The tensors in what was given, by their names in a dict or a function with several outputs,
    else by ''; None for a model, and for what is no tensor."""
    function = None if isinstance(given, (Node, Posterior)) else function_in(given)
    if function is not None:
        outputs = function.program.results or function.compilation.lowered().written
        given = list(outputs) if len(outputs) != 1 else outputs[0]
    named = dict(given) if isinstance(given, Mapping) else None
    parts = list(named.values()) if named is not None else given
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    if not parts or not all(isinstance(x, Node) for x in parts):
        return None
    parts = list(map(as_tensor, parts))  # of float16 what it stands for
    kinds = (RandomVariable, Potential, Deterministic, Data)
    if any(isinstance(x.op, kinds) for x in ancestors(parts)):
        named_random = [x for x in ancestors(parts) if isinstance(x.op, kinds)]
        if all(x.name and isinstance(x.op, kinds) for x in parts) or not named_random:
            return None
    names = map(str, named) if named is not None else (
        f"y{k}" if len(parts) > 1 else "" for k in range(len(parts))
    )  # fmt: skip
    return dict(zip(names, parts, strict=True))


def one_line(node: Node, longest: int) -> str:
    """An expression in one line."""
    return formula(lambda f: f.expression(node), Writer({}), longest)


def latex_of_tensors(tensors: Mapping[str, Node]) -> str:
    """Expressions in LaTeX: one alone, several as the rows of `aligned`."""
    writer = Writer({}, latex=True)
    texts = [formula(lambda f, x=x: f.expression(x), writer, LONGEST) for x in tensors.values()]
    if len(texts) == 1:
        return texts[0]
    return aligned([f"{writer.name(name)} &= {text}" for name, text in zip(tensors, texts)])


def aligned(rows: Sequence[str]) -> str:
    """Rows of a formula in LaTeX."""
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _text(structure: Structure) -> str:
    writer = structure.writer()
    rows = []
    for part in structure.parts:
        sign = "~" if part.distribution else "="
        formula = structure.formula(part, writer)
        if part.kind == DATA:
            formula = f"array of {part.node.dtype}"
        rows.append((f"{part.name}{_axes(part)}", f"{sign} {formula}", part.kind))
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    lines = (f"{a:{widths[0]}} {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows)
    return "\n".join(lines)


def _axes(part: Part) -> str:
    return f"[{', '.join(part.axes)}]" if part.axes else ""


def picture_of(structure: Structure) -> Picture:
    """The parts of a model as a picture, those with the same axes on one plate."""
    writer = structure.writer()
    ids = {part.name: f"n{k}" for k, part in enumerate(structure.parts)}
    plates = dict.fromkeys(part.axes for part in structure.parts if part.axes)
    names = {axes: f"plate{k}" for k, axes in enumerate(plates, 1)}
    items = [
        Item(ids[part.name], _label(part), part.kind, names.get(part.axes, ""), part.line,
             _facts(part, structure, writer))
        for part in structure.parts
    ]  # fmt: skip
    arrows = [
        Arrow(ids[parent], ids[part.name], kind="cause")
        for part in structure.parts
        for parent in part.parents
    ]
    groups = [Group(name, " x ".join(axes), "plate") for axes, name in names.items()]
    return Picture("model", tuple(items), tuple(arrows), tuple(groups))


def _label(part: Part) -> str:
    """The name of a part, and below it what it is."""
    return f"{part.name}\n~ {part.distribution}" if part.distribution else (
        f"{part.name}\n{part.kind}"
    )  # fmt: skip


def _facts(part: Part, structure: Structure, writer: Writer) -> dict[str, object]:
    """What is known of a part, as values of JSON."""
    found: dict[str, object] = {
        "name": part.name,
        "parents": list(part.parents),
        "shape": [n if isinstance(n, int) else str(n) for n in part.shape],
        "dtype": str(part.node.dtype),
    }
    found |= {"dims": list(part.dims)} if part.dims else {}
    texts = {"distribution": part.distribution, "support": part.support,
             "transform": part.transform, "formula": structure.formula(part, writer)}  # fmt: skip
    found |= {name: text for name, text in texts.items() if text}
    return {**found, "size": part.size} if part.kind == FREE else found


FORMATS: Mapping[str, Callable[[Picture], str] | None] = {
    "text": None,
    "mermaid": writers.mermaid,
    "graphviz": writers.dot,
    "json": lambda picture: json.dumps(writers.plain(picture)),
}
