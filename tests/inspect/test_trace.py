"""The record of a compilation: all changes, in order, and the graph after each of them."""

import re

import pytest

import probtensor as pt
from probtensor.graph import toposort
from probtensor.inspect import trace as traces
from probtensor.transform import apply_rules, recording, rule, var
from probtensor.transform.rewrite import Ruleset
from tests.inspect.programs import PROGRAMS, compiled, posterior


def same(first, second):
    return len(first) == len(second) and all(a is b for a, b in zip(first, second))


@pytest.mark.parametrize("name", [*PROGRAMS, "posterior"])
def test_steps_lead_from_what_was_written_to_what_is_compiled(name):
    f = posterior().function if name == "posterior" else compiled(name)
    trace = f.trace()
    lowered = f.compilation.lowered()
    count = len(lowered.outputs)
    assert same(trace.stages[-1].after[:count], lowered.outputs)
    assert sum(stage.count for stage in trace.stages) == len(trace)
    for before, after in zip(trace.stages, trace.stages[1:]):
        assert same(before.after, after.before)
    replayed = 0
    for stage in trace.stages:
        assert same(trace.graph(stage.first), stage.before) or stage.first == 0
        if stage.scope is not None:  # replaying all changes gives the nodes that the rules gave
            assert same(traces._replayed(stage.scope, stage.count), stage.after)
            replayed += stage.count
    assert same(trace.graph(len(trace)), trace.stages[-1].after)
    assert replayed or name in ("drawn", "shared_state")
    for k, step in enumerate(trace):
        assert step.number == k and step.why and step.node is not step.after
        assert [y.type for y in trace.graph(k + 1)] == [y.type for y in trace.graph(k)] or (
            trace.stage_of(k).scope is None
        )


def test_a_step_names_rule_reason_and_line():
    trace = compiled("dense").trace()
    (step,) = [s for s in trace if s.rule == "log(1 + exp(x)) -> softplus(x)"]
    assert step.stage == "stabilize" and "overflows" in step.why
    assert step.source.startswith("stabilize.py:")
    assert step.line.split("/")[-1].startswith("programs.py:")
    assert step.node.op.name == "log" and step.after.op.name == "softplus"
    before, after = (pt.to_text(trace.graph(step.number + k)) for k in (0, 1))
    assert "log(" in before and "softplus" not in before
    assert "softplus(" in after and "log(" not in after


def test_each_step_of_rules_changes_one_place():
    """The graph after a step has the new node where the graph before had the old one."""
    trace = compiled("dense").trace()
    for stage in trace.stages:
        for k in stage.steps if stage.scope is not None else ():
            step = trace.step(k)
            assert not same(trace.graph(k), trace.graph(k + 1))
            nodes = {id(n) for n in toposort(trace.graph(k))}
            assert id(step.node) in nodes
            assert id(step.after) in {id(n) for n in toposort(trace.graph(k + 1))}


def test_steps_in_bodies_say_so():
    inside = [step for step in compiled("scanned").trace() if step.inside]
    assert any(s.rule == "log(1 + exp(x)) -> softplus(x)" for s in inside)
    assert all(s.inside[-1].op.has_bodies for s in inside)
    assert "in scan" in str(inside[0])


def test_rules_of_the_user_come_first():
    v, a = var("v"), pt.scalar("a")
    half = rule(pt.sin(v) * pt.cos(v), pt.sin(2 * v) / 2, over=(-3, 3), why="one function")
    trace = pt.function([a], pt.sin(a) * pt.cos(a), target="interp", rules=[half]).trace()
    assert trace.step(0).rule == half.name and trace.step(0).why == "one function"
    assert trace.stages[0].name == "given rules"
    assert "sin(a)" in trace.step(0).before_text


def test_steps_are_numbered_and_refused_beyond_the_last():
    trace = compiled("dense").trace()
    with pytest.raises(IndexError, match="from 0"):
        trace.step(len(trace))
    with pytest.raises(IndexError, match="steps"):
        trace.graph(len(trace) + 1)
    with pytest.raises(KeyError, match="stabilize"):
        trace.at("nonsense")
    assert same(trace.at("accumulate"), trace.graph(len(trace)))


def test_traces_join():
    one, other = compiled("dense").trace(), compiled("scanned").trace()
    both = traces.joined(one, other)
    assert len(both) == len(one) + len(other)
    assert same(both.graph(len(one) + 5), other.graph(5))
    assert both.step(len(one)).rule == other.step(0).rule


def test_nothing_is_recorded_unless_asked():
    x = pt.scalar("x")
    rules = Ruleset(rule(pt.log(pt.exp(var("v"))), var("v"), over=(-3, 3), why="inverse"))
    assert recording.current() is None
    apply_rules([pt.log(pt.exp(x))], rules)
    with recording.recording() as made:
        apply_rules([pt.log(pt.exp(x))], rules)
        with recording.recording() as inner:
            pass
    assert recording.current() is None
    assert len(made.scopes) == 1 and not inner.scopes
    assert made.scopes[0].after[0] is x and len(made.scopes[0].changes) == 1


def test_text_has_a_line_for_each_step():
    trace = compiled("dense").trace()
    text = str(trace)
    assert len(text.splitlines()) == len(trace.stages) + len(trace)
    assert "[log(1 + exp(x)) -> softplus(x)]" in text
    assert repr(trace) == f"<trace of {len(trace.stages)} passes, {len(trace)} steps>"
    assert {s.line for s in trace} == set(trace.by_line())


def test_a_step_as_text_shows_both_sides():
    trace = compiled("dense").trace()
    k = next(step.number for step in trace if step.rule == "log(1 + exp(x)) -> softplus(x)")
    text = trace.text(k)
    assert text.startswith(f"step {k} of {len(trace)}\n") and "overflows" in text
    before, after = text.partition("\nbefore\n")[2].split("\nafter\n")
    assert before.startswith("log [id A]") and after.startswith("softplus [id")
    shared = re.search(r"contract\S* \[id (\w+)\]", before).group(1)
    assert re.search(r"contract\S* \[id (\w+)\]", after).group(1) == shared


def test_nodes_know_the_rules_that_made_them():
    f = compiled("dense")
    makers = f.trace().rules_of()
    loss = f.compilation.lowered().outputs[0]
    assert [s.rule for s in makers[loss.inputs[0]]] == ["log(1 + exp(x)) -> softplus(x)"]
    assert makers[loss] == ()
    written = f.program.graph[0]
    assert all(makers[node] == () for node in toposort([written]))
