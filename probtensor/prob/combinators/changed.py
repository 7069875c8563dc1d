"""Folded and masked variables."""

from __future__ import annotations

from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node
from probtensor.prob.combinators.parts import Dims, Shape, of_dtype, part_of, variable_of
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.combined.changed import Folded, Masked
from probtensor.prob.distributions.parameters import variable_text


@public
def folded(dist, loc=0.0, *, shape: Shape = None, name: str | None = None, dims: Dims = None,
           constraint=None) -> Node:  # fmt: skip
    """loc + |x - loc| of a value x of `dist`: what lies below `loc` is reflected about it.

    dist: an unnamed random variable of real or whole numbers

    Support: x >= loc.
    Mean: not known.
    Variance: not known.
    Source: Leone, Nelson and Nottingham (1961), "The Folded Normal Distribution", Technometrics
    3:543.
    Returns a random variable, a tensor of the kind of dist. Raises ValueError for a literal
    parameter outside its range, GraphError for a dist that is named, used elsewhere, or of vectors.

        >>> y = pt.random.folded(pt.random.normal(1.0, 2.0))
        >>> pt.logp(y, 0.5).eval().round(6)
        np.float64(-1.067396)
    """
    what = variable_text("folded", name)
    part = part_of(dist, f"dist of {what}")
    if part.distribution.event_ndim or part.distribution.indexes:
        raise GraphError(
            f"dist of {what} is {part.distribution.name}, whose values are "
            f"{part.distribution.over}, and have no absolute value\n  at {line_text()}"
        )
    distribution = Folded("folded", (part.distribution,), ("dist.",), part.absorbed)
    values = (of_dtype(loc, [part]), *part.inputs)
    return variable_of(distribution, values, [part.batch], shape, name, dims, constraint)


@public
def masked(dist, mask, *, shape: Shape = None, name: str | None = None,
           dims: Dims = None) -> Node:  # fmt: skip
    """`dist`, where only entries count whose `mask` is true: the log density of the others is 0.

    dist  an unnamed random variable
    mask  a bool array or tensor, of the batch shape of dist

    Numbers that do not count may be any, such as the padding of shorter rows. Draws are those of
    dist.

    Support: that of dist.
    Mean: that of dist.
    Variance: that of dist.
    Source: Bingham et al. (2019), "Pyro: Deep Universal Probabilistic Programming", JMLR 20:28.
    Returns a random variable, a tensor of the kind of dist. Raises ValueError for a mask of other
    numbers than 0 and 1, GraphError for a dist that is named or used elsewhere, and for shapes that
    do not fit.

        >>> y = pt.random.masked(pt.random.normal(0.0, 1.0), [True, False])
        >>> pt.logp(y, [0.0, 3.0]).eval().round(6)
        array([-0.918939,  0.      ])
    """
    what = variable_text("masked", name)
    part = part_of(dist, f"dist of {what}", atoms=True)
    node = to_tensor(f"mask of {what}", mask)
    dtypes = [x.dtype for x in part.inputs if x.type.is_float]
    node = node.astype(dtypes[0] if dtypes else "float64") if node.dtype == "bool" else node
    distribution = Masked("masked", (part.distribution,), ("dist.",), part.absorbed)
    return variable_of(distribution, (node, *part.inputs), [part.batch], shape, name, dims)
