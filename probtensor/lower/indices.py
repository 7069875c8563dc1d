"""Indices that data give: made non-negative, and checked by the entry of a call or where read."""

from __future__ import annotations

from probtensor.graph.law import located_law, within_axis
from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.kernel.ir import Apply, Check, Expr, IndexValue, Let, Lit, Ref
from probtensor.lower.buffers import Needs
from probtensor.lower.kinds.base import Writer
from probtensor.lower.values import cast
from probtensor.types import Dim, Size, dtype_of


class IndexWriter(Writer):
    """The part of a writer that makes an index of what an index array holds."""

    needs: Needs
    indices: list[dict[tuple, Size]]  # those of the blocks around, by (value, bound, mode)

    def failure(self, message: str) -> int:
        if message not in self.needs.failures:
            self.needs.failures.append(message)
        return self.needs.failures.index(message) + 1

    def place(self, view: Node, position: int, value: Expr) -> Size:
        """An index read from memory: a local, made non-negative, checked if the entry does not."""
        bound = self._bound(view, position)
        mode = view.op.index_mode
        known = self._known_index((value, bound, mode))
        if known is not None:
            return known
        name = self.fresh("k")
        guard = self._guard()
        # Unsigned ones stay so until they are known to be small: 2**64 - 1 is not the last place.
        whole = cast(value, "uint64" if dtype_of(value.dtype).kind == "u" else "int64")
        held = Lit(0, whole.dtype)
        given = whole if guard is None else Apply("where", (guard, whole, held), whole.dtype)
        if isinstance(value, Lit) and mode == "raise":
            self.emit(Let(name, self._fixed_place(view, position, value.value)))
        elif mode == "raise" and self._counts_back(view, position):
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
        """Where what is being read lies inside the tensors it is read from; None if everywhere."""
        found = None
        for guard in self.guards:
            found = guard if found is None else Apply("and", (found, guard), "bool")
        return found

    def _fixed_place(self, view: Node, position: int, place: int) -> Expr:
        """A literal index, counted from the front; that it exists is checked with the sizes."""
        source, axis = self._indexed(view, position)
        n = source.type.shape[axis]
        front = place + n if place < 0 else place
        for law in within_axis(source, axis, front, front):
            self.needs.limits[located_law(law, view)] = None
        return IndexValue(self.sizes(front))

    def _known_index(self, key: tuple) -> Size | None:
        for scope in reversed(self.indices):
            if key in scope:
                return scope[key]
        return None

    def _indexed(self, view: Node, position: int) -> tuple[Node, int]:
        """The tensor and the axis of it that the index array in input `position` points into."""
        source, axis = view.op.index_inputs()[position]
        return view.inputs[source], axis

    def _bound(self, view: Node, position: int) -> Size:
        source, axis = self._indexed(view, position)
        return self.sizes.shape(source)[axis]

    def _index_message(self, view: Node, position: int) -> str:
        source, axis = self._indexed(view, position)
        named = f" of {source.name}" if source.name else ""
        place = f"axis {axis}{named}\n  at {line_of(view)}"
        return f"{view.op.user_name()}: an index is out of bounds for {place}"

    def _counts_back(self, view: Node, position: int) -> bool:
        """Whether the index array is a literal with negative places. Its extremes, which must
        exist, are checked with the sizes; the rest is counted from the end of whichever axis."""
        leaf = whole(view.inputs[position])
        if not isinstance(leaf.op, Const) or not (leaf.op.array < 0).any():
            return False
        for place in sorted({int(leaf.op.array.min()), int(leaf.op.array.max())}):
            self._fixed_place(view, position, place)
        return True

    def _entry_checks(self, view: Node, position: int, bound: Size, mode: str) -> bool:
        """Leave the check to the call's entry where the index array is an input seen as it is."""
        leaf = whole(view.inputs[position])
        # The entry makes negative indices non-negative, which no other reader may see.
        if mode != "raise" or leaf in self.memory.values:
            return False
        if not isinstance(leaf.op, (Input, Const)):
            return False
        # The entry keeps the dtype, in which a place counted from the front may not fit.
        longest = 2**7 if leaf.dtype == "int8" else 2**15 if leaf.dtype == "int16" else None
        if longest is not None and not (isinstance(bound, int) and bound <= longest):
            return False
        self.needs.checked.setdefault((leaf, bound), self._index_message(view, position))
        return True

    def _checked(self, name: str, value: Expr, bound: Size, mode: str, message: str) -> None:
        """`value` is int64 or uint64."""
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
        # What is negative as an int64 was past all axes as a uint64, and stays outside.
        self.emit(Let(f"{name}_from", given if unsigned else _from_end(given, size)))
        start = Ref(f"{name}_from", "int64")
        inside = Apply(
            "and",
            (Apply(">=", (start, zero), "bool"), Apply("<", (start, size), "bool")),
            "bool",
        )
        self.emit(Let(f"{name}_ok", inside))
        fine = Ref(f"{name}_ok", "bool")
        needed: Expr = fine
        for guard in self.guards:
            needed = Apply("or", (Apply("not", (guard,), "bool"), needed), "bool")
        self.emit(Check(needed, self.failure(message)))
        self.emit(Let(name, Apply("where", (fine, start, zero), "int64")))


def _int64(value: Expr) -> Expr:
    return cast(value, "int64")


def _from_end(index: Expr, size: Expr) -> Expr:
    """An int64 index, counted from the end of an axis where it is negative."""
    negative = Apply("<", (index, Lit(0, "int64")), "bool")
    return Apply("where", (negative, Apply("+", (index, size), "int64"), index), "int64")


def whole(node: Node) -> Node:
    """The array under views that read every element of it."""
    while node.op.reads_all:
        node = node.inputs[0]
    return node
