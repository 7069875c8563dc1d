"""Values for all inputs of a function: those of a call, with what is bound to it, or a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from probtensor.graph.law import size_laws
from probtensor.graph.node import Node
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.inspect.subject import Subject
from probtensor.process import numpy_part
from probtensor.types import SizeCheck, size_name, size_names, size_value

KEY = 0x9E3779B97F4A7C15  # of random draws
TRIES = 60
MOST_WORK = 100_000  # nodes that are evaluated in search of values: about a second


def given_values(
    function: Subject, args: tuple, kwargs: Mapping[str, object]
) -> dict[Node, np.ndarray]:
    """The array of each input of the graph in a call with these arguments."""
    found = known_values(function)
    values = function.arrange(args, kwargs)
    function.values_of_call(values)  # which raises what a call raises for its arguments
    for x, value in zip(function.inputs, values, strict=True):
        found[x.variable] = as_input(x.variable, value)
    return found


def known_values(function: Subject) -> dict[Node, np.ndarray]:
    """The arrays of the inputs that are no arguments: bound, in the graph, shared, the key."""
    compilation, found = function.compilation, {}
    for node in compilation.inputs:
        value = function.bound.get(node)
        if value is None:
            value = compilation.given.get(node)
        if value is None and hasattr(node.op, "cell"):
            value = node.op.cell.value
        if value is None and node is compilation.key:
            value = np.uint64(KEY)
        if value is not None:
            found[node] = as_input(node, value)
    return found


def as_input(node: Node, value: object) -> np.ndarray:
    """A value as the array that an input is in the graph: complex numbers as pairs along the last
    axis, halves as their bits."""
    array = np.asarray(value.get() if hasattr(value, "get") else value)
    if array.dtype.kind == "c" and node.ndim == array.ndim + 1:
        array = np.stack([array.real, array.imag], -1)
    if node.dtype == "uint16" and array.dtype.kind == "f":
        return array.astype("float16").view("uint16")
    return np.ascontiguousarray(array, dtype=node.dtype).reshape(array.shape)


def sizes_of(values: Mapping[Node, np.ndarray]) -> dict[str, int]:
    """The values of the names of sizes that are axes of inputs."""
    found: dict[str, int] = {}
    for node, array in values.items():
        for size, n in zip(node.type.shape, array.shape):
            name = size_name(size)
            if name is not None:
                found[name] = n
    return found


def sampled_values(
    function: Subject,
    graph: Sequence[Node],
    works: Callable[[Mapping], bool],
    seed: int = 0,
    private: bool = False,
) -> dict[Node, np.ndarray]:
    """Arrays for all inputs, at random, of sizes for which the laws of the graph hold, such that
    `works(values)`; with `private` also in place of bound and shared arrays, of the same sizes.
    ValueError where none are found."""
    known = known_values(function)
    sizes = sizes_of(known)
    unknown = [x.variable for x in function.inputs if x.variable not in known]
    if private:
        unknown = list(function.compilation.inputs)
        known = {x: value for x, value in known.items() if x is function.compilation.key}
        unknown = [x for x in unknown if x not in known]
    order = toposort(graph)
    laws = size_laws(order, [*known, *unknown])
    rng = numpy_part("random").default_rng(seed)
    for attempt in range(max(8, min(TRIES, MOST_WORK // max(1, len(order))))):
        chosen = _sampled_sizes(unknown, laws, sizes, attempt, rng)
        if chosen is None:
            continue
        values = dict(known)
        for node in unknown:
            values[node] = _sample(node, chosen, attempt, rng)
        if works(values):
            return values
    named = ", ".join(x.name or "an unnamed input" for x in unknown)
    raise refusal(
        f"report: no values of {named} were found at random for which the graph has a value",
        "give arguments, as those of a call: f.report(x, y, witness=True)",
        kind=ValueError,
    )


def _sampled_sizes(
    nodes: Iterable[Node],
    laws: Sequence[SizeCheck],
    known: Mapping[str, int],
    attempt: int,
    rng: np.random.Generator,
) -> dict[str, int] | None:
    """Sizes for which the laws hold: names that must be equal have one size. None if they do not
    hold for these."""
    names = {name for x in nodes for n in x.type.shape for name in size_names(n)}
    chosen = dict(known)
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while name in leader:
            name = leader[name]
        return name

    for law in laws:
        one, other = size_name(law.left), size_name(law.right)
        if law.relation != "<=" and one and other and lead(one) != lead(other):
            first, second = sorted((lead(one), lead(other)), key=lambda n: n not in chosen)
            leader[second] = first
    for k, name in enumerate(sorted({lead(name) for name in names})):
        chosen.setdefault(name, 3 + k if attempt < 3 else int(rng.integers(1, 9)))
    for law in laws:  # of one name and a number or a known size
        for one, other in ((law.left, law.right), (law.right, law.left)):
            name = size_name(one)
            settled = law.relation == "==" and size_names(other) <= chosen.keys()
            if name and settled and lead(name) not in known:
                chosen[lead(name)] = size_value(other, chosen)
    chosen |= {name: chosen[lead(name)] for name in names}
    decided = [law for law in laws if law.names() <= chosen.keys()]
    return chosen if all(law.holds(chosen) for law in decided) else None


def _sample(
    node: Node, sizes: Mapping[str, int], attempt: int, rng: np.random.Generator
) -> np.ndarray:
    shape = tuple(size_value(n, sizes) for n in node.type.shape)
    kind = np.dtype(node.dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(0, 2 if attempt % 2 else 3, shape).astype(node.dtype)
    ways = (
        lambda: rng.normal(size=shape), lambda: rng.uniform(0.1, 0.9, shape),
        lambda: rng.uniform(0.5, 3.0, shape), lambda: _positive_definite(shape, rng),
    )  # fmt: skip
    return np.asarray(ways[attempt % len(ways)](), dtype=node.dtype)


def _positive_definite(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return rng.uniform(0.5, 3.0, shape)
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])
