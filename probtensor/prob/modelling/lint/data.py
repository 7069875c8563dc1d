"""What observed values show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor.graph import ancestors, line_of
from probtensor.prob.model.data import Data
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.lint.findings import ERROR, WARNING, Finding

FEWEST = 20  # data from which their kind is guessed
DISTINCT = 20
ZEROS = 0.05


def findings(posterior: Posterior) -> Iterator[Finding]:
    """All that the data show."""
    yield from _nans(posterior)
    free = {v.variable: v.name for v in posterior.model.free}
    for y in posterior.model.observed:
        distribution, array = y.node.op.distribution, np.asarray(posterior.observed[y.name], float)
        if distribution.discrete or distribution.event_ndim:
            continue
        values, counts = np.unique(array, return_counts=True)
        whole = array.size >= FEWEST and np.array_equal(values, np.floor(values))
        if (
            whole
            and values[0] == 0
            and 1 < len(values) <= DISTINCT
            and counts[0] >= ZEROS * array.size
        ):
            kinds = "bernoulli" if len(values) == 2 and values[1] == 1 else "poisson"
            yield Finding(
                WARNING, "count data", (y.name,), y.line,
                f"All {array.size} values of {y.name} are whole numbers from 0 to {values[-1]:g}, "
                f"{counts[0]} of them 0, and {distribution.name} is a density of real numbers.",
                f"Use a distribution of whole numbers, such as pt.random.{kinds}.",
            )  # fmt: skip
        if len(values) != 1 or array.size < 2 or not distribution.location_scale:
            continue
        scale = y.node.op.named(y.node.inputs).get(distribution.location_scale[1])
        above = [] if scale is None else ancestors([scale], stop=free.__contains__)
        names = tuple(name for x, name in free.items() if x in set(above))
        if names:
            yield Finding(
                WARNING, "constant data", (y.name, *names), y.line,
                f"All {array.size} values of {y.name} are {values[0]:g}: the density grows without "
                f"bound as its scale, made of {', '.join(names)}, goes to 0.",
                "Look at the data; or fix the scale, or give it a prior that excludes 0.",
            )  # fmt: skip


def _nans(posterior: Posterior) -> Iterator[Finding]:
    """`pt.data` with nan, where the density is nan, too."""
    with_nan = [
        (node, array)
        for node, array in posterior.data.items()
        if isinstance(node.op, Data) and array.dtype.kind == "f" and np.isnan(array).any()
    ]
    if not with_nan or not np.isnan(posterior.logp(np.zeros(posterior.dim))):
        return
    for node, array in with_nan:
        name, count = node.name or "data without a name", int(np.isnan(array).sum())
        yield Finding(
            ERROR, "nan in data", (name,), line_of(node),
            f"{count} of {array.size} values of {name} are nan, and so is the density.",
            "Leave these rows out; or give what has gaps a distribution and observe it, so that "
            "missing values become variables.",
        )  # fmt: skip
