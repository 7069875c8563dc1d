"""Rewriting by rules and passes that a user gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import keep_laws
from probtensor.rules.derivatives import stabilized
from probtensor.transform.passes import Pass, run
from probtensor.transform.rewrite import RewriteLog, Rule, Ruleset, apply_rules

# What may be in a list of rules.
Given = Rule | Ruleset | Pass | Callable[[list[Node]], Sequence[Node]]


@public
def rewrite_graph(
    outputs: Node | Sequence[Node], rules: Sequence[Given] | Given | None = None
) -> Node | list[Node]:
    """The outputs, rewritten by rules until none applies.

    rules  made by `rule` or `rewrite` of `probtensor.transform`, or passes: functions from a list
           of outputs to one of the same types. Rules that stand next to each other are applied
           together, of those that match a node the first one; passes are applied in their place.
           None for the rules by which every function is simplified and made stable

    Returns a tensor, or a list of them for a list. What a call checks of sizes stays.
    Raises GraphError, a TypeError, for what is no rule, a pass that changes a type, and rules that
    undo each other; RewriteError for a rule that changes a type.

        >>> from probtensor.transform import rule, var
        >>> x, a = var("x"), pt.scalar("a")
        >>> half = rule(pt.sin(x) * pt.cos(x), pt.sin(2 * x) / 2, over=(-3, 3), why="one function")
        >>> pt.rewrite_graph(pt.sin(a) * pt.cos(a), [half])
        <div(sin, 2.0): float64[]>
    """
    several = not isinstance(outputs, Node)
    before = [as_tensor(y) for y in (outputs if several else [outputs])]
    found = stabilized(before) if rules is None else keep_laws(_rewritten(before, rules), before)
    return found if several else found[0]


def _rewritten(outputs: list[Node], rules: Sequence[Given] | Given) -> list[Node]:
    given = list(rules) if isinstance(rules, (list, tuple)) else [rules]
    while given:
        together: list[Rule] = []
        while given and isinstance(given[0], (Rule, Ruleset)):
            first = given.pop(0)
            together += first if isinstance(first, Ruleset) else [first]
        if together:
            log = RewriteLog()
            outputs = apply_rules(outputs, Ruleset(*together), log)
            if log.gave_up is not None:
                raise refusal(f"rewrite_graph: {log.gave_up}", kind=GraphError)
        if given:
            outputs = _passed(outputs, given.pop(0))
    return outputs


def _passed(outputs: list[Node], given: Given) -> list[Node]:
    if isinstance(given, Pass):
        return run([given], outputs)
    if not callable(given):
        hint = "make one with rule or rewrite of probtensor.transform, or give a function"
        raise refusal(f"rewrite_graph: {given!r:.60} is no rule and no pass", hint, kind=GraphError)
    after = list(given(list(outputs)))
    name = getattr(given, "__name__", repr(given))
    if [y.type for y in after] != [y.type for y in outputs]:
        text = f"rewrite_graph: the pass {name} gives {[y.type for y in after]}"
        raise refusal(f"{text}, not {[y.type for y in outputs]}", kind=GraphError)
    return after
