"""A picture in Graphviz's language, in Mermaid's, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probtensor.dataclass import dataclass
from probtensor.inspect.pictures.picture import Arrow, Group, Item, Picture

FORMAT, VERSION = "probtensor picture", 1


@dataclass(frozen=True)
class Kind:
    """How items of a kind are drawn: attributes of Graphviz, the ends of a node of Mermaid, and the
    colour there."""

    dot: str
    left: str
    right: str
    colour: str = ""


GREY, GREEN, BLUE, YELLOW = "#d0d0d0", "#ccebc5", "#b3cde3", "#fff2cc"


def _box(colour: str) -> Kind:
    filled = f'shape=box, style=filled, fillcolor="{colour}"' if colour else "shape=box"
    return Kind(filled, "[", "]", colour)


KINDS: Mapping[str, Kind] = {
    "input": _box(GREEN),
    "constant": _box(GREY),
    "op": _box(""),
    "output": _box(BLUE),
    "kernel": Kind(f'shape=ellipse, style=filled, fillcolor="{YELLOW}"', "([", "])", YELLOW),
    "temp": _box(""),
    "free": Kind("shape=ellipse", "([", "])"),
    "random": Kind("shape=ellipse", "([", "])"),
    "observed": Kind(f'shape=ellipse, style=filled, fillcolor="{GREY}"', "([", "])", GREY),
    "deterministic": Kind("shape=box", "[", "]"),
    "potential": Kind(f'shape=octagon, style=filled, fillcolor="{GREY}"', "{{", "}}", GREY),
    "data": Kind(f'shape=box, style="rounded,filled", fillcolor="{GREY}"', "[(", ")]", GREY),
}
_DOT_GROUPS = {"plate": "; labeljust=r; labelloc=b", "body": "; style=dashed", "stage": ""}


# Graphviz.


def dot(picture: Picture) -> str:
    """The source of a diagram for `dot`."""
    rows = [f"digraph {_word(picture.title)} {{"]
    rows += _dot_group(picture, "", "  ")
    rows += [f"  {a.source} -> {a.target}{_dot_arrow(a)};" for a in picture.arrows]
    return "\n".join([*rows, "}"])


def _word(title: str) -> str:
    """A title as an identifier that is no keyword of dot."""
    return f"{title}_" if title in ("graph", "digraph", "node", "edge") else title


def _dot_group(picture: Picture, group: str, pad: str) -> Iterator[str]:
    for item in picture.inside(group):
        label = "\\n".join(map(_escaped, item.label.split("\n")))
        yield f'{pad}{item.id} [label="{label}", {KINDS[item.kind].dot}];'
    for inner in picture.within(group):
        yield f"{pad}subgraph cluster_{inner.id} {{"
        yield f'{pad}  label="{_escaped(inner.label)}"{_DOT_GROUPS[inner.kind]};'
        yield from _dot_group(picture, inner.id, pad + "  ")
        yield f"{pad}}}"


def _dot_arrow(arrow: Arrow) -> str:
    marks = [f'label="{_escaped(arrow.label)}"'] if arrow.label else []
    marks += ["style=dashed"] if arrow.kind == "body" else []
    return f" [{', '.join(marks)}]" if marks else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# Mermaid.


def mermaid(picture: Picture) -> str:
    """The source of a diagram for Mermaid, which Markdown viewers draw."""
    rows = ["graph TD", *_mermaid_group(picture, "", "  ")]
    for a in picture.arrows:
        line = "-.->" if a.kind == "body" else "-->"
        label = f'|"{_quoted(a.label)}"|' if a.label else ""
        rows.append(f"  {a.source} {line}{label} {a.target}")
    for item in picture.items:
        if KINDS[item.kind].colour:
            rows.append(f"  style {item.id} fill:{KINDS[item.kind].colour}")
    return "\n".join(rows)


def _mermaid_group(picture: Picture, group: str, pad: str) -> Iterator[str]:
    for item in picture.inside(group):
        kind = KINDS[item.kind]
        label = "<br>".join(map(_quoted, item.label.split("\n")))
        yield f'{pad}{item.id}{kind.left}"{label}"{kind.right}'
    for inner in picture.within(group):
        yield f'{pad}subgraph {inner.id}["{_quoted(inner.label)}"]'
        yield from _mermaid_group(picture, inner.id, pad + "  ")
        yield f"{pad}end"


def _quoted(text: str) -> str:
    """Text for a label of Mermaid, without what would end it or be markup."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")


# JSON.


def plain(picture: Picture) -> dict[str, object]:
    """The picture as values of JSON."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": picture.title,
        **picture.facts,
        "nodes": [_plain_item(item) for item in picture.items],
        "edges": [_plain_arrow(arrow) for arrow in picture.arrows],
        "groups": [_plain_group(group) for group in picture.groups],
    }


def _plain_item(item: Item) -> dict[str, object]:
    own = {"id": item.id, "label": item.label, "kind": item.kind}
    own |= {"group": item.group} if item.group else {}
    own |= {"line": item.line} if item.line else {}
    return {**own, **item.facts}


def _plain_arrow(arrow: Arrow) -> dict[str, object]:
    own: dict[str, object] = {"source": arrow.source, "target": arrow.target, "kind": arrow.kind}
    return {**own, "label": arrow.label} if arrow.label else own


def _plain_group(group: Group) -> dict[str, object]:
    own: dict[str, object] = {"id": group.id, "label": group.label, "kind": group.kind}
    return {**own, "group": group.around} if group.around else own
