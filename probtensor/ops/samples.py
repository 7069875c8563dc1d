"""The inputs ops are tested on, declared beside each op and drawn from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor.dataclass import dataclass, field


@dataclass(frozen=True)
class Sample:
    """One call of an op: a maker of its arrays, the op's parameters, and whether to differentiate.

    `make(rng)` returns the input arrays. `smooth` is False if finite differences do not apply
    (integer inputs, jumps, ties).
    """

    make: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    parameters: dict[str, object] = field(default_factory=dict)
    smooth: bool = True


def reals(*bounds: float, edges: Sequence[float] = (), smooth: bool = True) -> tuple[Sample, ...]:
    """Samples for an elementwise op: `reals(-3, 3)` for one argument, `reals(-3, 3, 0.1, 2)` for
    two with bounds for each. One sample has equal shapes, one broadcasts (several arguments), and
    `edges` adds one with special values (never differentiated)."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))

    def full(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return tuple(rng.uniform(low, high, size=(3, 4)) for low, high in pairs)

    def mixed(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        shapes = [(5, 3), (3,), (5, 1)]
        return tuple(
            rng.uniform(low, high, size=shapes[k % 3]) for k, (low, high) in enumerate(pairs)
        )

    found = [Sample(full, smooth=smooth), Sample(mixed, smooth=smooth)]
    if edges:
        grid = np.meshgrid(*[np.asarray(edges, dtype=float)] * len(pairs), indexing="ij")
        columns = tuple(g.ravel() for g in grid)
        found.append(Sample(lambda rng: columns, smooth=False))
    return tuple(found)


def integers(*bounds: int, dtype: str = "int64") -> tuple[Sample, ...]:
    """Samples of integers in [low, high) for each argument; not differentiated."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))

    def full(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return tuple(rng.integers(low, high, size=(3, 4)).astype(dtype) for low, high in pairs)

    return (Sample(full, smooth=False),)


def cases(*shapes: tuple[int, ...], **parameters: Sequence[object]) -> tuple[Sample, ...]:
    """Normal draws of the shapes, once for each row of the parameters, which are zipped:
    `cases((3, 4), axes=[(0,), (1,)])`."""
    rows = [
        dict(zip(parameters, row, strict=True)) for row in zip(*parameters.values(), strict=True)
    ]

    def make(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return tuple(rng.normal(size=shape) for shape in shapes)

    return tuple(Sample(make, row) for row in rows or [{}])


def arrays(*makers: Callable[[np.random.Generator], np.ndarray], smooth: bool = True, **parameters):
    """One sample from a maker for each input, with fixed op parameters."""
    return (Sample(lambda rng: tuple(make(rng) for make in makers), parameters, smooth),)
