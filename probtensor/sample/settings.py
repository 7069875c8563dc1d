"""Settings of a run, as frozen values that are validated when they are made."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from cython_ext.samplers import chain as native
from cython_ext.samplers.nuts import DEEPEST
from probtensor.dataclass import dataclass
from probtensor.sample.checks import boolean, fraction, integer

METRICS = {"diag": native.Metric.DRAWS, "diag_grad": native.Metric.DRAWS_AND_GRADIENTS}


@dataclass(frozen=True)
class Settings:
    """Settings that all samplers have.

    draws, tune, target_accept, keep_warmup: see `sample`.
    max_treedepth        a trajectory has at most 2**max_treedepth - 1 steps
    early_max_treedepth  max_treedepth of the first tenth of the warm-up, while the metric is poor
    metric               "diag_grad": a diagonal from the variances of draws and of gradients;
                         "diag": from those of the draws alone, regularised as in Stan
    max_energy_error     a trajectory whose energy rises by more is divergent
    keep_divergences     add sample_stats.divergence_start: the unconstrained state before each
                         divergence, nan elsewhere; NUTS only
    pooled               on a device: all chains adapt one pooled metric and step size; 100 to 200
                         iterations of warm-up are enough then. Always so for ChEES

    Why target_accept is 0.9: this schedule reaches the target, while Stan's last window of 50
    iterations overshoots it, so that 0.8 here is less than 0.8 elsewhere. Seventeen models (sixteen
    of posteriordb's references and a Poisson GP regression), 4 seeds, 4 chains; failures are runs
    that fail posteriordb's check, efficiency is the least bulk effective size per gradient,
    geometric mean, relative to 0.8:

        target                   acceptance  failures  divergences  of GP  efficiency
        0.8                           0.827    2 of 68        1529   1485        1.00
        0.85                          0.865          0         563    544        0.97
        0.9                           0.903          0         184    182        0.83
        0.8, Stan's last window       0.922          0         156    131        0.73

    What pooling gains, in effective draws per 1000 gradients after a warm-up of 100 and of 500
    iterations, 256 chains of NUTS (on the host; the least over the coordinates):

                                       separate             pooled
        eight schools, non-centred         71    58         82    70
        normal, 10 correlated dims         16    25         22    26
        the same, 20, scales to 100       2.3   2.9        3.0   3.3
        regression                        143   152        137   159
    """

    draws: int = 1000
    tune: int = 1000
    target_accept: float = 0.9
    max_treedepth: int = 10
    early_max_treedepth: int = 8
    metric: str = "diag_grad"
    max_energy_error: float = 1000.0
    keep_warmup: bool = False
    keep_divergences: bool = False
    pooled: bool = False

    name: ClassVar[str]

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)
        for name in ("draws", "tune"):
            put(name, integer("sample", name, getattr(self, name), 0))
        for name in ("max_treedepth", "early_max_treedepth"):
            put(name, integer("sample", name, getattr(self, name), 1, DEEPEST))
        for name in ("keep_warmup", "keep_divergences", "pooled"):
            put(name, boolean("sample", name, getattr(self, name)))
        put("target_accept", fraction("sample", "target_accept", self.target_accept))
        if self.kept < 1:
            raise ValueError("sample: draws=0 keeps nothing; ask for draws or keep_warmup=True")
        if not isinstance(self.metric, str) or self.metric not in METRICS:
            raise ValueError(f"sample: metric is one of {sorted(METRICS)}, not {self.metric!r:.60}")

    @property
    def iterations(self) -> int:
        """Iterations of a chain, warm-up included."""
        return self.tune + self.draws

    @property
    def kept(self) -> int:
        """Iterations whose draws are kept."""
        return self.iterations if self.keep_warmup else self.draws

    @property
    def early(self) -> int:
        """Iterations with early_max_treedepth."""
        return self.tune // 10


@dataclass(frozen=True)
class Nuts(Settings):
    """The no-U-turn sampler: each chain chooses the length of each of its trajectories."""

    name: ClassVar[str] = "nuts"


@dataclass(frozen=True)
class Chees(Settings):
    """ChEES-HMC, for many chains on a device: one trajectory length for all chains, with
    pooled adaptation. The default target_accept is that of Hoffman et al. (2021)."""

    target_accept: float = 0.651
    pooled: bool = True

    name: ClassVar[str] = "chees"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pooled:
            raise ValueError("sample: pooled=False goes with sampler='nuts'; 'chees' always pools")
        if self.keep_divergences:
            raise ValueError("sample: keep_divergences goes with sampler='nuts', not with 'chees'")


SAMPLERS = {sampler.name: sampler for sampler in (Nuts, Chees)}


def settings_of(sampler: str, target_accept: float | None, **others: object) -> Settings:
    """The settings of a sampler, given its name; `target_accept` None means its default."""
    if not isinstance(sampler, str) or sampler not in SAMPLERS:
        raise ValueError(f"sample: sampler is one of {sorted(SAMPLERS)}, not {sampler!r:.60}")
    given = {} if target_accept is None else {"target_accept": target_accept}
    return SAMPLERS[sampler](**given, **others)
