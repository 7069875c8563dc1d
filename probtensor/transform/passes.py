"""Passes: named functions from graph to graph.

`run` times each pass, counts nodes, records which rules fired for which of the user's lines (on
request each change with its nodes), and verifies the graph after each pass on request. The passes
themselves do none of this, and they see no bodies: `run` applies them to these as to any graph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from operator import is_

from probtensor.dataclass import dataclass
from probtensor.graph.check import CheckError, check, check_same_types
from probtensor.graph.closed import kinds_of
from probtensor.graph.node import Node, Op, made_by
from probtensor.graph.text import to_text
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Composite
from probtensor.transform.bodies import count_nodes, everywhere
from probtensor.transform.recording import Change, Record, current, recording
from probtensor.transform.rewrite import Findings, RewriteLog, Ruleset, apply_rules, fitted


@dataclass(frozen=True)
class Pass:
    """A name, and rules or a function from outputs to outputs of the same types, which is applied
    to bodies as well unless it does that itself (`descends`).

    on        classes of ops: a graph in which no node has one of them, nor one in a body, is left
              as it is, and so is such a body; None for any graph
    rewrites  whether the function, which descends, applies rules itself: it is given the findings
              of the passes before
    """

    name: str
    action: Ruleset | Callable[..., Sequence[Node]]
    descends: bool = False
    on: tuple[type[Op], ...] | None = None
    rewrites: bool = False


@dataclass(frozen=True)
class PassRecord:
    """What one pass did, also to bodies. `fired` holds (rule, the user's line, times), most
    frequent first. `changes` is the record of all changes, `before` and `after` the outputs: these
    three if they were asked for."""

    name: str
    nodes_before: int
    nodes_after: int
    seconds: float
    fired: tuple[tuple[str, str, int], ...] = ()
    text: str | None = None
    changes: Record | None = None
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()

    def __str__(self) -> str:
        head = (
            f"{self.name:<12} {self.nodes_before:>6} -> {self.nodes_after:<6} nodes"
            f"  {1e3 * self.seconds:8.2f} ms"
        )
        rows = [f"    {count:>4} x {rule}  ({line})" for rule, line, count in self.fired]
        return "\n".join([head, *rows])


def run(
    passes: Iterable[Pass],
    outputs: Iterable[Node],
    *,
    inputs: Iterable[Node] | None = None,
    verify: bool = False,
    log: list[PassRecord] | None = None,
    texts: bool = False,
    changes: bool = False,
) -> list[Node]:
    """The outputs after all passes, in order.

    verify: after each pass check the graph (against `inputs` if given), the types of the outputs,
        and that rewriting reached a fixed point; CheckError names the pass. Meant for tests.
    log: a list that gets one PassRecord a pass; with `texts` a record holds the graph as a program,
        with `changes` every change with its nodes.
    """
    current = list(outputs)
    inputs = None if inputs is None else list(inputs)
    findings = Findings()
    present: frozenset[type[Op]] | None = None  # of the current graph
    for step in passes:
        before = count_nodes(current) if log is not None else 0
        rules_log, record = RewriteLog(), None
        start = time.perf_counter()
        if step.on is not None and present is None:
            present = kinds_of(toposort(current))
        if step.on is None or _concerns(step.on, present):
            recorder = recording() if changes else nullcontext()
            with recorder as record:
                after = _apply(step, current, rules_log, findings)
        else:
            after = current
        seconds = time.perf_counter() - start
        if verify:
            _verify(step, current, after, inputs, rules_log)
        if log is not None:
            fired = sorted(rules_log.fired.items(), key=lambda item: (-item[1], item[0]))
            rows = tuple((rule, line, count) for (rule, line), count in fired)
            text = to_text(after) if texts else None
            held = (record, tuple(current), tuple(after)) if changes else ()
            count = count_nodes(after)
            log.append(PassRecord(step.name, before, count, seconds, rows, text, *held))
        if len(after) != len(current) or not all(map(is_, after, current)):
            present = None
        current = after
    return current


def _concerns(kinds: tuple[type[Op], ...], present: Iterable[type[Op]]) -> bool:
    return any(issubclass(kind, kinds) for kind in present)


def expand_composites(
    outputs: Iterable[Node], kind: type[Composite] = Composite
) -> list[Node]:
    """The outputs with each Composite, or each of a kind of them, replaced by the graph it stands
    for."""
    outputs = list(outputs)
    order = toposort(outputs)
    record = current()
    while any(isinstance(node.op, kind) for node in order):
        changes: dict[Node, Node] = {}
        for node in order:
            inputs = tuple([changes[x] for x in node.inputs])
            if isinstance(node.op, kind):
                with made_by(node):
                    changes[node] = fitted(node.op.expand(*inputs), node, "expand_composites")
                if record is not None:
                    record.noted.append(Change(node, changes[node]))
            else:
                changes[node] = rebuild(node, inputs)
        before, outputs = outputs, [changes[output] for output in outputs]
        if all(map(is_, outputs, before)):
            break  # what is left decides sizes alone, and is expanded where it is an output
        order = toposort(outputs)
    return outputs


def _apply(step: Pass, outputs: list[Node], log: RewriteLog, findings: Findings) -> list[Node]:
    if isinstance(step.action, Ruleset):
        return apply_rules(outputs, step.action, log, findings)
    if step.rewrites:
        return list(step.action(outputs, findings))
    if step.descends:
        return list(step.action(outputs))
    return everywhere(outputs, step.action, f"pass {step.name!r}", on=step.on)


def _verify(
    step: Pass, before: list[Node], after: list[Node], inputs: list[Node] | None, log: RewriteLog
) -> None:
    doing = f"pass {step.name!r}"
    check_same_types(before, after, doing)
    try:
        check(after, inputs)
    except CheckError as error:
        raise CheckError(f"{doing}: {error}") from None
    if log.gave_up is not None:
        raise CheckError(f"{doing}: {log.gave_up}")


def report(log: Iterable[PassRecord]) -> str:
    """The records as a readable table."""
    return "\n".join(map(str, log)) + "\n"
