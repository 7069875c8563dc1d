"""Indices and elements as cells: what does not change in a loop is computed before it."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.targets.machine.code import Assembler, Value
from probtensor.targets.machine.operators import element
from probtensor.types import Atom, Dim, Size, size_names

LARGE = 1 << 31  # numbers in instructions are below


class Indices:
    """Encodes indices. `names` has the value of each local and loop variable, `pointers` the cells
    of buffers' addresses."""

    def __init__(self, code: Assembler, sizes: Mapping[str, int], pointers: Mapping[str, int]):
        self.code = code
        self.sizes = sizes
        self.pointers = dict(pointers)
        self.names: dict[str, Value] = {}
        self.changing: set[int] = set()  # cells of locals that loops change
        self.lane = -1  # cell of the iteration in the strip, outside vector segments

    def index(self, size: Size) -> int:
        """The cell of an index. What does not change in a loop is computed before it."""
        if not isinstance(size, Dim):
            return self.code.constant(int(size))
        here = self.code.scopes[-1].indices
        found = here.get(size)
        if found is not None:
            return found
        by_level: dict[int, list] = {}
        for term in size.terms:
            level = max((self._level(atom) for atom in term[0]), default=0)
            by_level.setdefault(level, []).append(term)
        total, known = -1, ()
        for level in sorted(by_level):
            scope = self.code.scopes[level]
            for term in by_level[level]:
                known = (*known, term)
                found = scope.indices.get(known)
                if found is None:
                    found = self._term(term, total, level)
                    scope.indices[known] = found
                total = found
        here[size] = total
        return total

    def place(self, size: Size) -> tuple[int, int]:
        """An index as a cell and a number that is added to it."""
        if not isinstance(size, Dim):
            return (self.code.constant(0), size) if abs(size) < LARGE else (self.index(size), 0)
        if size.terms[-1][0]:
            return self.index(size), 0
        *rest, (atoms, number) = size.terms
        if atoms or not rest or abs(number) >= LARGE:
            return self.index(size), 0
        return self.index(Dim(tuple(rest))), number

    def _term(self, term: tuple[tuple[Atom, ...], int], before: int, level: int) -> int:
        """The cell of `before` (unless negative) plus a term."""
        atoms, factor = term
        code = self.code
        scope = code.scopes[level]
        product = scope.indices.get((term,), -1)
        if product < 0:
            product = scope.indices[(term,)] = self._product_of(atoms, factor, level)
        if before < 0:
            return product
        made = code.cell()
        code.emit("add_i", made, before, product, at=level)
        return made

    def _product_of(self, atoms: tuple[Atom, ...], factor: int, level: int) -> int:
        """The cell of a product of atoms and a number."""
        code, product = self.code, -1
        for atom in atoms:
            cell = self._atom(atom, level)
            if product < 0:
                product = cell
            else:
                made = code.cell()
                code.emit("mul_i", made, product, cell, at=level)
                product = made
        if product < 0:
            return code.constant(factor)
        if factor == 1:
            return product
        made = code.cell()
        code.emit("mul_i", made, product, code.constant(factor), at=level)
        return made

    def element_place(self, buffer: str, dtype: str, size: Size) -> tuple[int, int, int]:
        """The element of a buffer: a pointer and an index as cells, and a number that is added.
        What does not change in the loop around it is in the pointer."""
        base, depth = self.pointers[buffer], self.code.depth
        if isinstance(size, Dim) and depth and base not in self.changing:
            levels = [max(map(self._level, atoms), default=0) for atoms, _ in size.terms]
            fixed = tuple(t for t, k in zip(size.terms, levels) if k < depth and t[0])
            if fixed and len(fixed) < len(size.terms):
                level = max(k for k in levels if k < depth)
                rest = Dim(tuple(term for term in size.terms if term not in fixed))
                if rest.terms[0][0]:
                    return (self._pointer(base, dtype, Dim(fixed), level), *self.place(rest))
        return (base, *self.place(size))

    def _pointer(self, base: int, dtype: str, index: Dim, level: int) -> int:
        """The cell of the address of an element, computed at a level."""
        known = self.code.scopes[level].indices
        key = (base, index)
        found = known.get(key)
        if found is None:
            found = known[key] = self.code.cell()
            self.code.emit(f"address_{element(dtype)}", found, base, self.index(index), at=level)
        return found

    def _atom(self, atom: Atom, level: int) -> int:
        if not atom.args:
            local = self.names.get(atom.name)
            if local is None:
                return self.sizes[atom.name]
            return self._scalar(local).cell
        scope = self.code.scopes[level]
        found = scope.indices.get(atom)
        if found is None:
            first, second = map(self.index, atom.args)
            found = self.code.cell()
            name = "floordiv_i" if atom.name == "//" else f"{atom.name}_i"
            self.code.emit(name, found, first, second, at=level)
            scope.indices[atom] = found
        return found

    def _level(self, atom: Atom) -> int:
        if not atom.args:
            local = self.names.get(atom.name)
            return 0 if local is None else self._local_level(local)
        names = set().union(*map(size_names, atom.args))
        return max(
            (self._local_level(self.names[name]) for name in names if name in self.names),
            default=0,
        )

    def _local_level(self, local: Value) -> int:
        return self.code.depth if local.vector else local.level

    def _scalar(self, local: Value) -> Value:
        """The value of a local in scalar code: of a wide one, the element of the iteration."""
        if not local.vector:
            return local
        code = self.code
        key = ("element", local.cell)
        found = code.known(key)
        if found is None:
            found = code.scopes[-1].loads[key] = code.cell()
            code.emit("element", found, local.cell, self.lane)
        return Value(found, level=code.depth)

    def varies(self, size: Size) -> bool:
        """Whether an index has vectors in it, so that it is no first value and a step."""
        names = self.names
        return any(name in names and names[name].vector for name in size_names(size))

    def is_fixed(self, size: Size) -> bool:
        """Whether an index is the same in all iterations of the current loop."""
        return all(
            self._local_level(self.names[name]) < self.code.depth
            for name in size_names(size)
            if name in self.names
        )
