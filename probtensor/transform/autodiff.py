"""Derivatives of a graph as written: reverse mode (`pull_back`, `gradient`) and forward mode
(`push_forward`). The public functions in `rules.derivatives` are built on these.

The driver traverses the graph once, in linear time and without recursion. It calls `op.vjp` and
does the rest: contributions are summed to the shape of their operand, cast to its dtype and added;
integers, booleans and constants are not differentiated; a derivative that is zero everywhere is not
propagated further. A gradient node inherits the source line of the node it is derived from.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence

from probtensor import ops
from probtensor.calls import line_text
from probtensor.graph.node import (
    GraphError,
    Node,
    as_tensor,
    claim_again,
    line_of,
    made_by,
    make,
    new_input,
)
from probtensor.graph.parts import Get, types_of
from probtensor.graph.parts import parts as parts_of
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace, toposort
from probtensor.ops.kinds import Contraction, Derivatives, Elementwise, Passing
from probtensor.process import COLLECTIONS
from probtensor.transform.branches import closed_around, open_branches
from probtensor.transform.cotangents.edges import Edges
from probtensor.transform.cotangents.layers import add_masked, summed_to
from probtensor.transform.cotangents.mixtures import Part
from probtensor.transform.cotangents.triangles import pulled
from probtensor.transform.facts import constant_of
from probtensor.types import broadcast_shapes, shape_text

Nodes = Node | Sequence[Node]


def gradient(
    cost: Node | None,
    wrt: Nodes,
    *,
    consider_constant: Sequence[Node] = (),
    known_grads: Mapping[Node, object] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Node | list:
    """The gradient of a scalar with respect to `wrt` (a node gives a node, a sequence a list).

    cost: a float scalar; None if only `known_grads` (gradients of inner nodes, by node) are given.
    wrt: float tensors, inputs or inner nodes. The result has their types.
    consider_constant: nodes that are not differentiated through.
    disconnected_inputs: what to do where the cost does not depend on a `wrt`: "raise", "warn" or
        "ignore"; with the latter two the gradient is zeros (`return_disconnected="zero"`) or None
        ("none").

    GraphError if the cost is no float scalar, or a `wrt` is no float tensor or is disconnected.
    """
    targets = listed(wrt)
    outputs, cotangents = [], []
    if cost is not None:
        cost = as_tensor(cost)
        require_scalar(cost)
        outputs, cotangents = [cost], [ops.ones_like(cost)]
    for node, g in (known_grads or {}).items():
        outputs.append(node)
        cotangents.append(fit(as_tensor(g), node))
    if not outputs:
        raise GraphError("grad: give a cost, or known_grads for inner nodes")
    check_options(disconnected_inputs, return_disconnected)
    found = _accumulate(outputs, cotangents, targets, listed(consider_constant))
    result: list[Node | None] = []
    for x in targets:
        g = found.get(x)
        if g is None:
            _report_disconnected(x, disconnected_inputs)
            g = ops.zeros_like(x) if return_disconnected.lower() == "zero" else None
        result.append(g)
    return result[0] if isinstance(wrt, Node) else result


def pull_back(outputs: Nodes, wrt: Nodes, cotangents: Nodes) -> Node | list:
    """cotangents . d outputs / d wrt (Theano's `Lop`); zeros where nothing depends on a `wrt`.

    The cotangents have the types of the outputs, the result that of `wrt`.
    """
    tops, targets = listed(outputs), listed(wrt)
    pairs = _pairs(cotangents, tops, "cotangents", "outputs")
    weights = [_along(g, y, "vjp: a cotangent", "the output") for g, y in pairs]
    found = _accumulate(tops, weights, targets, ())
    result = [found.get(x) if x in found else ops.zeros_like(x) for x in targets]
    return result[0] if isinstance(wrt, Node) else result


def push_forward(outputs: Nodes, wrt: Nodes, tangents: Nodes) -> Node | list:
    """d outputs / d wrt . tangents (Theano's `Rop`); zeros where an output depends on no `wrt`.

    The tangents have the types of `wrt`, the result that of the outputs. Forward mode: the cost is
    that of a few evaluations, whatever the number of outputs.
    """
    tops, sources = listed(outputs), listed(wrt)
    for x in sources:
        require_float(x)
    pairs = _pairs(tangents, sources, "tangents", "wrt")
    moving = {x: _along(t, x, "jvp: a tangent", "the variable") for t, x in pairs}
    found = _pushed(tops, moving)
    result = [ops.zeros_like(y) if t is None else t for y, t in zip(tops, found, strict=True)]
    return result[0] if isinstance(outputs, Node) else result


def _pushed(tops: Sequence[Node], tangents: Mapping[Node, Node]) -> list[Node | None]:
    """The tangent of each output from those of some nodes; None for an output without one."""
    claim_again()
    tops, images = closed_around(tops, tangents)
    found = _pushed_through(tops, {images.get(x, x): t for x, t in tangents.items()})
    if not images:
        return found
    opened = iter(open_branches(t for t in found if t is not None))
    return [None if t is None else next(opened) for t in found]


def _pushed_through(
    tops: Sequence[Node], tangents: Mapping[Node, Node]
) -> list[Node | None]:
    """The tangents through a graph without choices, whose branches have bodies."""
    moving: dict[Node, Tangent] = dict(tangents)
    edges = Edges()
    edges.opaque.update(moving)
    for x, t in moving.items():
        edges.start(x, t)
    hidden: dict[Node, Node] = {}
    order = toposort(tops)
    if any(node.op.cut for node in order):
        order = toposort(tops, needs=_followed_inputs)
    for node in order:
        if node not in moving and any(t.is_float for t in types_of(node)):
            given = [moving.get(x) for x in node.inputs]
            if any(t is not None for t in given):
                edges.inherit(node, given)
                edges.mixtures.note(node)
                with made_by(node, derivative=True):
                    past = _push_mixture(node, moving, hidden, edges)
                    moving[node] = _push(node, given, edges) if past is None else past
    return [moving.get(y) for y in tops]


def listed(given: Nodes) -> list[Node]:
    """One node, or a sequence of them, as a list; GraphError for anything else."""
    single = isinstance(given, (Node, str)) or not isinstance(given, Iterable)
    found = [given] if single else list(given)
    for x in found:
        if not isinstance(x, Node):
            what = f"derivatives are of and by tensors, not {type(x).__name__} {x!r:.60}"
            raise refusal(what, "give a tensor of the graph or a list of them", kind=GraphError)
    return list(map(as_tensor, found))


def _pairs(given: object, nodes: list[Node], these: str, those: str) -> list[tuple[object, Node]]:
    parts = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(parts) != len(nodes):
        raise GraphError(f"{len(parts)} {these} for {len(nodes)} {those}")
    return list(zip(parts, nodes, strict=True))


def fit_to(given: object, x: Node, what: str) -> Node:
    """A user's tensor, broadcast and cast to the type of `x`; GraphError, which begins with `what`,
    where it does not fit."""
    return _along(given, x, what, "the variable")


def _along(given: object, x: Node, this: str, that: str) -> Node:
    """A user's cotangent or tangent, broadcast and cast to the type of `x`."""
    g = as_tensor(given)
    ends = zip(g.shape[::-1], x.shape[::-1])
    sizes = ((n, m) for n, m in ends if isinstance(n, int) and isinstance(m, int))
    if g.ndim > x.ndim or any(n not in (1, m) for n, m in sizes):
        raise GraphError(
            f"{this} of shape {shape_text(g.shape)} does not fit {that} {x.described} of shape "
            f"{shape_text(x.shape)}\n  at {line_text()}\n  {x.birthplace}"
        )
    return ops.astype(ops.broadcast_to(g, x.shape), x.dtype)


def _label(x: Node) -> str:
    return x.name or f"{x.op.node_text(x)} of type {x.type}"


def require_scalar(cost: Node) -> None:
    """GraphError unless the cost is a float scalar."""
    where = f"{_label(cost)}, made at {line_of(cost)}"
    if not cost.type.is_float:
        raise GraphError(
            f"grad: the cost is {cost.dtype}, which has no derivative: {where}\n"
            "  make it a float, for example by .astype('float64')"
        )
    if cost.shape:
        raise GraphError(
            f"grad: the cost has shape {shape_text(cost.shape)}, not (): {where}\n"
            "  reduce it with pt.sum(...), or use pt.jacobian or pt.vjp for tensor outputs"
        )


def require_float(x: Node) -> None:
    """GraphError for what has no derivative."""
    if not x.type.is_float:
        raise GraphError(
            f"no derivative with respect to {_label(x)}, made at {line_of(x)}: it is {x.dtype}, "
            "and only floats have one\n  differentiate a float tensor, and cast inside the graph"
        )


def check_options(disconnected_inputs: object, return_disconnected: object) -> None:
    """ValueError for invalid values of the options of `grad` for disconnected inputs."""
    _require_choice("disconnected_inputs", disconnected_inputs, ("raise", "warn", "ignore"))
    shown = return_disconnected.lower() if isinstance(return_disconnected, str) else ""
    _require_choice("return_disconnected", shown, ("zero", "none"))


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is not one of {', '.join(choices)}")


def _report_disconnected(x: Node, action: str) -> None:
    text = (
        f"grad: the cost does not depend on {_label(x)}, made at {line_of(x)} "
        "(or only through integers, comparisons or stop_gradient)\n"
        '  pass disconnected_inputs="ignore" to get zeros for it'
    )
    if action == "raise":
        raise GraphError(text)
    if action == "warn":
        warnings.warn(text, stacklevel=3)


# Reverse mode.


def _accumulate(
    outputs: Sequence[Node],
    cotangents: Sequence[Node],
    targets: Sequence[Node],
    constants: Sequence[Node],
) -> dict[Node, Node]:
    """The gradient of each target that an output depends on."""
    claim_again()
    for x in targets:
        require_float(x)
    closed, images = closed_around(outputs, [*targets, *constants])
    wrt, fixed = ([images.get(x, x) for x in nodes] for nodes in (targets, constants))
    with COLLECTIONS.rare():
        found = _accumulated(closed, cotangents, wrt, fixed)
    reached = [(x, found[own]) for x, own in zip(targets, wrt, strict=True) if own in found]
    gradients = open_branches(g for _, g in reached) if images else [g for _, g in reached]
    return {x: g for (x, _), g in zip(reached, gradients, strict=True)}


def _accumulated(
    outputs: Sequence[Node],
    cotangents: Sequence[Node],
    targets: Sequence[Node],
    constants: Sequence[Node],
) -> dict[Node, Node]:
    """The gradients through a graph without choices, whose branches have bodies."""
    order = toposort(outputs)
    active = _depending(order, set(targets), set(constants))
    edges = Edges()
    edges.opaque.update(targets, constants)
    for node in order:
        if node in active:
            edges.mixtures.note(node)
    given: dict[Node, list[Node]] = {}
    hidden: dict[Node, list[Node]] = {}
    for y, g in zip(outputs, cotangents, strict=True):
        if y in active:
            edges.start(y, g)
            given.setdefault(y, []).append(g)
    found: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in active:
            continue
        with made_by(node, derivative=True):
            g = _cotangent(node, given, active)
            if g is None:
                continue
            if node in active.targets:
                found[node] = g
            hidden_parts = hidden.pop(node, None)
            hidden_g = None if hidden_parts is None else _total(hidden_parts)
            for part in _contributions(node, g, hidden_g, active, edges):
                (hidden if part.hidden else given).setdefault(part.x, []).append(part.gradient)
    return found


Cotangent = Node | tuple[Node | None, ...]  # of a result in several parts, one for each


def _cotangent(node: Node, given: dict[Node, list[Node]], active: _Active) -> Cotangent | None:
    """The total cotangent of a node, or of each part of its result; None if it has none."""
    if not isinstance(node.type, tuple):
        # The cotangent of a `Get` node is read with that of the node with several results.
        return _total(given[node]) if node in given else None
    found = tuple(
        _total(given[part]) if part in given and part in active else None
        for part in parts_of(node)
    )
    return None if all(g is None for g in found) else found


class _Active(set):
    """The float nodes that depend on a target, and the targets."""

    targets: set[Node]


def _depending(order: Sequence[Node], targets: set[Node], constants: set[Node]) -> _Active:
    active = _Active()
    active.targets = targets
    for node in order:
        if any(t.is_float for t in types_of(node)):
            reached = node in targets or not active.isdisjoint(node.inputs)
            if reached and node not in constants:
                active.add(node)
    return active


def _contributions(
    node: Node, g: Cotangent, hidden: Node | None, active: _Active, edges: Edges
) -> list[Part]:
    followed = [x in active for x in node.inputs]
    if not any(followed):
        return []
    if isinstance(node.op, Get):
        edges.follow(node, 0, node.inputs[0], g)
        return []
    if not node.op.differentiable:
        raise GraphError(
            f"{_without(node)}\n"
            "  put pt.stop_gradient around it to treat its value as a constant"
        )
    if _is_zero(g):
        # Zero by the definition of a derivative, even where the slope is infinite.
        float_inputs = [x for x, f in zip(node.inputs, followed, strict=True) if f]
        return [Part(x, ops.zeros_like(x)) for x in float_inputs]
    for position, (x, f) in enumerate(zip(node.inputs, followed, strict=True)):
        if f:
            edges.follow(node, position, x, g)
    past = edges.past_logarithms(node, g, fit, hidden)
    if past:
        return [part for part in past if part.x in active]
    if node.op.has_bodies:
        cotangents = [None if _is_zero(part) else part for part in _as_tuple(g)]
        pulled = node.op.pulled(node, cotangents, followed, DERIVATIVES)
    else:
        pulled = edges.pull_back(node, g)
    if len(pulled) != len(node.inputs):
        raise AssertionError(f"{node.op.name}.vjp gave {len(pulled)} parts for {len(followed)}")
    return [
        Part(x, fit(part, x))
        for x, part, f in zip(node.inputs, pulled, followed, strict=True)
        if f and part is not None
    ]


def _without(node: Node) -> str:
    """Which op has no derivative, where it was applied, and why if the op says it."""
    why = f": {node.op.no_derivative}" if node.op.no_derivative else ""
    return f"{node.op.user_name()} has no derivative{why}, at {line_of(node)}"


def _as_tuple(g: Cotangent | None) -> tuple[Node | None, ...]:
    return g if isinstance(g, tuple) else (g,)


def _is_zero(g: Cotangent | None) -> bool:
    return all(x is None or constant_of(x) == 0 for x in _as_tuple(g))


def _total(parts: list[Node]) -> Node:
    """The sum of the contributions that are not zero everywhere."""
    if len(parts) == 1:
        return parts[0]
    nonzero = [g for g in parts if constant_of(g) != 0] or parts[:1]
    total = nonzero[0]
    for g in nonzero[1:]:
        total = add_masked(total, g)
    return total


def fit(g: Node, x: Node) -> Node:
    """A gradient of a broadcast of `x`, summed to the shape of `x` and cast to its dtype."""
    if g.type is x.type or g.type == x.type:
        return g
    extra = g.ndim - x.ndim
    if extra < 0 or broadcast_shapes(g.shape, x.shape) == x.shape:
        return ops.astype(ops.broadcast_to(g, x.shape), x.dtype)
    return ops.astype(summed_to(g, x.shape), x.dtype)


# Forward mode.


def _followed_inputs(node: Node) -> list[Node]:
    """The inputs by which a node may have a derivative."""
    return [x for k, x in enumerate(node.inputs) if k not in node.op.cut]


Tangent = Node | tuple[Node | None, ...] | None  # of a result in several parts, one for each


def _push(node: Node, tangents: list, edges: Edges) -> Tangent:
    """The tangent of a node from those of its inputs (None for inputs without one)."""
    op = node.op
    if isinstance(op, Get):
        return tangents[0][op.index]
    if not op.differentiable:
        raise GraphError(_without(node))
    if isinstance(op, Passing):
        return None if tangents[0] is None else op.pushed_on(node, tangents[0])
    if op.has_bodies or op.chooses:
        pushed = tuple(op.pushed(node, tangents, DERIVATIVES))
        return pushed if isinstance(node.type, tuple) else pushed[0]
    if isinstance(op, Elementwise):
        return _push_elementwise(node, tangents, edges)
    if isinstance(op, Contraction):
        x, y = node.inputs
        parts = [
            op(tangents[0], y) if tangents[0] is not None else None,
            op(x, tangents[1]) if tangents[1] is not None else None,
        ]
        return _total([part for part in parts if part is not None])
    if op.linear:
        moved = [
            x if not x.type.is_float else ops.zeros_like(x) if t is None else t
            for x, t in zip(node.inputs, tangents, strict=True)
        ]
        made = make(op, moved)
        return parts_of(made) if isinstance(made.type, tuple) else made
    return _push_twice_reversed(node, tangents, edges)


def _push_elementwise(
    node: Node, tangents: list[Node | None], edges: Edges
) -> Node | None:
    """The tangent of an elementwise op. Its Jacobians are diagonal, hence their own transposes, so
    `vjp` serves as `jvp`."""
    parts = []
    for position, t in enumerate(tangents):
        if t is not None:
            g = ops.broadcast_to(ops.astype(t, node.dtype), node.shape)
            part = node.op.vjp(g, node, *node.inputs)[position]
            part = edges.push_forward(node, position, g, part)
            if part is not None:
                parts.append(ops.astype(ops.broadcast_to(part, node.shape), node.dtype))
    return _total(parts) if parts else None


def _push_twice_reversed(node: Node, tangents: list[Node | None], edges: Edges) -> Tangent:
    """The tangent of any differentiable op. vjp(u) is linear in the cotangent u, so the derivative
    of vjp(u) . tangents with respect to u is the Jacobian-vector product."""
    several = isinstance(node.type, tuple)
    us = [new_input("cotangent", t.dtype, t.shape) if t.is_float else None for t in types_of(node)]
    u, out = (tuple(us), parts_of(node)) if several else (us[0], node)
    found = pulled(node, u, out, node.inputs, edges.facts)
    pairs = [
        (fit(part, x), t)
        for part, x, t in zip(found, node.inputs, tangents, strict=True)
        if part is not None and t is not None
    ]
    moved = _transposed([u for u in us if u is not None], pairs)
    return tuple(None if u is None else moved[u] for u in us) if several else moved[u]


def _push_mixture(
    node: Node, moving: Mapping[Node, Node | None], hidden: dict[Node, Node], edges: Edges
) -> Node | None:
    """The tangent of a mixture from those of its weights, bypassing their logarithms; None for all
    other nodes. `hidden` are tangents of exp(x), in units of its scale, for mixtures x, valid where
    x is -inf."""
    if not edges.is_mixture(node):
        return None
    if edges.mixtures.vanishes(node):
        u = new_input("cotangent", node.dtype, node.shape)
        past = edges.past_logarithms(node, ops.zeros_like(node), fit, u)
        found = _transposed([u], _moving_pairs(past, moving, hidden, edges))[u]
        if found is not None:
            hidden[node] = found
    u = new_input("cotangent", node.dtype, node.shape)
    past = edges.past_logarithms(node, u, fit)
    return _transposed([u], _moving_pairs(past, moving, hidden, edges))[u]


def _moving_pairs(
    past: Sequence[Part],
    moving: Mapping[Node, Node | None],
    hidden: Mapping[Node, Node],
    edges: Edges,
) -> list[tuple[Node, Node]]:
    """(gradient, tangent) for the parts of a mixture that have a tangent."""
    pairs = []
    for part in past:
        t = (hidden if part.hidden else moving).get(part.x)
        if t is None:
            continue
        if not part.hidden and edges.mixtures.vanishes(part.x):
            t = ops.where(ops.eq(part.x, -math.inf), 0, t)
        gradient = part.gradient
        if part.steep:
            regular = ops.logical_or(ops.ne(t, 0), ops.lt(ops.abs(gradient), math.inf))
            gradient = ops.where(regular, gradient, 0)
        pairs.append((gradient, t))
    return pairs


def _transposed(
    us: Sequence[Node], pairs: Sequence[tuple[Node, Node]]
) -> dict[Node, Node | None]:
    """For pairs (f(us), t) with f linear, the derivative of sum(f(us) . t) with respect to each u;
    None for a u that no f depends on."""
    if not pairs:
        return dict.fromkeys(us)
    found = _accumulate([p for p, _ in pairs], [t for _, t in pairs], us, ())
    # A linear function has a constant derivative, so u may be replaced by zeros in it.
    zeros = {u: ops.zeros_like(u) for u in us}
    return {u: replace([found[u]], zeros)[0] if u in found else None for u in us}


# What ops with bodies receive.


def _body_pulled(
    outputs: Sequence[Node], wrt: Sequence[Node], cotangents: Sequence[Node]
) -> list[Node | None]:
    found = _accumulate(outputs, cotangents, wrt, ())
    return [found.get(x) for x in wrt]


def _body_pushed(
    outputs: Sequence[Node], wrt: Sequence[Node], tangents: Sequence[Node]
) -> list[Node | None]:
    return _pushed(outputs, dict(zip(wrt, tangents, strict=True)))


DERIVATIVES = Derivatives(_body_pulled, _body_pushed)
