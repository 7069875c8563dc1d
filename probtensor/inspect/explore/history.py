"""The passes and rewrites of a compilation, as graphs of the table."""

from __future__ import annotations

from probtensor.inspect import trace as traces
from probtensor.inspect.explore.graphs import Table
from probtensor.inspect.subject import Subject

# Graphs are made for each step as long as all steps together have at most so many nodes; else for
# each pass.
MOST_NODES = 400_000
MOST_STEPS = 5_000


def passes_of(function: Subject, table: Table) -> dict[str, object]:
    """The graph as it was given, and each pass with its steps and the graph after it."""
    trace = traces.record(function)
    started = table.graph(trace.graph(0)) if trace.stages else []
    size = len(table.nodes)
    whole = len(trace) * max(1, size) <= MOST_NODES
    rules: dict[tuple[str, str, str], int] = {}
    stages = []
    for stage in trace.stages:
        steps = []
        for k in stage.steps[:MOST_STEPS]:
            step = trace.step(k)
            rule = rules.setdefault((step.rule, step.why, step.source), len(rules))
            before, after = table.graph([step.node, step.after])
            graph = table.graph(trace.graph(k + 1)) if whole and stage.scope is not None else None
            inside = table.graph(step.inside)
            line = table.sources.of_text(step.line)
            steps.append([rule, before, after, line, inside, step.before_text, step.after_text,
                          graph])  # fmt: skip
        stages.append({
            "name": stage.name, "why": stage.why, "seconds": stage.seconds,
            "count": stage.count, "steps": steps, "outputs": table.graph(stage.after),
        })  # fmt: skip
    return {"started": started, "stages": stages, "rules": list(rules)}
