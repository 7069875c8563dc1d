"""Checks of the arguments of `function`: options, `givens`, unused inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence

from probtensor.function.call import checked_seed
from probtensor.function.program import In, literal_for, pairs_of
from probtensor.graph import GraphError, Node, as_tensor, inputs_of, line_of, replace
from probtensor.graph.node import Input
from probtensor.graph.resize import sizes_read, with_sizes
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.complexes.pair import joined, leaf_of
from probtensor.types import Size, SizeCheck, size_name


def check_options(name: object, seed: object) -> None:
    """TypeError or ValueError for an invalid name or seed."""
    if name is not None and not isinstance(name, str):
        raise refusal(f"function: name must be a string, not {name!r:.60}")
    checked_seed(seed)


def replace_givens(graph: list[Node], givens: object) -> list[Node]:
    """The graph with nodes replaced by tensors of the same dtype and rank."""
    changes: dict[Node, Node] = {}
    for old, new in pairs_of(givens, "function: givens", "{tensor: replacement}"):
        if not isinstance(old, Node):
            raise refusal(f"function: givens replace tensors, not {old!r:.80}")
        old = as_tensor(old)
        if old.is_complex:
            old, new = _complex_given(old, new)
        value = literal_for(old, new)
        if (value.dtype, value.ndim) != (old.dtype, old.ndim):
            raise GraphError(
                f"function: givens put {value.type} in place of {old.type}: dtype and number of "
                f"axes must agree\n  replaced: made at {line_of(old)}\n  "
                f"replacement: made at {line_of(value)}"
            )
        changes[old] = asked_for(value, "function: givens", *_size_checks(old, value))
    if not changes:
        return graph
    names = replaced_sizes(changes)
    if not names:
        return replace(graph, changes)
    # Other inputs are unchanged, though their declared shapes may name the replaced sizes.
    unchanged = {x: x for x in inputs_of(graph)}
    done = with_sizes(graph, names, unchanged | changes)
    return [done[y] for y in graph]


def _complex_given(old: Node, new: object) -> tuple[Node, Node]:
    """A complex input and its replacement as pairs of reals."""
    leaf, value = leaf_of(old), as_tensor(new)
    if leaf is None:
        raise refusal(
            "function: givens replace complex inputs, not computed complex tensors, whose parts "
            "others may share",
            old.birthplace,
            "replace the parts: {pt.real(z): ..., pt.imag(z): ...}",
            kind=GraphError,
        )
    return leaf, joined(value if value.dtype == old.dtype else value.astype(old.dtype))


def _size_checks(old: Node, new: Node) -> Iterator[SizeCheck]:
    """The checks that a replacement has the static sizes of the tensor it replaces."""
    for axis, (size, other) in enumerate(zip(old.shape, new.shape, strict=True)):
        if isinstance(size, int) and size != other:
            text = f"{old.described} has size {size} along axis {axis}, its replacement "
            if isinstance(other, int):
                raise refusal(f"function: givens: {text}{other}", old.birthplace, kind=ValueError)
            yield SizeCheck(other, "==", size, (text, other))


def replaced_sizes(changes: Mapping[Node, Node]) -> dict[str, Size]:
    """The sizes of replaced inputs, by name, in terms of their replacements."""
    names: dict[str, Size] = {}
    for old, new in changes.items():
        if isinstance(old.op, Input):
            for size, other in zip(old.shape, new.shape):
                name = size_name(size)
                if name is not None:
                    names.setdefault(name, other)
    return names


def check_used(given: Sequence[In], graph: Sequence[Node], policy: str) -> None:
    """Apply `policy` to inputs of which the graph needs neither values nor sizes."""
    if policy not in ("raise", "warn", "ignore"):
        raise refusal(
            f"function: on_unused_input is 'raise', 'warn' or 'ignore', not {policy!r}",
            kind=ValueError,
        )
    needed = set(inputs_of(graph))
    unused = [(k, x) for k, x in enumerate(given) if x.variable not in needed]
    if policy == "ignore" or not unused:
        return
    read = sizes_read(graph)
    for k, x in unused:
        if any(size_name(n) in read for n in x.variable.shape):
            continue
        text = f"function: input {x.name or k} is not used by the outputs"
        hint = "leave it out, or pass on_unused_input='ignore'"
        unneeded = refusal(text, x.variable.birthplace, hint, kind=ValueError)
        if policy == "raise":
            raise unneeded
        warnings.warn(str(unneeded), UserWarning, stacklevel=3)
