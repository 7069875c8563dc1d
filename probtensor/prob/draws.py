"""`pt.draw`: values of random variables, all from one joint draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.compile import function
from probtensor.graph import (
    GraphError,
    Input,
    Node,
    as_tensor,
    inputs_of,
    line_of,
    toposort,
)
from probtensor.graph.node import new_input
from probtensor.graph.resize import with_sizes
from probtensor.graph.sizes import refuse_measured
from probtensor.prob.distributions.combined.held import check_parts
from probtensor.prob.model.data import default_of
from probtensor.prob.model.packed import Packed, rows_of
from probtensor.prob.model.sizes import KnownSizes
from probtensor.prob.sequences.given import with_given
from probtensor.process import numpy_part
from probtensor.sample.checks import integer, seed_integer, with_user_line
from probtensor.transform.draws import lower_draws
from probtensor.types import Dim, sourced_atoms


@public
def draw(
    outputs: object, draws: int | None = None, seed: object = None
) -> np.ndarray | list | dict:
    """Values of random variables and of what depends on them, all from one joint draw.

    outputs: a tensor, or a list or dict of tensors; the result has the same structure. With `draws`
    each array has a leading axis of that length. The same seed, a whole number or a NumPy
    SeedSequence, gives the same values; a NumPy Generator is asked for a seed.

    Returns arrays, of the shapes and dtypes of the outputs, with that axis in front.
    Raises TypeError or ValueError for other settings, and ValueError if a parameter of a discrete
    variable leaves its support.

        >>> mu = pt.random.normal(0, 1, name="mu")
        >>> pt.draw(mu, draws=3, seed=1).shape
        (3,)
    """
    draws, seed = draw_settings("draw", draws, seed)
    if isinstance(outputs, Mapping):
        named = {name: as_tensor(node) for name, node in outputs.items()}
    elif isinstance(outputs, (list, tuple)):
        named = dict(enumerate(map(as_tensor, outputs)))
    else:
        named = {0: as_tensor(outputs)}
    found = draw_rows(named, 1 if draws is None else draws, seed)
    if draws is None:
        found = {name: values[0] for name, values in found.items()}
    if isinstance(outputs, Mapping):
        return found
    values = list(found.values())
    return values if isinstance(outputs, (list, tuple)) else values[0]


def draw_settings(
    what: str, draws: object, seed: object, least: int = 0
) -> tuple[int | None, int | list[int] | None]:
    """(draws, seed), validated."""
    try:
        count = None if draws is None else integer(what, "draws", draws, least)
        return count, seed_integer(what, seed)
    except (TypeError, ValueError) as error:
        raise with_user_line(error) from None


def draw_rows(
    named: Mapping[object, Node],
    count: int,
    seed: int | None,
    given: Mapping[Node, np.ndarray] | None = None,
    data: Mapping[Node, np.ndarray] | None = None,
    lengths: Mapping[str, int] | None = None,
    target: object = None,
) -> dict[str | int, np.ndarray]:
    """`count` joint draws of named tensors, as arrays (count, *shape).

    given    values (count, *shape) of nodes that are not drawn
    data     arrays of data inputs instead of their defaults
    lengths  of dims that neither data nor given values determine
    target   where they are computed; see `function`
    """
    for node in named.values():
        if any(sourced_atoms(node.type)):
            refuse_measured([node], "draw: draws would have different shapes")
    check_parts(toposort([*named.values()]))
    given = dict(given or {})
    sizes = KnownSizes()
    inputs = [x for x in inputs_of([*named.values()]) if default_of(x) is not None]
    valueless = [x for x in inputs_of([*named.values()]) if type(x.op) is Input]
    if valueless:
        raise GraphError(
            f"draw: input {valueless[0].described} has no value\n  at {line_text()}\n"
            f"  {valueless[0].birthplace}\n  make it with pt.data(array), or compile a function of "
            "it with pt.function"
        )
    arrays = {x: np.asarray((data or {}).get(x, default_of(x))) for x in inputs}
    for node, array in arrays.items():
        sizes.read(node.name or "data", node.shape, array.shape, line_of(node))
    for node, array in given.items():
        sizes.read(node.name or "a value", node.shape, array.shape[1:], line_of(node))
    for name, length in (lengths or {}).items():
        if name not in sizes.values:
            sizes.give(Dim.name(name), length, "coords")
    resized = with_sizes([*named.values(), *given], sizes.values)
    rows, pieces = packed_inputs({resized[node]: array for node, array in given.items()}, count)
    seed_input, index = new_input("seed", "uint64", ()), new_input("index", "uint64", ())
    key = ops.key_fold(seed_input, index)
    outputs = with_given([resized[y] for y in named.values()], pieces)
    drawn = lower_draws(outputs, key, pieces)
    packed = Packed(dict(zip(named, drawn, strict=True)))
    vector, values = rows
    arguments = [seed_input, index, vector, *(resized[x] for x in inputs)]
    row_function = function(
        arguments, packed.node, name="draw", target=target, on_unused_input="ignore"
    )
    bound = row_function.bind({resized[x]: array for x, array in arrays.items()}, borrow=True)
    sequence = numpy_part("random").SeedSequence(seed)
    seeds = np.full(count, sequence.generate_state(1, np.uint64)[0])
    found = rows_of(bound, [seeds, np.arange(count, dtype="uint64"), values])
    return packed.unpack(found, sizes.values)


def packed_inputs(
    given: Mapping[Node, np.ndarray], count: int
) -> tuple[tuple[Node, np.ndarray], dict[Node, Node]]:
    """((one vector input for all given values, its rows), {node: its slice of the vector})."""
    width = sum(int(np.prod(node.shape, dtype=int)) for node in given)
    vector = new_input("values", "float64", (width,))
    rows = np.empty((count, width))
    pieces, start = {}, 0
    for node, array in given.items():
        stop = start + int(np.prod(node.shape, dtype=int))
        rows[:, start:stop] = np.reshape(array, (count, stop - start))
        piece = ops.reshape(vector[start:stop], node.shape)
        pieces[node] = piece.astype(node.dtype)
        start = stop
    return (vector, rows), pieces
