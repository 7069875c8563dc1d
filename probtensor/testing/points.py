"""Test values for rules: edge cases of floats, the full range of exponents, correlated values.

Independent random values miss many faults: both sides of sum(square(x / s)) -> sum(square(x)) /
square(s) are right unless x and s are small, or large, at once. So most values here have one
exponent for all variables, or opposite ones, including subnormals and the largest numbers; and some
are chosen so that quotients, differences and products are exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from probtensor.graph.node import Node, SizeOf, new_input
from probtensor.graph.walk import inputs_of, toposort
from probtensor.types import Atom, Dim, size_atoms, size_value

# Edges of the library's functions, in float64.
EDGES = (
    0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-300, -1e-300, 5e-324, 1e-16, -1e-16, 1e-8, -1e-8,
    37.0, -37.0, 709.0, -709.0, 710.0, -710.0, 745.0, -745.0, 746.0, -746.0, 1e16, -1e16,
)  # fmt: skip
# Quotients, products and differences among these are often exact.
NEAT = (49.0, 7.0, 3.0, 98.0, 1.5, 10.0, 0.1, 0.25, -6.0, 1e15)
# Points of one rule: its edges (their products for several variables), then random ones.
POINTS = 60
# Every symbolic size of an example: two names may stand for one size.
SIZE = 3


def exponents(dtype: str) -> tuple[int, ...]:
    """Powers of ten over the range of a dtype: both ends, where squares and cubes leave it, 0."""
    if dtype == "float32":
        return (-44, -38, -26, -20, -13, -4, 0, 4, 13, 19, 26, 37)
    return (-322, -310, -307, -200, -170, -155, -100, -30, 0, 30, 100, 153, 170, 200, 300, 307)


def range_ends(dtype: str) -> tuple[float, ...]:
    """The largest and the smallest numbers, and what is no number."""
    info = np.finfo(dtype)
    ends = (info.max, info.tiny, info.smallest_subnormal, info.eps)
    return (*(float(e) for e in ends), *(-float(e) for e in ends), math.inf, -math.inf, math.nan)


# Points of drawn rules: one tuple of numbers for all variables at a time.


def column(variable: Node, over: tuple[float, float], rng: np.random.Generator) -> list[Any]:
    """Values of one variable within an interval, its edges first."""
    if variable.dtype == "bool":
        return [True, False]
    low, high = over
    edges = [low, high, *(e for e in (*EDGES, *NEAT) if low < e < high)]
    edges += [np.nextafter(low, high), np.nextafter(high, low)]
    top = min(max(abs(low), abs(high)), 1e300)
    scales = np.exp(rng.uniform(np.log(1e-6), np.log(top + 1), 12))
    plain = rng.uniform(max(low, -1e300), min(high, 1e300), 6)
    drawn = [*plain, *scales, *-scales, *rng.uniform(-3, 3, 12)]
    return [float(x) for x in [*edges, *(x for x in drawn if low <= x <= high)]]


def combinations(
    columns: Sequence[list[Any]], rng: np.random.Generator, few: bool = False
) -> list[tuple]:
    """Points made of the values of several variables."""
    if not columns:
        return [()]
    if len(columns) == 1:
        return [(x,) for x in columns[0]]
    edges = [c[: 2 if c[0] is True else 5 if few else 12] for c in columns]
    count = POINTS if few else 4 * POINTS
    grid = list(itertools.islice(itertools.product(*edges), count))
    return grid + [tuple(c[rng.integers(len(c))] for c in columns) for _ in range(count // 4)]


def whole_range(
    variables: Sequence[Node], dtype: str, rng: np.random.Generator, few: bool = False
) -> Iterator[tuple]:
    """Points over the full range of a dtype, with correlated exponents."""
    signs = [rng.choice([-1.0, 1.0], len(variables)) for _ in range(1 if few else 3)]
    for e in exponents(dtype):
        for mirrored, sign in itertools.product((False, True), (np.ones(len(variables)), *signs)):
            turned = (
                rng.random(len(variables)) < 0.5 if mirrored else np.zeros(len(variables), bool)
            )
            powers = np.where(turned, -e, e)
            sizes = rng.uniform(1, 9, len(variables))
            yield tuple(_number(v, s * m, p, dtype, rng) for v, s, m, p in
                        zip(variables, sign, sizes, powers, strict=True))  # fmt: skip
    for value in (*NEAT, *range_ends(dtype), 0.0):
        yield tuple(_number(v, value, 0, dtype, rng) for v in variables)
    for k in range(len(variables) if len(variables) > 1 else 0):
        for value in (0.0, math.inf, -math.inf, math.nan):
            yield tuple(_number(v, value if k == j else 1.5 + j, 0, dtype, rng)
                        for j, v in enumerate(variables))  # fmt: skip
    ends = (*NEAT, *range_ends(dtype), 0.0, 1.0, -1.0)
    for _ in range((POINTS // 3 if few else 2 * POINTS) if len(variables) > 1 else 0):
        yield tuple(_number(v, rng.choice(ends), 0, dtype, rng) for v in variables)


def _number(variable: Node, value: float, power: int, dtype: str, rng: Any) -> Any:
    if variable.dtype == "bool":
        return bool(rng.random() < 0.5)
    # In two steps, since 10.0**-322 has one digit.
    half = power // 2
    with np.errstate(all="ignore"):
        return float(np.asarray(value * 10.0**half * 10.0 ** (power - half)).astype(dtype))


# Values of graphs: an array for each input at a time.


def example_values(outputs: Sequence[Node], seed: int, scale: float = 1.0) -> dict[Node, Any]:
    """Values for the inputs of graphs: normal floats of the scale, small whole numbers, bools.
    Inputs called `i` or `j` are indices: 0, 1 or 2."""
    rng = np.random.default_rng(seed)
    return _filled(outputs, rng, lambda node, shape: scale * rng.normal(size=shape))


def _filled(outputs: Sequence[Node], rng: np.random.Generator, draw: Any) -> dict[Node, Any]:
    named: dict[Atom, None] = {}
    for size in [n for node in toposort(outputs) for n in _shape_of(node)]:
        named.update(dict.fromkeys(sorted(size_atoms(size), key=lambda atom: atom.key)))
    sizes = {atom.key: SIZE for atom in named}
    # Sizes may be named after inputs that the graph does not read: these stand in for them.
    values = {new_input(None, "bool", (Dim.of(atom),)): np.ones(SIZE, bool) for atom in named}
    for node in inputs_of(outputs):
        shape = tuple(size_value(n, sizes) for n in node.shape)
        if node.dtype == "bool":
            values[node] = rng.random(shape) < 0.5
        elif node.type.is_float:
            with np.errstate(all="ignore"):
                values[node] = np.asarray(draw(node, shape)).astype(node.dtype)
        else:
            values[node] = rng.integers(0, 3, shape).astype(node.dtype)
    return values


def _shape_of(node: Node) -> tuple[int | Dim, ...]:
    if isinstance(node.op, SizeOf):
        return (node.op.size,)
    return () if isinstance(node.type, tuple) else node.shape


def graph_values(outputs: Sequence[Node], seed: int, few: bool = False) -> Iterator[dict]:
    """Values for the inputs of graphs over the full range of floats; with `few`, fewer of them."""
    rng = np.random.default_rng(seed)
    yield from (example_values(outputs, seed, scale) for scale in ((3.0,) if few else (1, 30, 300)))
    dtypes = {x.dtype for x in inputs_of(outputs) if x.type.is_float} or {"float64"}
    dtype = min(dtypes)
    powers = exponents(dtype)[:: 4 if few else 1]
    for e in powers:
        for mirrored in (False, True):
            yield _filled(outputs, rng, lambda n, s, m=mirrored, e=e: _spread(rng, s, e, m, dtype))
    for _ in range(2 if few else 6):
        yield _filled(outputs, rng, lambda n, s: rng.choice([*NEAT, 1.0, 2.0, -1.0, 0.0], s))
        yield _filled(outputs, rng, lambda n, s: rng.choice([*range_ends(dtype), 0.0, 1.0, 3.0], s))
    for value in (49.0, 0.0, math.inf, math.nan):
        yield _filled(outputs, rng, lambda n, s, v=value: np.full(s, v))


def _spread(rng: Any, shape: tuple, power: int, mirrored: bool, dtype: str) -> np.ndarray:
    """Numbers near one power of ten, or near that or its inverse for all numbers of one array."""
    power = -power if mirrored and rng.random() < 0.5 else power
    half = power // 2
    with np.errstate(all="ignore"):
        wide = rng.uniform(1, 9, shape) * 10.0**half * 10.0 ** (power - half)
        return (rng.choice([-1.0, 1.0], shape) * wide).astype(dtype)
