"""Indices read from arrays: made non-negative, and checked at the entry of a call or when read."""

from __future__ import annotations

from probtensor.graph.law import located_law, named_axis, within_axis
from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.kernel.ir import Apply, Check, Expr, IndexValue, Let, Lit, Ref
from probtensor.lower.buffers import Needs
from probtensor.lower.kinds.base import Writer
from probtensor.lower.values import cast
from probtensor.types import Dim, Size, dtype_of


class IndexWriter(Writer):
    """The part of a writer that turns elements of index arrays into indices."""

    needs: Needs
    # The indices computed in each enclosing block, by (value, bound, mode).
    indices: list[dict[tuple, Size]]

    def failure(self, message: str) -> int:
        return self.needs.failures.setdefault(message, len(self.needs.failures) + 1)

    def checked_index(self, view: Node, position: int, value: Expr) -> Size:
        """A local with the index, non-negative, and checked here unless the entry checks it."""
        bound = self._bound(view, position)
        mode = view.op.index_mode
        available = self._available_index((value, bound, mode))
        if available is not None:
            return available
        name = self.fresh("k")
        guard = self._guard()
        # As an int64, 2**64 - 1 would be -1, the last element: unsigned indices are cast only
        # after they are checked.
        wide = cast(value, "uint64" if dtype_of(value.dtype).kind == "u" else "int64")
        zero = Lit(0, wide.dtype)
        given = wide if guard is None else Apply("where", (guard, wide, zero), wide.dtype)
        if isinstance(value, Lit) and mode == "raise":
            self.emit(Let(name, self._literal_index(view, position, value.value)))
        elif mode == "raise" and self._counts_from_end(view, position):
            raw = Ref(f"{name}_raw", "int64")
            self.emit(Let(raw.name, _int64(given)))
            self.emit(Let(name, _from_end(raw, IndexValue(bound))))
        elif self._entry_checks(view, position, bound, mode):
            self.emit(Let(name, _int64(given)))
        else:
            self._checked(name, given, bound, mode, self._index_message(view, position))
        self.indices[-1][value, bound, mode] = Dim.name(name)
        return Dim.name(name)

    def _guard(self) -> Expr | None:
        """The condition under which the elements being read exist; None if they always do."""
        found = None
        for guard in self.guards:
            found = guard if found is None else Apply("and", (found, guard), "bool")
        return found

    def _literal_index(self, view: Node, position: int, index: int) -> Expr:
        """A literal index, made non-negative; a size law requires it to be within the axis, unless
        there are no indices."""
        source, axis = self._indexed(view, position)
        n = source.type.shape[axis]
        front = index + n if index < 0 else index
        for law in within_axis(source, axis, front, front, view.inputs[position].type.size):
            self.needs.limits[located_law(law, view)] = None
        return IndexValue(self.sizes(front))

    def _available_index(self, key: tuple) -> Size | None:
        for scope in reversed(self.indices):
            if key in scope:
                return scope[key]
        return None

    def _indexed(self, view: Node, position: int) -> tuple[Node, int]:
        """The tensor, and the axis of it, that is indexed by the array in input `position`."""
        source, axis = view.op.index_inputs()[position]
        return view.inputs[source], axis

    def _bound(self, view: Node, position: int) -> Size:
        source, axis = self._indexed(view, position)
        return self.sizes.shape(source)[axis]

    def _index_message(self, view: Node, position: int) -> str:
        source, axis = self._indexed(view, position)
        where = f"{named_axis(source, axis)}\n  at {line_of(view)}"
        return f"{view.op.user_name()}: an index is out of bounds for {where}"

    def _counts_from_end(self, view: Node, position: int) -> bool:
        """Whether the index array is a literal with negative indices. Size laws then check its
        minimum and maximum; the statements need only make negative indices non-negative."""
        leaf = viewed_array(view.inputs[position])
        if not isinstance(leaf.op, Const) or not (leaf.op.array < 0).any():
            return False
        for index in sorted({int(leaf.op.array.min()), int(leaf.op.array.max())}):
            self._literal_index(view, position, index)
        return True

    def _entry_checks(self, view: Node, position: int, bound: Size, mode: str) -> bool:
        """Whether the entry of the call checks the index array, which is then noted in `needs`: it
        does for inputs and constants that are read only as indices."""
        leaf = viewed_array(view.inputs[position])
        # The entry replaces negative indices in a copy, which nothing may read as values.
        if mode != "raise" or leaf in self.memory.values:
            return False
        if not isinstance(leaf.op, (Input, Const)):
            return False
        # The copy has the dtype of the array, in which a non-negative index may not fit.
        max_bound = 2**7 if leaf.dtype == "int8" else 2**15 if leaf.dtype == "int16" else None
        if max_bound is not None and not (isinstance(bound, int) and bound <= max_bound):
            return False
        self.needs.checked.setdefault((leaf, bound), self._index_message(view, position))
        return True

    def _checked(self, name: str, value: Expr, bound: Size, mode: str, message: str) -> None:
        """Emit the statements that make a valid index of `value`, an int64 or uint64, by `mode`."""
        size, zero = IndexValue(bound), Lit(0, "int64")
        kind, unsigned = value.dtype, value.dtype == "uint64"
        if mode == "wrap":
            rest = Apply("%", (value, cast(size, kind)), kind)
            self.emit(Let(name, _int64(rest)))
            return
        self.emit(Let(f"{name}_raw", value if mode == "clip" else _int64(value)))
        given = Ref(f"{name}_raw", kind if mode == "clip" else "int64")
        if mode == "clip":
            top = cast(Apply("-", (size, Lit(1, "int64")), "int64"), kind)
            low = given if unsigned else Apply("maximum", (given, zero), "int64")
            self.emit(Let(name, _int64(Apply("minimum", (low, top), kind))))
            return
        # An unsigned index that is negative as an int64 is at least 2**63: out of bounds as well.
        self.emit(Let(f"{name}_from", given if unsigned else _from_end(given, size)))
        start = Ref(f"{name}_from", "int64")
        in_bounds = Apply(
            "and",
            (Apply(">=", (start, zero), "bool"), Apply("<", (start, size), "bool")),
            "bool",
        )
        self.emit(Let(f"{name}_ok", in_bounds))
        valid = Ref(f"{name}_ok", "bool")
        condition: Expr = valid
        for guard in self.guards:
            condition = Apply("or", (Apply("not", (guard,), "bool"), condition), "bool")
        self.emit(Check(condition, self.failure(message)))
        self.emit(Let(name, Apply("where", (valid, start, zero), "int64")))


def _int64(value: Expr) -> Expr:
    return cast(value, "int64")


def _from_end(index: Expr, size: Expr) -> Expr:
    """An int64 index with the size of the axis added if it is negative."""
    negative = Apply("<", (index, Lit(0, "int64")), "bool")
    return Apply("where", (negative, Apply("+", (index, size), "int64"), index), "int64")


def viewed_array(node: Node) -> Node:
    """The node under views that read all of its elements."""
    while node.op.reads_all:
        node = node.inputs[0]
    return node
