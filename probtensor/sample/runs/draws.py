"""The draws of a run, before they become an ArviZ object or if they cannot.

Any exception that ends `sample` after the first draw gets the attribute `draws`, a `Draws` object.
So no draw is lost to a MemoryError, a broken installation of ArviZ, a callback, a failing chain or
a third Ctrl-C.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from probtensor.dataclass import dataclass, field
from probtensor.sample.kernels.nuts import Traces
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.output import Arviz, axes_of, groups_of, to_arviz
from probtensor.sample.settings import Settings

NOTE = (
    "the draws are not lost: the attribute draws of this exception has them; "
    "error.draws.to_arviz() makes them an ArviZ object"
)


@dataclass(eq=False)
class Draws:
    """Draws of one run, as the sampler left them.

    chains     float64[n, dim] of each chain: its kept iterations as unconstrained vectors
    groups()   {group: {name: array}} as in the ArviZ object, NumPy alone
    to_arviz() the ArviZ object that `sample` would have returned

    The last two hold the chains and common length that keep the most draws. Can be pickled.
    """

    posterior: LogpGrad = field(repr=False)
    settings: Settings = field(repr=False)
    traces: Traces = field(repr=False)
    done: list[int]
    attrs: dict[str, object] = field(repr=False)
    result: Arviz | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.chosen, self.length = most_draws(self.settings, self.done)
        if self.length < self.settings.kept or len(self.chosen) < len(self.done):
            self.attrs["interrupted"] = interruption_note(
                len(self.done), self.settings, self.chosen, self.length
            )

    @property
    def chains(self) -> list[np.ndarray]:
        """The kept iterations of each chain, float64[n, dim]; n may differ from chain to chain."""
        skipped = self.settings.iterations - self.settings.kept
        rows = zip(self.traces.draws, self.done, strict=True)
        return [draws[: max(0, done - skipped)] for draws, done in rows]

    @property
    def any(self) -> bool:
        """Is there a draw?"""
        return self.length > 0

    def groups(self) -> dict[str, dict[str, np.ndarray]]:
        """The arrays of each group of the ArviZ object, by name."""
        return groups_of(self.posterior, self.settings, self.traces, self.chosen, self.length)

    def parts(self) -> dict[str, dict]:
        """The arguments of `to_arviz`."""
        dims, coords = axes_of(self.posterior, self.settings)
        return {"groups": self.groups(), "dims": dims, "coords": coords, "attrs": self.attrs}

    def to_arviz(self) -> Arviz:
        """An InferenceData (ArviZ 0.x) or a DataTree (1.x). May be called again if it fails."""
        if self.result is None:
            self.result = to_arviz(**self.parts())
        return self.result


def attach(error: BaseException, draws: Draws) -> None:
    """Give an exception the draws, if there are any, and a note that says so."""
    known = getattr(error, "draws", None)
    if not draws.any or (isinstance(known, Draws) and known.traces is draws.traces):
        return
    # A class with __slots__ takes no attributes; then nothing can be done.
    with contextlib.suppress(AttributeError, TypeError):
        error.draws = draws
        error.add_note(NOTE)


def most_draws(settings: Settings, done: Sequence[int]) -> tuple[list[int], int]:
    """(chains, kept iterations of each) with one length for all chosen chains, such that the draws
    after the warm-up are most; or the kept iterations, if there are no such draws."""
    kept = np.array(done) - (settings.iterations - settings.kept)
    warmup = settings.kept - settings.draws
    goals = np.where((kept > warmup).any(), kept - warmup, kept)
    order = sorted(range(len(done)), key=lambda chain: -goals[chain])
    totals = [(rank + 1) * max(0, goals[chain]) for rank, chain in enumerate(order)]
    count = int(np.argmax(totals)) + 1
    chosen = sorted(order[:count])
    return chosen, max(0, int(kept[chosen].min()))


def interruption_note(chains: int, settings: Settings, chosen: Sequence[int], length: int) -> str:
    """The attribute of an ArviZ object that holds fewer draws than requested."""
    return (
        f"interrupted: {len(chosen)} of {chains} chains, with the first {length} of "
        f"{settings.kept} iterations that were to be kept"
    )
