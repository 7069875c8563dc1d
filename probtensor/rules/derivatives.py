"""Derivatives as users get them: of the stable form of what they wrote.

The derivative of log(1 + exp(x)) as written is exp(x) / (1 + exp(x)), which is inf / inf at 800; of
its stable form, softplus(x), it is sigmoid(x). So the outputs are simplified and stabilised before
they are differentiated. The nodes that derivatives are taken at stay as they are: rules neither
change them nor look behind them. `transform.autodiff` differentiates a graph exactly as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from probtensor.calls import public
from probtensor.graph.node import Node, as_tensor, made_by, new_input
from probtensor.graph.walk import replace
from probtensor.ops.require import keep_laws
from probtensor.rules.picks import PICKS
from probtensor.rules.sets import STABLE
from probtensor.transform import autodiff
from probtensor.transform.autodiff import Nodes, listed
from probtensor.transform.rewrite import apply_rules


def stabilized(outputs: Sequence[Node], fixed: Sequence[Node] = ()) -> list[Node]:
    """The outputs in their simplified, stable form, with the nodes `fixed` left as they are. Sizes
    that do not fit in the outputs as they were written have no value in this form either."""
    inner = {x: _stand_in(x) for x in fixed if x.inputs}
    opened = replace(outputs, inner)
    back = {stand_in: x for x, stand_in in inner.items()}
    found = apply_rules(opened, STABLE)
    picked = apply_rules(found, PICKS)
    if any(new is not old for new, old in zip(picked, found, strict=True)):
        found = apply_rules(picked, STABLE)
    return keep_laws(replace(found, back), outputs)


def _stand_in(x: Node) -> Node:
    with made_by(x):
        return new_input(x.name, x.dtype, x.shape)


def _ready(outputs: Nodes, wrt: Nodes, others: Sequence[Node] = ()) -> Any:
    ready = stabilized(listed(outputs), [*listed(wrt), *others])
    return ready[0] if isinstance(outputs, Node) else ready


def _kept(found: Any, outputs: Nodes) -> Any:
    """Derivatives, which are nested in lists, with the laws of the sizes of what they are of: one
    that is zero everywhere depends on nothing else of it."""
    if isinstance(found, list):
        return [_kept(part, outputs) for part in found]
    return keep_laws([found], listed(outputs))[0]


@public
def grad(
    cost: Node | None,
    wrt: Nodes,
    *,
    consider_constant: Sequence[Node] = (),
    known_grads: Mapping[Node, Any] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """The gradient of a scalar; arguments and errors are those of `transform.autodiff.grad`."""
    options = {
        "disconnected_inputs": disconnected_inputs,
        "return_disconnected": return_disconnected,
    }
    autodiff.check_options(**options)
    if cost is None or known_grads:
        return autodiff.grad(
            cost, wrt, consider_constant=consider_constant, known_grads=known_grads, **options
        )
    cost = as_tensor(cost)
    autodiff.require_scalar(cost)
    consider_constant = listed(consider_constant)
    found = autodiff.grad(
        _ready(cost, wrt, consider_constant),
        listed(wrt),
        consider_constant=consider_constant,
        disconnected_inputs="ignore",
        return_disconnected="none",
    )
    for place, x in enumerate(listed(wrt)):
        if found[place] is None:
            # What is simplified away is not disconnected: the graph as written decides.
            plain = autodiff.grad(cost, [x], consider_constant=consider_constant, **options)
            found[place] = plain[0]
    found = [g if g is None else keep_laws([g], [cost])[0] for g in found]
    return found[0] if isinstance(wrt, Node) else found


@public
def value_and_grad(
    cost: Node,
    wrt: Nodes,
    *,
    consider_constant: Sequence[Node] = (),
    known_grads: Mapping[Node, Any] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> tuple[Node, Any]:
    """(cost, grad(cost, wrt)), with the arguments of `grad`: compiled as outputs of one function
    they share their work."""
    slope = grad(
        cost,
        wrt,
        consider_constant=consider_constant,
        known_grads=known_grads,
        disconnected_inputs=disconnected_inputs,
        return_disconnected=return_disconnected,
    )
    return as_tensor(cost), slope


@public
def vjp(outputs: Nodes, wrt: Nodes, cotangents: Nodes) -> Any:
    """cotangents . d outputs / d wrt, as `transform.autodiff.vjp`."""
    return _kept(autodiff.vjp(_ready(outputs, wrt), wrt, cotangents), outputs)


@public
def jvp(outputs: Nodes, wrt: Nodes, tangents: Nodes) -> Any:
    """d outputs / d wrt . tangents, as `transform.autodiff.jvp`."""
    return _kept(autodiff.jvp(_ready(outputs, wrt), wrt, tangents), outputs)


@public
def hvp(cost: Node, wrt: Nodes, vectors: Nodes) -> Any:
    """The Hessian of a scalar times vectors of the types of `wrt`, forward over reverse."""
    gradient = grad(cost, wrt, disconnected_inputs="ignore")
    return jvp(gradient, wrt, vectors)


@public
def jacobian(outputs: Nodes, wrt: Nodes) -> Any:
    """d outputs / d wrt, the axes of the output first, as `transform.autodiff.jacobian`."""
    return _kept(autodiff.jacobian(_ready(outputs, wrt), wrt), outputs)


@public
def hessian(cost: Node, wrt: Nodes) -> Any:
    """The second derivatives of a scalar, as `transform.autodiff.hessian`."""
    autodiff.require_scalar(as_tensor(cost))
    return jacobian(grad(cost, wrt, disconnected_inputs="ignore"), wrt)
