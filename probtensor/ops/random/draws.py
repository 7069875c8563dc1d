"""Random draws as pure functions of a key, an index and the parameters.

A draw is counter-based (Philox 4x32-10, Salmon et al. 2011): the same key and index give the same
bits on every target and in any order, so draws need no state and fuse like any elementwise op.
Draws at one index under one key are not independent of each other; `key_fold` makes a new key.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from probtensor.graph.node import Node, TensorLike, make
from probtensor.ops.kinds import (
    NONNEGATIVE,
    UNIT,
    Elementwise,
    Facts,
    Needed,
    as_tensor_of,
    joint_shape,
    op,
)
from probtensor.ops.samples import Sample
from probtensor.types import TensorType


class _Native:
    """A function of cython_ext.random, imported on the first call."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        import cython_ext.random

        return getattr(cython_ext.random, self.name)(*np.broadcast_arrays(*arrays))


def draws(*bounds: tuple[float, float], integral: int = -1) -> tuple[Sample, ...]:
    """Samples for a draw whose parameters lie within the bounds; the one at `integral` is an
    integer."""

    def at(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        parameters = [rng.uniform(low, high, shape) for low, high in bounds]
        if integral >= 0:
            parameters[integral] = np.floor(parameters[integral])
        key = rng.integers(0, 2**64, (), dtype="uint64")
        return (key, np.arange(np.prod(shape), dtype="uint64").reshape(shape), *parameters)

    return (
        Sample(lambda rng: at(rng, (40, 5)), smooth=False),
        Sample(lambda rng: at(rng, ()), smooth=False),
    )


class Draw(Elementwise):
    """A float64 draw for a uint64 key, a uint64 index (`place`) and float64 parameters."""

    arity = 2
    differentiable = False
    no_derivative = "a random draw"
    for_users = False

    def apply(self, *inputs: TensorLike) -> Node:
        dtypes = self.input_dtypes()
        return make(self, tuple(as_tensor_of(x, d) for x, d in zip(inputs, dtypes, strict=True)))

    def values(self, *operands: np.ndarray) -> np.ndarray:
        return self.numpy(*operands)

    def input_dtypes(self) -> tuple[str, ...]:
        """The dtype of each input."""
        return ("uint64", "uint64") + ("float64",) * (self.arity - 2)

    def infer(self, *types: TensorType) -> TensorType:
        given, wanted = tuple(t.dtype for t in types), self.input_dtypes()
        if given != wanted:
            raise TypeError(f"needs {', '.join(wanted)}, not {', '.join(given)}")
        return TensorType("float64", joint_shape(types))


@op
class KeyFold(Draw):
    """key_fold(key, data): a key for each number `data`, independent of the others."""

    numpy, c = _Native("key_fold"), "pt_key_fold"
    samples = draws()

    def infer(self, *types: TensorType) -> TensorType:
        return super().infer(*types).with_dtype("uint64")


@op
class DrawUniform(Draw):
    """draw_uniform(key, place): uniform on the open interval (0, 1)."""

    numpy, c = _Native("uniform"), "pt_draw_uniform"
    facts = Facts(range=UNIT)
    samples = draws()


@op
class DrawNormal(Draw):
    """draw_normal(key, place): standard normal."""

    numpy, c = _Native("normal"), "pt_draw_normal"
    samples = draws()


@op
class DrawExponential(Draw):
    """draw_exponential(key, place): exponential with rate 1."""

    numpy, c = _Native("exponential"), "pt_draw_exponential"
    facts = Facts(range=NONNEGATIVE)
    samples = draws()


@op
class DrawGamma(Draw):
    """draw_gamma(key, place, alpha): gamma with shape alpha and rate 1."""

    arity, numpy, c = 3, _Native("gamma"), "pt_draw_gamma"
    facts = Facts(range=NONNEGATIVE)
    samples = draws((0.1, 9))


@op
class DrawLogGamma(Draw):
    """draw_log_gamma(key, place, alpha): the logarithm of a gamma draw, finite even where the draw
    itself underflows."""

    arity, numpy, c = 3, _Native("log_gamma"), "pt_draw_log_gamma"
    samples = draws((0.001, 9))


@op
class DrawPoisson(Draw):
    """draw_poisson(key, place, mu): Poisson with mean mu, as an integral float64."""

    arity, numpy, c = 3, _Native("poisson"), "pt_draw_poisson"
    facts = Facts(range=NONNEGATIVE)
    samples = draws((0.1, 50))


@op
class DrawBinomial(Draw):
    """draw_binomial(key, place, n, p): successes in n trials, as an integral float64."""

    arity, numpy, c = 4, _Native("binomial"), "pt_draw_binomial"
    facts = Facts(range=NONNEGATIVE)
    samples = draws((0, 90), (0, 1), integral=0)


@op
class DrawHypergeometric(Draw):
    """draw_hypergeometric(key, place, n, k, m): the marked ones among m that are taken from n, of
    which k are marked, as an integral float64."""

    arity, numpy, c = 5, _Native("hypergeometric"), "pt_draw_hypergeometric"
    facts = Facts(range=NONNEGATIVE)
    samples = (
        Sample(lambda rng: _urns(rng, (40, 5)), smooth=False),
        Sample(lambda rng: _urns(rng, ()), smooth=False),
    )


def _urns(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """A key, indices and parameters of hypergeometric draws."""
    n = rng.integers(1, 90, shape).astype("float64")
    k, m = (np.floor(rng.uniform(0, 1, shape) * (n + 1)) for _ in range(2))
    key = rng.integers(0, 2**64, (), dtype="uint64")
    return (key, np.arange(np.prod(shape), dtype="uint64").reshape(shape), n, k, m)


@op
class DrawVonMises(Draw):
    """draw_von_mises(key, place, kappa): an angle between -pi and pi of the von Mises distribution
    about 0 with concentration kappa."""

    arity, numpy, c = 3, _Native("von_mises"), "pt_draw_von_mises"
    samples = draws((0, 9))


@op
class DrawPolyaGamma(Draw):
    """draw_polya_gamma(key, place, h, z): Polya-gamma with shape h, a whole number from 1 to
    `most`, and tilt z."""

    most: ClassVar[float] = 1024.0  # PT_PG_MOST of pt_random.h

    arity, numpy, c = 4, _Native("polya_gamma"), "pt_draw_polya_gamma"
    facts = Facts(range=NONNEGATIVE)
    samples = draws((1, 9), (-9, 9), integral=0)


@op
class DrawWhole(Draw):
    """A drawn float64 as an int64. ValueError at call time if it is nan or out of the range of
    int64, with a message of `said` and `way_out`."""

    said: str = "draw: no whole number that int64 holds"
    way_out: str = "check the parameters"
    arity, symbol = 1, "cast"
    samples = (
        Sample(lambda rng: (np.floor(rng.uniform(-1e4, 1e4, (3, 4))),), smooth=False),
        Sample(lambda rng: (np.array([-(2.0**63), -0.0, 2.0**53 + 2, 2.0**63 - 1024]),),
               smooth=False),
    )  # fmt: skip

    @property
    def needed(self) -> Needed:
        return Needed(0, -(2.0**63), 2.0**63, self.said, self.way_out)

    def input_dtypes(self) -> tuple[str, ...]:
        return ("float64",)

    def infer(self, *types: TensorType) -> TensorType:
        return super().infer(*types).with_dtype("int64")

    def numpy(self, x):
        if not np.all((x >= -(2.0**63)) & (x < 2.0**63)):
            raise ValueError(f"{self.said}\n  {self.way_out}")
        return x.astype("int64")


key_fold = KeyFold()
draw_uniform = DrawUniform()
draw_normal = DrawNormal()
draw_exponential = DrawExponential()
draw_gamma = DrawGamma()
draw_log_gamma = DrawLogGamma()
draw_poisson = DrawPoisson()
draw_binomial = DrawBinomial()
draw_hypergeometric = DrawHypergeometric()
draw_von_mises = DrawVonMises()
draw_polya_gamma = DrawPolyaGamma()
