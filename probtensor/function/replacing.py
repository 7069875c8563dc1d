"""Graphs with tensors replaced by others: `givens` of a function, `graph_replace`, `clone_replace`;
whether two graphs compute the same; and programs for calls in which sizes are broadcast.

A function is compiled for sizes that are equal where axes of unknown size are broadcast together,
and its size laws refuse all others. The graph itself is exact: the size of such an axis is an atom
of both sizes (`types.size_joint`), and the gradient of what was broadcast is a `SumTo`. So where a
call is refused, and an axis of it that is 1 would broadcast, the same graph is built again with the
sizes of that call in place of their names, and compiled.

Rejected: loops that read every operand with a stride of 0 or 1 decided at the call (all calls would
pay for the few that broadcast, and gradients have other reductions), and operands repeated before
the call (their gradients have the wrong shape).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from probtensor.calls import public
from probtensor.dataclass import replace as with_fields
from probtensor.function.program import Program, literal_for, pairs_of
from probtensor.graph import GraphError, Node, as_tensor, inputs_of, line_of, replace
from probtensor.graph.law import size_laws
from probtensor.graph.node import Input
from probtensor.graph.resize import with_sizes
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.require import asked_for, sized
from probtensor.ops.complexes.pair import as_leaf, joined, leaf_of
from probtensor.ops.halves import HalfTensor, half_of
from probtensor.types import (
    BROADCASTING,
    Size,
    SizeCheck,
    size_name,
    size_names,
    size_substitute,
    size_value,
)

Replacements = Mapping[Node, object] | Sequence[tuple[Node, object]] | None
Pattern = tuple[tuple[str, int], ...]  # sizes that are broadcast, by the keys of their names
MAX_SHAPES = 64  # of calls that broadcast, whose functions are kept


def replaced(graph: list[Node], given: Replacements, what: str) -> list[Node]:
    """The graph with nodes replaced by tensors of the same dtype and rank; `what` is how messages
    name the argument."""
    changes: dict[Node, Node] = {}
    for old, new in pairs_of(given, what, "{tensor: replacement}"):
        if not isinstance(old, Node):
            raise refusal(f"{what} replace tensors, not {old!r:.80}")
        old, name = as_tensor(old), old.name
        if old.is_complex:
            old, new = _complex_pair(old, new, what)
        value = literal_for(old, new, name)
        if (value.dtype, value.ndim) != (old.dtype, old.ndim):
            raise GraphError(
                f"{what} put {value.type} in place of {old.type}: dtype and number of "
                f"axes must agree\n  replaced: made at {line_of(old)}\n  "
                f"replacement: made at {line_of(value)}"
            )
        changes[old] = asked_for(value, what, *_size_checks(old, value, what))
    if not changes:
        return graph
    names = replaced_sizes(changes)
    if not names:
        return replace(graph, changes)
    # Other inputs are unchanged, though their declared shapes may name the replaced sizes.
    unchanged = {x: x for x in inputs_of(graph)}
    done = with_sizes(graph, names, unchanged | changes)
    return [done[y] for y in graph]


def _complex_pair(old: Node, new: object, what: str) -> tuple[Node, Node]:
    """A complex input and its replacement, as real tensors that hold their parts."""
    leaf, value = leaf_of(old), as_tensor(new)
    if leaf is None:
        raise refusal(
            f"{what} replace complex inputs, not computed complex tensors, whose parts others may "
            "share",
            old.birthplace,
            "replace the parts: {pt.real(z): ..., pt.imag(z): ...}",
            kind=GraphError,
        )
    return leaf, joined(value if value.dtype == old.dtype else value.astype(old.dtype))


def _size_checks(old: Node, new: Node, what: str) -> Iterator[SizeCheck]:
    """The checks that a replacement has the static sizes of the tensor it replaces."""
    for axis, (size, other) in enumerate(zip(old.shape, new.shape, strict=True)):
        if isinstance(size, int) and size != other:
            text = f"{old.described} has size {size} along axis {axis}, its replacement "
            if isinstance(other, int):
                raise refusal(f"{what}: {text}{other}", old.birthplace, kind=ValueError)
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


@public
def graph_replace(
    outputs: Node | Sequence[Node], replace: Replacements = None, *, strict: bool = True
) -> Node | list[Node]:
    """The outputs with tensors replaced by others, everything between built again.

    outputs  a tensor, or a sequence of them
    replace  {tensor: replacement} or pairs: inputs or inner tensors, which the replacements agree
             with in dtype and number of axes. All are replaced at once: {x: y, y: x} exchanges two
    strict   whether a tensor that the outputs do not need is an error

    Returns a tensor, or a list of them for a sequence. The outputs given are not changed.

    Raises GraphError, a TypeError, for a replacement of another dtype or number of axes; ValueError
    for another size, and for a tensor that no output needs, if `strict`.

        >>> x, y = pt.scalar("x"), pt.scalar("y")
        >>> pt.graph_replace(pt.exp(x) + 1, {x: 2 * y}).eval({y: 0.0})
        array(2.)
    """
    single = isinstance(outputs, Node)
    graph = [as_tensor(y) for y in ([outputs] if single else outputs)]
    if strict:
        needed = set(toposort(graph))
        for old, _ in pairs_of(replace, "graph_replace: replace", "{tensor: replacement}"):
            if isinstance(old, Node) and as_leaf(as_tensor(old)) not in needed:
                raise refusal(
                    f"graph_replace: no output needs {old.described}",
                    old.birthplace,
                    "leave it out, or pass strict=False",
                    kind=ValueError,
                )
    found = replaced(graph, replace, "graph_replace: replace")
    return found[0] if single else found


@public
def clone_replace(
    output: Node | Sequence[Node], replace: Replacements = None
) -> Node | list[Node]:
    """The output with tensors replaced by others, as `graph_replace(..., strict=False)`.

    Graphs are immutable and shared, so that nothing else need be cloned.

    Returns a tensor, or a list of them for a sequence.
    Raises what `graph_replace` raises.

        >>> x, y = pt.scalar("x"), pt.scalar("y")
        >>> pt.clone_replace(x**2, {x: y}).eval({y: 3.0})
        array(9.)
    """
    return graph_replace(output, replace, strict=False)


@public
def equal_computations(
    xs: Node | Sequence[Node],
    ys: Node | Sequence[Node],
    in_xs: Sequence[Node] | None = None,
    in_ys: Sequence[Node] | None = None,
    strict_dtype: bool = True,
) -> bool:
    """Whether two lists of tensors are the same computations.

    xs, ys        tensors, or sequences of as many of them
    in_xs, in_ys  inputs of `xs` and those of `ys` that stand in their place
    strict_dtype  whether inputs in one place must have one dtype; without it, those that differ are
                  different computations, not an error

    The graphs are compared as they are written: `x + x` and `2 * x` differ.

    Returns True or False.
    Raises ValueError for lists of different lengths, and GraphError, a TypeError, for inputs that
    cannot stand for one another.

        >>> x, y = pt.scalar("x"), pt.scalar("y")
        >>> pt.equal_computations(pt.exp(x), pt.exp(y), [x], [y])
        True
    """
    first, second = (list(map(as_tensor, [z] if isinstance(z, Node) else z)) for z in (xs, ys))
    pairs = list(in_xs or ()), list(in_ys or ())
    for one, other in ((first, second), pairs):
        if len(one) != len(other):
            text = f"equal_computations: {len(one)} tensors, and {len(other)} to compare with"
            raise refusal(text, kind=ValueError)
    changes = list(zip(*pairs, strict=True))
    if not strict_dtype and any(x.dtype != y.dtype for x, y in changes):
        return False
    first = replaced(first, changes, "equal_computations: in_xs")
    return all(x is y for x, y in zip(first, second, strict=True))


class Broadcasting:
    """Which sizes of a call of a program are broadcast; programs for them."""

    def __init__(self, program: Program, inputs: Sequence[Node]) -> None:
        self.program = program
        self.inputs = inputs
        self.laws = size_laws(toposort(program.graph), inputs, broadcasting=True)
        self.broadcasts = any(law.relation in BROADCASTING for law in self.laws)

    def pattern(self, shapes: Mapping[Node, Sequence[int]], error: ValueError) -> Pattern:
        """The sizes that are broadcast in a call with inputs of these shapes, none if they all are
        equal. Raises the `error` of the call where a law refuses them, with the text of the law if
        that is another one."""
        sizes = {
            name: n
            for x in self.inputs
            for size, n in zip(x.type.shape, shapes[x])
            if (name := size_name(size)) is not None
        }
        found: dict[str, int] = {}
        for law in self.laws:
            if not law.names() <= sizes.keys():
                continue
            if not law.holds(sizes):
                raise self._refused(law, sizes, error) if found else error
            if law.relation in BROADCASTING:
                ends = [size_value(n, sizes) for n in (law.left, law.right)]
                if ends[0] != ends[1]:
                    one = law.left if ends[0] == 1 else law.right
                    found.update({name: sizes[name] for name in size_names(one)})
        return tuple(sorted(found.items()))

    @staticmethod
    def _refused(law: SizeCheck, sizes: Mapping[str, int], error: ValueError) -> ValueError:
        try:
            law.verify(sizes)
        except (ValueError, IndexError) as other:
            return ValueError(f"{error}\n  nor can it be broadcast: {other}")
        return error

    def explains(self, error: ValueError) -> bool:
        """Whether an error says that sizes differ that may be broadcast together."""
        text = str(error)
        return any(
            all(part in text for part in law.message if isinstance(part, str))
            for law in self.laws
            if law.relation in BROADCASTING
        )

    def program_for(self, pattern: Pattern) -> Program:
        """The program with these sizes in place of their names. GraphError where it does not exist
        for them."""
        names, results = dict(pattern), self.program.results
        graph = [y.node if isinstance(y, HalfTensor) else y for y in results]
        changes = {x: _sized(x, names) for x in inputs_of(graph)}
        done = with_sizes(graph, names, changes)
        count = len(self.program.outputs)
        both = zip(results, graph, strict=True)
        made = [half_of(done[y]) if isinstance(old, HalfTensor) else done[y] for old, y in both]
        updated = [old for old, _ in self.program.updates]
        return with_fields(
            self.program,
            outputs=tuple(made[:count]),
            updates=tuple(zip(updated, made[count:], strict=True)),
            asked=None,
        )


def _sized(x: Node, names: Mapping[str, int]) -> Node:
    """An input with the sizes that it has where names of sizes have these values."""
    return sized(x, [size_substitute(n, names) for n in x.type.shape], "function")


class WithBroadcasting:
    """What a function does with arguments whose sizes are refused, since an axis is 1."""

    def __init__(self) -> None:
        self._broadcasting: Broadcasting | None = None
        # The functions for sizes that are broadcast, by these sizes and by the shapes of calls.
        self._broadcast: dict[Pattern, Callable] = {}
        self._chosen: dict[tuple, Callable] = {}
        self._is_broadcast = False  # whether it is one of these itself

    def instead(self, args: tuple, error: ValueError) -> Callable[..., object]:
        """The function for the sizes of these arguments, of which some are broadcast; the error if
        there is none. It is compiled at the first call with such sizes."""
        if self._is_broadcast:
            raise error
        found, shapes = self._chosen_for(args, error)
        if found is self._broadcast.get(()) and not self._broadcasting.explains(error):
            raise error
        return partial(self._settled, found, shapes) if self._reads_shared else found

    @property
    def _reads_shared(self) -> bool:
        """Whether another thread may change the shape of an input."""
        return any(slot.kind == "cell" for slot in self._wiring.slots)

    def _settled(self, found: Callable, shapes: Sequence[Sequence[int]], *args: object) -> object:
        """A call of the function for these shapes; of another one wherever another thread has given
        a shared variable another shape meanwhile."""
        while True:
            try:
                return found(*args)
            except ValueError as error:
                before, (found, shapes) = shapes, self._chosen_for(args, error)
                if shapes == before:
                    raise

    def _chosen_for(
        self, args: tuple, error: ValueError
    ) -> tuple[Callable, Sequence[Sequence[int]]]:
        """(the function for the sizes of these arguments, the shapes of all inputs)."""
        shapes = None
        with suppress(Exception):  # of an argument without a shape, which the error is about
            shapes = self._shapes(args)
        if shapes is None:
            raise error
        key = tuple(shapes.values())
        found = self._chosen.get(key)
        if found is None:
            if self._broadcasting is None:
                self._broadcasting = Broadcasting(self.program, self.compilation.inputs)
            pattern = self._broadcasting.pattern(shapes, error)
            if not pattern and not self._reads_shared:
                raise error
            if len(self._chosen) >= MAX_SHAPES:
                self._chosen.clear()
            if len(self._broadcast) >= MAX_SHAPES:
                self._broadcast.clear()
            found = self._chosen[key] = self._function_for(pattern, error)
        return found, key

    def _function_for(self, pattern: Pattern, error: ValueError) -> Callable:
        """The function for sizes that are broadcast, which is compiled at its first call."""
        found = self._broadcast.get(pattern)
        if found is None:
            with self.compilation.lines():
                try:
                    program = self._broadcasting.program_for(pattern) if pattern else self.program
                except GraphError as refused:
                    text = f"{error}\n  nor can it be broadcast: {refused}"
                    raise ValueError(text) from None
                made = program.compiler(program).compilation if pattern else self.compilation
            found = type(self)(program, made, self.bound, self._cells, self._keys)
            found._is_broadcast = True
            self._broadcast[pattern] = found
        return found

    def _shapes(self, args: tuple) -> dict[Node, tuple[int, ...]]:
        """The shapes of the plan's inputs in a call."""
        found = dict.fromkeys(self.compilation.inputs, ())
        for slot in self._wiring.slots:
            if slot.kind != "key" and slot.position < len(self.compilation.inputs):
                value = args[slot.argument] if slot.kind == "argument" else slot.payload
                if slot.kind == "cell":
                    value = value.value if value.device is None else value.device
                shape = getattr(value, "shape", None)
                node = self.compilation.inputs[slot.position]
                found[node] = np.shape(value) if shape is None else tuple(shape)
        return found
