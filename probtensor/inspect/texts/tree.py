"""`debugprint`: graphs and compiled functions as trees, one line a node."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from typing import TextIO

import numpy as np

from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import Closed, all_bodies
from probtensor.graph.node import Const, Input, Node, as_tensor, line_of
from probtensor.graph.symbolic import refusal
from probtensor.graph.text import MAX_ELEMENTS
from probtensor.graph.walk import toposort
from probtensor.inspect import trace as traces
from probtensor.inspect.subject import function_in
from probtensor.inspect.texts.placement import Placement, placement_of
from probtensor.inspect.trace import Step
from probtensor.types import shape_text

ID_TYPES = ("CHAR", "int", "id", "auto", "")
REPEATED = "···"
Times = Mapping[object, float]


@public
def debugprint(
    graph_like: object, depth: int = -1, print_type: bool = False, print_shape: bool = False,
    file: TextIO | str | None = None, id_type: str = "CHAR", stop_on_name: bool = False,
    done: MutableMapping[Node, str] | None = None, print_storage: bool = False,
    used_ids: MutableMapping[Node, str] | None = None, print_op_info: bool = False,
    print_destroy_map: bool = False, print_view_map: bool = False,
    print_fgraph_inputs: bool = False, print_inner_graphs: bool = True, *,
    print_lines: bool = False, print_rules: bool = False, stage: str = "compiled",
    profile: Times | object | None = None,
) -> str | TextIO | None:  # fmt: skip
    """Print a graph as a tree: each node by its op, with an id, its operands below it. A node that
    was printed before is only repeated by its id, with `···` for what is below it.

    graph_like       a tensor, a compiled function (its graph after all passes), a posterior, or a
                     list or dict of them
    depth            how many levels are printed; -1 for all
    print_type, print_shape  the type of each node, `<float64[3]>`; its shape
    file             where the text goes: a file, None for the standard output, "str" to return it
    id_type          "CHAR" for ids A, B, ..., "int" for 0, 1, ..., "id" for those of Python,
                     "auto" for ids that no other print of the process has, "" for none
    stop_on_name     print nothing below tensors that have a name
    done, used_ids   dicts of nodes and their ids, added to: nodes in `done` are taken for printed,
                     those in `used_ids` keep their ids, so that several prints agree
    print_storage    of a function: the kernel that computes a node, and the buffer it is in
    print_op_info    at the end, what each op computes, by its documentation
    print_destroy_map, print_view_map  of a function: the nodes that are computed in the memory of
                     their reader; those that are read through the indices of another
    print_fgraph_inputs  at first the inputs, of a function also those it finds by itself
    print_inner_graphs   at the end, the bodies of loops and branches
    print_lines, print_rules  the user's line of each node; of a function the rules that made it
    stage            of a function: "compiled", "written", or the name of the pass after which the
                     graph is printed
    profile          seconds by node, by `file:line`, by kernel or by op, printed with the shares;
                     or what `f.profile` gives

    Returns None, the file that was given, or with file="str" the text. Raises TypeError for what is
    no graph, and for options of a function that a tensor lacks; ValueError for another `id_type` or
    `stage`.

        >>> x = pt.vector("x")
        >>> pt.debugprint(pt.exp(x) + pt.exp(x).sum())
        add [id A]
         ├─ exp [id B]
         │   └─ x [id C]
         └─ sum{axes=(0,)} [id D]
             └─ exp [id B] ···
    """
    printer = _Printer(
        depth, print_type, print_shape, id_type, stop_on_name,
        {} if done is None else done, {} if used_ids is None else used_ids,
        print_storage, print_destroy_map, print_view_map, print_lines, print_rules,
        _seconds_of(profile),
    )  # fmt: skip
    text = printer.text(graph_like, stage, print_fgraph_inputs, print_inner_graphs, print_op_info)
    if file == "str":
        return text
    print(text, file=sys.stdout if file is None else file)
    return file


def _seconds_of(profile: Times | object | None) -> Times:
    """Seconds by what took them: of a profile those of its kernels."""
    if profile is None or isinstance(profile, Mapping):
        return profile or {}
    rows = getattr(profile, "rows", ())
    found = {row.kernel: row.seconds for row in rows if hasattr(row, "kernel")}
    if not found:
        raise refusal(
            f"debugprint: profile={profile!r:.60} has no times",
            "give {node, line, kernel or op: seconds}, or what f.profile(...) returns",
        )
    return found


def _parts_of(graph_like: object) -> list[object]:
    """The tensors and functions in what was given; TypeError for anything else."""
    found: list[object] = []

    def walk(part: object) -> None:
        if isinstance(part, Mapping):
            for inner in part.values():
                walk(inner)
        elif isinstance(part, (list, tuple)):
            for inner in part:
                walk(inner)
        elif isinstance(part, Node):
            found.append(as_tensor(part) if part.stands_for_another else part)
        elif (function := function_in(part)) is not None:
            found.append(function)
        else:
            raise refusal(
                f"debugprint: {part!r:.60} ({type(part).__name__}) is no graph",
                "give a tensor, a compiled function, a posterior, or a list of them",
            )

    walk(graph_like)
    return found


def id_text(k: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    k += 1
    while k:
        k, rest = divmod(k - 1, 26)
        text = chr(65 + rest) + text
    return text


@dataclass(eq=False)
class _Printer:
    """The options, and what was printed so far."""

    depth: int
    types: bool
    shapes: bool
    id_type: str
    stop_on_name: bool
    done: MutableMapping[Node, str]
    used_ids: MutableMapping[Node, str]
    storage: bool
    destroyed: bool
    views: bool
    lines: bool
    rules: bool
    profile: Times
    bodies: dict[Closed, Node] = field(default_factory=dict)
    shown: dict[Node, None] = field(default_factory=dict)
    placement: Placement | None = None
    makers: Mapping[Node, tuple[Step, ...]] = field(default_factory=dict)

    # What is printed.

    def text(self, given: object, stage: str, inputs: bool, inner: bool, info: bool) -> str:
        """All that was given, then the bodies, then what ops compute."""
        if self.id_type not in ID_TYPES:
            known = ", ".join(map(repr, ID_TYPES))
            text = f"debugprint: id_type={self.id_type!r:.40} is none of {known}"
            raise refusal(text, kind=ValueError)
        rows: list[str] = []
        with ExitStack() as own:
            for part in _parts_of(given):
                if not isinstance(part, Node):
                    own.enter_context(part.compilation.lines())
                rows += self.part(part, stage, inputs)
            rows += self.inner_graphs() if inner else ()
        rows += self.op_info() if info else ()
        return "\n".join(rows)

    def part(self, part: object, stage: str, inputs: bool) -> Iterator[str]:
        """A tensor or a function."""
        self.placement, self.makers = None, {}
        if isinstance(part, Node):
            self._refuse_options_of_functions(stage)
            if inputs:
                yield from self._inputs(n for n in toposort([part]) if isinstance(n.op, Input))
            yield from self.tree(part)
            return
        outputs = self._outputs_of(part, stage)
        if inputs:
            yield from self._inputs(part.compilation.inputs)
        updates = [old for old, _ in part.program.updates]
        first = len(outputs) - len(updates)
        for k, output in enumerate(outputs):
            name = f" <- update of {updates[k - first].name or 'shared'}" if k >= first else ""
            yield from self.tree(output, f" {k}{name}")

    def _outputs_of(self, function: object, stage: str) -> Sequence[Node]:
        lowered = function.compilation.lowered()
        count = len(lowered.outputs)
        if self.storage or self.destroyed or self.views or self.profile:
            self.placement = placement_of(function)
        if stage == "written":
            return function.program.graph or lowered.written
        trace = traces.record(function) if self.rules or stage != "compiled" else None
        if self.rules:
            self.makers = trace.rules_of()
        if stage == "compiled":
            return lowered.outputs
        try:
            return trace.at(stage)[:count]
        except KeyError:
            names = dict.fromkeys(s.name for s in trace.stages)
            text = f"debugprint: stage={stage!r:.40} is none of compiled, written"
            raise refusal(f"{text}, {', '.join(names)}", kind=ValueError) from None

    def _refuse_options_of_functions(self, stage: str) -> None:
        asked = {
            "print_storage": self.storage, "print_destroy_map": self.destroyed,
            "print_view_map": self.views, "print_rules": self.rules, "stage": stage != "compiled",
        }  # fmt: skip
        wrong = [name for name, given in asked.items() if given]
        if wrong:
            raise refusal(
                f"debugprint: {', '.join(wrong)} is known of compiled functions, not of a tensor",
                "give pt.function(inputs, output)",
            )

    def _inputs(self, inputs: Iterable[Node]) -> Iterator[str]:
        inputs = list(inputs)
        yield f"inputs: {', '.join(self._head(x) + self._extras(x) for x in inputs) or 'none'}"

    def tree(self, output: Node, suffix: str = "", pad: str = "") -> Iterator[str]:
        """A node and what is below it, depth first, without recursion."""
        stack: list[tuple[Node, str, str, int]] = [(output, pad, pad, 0)]
        while stack:
            node, lead, below, level = stack.pop()
            repeated = node in self.done and node.inputs
            row = lead + self._head(node)
            if level == 0:
                row += suffix
            row += self._extras(node)
            children = () if isinstance(node.op, Const) else node.inputs
            if repeated or (self.stop_on_name and node.name and children):
                yield row + (f" {REPEATED}" if children else "")
                self.done.setdefault(node, self.id_of(node))
                continue
            yield row
            self._enter(node)
            if self.depth >= 0 and level + 1 >= self.depth:
                continue
            self.done[node] = self.id_of(node)
            for position, x in reversed(list(enumerate(children))):
                last = position == len(children) - 1
                branch, trunk = (" └─ ", "    ") if last else (" ├─ ", " │  ")
                stack.append((x, below + branch, below + trunk, level + 1))

    def _enter(self, node: Node) -> None:
        self.shown[node] = None
        for body in all_bodies(node.op):
            self.bodies.setdefault(body, node)

    def inner_graphs(self) -> Iterator[str]:
        """The bodies of what was printed, those within them too."""
        printed: set[Closed] = set()
        while left := [body for body in self.bodies if body not in printed]:
            for body in left:
                if not printed:
                    yield "\nInner graphs:"
                printed.add(body)
                owner = self.bodies[body]
                yield f"\n{self._head(owner)}: body of {len(body.parameters)} parameters"
                for output in body.outputs:
                    yield from self.tree(output, pad="  ")

    def op_info(self) -> Iterator[str]:
        """What each op that was printed computes."""
        found: dict[type, None] = {}
        for node in self.shown:
            if not isinstance(node.op, (Input, Const)):
                found[type(node.op)] = None
        if found:
            yield "\nOps:"
        for kind in found:
            text = " ".join((kind.__doc__ or "").split()).partition(". ")[0]
            yield f"  {kind.name} ({kind.__mro__[1].__name__}): {text}"

    # The parts of a line.

    def id_of(self, node: Node) -> str:
        if node not in self.used_ids:
            k = len(self.used_ids)
            made = {
                "CHAR": id_text, "int": str, "id": lambda _: str(id(node)),
                "auto": lambda _: f"{id(node):x}", "": lambda _: "",
            }  # fmt: skip
            self.used_ids[node] = made[self.id_type](k)
        return self.used_ids[node]

    def _head(self, node: Node) -> str:
        mark = self.id_of(node)
        return f"{op_text(node)}{f' [id {mark}]' if mark else ''}"

    def _extras(self, node: Node) -> str:
        texts: list[str] = []
        if self.types:
            texts.append(f"<{_type_text(node)}>")
        if node.name and not isinstance(node.op, Input):
            texts.append(f"'{node.name}'")
        if self.shapes and not isinstance(node.type, tuple):
            texts.append(f"shape={shape_text(node.shape)}")
        texts += self._of_function(node)
        seconds = self._seconds(node)
        if seconds is not None:
            total = sum(self.profile.values()) or 1.0
            texts.append(f"{_time_text(seconds)} ({100 * seconds / total:.1f} %)")
        if self.lines and not isinstance(node.op, Const):
            texts.append(f"# {line_of(node)}")
        return "".join(f" {text}" for text in texts)

    def _of_function(self, node: Node) -> Iterator[str]:
        place = self.placement
        if place is not None and self.storage and (text := place.text(node)):
            yield f"@ {text}"
        if place is not None and self.views and place.is_view(node) and node.inputs:
            yield f"v=[{self.id_of(node.inputs[0])}]"
        if place is not None and self.destroyed and node in place.in_place:
            yield f"d=[{self.id_of(place.in_place[node])}]"
        steps = self.makers.get(node, ())
        if steps:
            yield f"<- {'; '.join(step.rule for step in steps)}"

    def _seconds(self, node: Node) -> float | None:
        if not self.profile or isinstance(node.op, (Input, Const)):
            return None
        kernels = self.placement.kernels.get(node, ()) if self.placement else ()
        for key in (node, line_of(node), *kernels, node.op.name):
            if key in self.profile:
                return self.profile[key]
        return None


def op_text(node: Node) -> str:
    """The op of a node with its parameters; of inputs the name, of constants the value."""
    if isinstance(node.op, Input):
        return node.op.text()
    if isinstance(node.op, Const):
        return constant_text(node.op.array)
    return node.op.text()


def constant_text(array: np.ndarray) -> str:
    """A number, or an array, abbreviated if it is long."""
    if array.ndim == 0:
        return repr(array.item())
    if array.size <= MAX_ELEMENTS:
        return " ".join(np.array2string(array, separator=", ").split())
    return f"{array.dtype}{list(array.shape)} constant"


def _type_text(node: Node) -> str:
    if isinstance(node.type, tuple):
        return ", ".join(map(str, node.type))
    return str(node.type)


_UNITS: Sequence[tuple[float, str]] = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def _time_text(seconds: float) -> str:
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"
