"""The result of an approximation: an ArviZ object, a closing line, a warning."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np

from cython_ext import blas
from probtensor.approximate.density import Density
from probtensor.dataclass import dataclass, field
from probtensor.sample.diagnostics.warnings import issue
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.paths.pareto import LIMIT
from probtensor.sample.runs.output import Arviz, bound_data, to_arviz, variables
from probtensor.version import __version__

LARGE = 300  # coordinates


@dataclass(eq=False)
class Line:
    """What a closing line says, and the seconds of the work."""

    text: str = ""
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """So far."""
        return time.perf_counter() - self.began


@contextlib.contextmanager
def closing(
    what: str, density: Density, progress: bool, matrices: bool = False
) -> Iterator[Line]:
    """Context of a search: prints its closing line to standard error, if it is to be seen. BLAS has
    one thread meanwhile, unless there are `matrices` large enough to gain by more."""
    import scipy.linalg  # noqa: F401 - its BLAS must be there to be told

    line = Line()
    few = () if matrices and density.dim >= LARGE else blas.loaded()
    with blas.OneThread(*few):
        yield line
    if progress and sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(
                f"{what}: {density.evaluations} evaluations in {line.seconds:.2f} s: {line.text}",
                file=sys.stderr, flush=True,
            )  # fmt: skip


def variables_at(posterior: LogpGrad, q: np.ndarray) -> dict[str, np.ndarray]:
    """The values of all variables at a point, by name."""
    constrain = getattr(posterior, "constrain", None)
    return {"q": q} if constrain is None else constrain(q)


def result(
    posterior: LogpGrad,
    draws: np.ndarray,
    statistics: Mapping[str, np.ndarray],
    attrs: Mapping[str, object],
) -> Arviz:
    """The ArviZ object of float64[chains, draws, dim], with the groups that `sample` gives."""
    groups = {
        "posterior": variables(posterior, draws),
        "sample_stats": dict(statistics),
        **bound_data(posterior),
    }
    attrs = {
        "created_at": datetime.now(UTC).isoformat(),
        "inference_library": "probtensor",
        "inference_library_version": __version__,
        **attrs,
    }
    dims, coords = getattr(posterior, "dims", {}), getattr(posterior, "coords", {})
    return to_arviz(groups, dims=dict(dims), coords=dict(coords), attrs=attrs)


def warn_of_draws(what: str, lp: np.ndarray, k: float, advice: str) -> None:
    """A warning where draws lie outside of the posterior's support, or where the approximation is
    too far from the posterior to correct it by weights."""
    outside = int((~np.isfinite(lp)).sum())
    if outside:
        issue(
            f"{what}: {outside} of {lp.size} draws lie where the posterior has no density "
            "(lp is -inf): leave them out, or keep the density away from that edge by a constraint "
            "or a prior"
        )
    if k > LIMIT:
        issue(
            f"{what}: the draws are not of the posterior: the Pareto k of their importance ratios "
            f"is {k:.2f}, above {LIMIT}. {advice}, or use pt.sample, for which a draw is a start: "
            "see docs/approximations.md"
        )
