"""Checks of one random variable of vectors or matrices: its bijector comes back to where it began,
and moves that leave its density as it is leave the distribution of its draws as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor.graph import GraphError
from probtensor.prob.bijectors.scalars import Circular
from probtensor.prob.bijectors.vectors import UnitVector
from probtensor.prob.draws import draw_rows
from probtensor.prob.model.condition import condition
from probtensor.process import numpy_part
from probtensor.testing.models.moves import moved, spread
from probtensor.testing.models.parts import TARGET, Alone, reason
from probtensor.testing.models.report import Check

POINTS, MOVES, COORDINATES = 1000, 30, 12


def vector_checks(part: Alone, seed: int) -> Iterator[Check]:
    """All checks of one variable of vectors or matrices."""

    def check(kind: str, text: str, passed: bool | None = None, p: float | None = None) -> Check:
        return Check(kind, part.name, text, part.line, passed, p)

    if part.discrete:
        yield check("draws", "vectors of counts are looked at with the model alone")
        return
    try:
        alone = condition({}, track=[part.node], target=TARGET, progress=False)
        bijector = alone.model.free[0].bijector
        named = {"x": part.node, "u": bijector.inverse(part.node)}
        drawn = draw_rows(named, 4 * POINTS, seed, target=TARGET)
    except (GraphError, ValueError) as error:
        yield check("draws", reason(error))
        return
    u = drawn["u"]
    if isinstance(bijector, (Circular, UnitVector)):
        # The inverse gives vectors of length 1, whose lengths are those of normal vectors.
        rng = numpy_part("random").default_rng(seed)
        u = u * np.sqrt(rng.chisquare(u.shape[-1], (*u.shape[:-1], 1)))
    q = u.reshape(len(u), -1)
    lost = ~np.isfinite(q).all(axis=1)
    if lost.any():
        text = f"{lost.sum()} of {len(q)} draws lie on the edge of the support or outside"
        yield check("support", text, bool(lost.mean() < 0.01) or False)
        q = q[~lost]
        if len(q) < POINTS:
            return
    yield _round_trip(alone.expand(q[:100])[part.name], drawn["x"][~lost][:100], check)
    yield from _invariance(alone, q, seed, check)


def _round_trip(got, meant, check) -> Check:
    error = np.abs(got - meant) / np.maximum(1.0, np.abs(meant))
    text = f"values of the inverse differ by at most {error.max(initial=0):.2g}"
    return check("transform", text, bool((error < 1e-6).all()))


def _invariance(alone, q, seed, check) -> Iterator[Check]:
    """Compare draws after some moves with other draws, in each of some coordinates."""
    from scipy import stats

    rng = numpy_part("random").default_rng(seed)
    others, start = q[:-POINTS], q[-POINTS:]
    end = moved(alone.batched, start, spread(others), rng, MOVES)
    columns = np.unique(np.linspace(0, q.shape[1] - 1, min(COORDINATES, q.shape[1])).astype(int))
    pairs = [(others[:, k], end[:, k]) for k in columns]
    pairs.append((alone.batched(others)[0], alone.batched(end)[0]))
    p = min(1.0, len(pairs) * min(stats.ks_2samp(a, b).pvalue for a, b in pairs))
    yield check(
        "draws", f"draws stay as they are under moves that keep the density, p = {p:.3g}", p=p
    )
