"""What terms of a density and their gradients show at random points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probtensor.prob.modelling.lint.findings import ERROR, WARNING, Finding
from probtensor.prob.modelling.lint.graph import imputed
from probtensor.prob.modelling.lint.probe import LARGEST, LIKELIHOOD, Probe
from probtensor.prob.modelling.structure import transform_text

NULL = 1e-9  # singular values below this share of the largest are 0
PART = 0.02  # of a direction, from which a coordinate belongs to it
WIDE = 1e6
SAME = 1e-10
NAMED = 6
STEP = 1e-4
MOST_WEIGHTS = 1 << 20  # that are held at once
MOST_ALIKE = 12  # entries along an axis that are exchanged


def findings(probe: Probe, before: Sequence[Finding]) -> list[Finding]:
    """All that is found at points; with none at which the density is finite, that alone."""
    if not len(probe.points):
        return list(no_start(probe))
    found = []
    if probe.dim <= LARGEST:
        found += not_identified(probe, before)
    found += scales(probe)
    found += symmetry(probe)
    return found


def no_start(probe: Probe) -> Iterator[Finding]:
    """Why the density is not finite at any point."""
    terms = probe.posterior.terms(np.zeros(probe.dim))
    bad = [term for term in terms.problems if not term.demand] or list(terms.problems)
    first = bad[0] if bad else terms.terms[-1]
    yield Finding(
        ERROR, "no start", (first.name,), first.line,
        f"The density or its gradient is not finite at any of many random points; at 0: {first}.",
        "Look at these values: data on the edge of a support have no density there.",
    )  # fmt: skip


# Directions that no data determine.


def not_identified(probe: Probe, before: Sequence[Finding]) -> Iterator[Finding]:
    """Directions in which no data change: everywhere the same, or another one at each point."""
    rules = ("no data", "improper", "no derivative")
    told = {name for finding in before if finding.rule in rules for name in finding.variables}
    told |= imputed(probe.posterior)
    skip = np.array(
        [probe.posterior.variable_of(i).split("[")[0] in told for i in range(probe.dim)]
    )
    informs = probe.mask(lambda g: g.kind == LIKELIHOOD or g.depends)
    count = 2 * probe.dim + 8
    points = probe.more_points(count)
    rows = rows_at(probe, points, informs)
    lines, unseen = null_groups(rows, skip)
    if unseen.any():
        yield without_information(probe, np.flatnonzero(unseen))
    for group in lines:
        yield along_a_line(probe, group)
    elementwise = not any(g.joint for g in probe.groups if g.kind == LIKELIHOOD)
    alike = any(finding.rule == "constant data" for finding in before)
    if lines or alike or not elementwise:
        return
    informs = probe.mask(lambda g: g.kind == LIKELIHOOD or g.depends or g.vector)
    found: list[set[int]] = []
    for q in probe.points:
        rows = rows_at(probe, np.repeat(q[None], probe.dim + 8, axis=0), informs)
        groups, _ = null_groups(rows, skip | unseen)
        if not groups:
            return
        found.append(set(np.concatenate(groups).tolist()))
    yield along_a_curve(probe, sorted(set.union(*found)))


def rows_at(probe: Probe, points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Gradients of randomly weighted sums of terms, each at a point."""
    parts, rows = [], max(1, MOST_WEIGHTS // max(1, probe.entries))
    for start in range(0, len(points), rows):
        some = points[start : start + rows]
        weights = probe.rng.choice([-1.0, 1.0], size=(len(some), probe.entries)) * mask
        weights *= probe.rng.uniform(0.5, 1.5, size=weights.shape)
        parts.append(probe.gradients(some, weights)[1])
    slopes = np.concatenate(parts)
    slopes = slopes[np.isfinite(slopes).all(axis=1)]
    sizes = np.abs(slopes).max(axis=1, keepdims=True, initial=0.0)
    return slopes / np.where(sizes > 0, sizes, 1.0)


def null_groups(rows: np.ndarray, skip: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """(sets of coordinates that the null vectors of rows are made of, coordinates in no row)."""
    sizes = np.sqrt((rows**2).sum(axis=0))
    unseen = (sizes == 0) & ~skip
    kept = np.flatnonzero((sizes > 0) & ~skip)
    if not len(kept):
        return [], unseen
    _, values, vectors = np.linalg.svd(rows[:, kept] / sizes[kept])
    padded = np.zeros(len(kept))
    padded[: len(values)] = values
    null = vectors[padded < NULL * max(padded[0], 1e-300)]
    if not len(null):
        return [], unseen
    # The projection on the null space does not depend on the choice of its basis.
    projection = np.abs(null.T @ null)
    joined = projection > PART * projection.diagonal().max()
    groups, left = [], set(np.flatnonzero(joined.diagonal()).tolist())
    while left:
        group, waiting = set(), [min(left)]
        while waiting:
            i = waiting.pop()
            group.add(i)
            waiting += [j for j in np.flatnonzero(joined[i]).tolist() if j in left - group]
        left -= group
        groups.append(kept[sorted(group)])
    return groups, unseen


def names_of(probe: Probe, coordinates: Sequence[int]) -> tuple[str, ...]:
    """The variables of coordinates: with an index if not all of their entries are among them."""
    found: list[str] = []
    own = set(map(int, coordinates))
    for v in probe.posterior.model.free:
        inside = [i for i in range(v.start, v.stop) if i in own]
        if inside and len(inside) == v.stop - v.start:
            found.append(v.name)
        else:
            found += [probe.posterior.variable_of(i) for i in inside[:NAMED]]
    return tuple(found)


def line_in(probe: Probe, coordinate: int) -> str:
    """The line of the variable of a coordinate."""
    return next(v.line for v in probe.posterior.model.free if v.start <= coordinate < v.stop)


def all_improper(probe: Probe, coordinates: Sequence[int]) -> bool:
    """Whether all these coordinates have improper priors."""
    own = [v for v in probe.posterior.model.free if any(v.start <= i < v.stop for i in coordinates)]
    return all(v.variable.op.distribution.improper for v in own)


def without_information(probe: Probe, coordinates: np.ndarray) -> Finding:
    """Entries that no data depend on."""
    names = names_of(probe, coordinates)
    improper = all_improper(probe, coordinates)
    return Finding(
        ERROR if improper else WARNING, "improper" if improper else "no data", names,
        line_in(probe, coordinates[0]),
        f"The density of the data is the same whatever {', '.join(names)} may be"
        + (", and so is the prior: the posterior has no finite integral." if improper else "."),
        "Look at how it enters the model: an index that never occurs, or a factor that is 0.",
    )  # fmt: skip


def along_a_line(probe: Probe, coordinates: np.ndarray) -> Finding:
    """Coordinates that can be exchanged against each other."""
    names = names_of(probe, coordinates)
    improper = all_improper(probe, coordinates)
    free = probe.posterior.model.free
    maps = {v.name: transform_text(v.bijector) for v in free}
    maps = {name: text for name in names if (text := maps[name.split("[")[0]])}
    what = "a constant can be moved between them"
    if maps:
        shown = ", ".join(f"of {name} the {text}" for name, text in maps.items())
        what = f"a constant can be moved between their coordinates ({shown})"
    return Finding(
        ERROR if improper else WARNING, "not identified", names, line_in(probe, coordinates[0]),
        f"The density of the data does not change along a direction in {', '.join(names)}: {what}. "
        + ("Their priors are flat, so the posterior has no finite integral." if improper
           else "Only the priors of these decide."),
        "Leave one of them out, fix one, or let a sum be 0; for regressors, drop one that the "
        "others determine.",
    )  # fmt: skip


def along_a_curve(probe: Probe, coordinates: Sequence[int]) -> Finding:
    """Coordinates of which the data determine fewer functions than there are."""
    names = names_of(probe, coordinates)
    return Finding(
        WARNING, "not identified", names, line_in(probe, coordinates[0]),
        f"At every point there is a direction in {', '.join(names)} in which the density of the "
        "data does not change, as with a product of two parameters or fewer data than parameters.",
        "Replace them by what the data determine, such as their product, or fix one.",
    )  # fmt: skip


# Scales.


def scales(probe: Probe) -> Iterator[Finding]:
    """Coordinates with very different standard deviations, by the curvature in each."""
    if probe.dim < 2:
        return
    own = np.arange(probe.dim)
    if probe.dim > LARGEST:
        own = np.sort(probe.rng.choice(probe.dim, size=LARGEST, replace=False))
    curvature = np.zeros((len(probe.points), len(own)))
    for row, q in zip(curvature, probe.points, strict=True):
        for k, i in enumerate(own):
            shift = np.zeros(probe.dim)
            shift[i] = STEP
            above, below = (probe.posterior.logp_and_grad(q + s)[1][i] for s in (shift, -shift))
            row[k] = abs(above - below) / (2 * STEP)
    with np.errstate(all="ignore"):
        typical = np.sqrt(np.median(curvature, axis=0))
        known = np.isfinite(typical) & (typical > 0)
        if known.sum() < 2:
            return
        low, high = (own[known][f(typical[known])] for f in (np.argmin, np.argmax))
        ratio = typical[known].max() / typical[known].min()
    if ratio > WIDE:
        a, b = (probe.posterior.variable_of(int(i)) for i in (low, high))
        yield Finding(
            WARNING, "scales", (a, b), line_in(probe, int(low)),
            f"The standard deviation of {a} is about {ratio:.0e} times that of {b}: a sampler "
            "takes long to learn that.",
            f"Measure in other units, so that {a} and {b} are of the order of 1: divide data by "
            "their standard deviation, or write a * x as (a * 1e6) * (x / 1e6).",
        )  # fmt: skip


# Symmetries.


def symmetry(probe: Probe) -> Iterator[Finding]:
    """Entries that can be exchanged in all variables at once, such as components of a mixture."""
    posterior = probe.posterior
    lengths = {v.shape[-1] for v in posterior.model.free if v.shape}
    likelihood = probe.mask(lambda g: g.kind == LIKELIHOOD)[None]
    for length in sorted(n for n in lengths if 2 <= n <= MOST_ALIKE):
        own = [v for v in posterior.model.free if v.shape and v.shape[-1] == length]
        order = [1, 0, *range(2, length)]
        for q in probe.points[:3]:
            values = posterior.constrain(q)
            values |= {v.name: values[v.name][..., order] for v in own}
            try:
                other = posterior.unconstrain(values)
            except ValueError:
                break
            pair = posterior.logp(q), posterior.logp(other)
            if not np.isclose(*pair, rtol=SAME, atol=SAME):
                break
            # Entries that data do not depend on are alike, and no harm.
            first = probe.gradients(q[None], likelihood)[1][0]
            places = [v.start for v in own if first[v.start : v.stop].any()]
            if not places:
                break
        else:
            names = tuple(v.name for v in own)
            yield Finding(
                WARNING, "symmetry", names, own[0].line,
                f"Exchanging two of the {length} entries of {', '.join(names)} changes nothing: "
                "the posterior has a mode for each order, and means over them say little.",
                "Put the entries in an order, as with constraint=pt.ordered().",
            )  # fmt: skip
