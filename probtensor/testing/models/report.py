"""What the checks of a model found, as values and as a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.process import numpy_part

VERDICTS = {True: "passed", False: "FAILED", None: "not judged"}


@dataclass(frozen=True, eq=False)
class Check:
    """One comparison.

    kind     the kind of the check: "gradient", "transform", "integral", ...
    subject  the variable it is about, or "model"
    text     what was found, with figures
    line     where the variable was made; "" for the model
    passed   None where it could not be judged: the text says why
    p_value  of a test of significance, else None: such a check fails where its p-value is below
             the level of the report divided by the number of such tests (Bonferroni)
    """

    kind: str
    subject: str
    text: str
    line: str = ""
    passed: bool | None = None
    p_value: float | None = None

    def __str__(self) -> str:
        at = f"  at {self.line}" if self.line and self.passed is False else ""
        return f"{VERDICTS[self.passed]:<11}{self.kind:<13}{self.subject}: {self.text}{at}"


@dataclass(frozen=True, eq=False)
class ModelReport:
    """The result of `pt.check_model`; its text is a table, failures first.

    checks    all checks
    failures  those that failed: wrong derivatives, densities, draws, ...
    skipped   those that could not be judged, each with the reason
    passed    whether nothing failed
    ranks     {name: int64[simulations, entries]}: the rank of each drawn parameter among
              `rank_draws` draws of its posterior; uniform if model and sampler are right
    """

    checks: tuple[Check, ...]
    ranks: Mapping[str, np.ndarray]
    rank_draws: int

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.passed is False)

    @property
    def skipped(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.passed is None)

    @property
    def passed(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        good = [c for c in self.checks if c.passed]
        head = f"{len(good)} checks passed, {len(self.failures)} failed"
        head += f", {len(self.skipped)} not judged" if self.skipped else ""
        return "\n".join([head, *map(str, (*self.failures, *self.skipped, *good))])

    def __repr__(self) -> str:
        return f"<{str(self).splitlines()[0]}>"

    def plot_ranks(self, path: str | os.PathLike | None = None, level: float = 0.95) -> object:
        """Plot, for each parameter, the distribution function of its ranks minus that of the
        uniform distribution, with a band that a right model leaves with probability 1 - level.

        path   a file to save the figure in
        level  of the band, for each parameter as a whole

        Returns the matplotlib figure. Raises ImportError without matplotlib, ValueError where no
        calibration was simulated.
        Source: Sailynoja, Burkner and Vehtari (2022), "Graphical test for discrete uniformity",
        Statistics and Computing 32:32.
        """
        if not self.ranks:
            raise ValueError("plot_ranks: there are no ranks; check_model(..., simulations=100)")
        from matplotlib.figure import Figure

        columns = [
            (f"{name}[{k}]" if ranks.shape[1] > 1 else name, ranks[:, k])
            for name, ranks in self.ranks.items()
            for k in range(min(ranks.shape[1], 4))
        ][:24]
        count = len(columns)
        width = min(count, 4)
        figure = Figure(figsize=(3 * width, 2.4 * -(-count // width)), layout="constrained")
        panels = np.ravel(figure.subplots(-(-count // width), width, sharey=True, squeeze=False))
        for panel in panels[count:]:
            panel.set_axis_off()
        for panel, (name, ranks) in zip(panels, columns, strict=False):
            z, low, high = ecdf_band(len(ranks), level)
            share = (ranks[:, None] + 0.5) / (self.rank_draws + 1) <= z
            panel.fill_between(z, low - z, high - z, color="0.85", step="mid")
            panel.plot(z, share.mean(axis=0) - z, drawstyle="steps-mid")
            panel.set_title(name, fontsize="small")
        figure.supxlabel("rank / draws")
        figure.supylabel("share of ranks below, minus uniform")
        if path is not None:
            figure.savefig(path)
        return figure


def judged(checks: Iterable[Check], level: float) -> tuple[Check, ...]:
    """The checks, those of significance with their verdicts."""
    checks = tuple(checks)
    count = sum(c.p_value is not None for c in checks)
    found = []
    for c in checks:
        if c.p_value is not None:
            holds = bool(c.p_value >= level / count)
            c = Check(c.kind, c.subject, c.text, c.line, holds, c.p_value)
        found.append(c)
    return tuple(found)


def ecdf_band(count: int, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(points, lower ends, upper ends): a band that contains the whole distribution function of
    `count` uniform numbers with the probability `level`, found by simulation."""
    from scipy.stats import binom

    z = np.linspace(0.01, 0.99, 99)
    uniform = numpy_part("random").default_rng(0).uniform(size=(2000, count))
    below = np.stack([np.sum(uniform <= point, axis=1) for point in z], axis=1)
    tails = np.minimum(binom.cdf(below, count, z), binom.sf(below - 1, count, z))
    share = np.quantile(tails.min(axis=1), 1 - level)
    return z, binom.ppf(share, count, z) / count, binom.isf(share, count, z) / count
