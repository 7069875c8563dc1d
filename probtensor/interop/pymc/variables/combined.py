"""Rows of variables that are made of others: mixtures, truncated and censored ones, series, and
expressions. Where a part has no counterpart, neither has the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from probtensor.graph import GraphError, Node
from probtensor.graph.node import new_input
from probtensor.interop.pymc.variables.patterns import argument
from probtensor.interop.pymc.variables.reading import Reading, Row, is_literal, row_of, variable_by
from probtensor.interop.pymc.variables.scalars import bound
from probtensor.interop.pytensor.translate import Translator
from probtensor.prob.density.logp import logp as logp_of


def _mixture(r: Reading) -> Node | None:
    if r.dropped:
        return None
    weights, *components = r.parameters
    if len(components) == 2 and _is_zero(r, components[0]):
        return _zero_inflated(r, weights, components[1])
    parts = [r.part(x) for x in components]
    if any(part is None for part in parts):
        return None
    w = r.node(weights)
    return r.made("mixture", w, parts if len(parts) > 1 else parts[0])


def _is_zero(r: Reading, component: Any) -> bool:
    """Is a component the number 0?"""
    if type(component.owner.op).__name__ != "DiracDeltaRV":
        return False
    return is_literal(r.node(component.owner.inputs[-1]), 0)


def _zero_inflated(r: Reading, weights: Any, component: Any) -> Node | None:
    part = r.part(component)
    if part is None or not component.type.dtype.startswith("int"):
        return None
    return r.made("zero_inflated", r.node(weights)[..., 1], part)


def _hurdle(r: Reading) -> Node | None:
    """Counts are truncated to positive ones in PyMC's graph, as `hurdle` does."""
    if r.dropped:
        return None
    weights, zero, component = r.parameters
    if not _is_zero(r, zero):
        return None
    if type(component.owner.op).__name__ == "TruncatedRV":
        base, lower, upper = _cut(component)
        if not (is_literal(r.node(lower), 1) and bound(r.node(upper)) is None):
            return None
        component = base
    part = r.part(component)
    return None if part is None else r.made("hurdle", r.node(weights)[..., 1], part)


def _cut(rv: Any) -> tuple[Any, Any, Any]:
    """The variable that is truncated, and its bounds."""
    *inputs, lower, upper = rv.owner.inputs
    return rv.owner.op.base_rv_op.make_node(*inputs).default_output(), lower, upper


def _truncated(r: Reading) -> Node | None:
    return _between(r, "truncated", *_cut(r.rv))


def _censored(r: Reading) -> Node | None:
    return _between(r, "censored", *r.rv.owner.inputs[:3])


def _between(r: Reading, function: str, base: Any, *bounds: Any) -> Node | None:
    part = None if r.dropped else r.part(base)
    if part is None or not part.op.distribution.has_cdf or part.op.distribution.has_atoms:
        return None
    return r.made(function, part, *(bound(r.node(x)) for x in bounds))


# Series.


def _random_walk(r: Reading) -> Node | None:
    if r.dropped or r.shape is None:
        return None
    first, innovation = (r.part(x, dropped=True) for x in r.parameters[:2])
    if first is None or innovation is None:
        return None
    return r.made("random_walk", first, innovation)


def _ar(r: Reading) -> Node | None:
    if r.dropped or r.shape is None:
        return None
    rho, sigma, first, _ = r.parameters
    start = r.part(first)
    if start is None:
        return None
    return r.made("ar", r.node(rho), r.node(sigma), constant=bool(r.op.constant_term),
                  init_dist=start, ar_order=r.op.ar_order)  # fmt: skip


def _garch11(r: Reading) -> Node | None:
    if r.dropped or r.shape is None:
        return None
    return r.made("garch11", *map(r.node, r.parameters[:4]))


def _euler_maruyama(r: Reading) -> Node | None:
    if r.dropped or r.shape is None:
        return None
    first, _, *parameters = r.parameters
    start = r.part(first)
    if start is None:
        return None
    step = translated_function(r.op.sde_fn)
    dt = r.op.dt if isinstance(r.op.dt, (int, float)) else r.node(r.op.dt)
    return r.made("euler_maruyama", dt, step, [r.node(x) for x in parameters], init_dist=start)


def translated_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of variables of PyTensor as one of tensors."""
    tensor = import_module("pytensor.tensor")

    def own(*xs: Node) -> list[Node]:
        inputs = [tensor.tensor(dtype=x.dtype, shape=(None,) * x.ndim) for x in xs]
        found = function(*inputs)
        outputs = [tensor.as_tensor(y) for y in (found if _is_several(found) else [found])]
        return Translator(dict(zip(inputs, xs, strict=True))).nodes(outputs)

    return own


def _is_several(found: Any) -> bool:
    return isinstance(found, (tuple, list))


# Expressions of random variables: CustomDist(dist=).


def _custom(r: Reading) -> Node | None:
    """The expression of a `dist=` function, by the density that `pt.logp` derives."""
    if r.dropped or r.op.ndim_supp or any(r.op.ndims_params) or r.shape is None:
        return None
    if not r.op.inline_logprob:  # the density is a function of the user's
        return None
    inner = _logit_normal(r)
    if inner is not None:
        return inner
    parameters = list(r.parameters)
    make = _Expression(r, parameters)
    nodes = r.nodes()
    try:
        probe = make(*nodes, shape=r.shape)
        if probe is None or tuple(probe.shape) != tuple(r.shape):
            return None
        logp_of(probe, new_input("x", probe.dtype, probe.shape))
    except GraphError:
        return None
    discrete = r.rv.type.dtype.startswith(("int", "uint"))
    return r.made("custom", *nodes, dist=make, discrete=discrete)


class _Expression:
    """A function of parameters that gives the expression of a variable."""

    def __init__(self, r: Reading, parameters: Sequence[Any]) -> None:
        self.r, self.variables = r, parameters

    def __call__(self, *parameters: Node, shape: Any = None) -> Node | None:
        r, graph = self.r, self.r.op.fgraph
        given = dict(zip(self.variables, parameters, strict=True))
        own = Translator({}, r.translator.checks)
        for inside, outside in zip(graph.inputs, r.rv.owner.inputs, strict=True):
            if outside in given:
                own.known[inside] = given[outside]
            else:
                own.known[inside] = r.translator.nodes([outside])[0]
        for apply in graph.toposort():
            for x in apply.outputs:
                if hasattr(x.type, "ndim") and row_of(r.table, x) is not None:
                    variable = variable_by(r.table, own, x)
                    if variable is None:
                        return None
                    own.known[x] = variable
        output = graph.outputs[r.op.default_output or 0]
        return own.node(output)


def _logit_normal(r: Reading) -> Node | None:
    """The logistic function of a normal variable, which has a name of its own."""
    graph = r.op.fgraph
    inner = argument(graph.outputs[r.op.default_output or 0], "Sigmoid")
    if inner is None or type(getattr(inner.owner, "op", None)).__name__ != "NormalRV":
        return None
    given = dict(zip(graph.inputs, r.rv.owner.inputs, strict=True))
    parameters = [given.get(x) for x in inner.owner.op.dist_params(inner.owner)]
    if any(x is None for x in parameters):
        return None
    return r.made("logit_normal", *map(r.node, parameters))


ROWS: dict[str, Row] = {
    "MixtureRV": _mixture,
    "_HurdleRV": _hurdle,
    "TruncatedRV": _truncated,
    "CensoredRV": _censored,
    "RandomWalkRV": _random_walk,
    "AutoRegressiveRV": _ar,
    "GARCH11RV": _garch11,
    "EulerMaruyamaRV": _euler_maruyama,
    "CustomSymbolicDistRV": _custom,
}
