"""Draws from the prior and from the posterior predictive distribution, as named arrays.

Drawing is by name: a variable whose name has posterior draws takes them, row by row; everything
else is drawn. So new variables may stand on old ones (other rows, new groups), and no model object
is needed: the graph says what depends on what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.graph import GraphError, Node, toposort
from probtensor.prob.data import Data
from probtensor.prob.distribution import Deterministic, RandomVariable, here
from probtensor.prob.draws import draw_rows
from probtensor.prob.posterior import Posterior


def prior_rows(
    model: Posterior | Sequence[Node] | Node, draws: int, seed: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(prior draws, prior predictive draws) of a posterior's variables, or of named tensors, as
    arrays (draws, *shape). The second is of the observed variables."""
    if not isinstance(model, Posterior):
        named = named_outputs(model)
        return draw_rows(named, draws, seed), {}
    inner = model.model
    own = {v.name: v.variable for v in inner.free}
    own |= {d.name: d.node for d in inner.deterministic}
    seen = {y.name: y.node for y in inner.observed}
    found = draw_rows(own | seen, draws, seed, data=model.data, lengths=model.lengths)
    return {name: found[name] for name in own}, {name: found[name] for name in seen}


def predictive_rows(
    outputs: Any,
    values: Mapping[str, np.ndarray],
    seed: int | None = None,
    data: Mapping[Node, Any] | None = None,
    lengths: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Draws of `outputs` for each row of posterior draws `values` (name -> (n, *shape)).

    outputs  variables or named expressions; they are drawn even if `values` has their names
    data     arrays for data inputs that are not to have their own

    GraphError if nothing that the outputs depend on has posterior draws.
    """
    named = named_outputs(outputs)
    wanted = set(named.values())
    given = {}
    for node in toposort(named.values()):
        if isinstance(node.op, RandomVariable) and node not in wanted and node.name in values:
            given[node] = np.asarray(values[node.name])
    if not given:
        names = ", ".join(values) or "none"
        raise GraphError(
            f"nothing that {', '.join(named)} depends on has posterior draws (there are {names})\n"
            f"  at {here()}\n  variables are matched by name; draw from the prior with pt.draw"
        )
    count = len(next(iter(given.values())))
    fixed = {node: np.asarray(array) for node, array in (data or {}).items()}
    for node in fixed:
        if not isinstance(getattr(node, "op", None), Data):
            raise GraphError(f"data= takes data inputs, not {node!r:.60}\n  at {here()}")
    return draw_rows(named, count, seed, given, fixed, lengths)


def named_outputs(outputs: Any) -> dict[str, Node]:
    """Variables and named expressions by name; GraphError for one without a name."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    nodes = [outputs] if isinstance(outputs, Node) else list(outputs)
    named: dict[str, Node] = {}
    for node in nodes:
        if not isinstance(node, Node) or not node.name or node.name in named:
            raise GraphError(
                f"{node!r:.60} needs a name of its own to be drawn: name=, pt.deterministic, or "
                f"a dict of outputs\n  at {here()}"
            )
        named[node.name] = node
    return named


def dims_of(named: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Names of the axes of outputs that have them."""
    found = {}
    for name, node in named.items():
        if isinstance(node.op, (RandomVariable, Deterministic)) and node.op.dims:
            found[name] = node.op.dims
    return found
