"""Posteriors on disk: a model that was conditioned before, on the same data, is ready at once.

The key is made of the graph as the user wrote it, before densities and gradients are derived, and
of everything else that `condition` is given: values, lengths of dims, the line of the call. The
record names the compiled density, and has the arrays that are bound to it: data as they are
converted, and what depends on data alone. So nothing of the model is built, and nothing of it is
checked again, until more is asked for than the density.

With other data the record is another one; then the model is built, and only its density is found.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from cython_ext.convert import frozen_copy, is_bare, is_masked, number_array
from probtensor.calls import line_text
from probtensor.compile import recalled, target_of
from probtensor.dataclass import dataclass
from probtensor.function import Function, Lowered
from probtensor.function.recall import fingerprint, text_of_bytes
from probtensor.function.record import Damaged, Unknown, decode, encode
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import made_by, new_input, present_line
from probtensor.graph.walk import toposort
from probtensor.prob.model.binding import checked_coords
from probtensor.prob.model.data import default_of
from probtensor.targets.base import Loads
from probtensor.targets.cache import load_record, save_record

SMALL = 4096  # bytes up to which an array is in the record, even if it can be found in the graph
LARGEST = 1 << 24  # bytes of arrays in a record; a posterior with more is built anew


@dataclass(frozen=True)
class Request:
    """What `condition` is given, as values that do not change, and the key of it.

    `observed` has copies of the arrays; `arrays` are these as they are converted.
    """

    key: str
    observed: Mapping[Node, object]
    arrays: Sequence[np.ndarray]
    coords: Mapping[str, np.ndarray]
    track: Sequence[Node]
    potentials: Sequence[Node]
    target: object

    def roots(self) -> list[Node]:
        """The nodes whose ancestors are the model."""
        return [*self.observed, *self.potentials, *self.track]

    def sources(self) -> list[np.ndarray]:
        """The arrays of the request and its graph, in an order that the key determines."""
        found = list(self.arrays)
        for node in toposort(self.roots()):
            if isinstance(node.op, Const):
                found.append(node.op.array)
            elif default_of(node) is not None:
                found.append(default_of(node))
        return found


def request_of(
    observed: object, coords: object, track: object, potentials: object, target: object
) -> Request | None:
    """The request, if it can have a key: None for what `condition` refuses, or what is no plain
    graph of the library."""
    lists = isinstance(track, (list, tuple)) and isinstance(potentials, (list, tuple))
    if not lists or not isinstance(observed, Mapping):
        return None
    roots = [*observed, *potentials, *track]
    if not roots or not all(isinstance(x, Node) and not x.stands_for_another for x in roots):
        return None
    kept, arrays, options = {}, [], ["posterior", line_text()]
    try:
        found, labels = target_of(target), checked_coords(coords)
        if not isinstance(found, Loads):
            return None
        options += [found.name, *(str(len(xs)) for xs in (observed, potentials, track))]
        options += [f"{dim!r} {len(values)}" for dim, values in labels.items()]
        for node, value in observed.items():
            array = number_array(value, "an observed value")
            if is_masked(value):
                return None
            bare = is_bare(value)
            kept[node] = copy.deepcopy(value) if bare else frozen_copy(array)
            arrays.append(array if bare else kept[node])
            options.append(f"{bare} {array.dtype.str} {array.shape} {text_of_bytes(array)}")
        key = fingerprint([], roots, options, values=True)
    except (TypeError, ValueError, Unknown):
        return None
    return Request(key, kept, arrays, labels, list(track), list(potentials), target)


def recall(
    request: Request, lowered: Callable[[], Lowered]
) -> tuple[Function, int, tuple[str, ...], tuple[str, ...]] | None:
    """The density of a request with its data bound, the length of q, the conditions that it guards
    and the variables that are summed out; None if no record of it is found. `lowered` makes all of
    the density."""
    data = load_record(request.key)
    if data is None:
        return None
    try:
        key, dim, guarded, summed, rows, packed = decode(data)
        values = _values(rows, packed.op.array, request)
        with made_by(None, present_line()):  # the line is found once
            inputs = [new_input("q", "float64", (dim,))]
            inputs += [new_input(None, x.dtype.name, x.shape) for x in values]
        given = dict(zip(inputs[1:], values, strict=True))
        found = recalled(key, inputs, given, "logp_and_grad", target_of(request.target), lowered)
    except (Damaged, TypeError, ValueError, IndexError, AttributeError):
        return None
    return None if found is None else (found, dim, guarded, summed)


def remember(
    request: Request,
    function: Function,
    dim: int,
    guarded: tuple[str, ...],
    summed: tuple[str, ...],
) -> None:
    """Store what `recall` finds, for the compiled density of a request."""
    compilation = function.compilation
    inputs = [x.variable for x in function.program.inputs]
    if not compilation.record or list(compilation.inputs) != inputs:
        return
    sources, rows, packed = None, [], bytearray()
    for node in inputs[1:]:
        array = function.bound[node]
        if array.nbytes > SMALL and sources is None:
            sources = request.sources()
        place = _place(array, sources) if array.nbytes > SMALL else None
        if place is None:
            packed += array.tobytes()
        if len(packed) > LARGEST:
            return
        rows.append(" ".join([array.dtype.name, str(place), *map(str, array.shape)]))
    literal = as_tensor(np.frombuffer(packed, "uint8"))
    with suppress(Unknown):
        record = (compilation.record, dim, guarded, summed, "\n".join(rows), literal)
        save_record(request.key, encode(record))


def _place(array: np.ndarray, sources: Sequence[np.ndarray]) -> int | None:
    """The first source that converts to an array; None if there is none."""
    for k, source in enumerate(sources):
        if source.shape == array.shape:
            own = np.asarray(source, array.dtype)
            if own.tobytes() == array.tobytes():
                return k
    return None


def _values(rows: str, packed: np.ndarray, request: Request) -> list[np.ndarray]:
    """The arrays of a record: one a row, with its dtype, the number of its source, and its shape.
    Those without a source lie in `packed`, one after the other."""
    data, start, sources, found = packed.tobytes(), 0, None, []
    for row in rows.splitlines():
        dtype, place, *shape = row.split(" ")
        if place == "None":
            sizes = tuple(map(int, shape))
            array = np.frombuffer(data, dtype, math.prod(sizes), start).reshape(sizes)
            start += array.nbytes
            own = array.copy()  # aligned
        else:
            sources = request.sources() if sources is None else sources
            own = np.asarray(sources[int(place)], dtype, order="C").view()
        own.setflags(write=False)
        found.append(own)
    return found
