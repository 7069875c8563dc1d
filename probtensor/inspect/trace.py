"""The record of a compilation: each pass, each rewrite that fired, and the graph after any of them.

A trace is taken on request: the graph that a function was compiled from goes through the same
passes once more, with a record (`transform/recording.py`). The compilation itself records nothing,
so that a function that nobody inspects pays nothing, and so that functions which were recalled from
the cache can be inspected as well.

The record stays small since it copies nothing. Nodes are immutable and interned: a change is a
reference to a node and one to what replaced it, and what rewriting made is shared by all steps. The
graph after step k is made when it is asked for, by replaying the first k changes in the order in
which the rules were applied; nodes that were made before are found again, not made. So a trace of n
changes holds n pairs of references, and `graph(k)` takes time linear in the size of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import is_

from cython_ext.graph import Rewriter
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph.closed import Closed, all_bodies, map_bodies, with_outputs
from probtensor.graph.node import INTERNED, Node, line_of, made_by, make
from probtensor.graph.walk import rebuild
from probtensor.inspect.subject import Subject
from probtensor.late import late
from probtensor.rules.given import Given, rewrite_graph
from probtensor.transform.passes import Pass, PassRecord, run
from probtensor.transform.recording import Change, Record, Scope, recording
from probtensor.transform.rewrite import Ruleset, fitted

BODIES = "bodies"
WHY_BODIES = "its bodies were rewritten, in the steps before"
GIVEN = "given rules"
DRAWS = "draws"
LONGEST = 100  # characters of a side in the text of a step
DEPTHS = (5, 3, 2)  # operations within each other there, as many as it has room for
DEEP = 6  # levels of its trees
formulas = late("probtensor.inspect.texts.formulas")
trees = late("probtensor.inspect.texts.tree")


@dataclass(frozen=True, eq=False)
class Step:
    """One rewrite: `node` became `after`.

    number  its place in the trace, from 0
    stage   the name of the pass
    rule    the name of the rule, "bodies" for a node whose bodies were rewritten, or the name of
            the pass where that is a function
    why     the reason that the rule gives
    source  file and line of the rule; empty for functions
    line    file and line of the user's code that `node` comes from
    inside  the nodes in whose bodies this is, the outermost first
    bodies  these bodies
    allowed how many ulps the rule may lose; None where it says nothing of that
    equal   whether both nodes have one value. Where a function changed the graph, they are places
            that differ, which may be parts of one thing here and of another there
    """

    number: int
    stage: str
    rule: str
    why: str
    source: str
    node: Node
    after: Node
    line: str
    inside: tuple[Node, ...] = ()
    bodies: tuple[Closed, ...] = ()
    allowed: float | None = None
    equal: bool = True

    @property
    def before_text(self) -> str:
        """The node as a short expression."""
        return self._written(self.node)

    @property
    def after_text(self) -> str:
        """What it became, as a short expression."""
        return self._written(self.after)

    def _written(self, node: Node) -> str:
        own = self.bodies[-1].parameters if self.bodies else ()
        names = {x: f"p{k}" for k, x in enumerate(own)}
        writer = formulas.Formula(names)
        return formulas.formula(lambda f: f.expression(node), writer, LONGEST, DEPTHS)

    def __str__(self) -> str:
        where = f" in {' in '.join(x.op.name for x in reversed(self.inside))}" * bool(self.inside)
        return (
            f"{self.number:>5}  {self.stage}: {self.rule}{where}\n"
            f"         {self.before_text}  ->  {self.after_text}\n"
            f"         {self.why}  # {self.line}"
        )


@dataclass(frozen=True, eq=False)
class Stage:
    """One pass: the outputs before and after it, and its steps, `first` to `first + count - 1`.

    Rules change the graph step by step (`scope` is their record). A function changes it at once, so
    that all of its steps, each a place where the graph differs, show the graph after it.
    """

    name: str
    why: str
    before: tuple[Node, ...]
    after: tuple[Node, ...]
    first: int
    count: int
    seconds: float = 0.0
    scope: Scope | None = field(default=None, repr=False)

    @property
    def steps(self) -> range:
        """The numbers of its steps."""
        return range(self.first, self.first + self.count)

    def __str__(self) -> str:
        return f"{self.name:<14} {self.count:>5} changes"


class Trace:
    """The steps of a compilation in order, and the stages they belong to.

        >>> x = pt.vector("x")
        >>> trace = pt.function([x], pt.log(1 + pt.exp(x))).trace()
        >>> print([step.rule for step in trace][0])
        log(1 + exp(x)) -> softplus(x)
        >>> trace.graph(len(trace))[0].op.name
        'softplus'
    """

    def __init__(self, stages: Sequence[Stage], steps: Sequence[Step]) -> None:
        self.stages, self.steps = tuple(stages), tuple(steps)
        self._graphs: dict[int, tuple[Node, ...]] = {}
        self._makers: Mapping[Node, tuple[Step, ...]] | None = None

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def step(self, k: int) -> Step:
        """The step with a number, from 0; IndexError for one that is not there."""
        if not 0 <= k < len(self.steps):
            raise IndexError(f"step {k}: the trace has {len(self.steps)} steps, from 0")
        return self.steps[k]

    def stage_of(self, k: int) -> Stage:
        """The stage that step k is in."""
        self.step(k)
        return next(stage for stage in self.stages if k in stage.steps)

    def graph(self, k: int) -> tuple[Node, ...]:
        """The outputs after the first k steps: `graph(0)` is the graph as it was given, and
        `graph(k + 1)` the one that step k made. IndexError for more steps than there are."""
        if not 0 <= k <= len(self.steps):
            raise IndexError(f"graph {k}: the trace has {len(self.steps)} steps")
        if k not in self._graphs:
            self._graphs[k] = self._made(k)
        return self._graphs[k]

    def _made(self, k: int) -> tuple[Node, ...]:
        if k == 0:
            return self.stages[0].before if self.stages else ()
        stage = self.stage_of(k - 1)
        done = k - stage.first
        if stage.scope is None or done == stage.count:
            return stage.after
        return tuple(_replayed(stage.scope, done))

    def text(self, k: int) -> str:
        """Step k for a terminal: rule, reason and line, then the trees of what was replaced and of
        what replaced it, with one id for what both have."""
        step, ids = self.step(k), {}
        parts = [f"step {k} of {len(self)}\n{step}"]
        for label, node in (("before", step.node), ("after", step.after)):
            tree = trees.debugprint(
                node, DEEP, file="str", used_ids=ids, print_type=True, print_inner_graphs=False
            )
            parts.append(f"{label}\n{tree}")
        return "\n".join(parts) + "\n"

    def at(self, name: str) -> tuple[Node, ...]:
        """The outputs after the pass of a name; KeyError if there is none."""
        found = [stage.after for stage in self.stages if stage.name == name]
        if not found:
            raise KeyError(f"{name!r} is none of {', '.join(s.name for s in self.stages)}")
        return found[-1]

    def rules_of(self) -> Mapping[Node, tuple[Step, ...]]:
        """The steps that made each node, of all graphs of the trace: a node that was there at first
        has none, and one over changed operands those of the node that it was."""
        if self._makers is None:
            self._makers = _makers_of(self)
        return self._makers

    def by_line(self) -> Mapping[str, list[Step]]:
        """The steps of each of the user's lines, in order of first use."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.line, []).append(step)
        return found

    def __str__(self) -> str:
        rows = []
        for stage in self.stages:
            rows.append(str(stage))
            rows += [_one_line(self.steps[k]) for k in stage.steps]
        return "\n".join(rows) + "\n"

    def __repr__(self) -> str:
        return f"<trace of {len(self.stages)} passes, {len(self.steps)} steps>"


def _one_line(step: Step) -> str:
    pad = "  " * len(step.inside)
    change = f"{step.before_text}  ->  {step.after_text}"
    return f"  {step.number:>5}  {pad}{change}   [{step.rule}]  # {step.line}"


def record(function: Subject) -> Trace:
    """Compile the graph of a function once more, as far as its plan, and record every change."""
    maker = _Maker()
    lowered = function.compilation.lowered()
    asked = getattr(function.program, "asked", None)
    if asked is not None:
        maker.given(asked.outputs, asked.rules)
    written = tuple(function.program.graph)
    if len(written) == len(lowered.started):
        maker.function(DRAWS, "draws under a key; names for sizes that data decide", written,
                       lowered.started)  # fmt: skip
    maker.passes(lowered.steps, lowered.started)
    return maker.trace()


def of_passes(steps: Sequence[Pass], outputs: Sequence[Node]) -> Trace:
    """The trace of passes over a graph."""
    maker = _Maker()
    maker.passes(steps, outputs)
    return maker.trace()


def of_action(name: str, why: str, action: Callable[[], Sequence[Node]],
              before: Sequence[Node] | None = None) -> Trace:  # fmt: skip
    """The trace of a function that applies rules to a graph, `before`, and gives the outputs."""
    maker = _Maker()
    maker.action(name, why, action, before)
    return maker.trace()


def of_record(name: str, why: str, made: Record) -> Trace:
    """The trace of the last runs of rules in a record that follow on one another: each began with
    what the one before it left."""
    scopes = [scope for scope in made.scopes if scope.after is not None]
    chain: list[Scope] = []
    while scopes and (not chain or _same(scopes[-1].after, chain[0].before)):
        chain.insert(0, scopes.pop())
    maker = _Maker()
    if chain:
        maker.chain(name, why, chain[0].before, Record(chain), chain[-1].after)
    return maker.trace()


def joined(*traces: Trace) -> Trace:
    """Traces one after the other, as one."""
    maker = _Maker()
    for trace in traces:
        maker.add(trace)
    return maker.trace()


class _Maker:
    """Stages and steps as they are found."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.steps: list[Step] = []

    def trace(self) -> Trace:
        return Trace(self.stages, self.steps)

    def add(self, trace: Trace) -> None:
        first = len(self.steps)
        self.steps += [_renumbered(step, first) for step in trace.steps]
        self.stages += [_moved(stage, first) for stage in trace.stages]

    def passes(self, steps: Sequence[Pass], outputs: Sequence[Node]) -> None:
        """Run passes with a record of each."""
        log: list[PassRecord] = []
        run(steps, outputs, log=log, changes=True)
        for step, done in zip(steps, log, strict=True):
            self.one_pass(step, done)

    def one_pass(self, step: Pass, done: PassRecord) -> None:
        why = _reason(step)
        made = done.changes or Record()
        if isinstance(step.action, Ruleset):
            first = len(self.steps)
            for scope in made.scopes:
                self.enter(step.name, scope, ())
            count = len(self.steps) - first
            scope = made.scopes[0] if made.scopes else None
            self.stages.append(
                Stage(step.name, why, done.before, done.after, first, count, done.seconds, scope)
            )
            return
        self.chain(step.name, why, done.before, made, done.after, done.seconds)

    def chain(self, name: str, why: str, before: Sequence[Node], made: Record,
              after: Sequence[Node], seconds: float = 0.0) -> None:  # fmt: skip
        """A function that may apply rules to the whole graph: what it did before, between and after
        these is a stage of its own where it did anything."""
        current = tuple(before)
        for scope in made.scopes:
            if scope.after is None or len(scope.before) != len(current):
                continue
            self.function(name, why, current, scope.before, made.noted)
            first = len(self.steps)
            self.enter(name, scope, ())
            count = len(self.steps) - first
            self.stages.append(
                Stage(name, why, scope.before, scope.after, first, count, 0.0, scope)
            )
            current = scope.after
        last = not made.scopes or not _same(current, after)
        if last:
            self.function(name, why, current, after, made.noted, seconds, always=not made.scopes)

    def function(self, name: str, why: str, before: Sequence[Node], after: Sequence[Node],
                 noted: Sequence[Change] = (), seconds: float = 0.0,
                 always: bool = False) -> None:  # fmt: skip
        """A change of the graph at once: its steps are what was noted, or where it differs."""
        if _same(before, after):
            if always:
                self.stages.append(
                    Stage(name, why, tuple(before), tuple(after), len(self.steps), 0, seconds)
                )
            return
        first = len(self.steps)
        for change in noted:
            if change.node is not change.after:
                op = change.node.op.name
                reason = f"{op} stands for a graph of other ops, which is put in its place"
                self.steps.append(
                    Step(len(self.steps), name, f"expand {op}", reason, "", change.node,
                         change.after, line_of(change.node))
                )  # fmt: skip
        for node, made in differences(before, after) if len(self.steps) == first else ():
            self.steps.append(
                Step(len(self.steps), name, name, why, "", node, made, line_of(node), equal=False)
            )
        count = len(self.steps) - first
        self.stages.append(Stage(name, why, tuple(before), tuple(after), first, count, seconds))

    def given(self, outputs: Sequence[Node], rules: Sequence[Given] | Given) -> None:
        """The rules that a user gave with the function."""
        self.action(GIVEN, "rules=[...] of the function",
                    lambda: rewrite_graph(list(outputs), rules), outputs)  # fmt: skip

    def action(self, name: str, why: str, action: Callable[[], Sequence[Node]],
               before: Sequence[Node] | None = None) -> None:  # fmt: skip
        with recording() as made:
            after = action()
        if before is None:
            before = made.scopes[0].before if made.scopes else after
        self.chain(name, why, before, made, after)

    def enter(self, name: str, scope: Scope, inside: tuple[tuple[Node, Closed], ...]) -> None:
        """The steps of a run of rules, and of those over bodies within it."""
        owners, bodies = tuple(x for x, _ in inside), tuple(body for _, body in inside)
        for item in scope.changes:
            if isinstance(item, Scope):
                self.enter(name, item, (*inside, (item.owner, item.body)))
                continue
            rule = item.rule
            named = (BODIES, WHY_BODIES, "") if rule is None else (rule.name, rule.why, rule.line)
            self.steps.append(
                Step(len(self.steps), name, *named, item.node, item.after, line_of(item.node),
                     owners, bodies, None if rule is None else rule.ulps)
            )  # fmt: skip


def _reason(step: Pass) -> str:
    """What a pass is for: of a function the first sentence of its docstring."""
    if isinstance(step.action, Ruleset):
        return f"{len(step.action)} rules, each with its own reason"
    action = getattr(step.action, "func", step.action)
    text = " ".join((action.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".")


def _renumbered(step: Step, first: int) -> Step:
    return replace(step, number=step.number + first)


def _moved(stage: Stage, first: int) -> Stage:
    return replace(stage, first=stage.first + first)


def _same(first: Sequence[Node], second: Sequence[Node]) -> bool:
    return len(first) == len(second) and all(map(is_, first, second))


def differences(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[Node, Node]]:
    """The pairs of nodes at which two graphs differ, from the outputs down: nodes of other ops, or
    of another number of operands. What is below such a pair is not compared."""
    found: dict[tuple[Node, Node], None] = {}
    stack = list(zip(reversed(before), reversed(after), strict=True))
    seen: set[tuple[Node, Node]] = set()
    while stack:
        pair = stack.pop()
        old, new = pair
        if old is new or pair in seen:
            continue
        seen.add(pair)
        if type(old.op) is not type(new.op) or len(old.inputs) != len(new.inputs):
            found[pair] = None
            continue
        mine, theirs = all_bodies(old.op), all_bodies(new.op)
        inner = [
            both
            for a, b in zip(mine, theirs)
            if a != b and len(a.outputs) == len(b.outputs)
            for both in zip(a.outputs, b.outputs)
        ]
        pairs = [*inner, *zip(old.inputs, new.inputs)]
        if all(a is b for a, b in pairs):
            found[pair] = None  # the parameters of the op differ
        stack.extend(reversed(pairs))
    return list(found)


# The graph after some of the steps.


class _Replay(Rewriter):
    """The driver of rules, with what the rules made of each node in place of the rules."""

    def __init__(self, changes: Mapping[Node, Node]) -> None:
        super().__init__(INTERNED, None)
        self.changes = changes

    def operand(self, x: Node) -> None:
        return None

    def learn(self, form: tuple) -> tuple[bool]:
        self.usable[form] = (True,)
        return self.usable[form]

    def attempt(self, node: Node, rules: tuple) -> Node:
        return self.changes.get(node, node)

    def with_rewritten_bodies(self, node: Node) -> Node:
        return self.changes.get(node, node)

    def remade(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        return fitted(rebuild(node, inputs), node, "a replay")

    def give_up(self, node: Node, after: Node) -> None:
        pass


def _size(scope: Scope) -> int:
    """The number of steps of a scope."""
    return sum(_size(item) if isinstance(item, Scope) else 1 for item in scope.changes)


def _replayed(scope: Scope, count: int) -> list[Node]:
    """The outputs of a run of rules after the first `count` of its changes."""
    changes: dict[Node, Node] = {}
    bodies: dict[Node, dict] = {}  # those that were rewritten, by owner, until the owner is changed
    for item in scope.changes:
        if count <= 0:
            break
        if isinstance(item, Scope):
            size = _size(item)
            bodies.setdefault(item.owner, {})[item.body] = _replayed(item, min(size, count))
            count -= size
        else:
            changes[item.node] = item.after
            bodies.pop(item.node, None)
            count -= 1
    for owner, found in bodies.items():
        op = map_bodies(owner.op, lambda b, by=found: with_outputs(b, by.get(b, b.outputs)))
        if op is not owner.op:
            with made_by(owner):
                changes[owner] = make(op, owner.inputs, type(owner))
    driver = _Replay(changes)
    for output in scope.before:
        driver.finish(output)
    return [driver.done[output] for output in scope.before]


def _makers_of(trace: Trace) -> dict[Node, tuple[Step, ...]]:
    """The steps that made each node; see `Trace.rules_of`."""
    made: dict[Node, tuple[Step, ...]] = {}

    def enter(outputs: Sequence[Node], steps: tuple[Step, ...]) -> None:
        """Nodes that are new among these and what they need are made by these steps."""
        stack = list(outputs)
        while stack:
            node = stack.pop()
            if node not in made:
                made[node] = steps
                stack.extend(node.inputs)
                stack.extend(y for body in all_bodies(node.op) for y in body.outputs)

    for stage in trace.stages:
        enter(stage.before, ())
        changed = {}
        for k in stage.steps:
            step = trace.steps[k]
            changed[step.node] = step
            enter([step.node], ())
            enter([step.after], (*made[step.node], step) if step.rule != BODIES else
                  made[step.node])  # fmt: skip
        if stage.scope is not None:
            driver = _Replay({node: step.after for node, step in changed.items()})
            for output in stage.before:
                driver.finish(output)
            for node, following in driver.next.items():
                if following is not node and node not in changed:  # over changed operands
                    made[following] = made.get(following) or made.get(node, ())
        enter(stage.after, ())
    return made
