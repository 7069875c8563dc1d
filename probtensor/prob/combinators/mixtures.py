"""Mixtures."""

from __future__ import annotations

from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.prob.combinators.parts import Dims, Part, Shape, of_dtype, part_of, variable_of
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.combined.anywhere import hull
from probtensor.prob.distributions.combined.mixture import Mixture, StackedMixture
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.parameters import variable_text
from probtensor.prob.distributions.support import Support, Vector
from probtensor.types import ShapeError, SizeCheck, broadcast_shapes, promote_float


@public
def mixture(w, comp_dists, *, shape: Shape = None, name: str | None = None, dims: Dims = None,
            constraint=None) -> Node:  # fmt: skip
    """One of several distributions, the one at k with probability `w[..., k]`.

    w           probabilities along the last axis
    comp_dists  a list of unnamed random variables, one for each of them: all of real numbers, of
                whole numbers, or of vectors of one kind; or one variable whose last batch axis is
                that of the components, as `normal([-1, 1], 1)`

    Support: what the supports of the components have between them.
    Mean: sum(w * m), where m are the means of the components.
    Variance: sum(w * (v + (m - mean)**2)), where v are their variances.
    Source: McLachlan and Peel (2000), "Finite Mixture Models", 1.4.
    Returns a random variable, a tensor of the kind of the components. Raises ValueError for
    literal weights that are no probabilities, GraphError for components that are named or used
    elsewhere, that have values of different kinds, or whose shapes do not fit.

        >>> y = pt.random.mixture([0.3, 0.7], [pt.random.normal(-1, 1), pt.random.normal(2, 0.5)])
        >>> pt.logp(y, 2.0).eval().round(6)
        np.float64(-0.580089)
    """
    what = variable_text("mixture", name)
    if isinstance(comp_dists, Node):
        return _stacked(what, "mixture", w, comp_dists, "comp_dists.", shape, name, dims,
                        constraint)  # fmt: skip
    if not isinstance(comp_dists, (list, tuple)) or not comp_dists:
        raise GraphError(
            f"comp_dists of {what} must be a list of random variables, or one with an axis of "
            f"components, not {comp_dists!r:.60}\n  at {line_text()}"
        )
    prefixes = tuple(f"comp_dists[{k}]." for k in range(len(comp_dists)))
    parts = [part_of(x, f"{p[:-1]} of {what}") for x, p in zip(comp_dists, prefixes, strict=True)]
    if len({part.distribution.over.discrete for part in parts}) > 1:
        raise GraphError(
            f"{what}: some components are of whole numbers, others of real numbers, and have no "
            f"common density\n  at {line_text()}\n  pt.random.hurdle(psi, dist) is 0 or positive"
        )
    try:
        hull([part.distribution.over for part in parts])
    except ValueError as error:
        text = f"{what}: the components do not fit, {error}\n  at {line_text()}"
        raise GraphError(text) from None
    kinds = tuple(part.distribution for part in parts)
    absorbed = tuple(x for part in parts for x in part.absorbed)
    distribution = Mixture("mixture", kinds, prefixes, absorbed)
    weights = checked_weights(what, of_dtype(w, parts), len(parts))
    values = (weights, *(x for part in parts for x in part.inputs))
    batches = [part.batch for part in parts]
    events = {str(part.distribution.event_shape(*(x.type for x in part.inputs)))
              for part in parts if part.distribution.event_ndim}  # fmt: skip
    if len(events) > 1:
        raise GraphError(
            f"{what}: the components are vectors of several sizes, {', '.join(sorted(events))}\n"
            f"  at {line_text()}"
        )
    return variable_of(distribution, values, batches, shape, name, dims, constraint)


@public
def normal_mixture(w, mu, sigma=1.0, *, shape: Shape = None, name: str | None = None,
                   dims: Dims = None, constraint=None) -> Node:  # fmt: skip
    """A mixture of normal distributions: component k, with mean `mu[..., k]` and standard deviation
    `sigma[..., k]`, has probability `w[..., k]`.

    Support: all real numbers.
    Mean: sum(w * mu).
    Variance: sum(w * (sigma**2 + (mu - mean)**2)).
    Source: McLachlan and Peel (2000), "Finite Mixture Models", 1.4.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.normal_mixture([0.3, 0.7], [-1.0, 2.0]), draws=5, seed=1).shape
        (5,)
    """
    what = variable_text("normal_mixture", name)
    nodes = [to_tensor(f"mu of {what}", mu), to_tensor(f"sigma of {what}", sigma)]
    own = [mu, sigma]
    dtype = promote_float(*map(weak_operand, own))
    values = [as_tensor_of(x if isinstance(x, (int, float)) else n, dtype)
              for x, n in zip(own, nodes, strict=True)]  # fmt: skip
    try:
        batch = broadcast_shapes(*(x.shape for x in values))
    except ShapeError as error:
        raise GraphError(f"{what}: {error}\n  at {line_text()}") from None
    part = Part(Normal(), tuple(values), batch or (1,), ())
    return _of_stack(what, "normal_mixture", w, part, "", shape, name, dims, constraint)


def _stacked(
    what: str, label: str, w: TensorLike, variable: Node, prefix: str, shape: Shape,
    name: str | None, dims: Dims, constraint: Support | None,
) -> Node:  # fmt: skip
    part = part_of(variable, f"comp_dists of {what}")
    if not part.batch:
        raise GraphError(
            f"comp_dists of {what} has no axis of components: {variable.type}\n  at {line_text()}\n"
            "  give a list, or a variable whose parameters have that axis last"
        )
    return _of_stack(what, label, w, part, prefix, shape, name, dims, constraint)


def _of_stack(
    what: str, label: str, w: TensorLike, part: Part, prefix: str, shape: Shape,
    name: str | None, dims: Dims, constraint: Support | None,
) -> Node:  # fmt: skip
    """A mixture along the last batch axis of a part."""
    distribution = StackedMixture(label, (part.distribution,), (prefix,), part.absorbed)
    weights = checked_weights(what, of_dtype(w, [part]), part.batch[-1])
    domains = [*distribution.parameters.values()][1:]
    values = [with_axis(x, domain) for x, domain in zip(part.inputs, domains, strict=True)]
    return variable_of(distribution, (weights, *values), [part.batch[:-1]], shape, name, dims,
                       constraint)  # fmt: skip


def with_axis(x: Node, domain: Vector) -> Node:
    """A parameter with the axis of components, of size 1 where it has none."""
    if x.ndim >= domain.event_ndim:
        return x
    missing = domain.event_ndim - x.ndim
    return (
        as_tensor(x.op.array[(None,) * missing])
        if isinstance(x.op, Const)
        else x[(None,) * missing]
    )


def checked_weights(what: str, w: TensorLike, count: object) -> Node:
    """The weights of a mixture, as many as there are components."""
    node = to_tensor(f"w of {what}", w)
    size = node.shape[-1] if node.ndim else 1
    if node.ndim and isinstance(size, int) and isinstance(count, int) and size != count != 1:
        raise GraphError(
            f"w of {what} has {size} entries along its last axis, and there are {count} "
            f"components\n  at {line_text()}"
        )
    if not node.ndim or size == count:
        return node
    text = ("w has shape ", node.shape, f", and there are {count} components")
    return asked_for(node, what, SizeCheck(size, "==", count, text))
