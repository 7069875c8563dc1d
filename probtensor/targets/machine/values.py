"""Expressions and indices as instructions of the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cython_ext.scipy_special import is_scipy
from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import Apply, Expr, IndexValue, Lit, Load, Ref, walk_expr
from probtensor.kernel.simplify import coefficient
from probtensor.targets.base import BuildError
from probtensor.targets.machine.code import Assembler, Label, Value
from probtensor.targets.machine.indices import Indices
from probtensor.targets.machine.operators import (
    EXACT,
    OPERATORS,
    SMALL,
    conversion,
    element,
    field_of,
    joint_field,
)
from probtensor.types import Atom, Dim, Size, dtype_of, size_names, terms_of


@dataclass
class Vector:
    """The vector segment that is encoded.

    var       the loop variable; its name stands for the first iteration of the strip
    extent    cell of the iterations of the loop
    width     iterations of a strip
    depth     of the scope of the strip's body
    stored    buffers that the strip stores to, whose elements loads must copy
    uses      reads of each local that are still to come
    unused    registers of locals that are free after the current statement
    splats    registers of scalars that are computed outside the strip, by cell
    """

    var: str
    extent: int
    width: int
    depth: int
    stored: frozenset[str]
    splats: dict[int, int]
    uses: Counter[str]
    unused: list[int] = field(default_factory=list)


class Values(Indices):
    """Encodes expressions."""

    def __init__(self, code: Assembler, sizes: Mapping[str, int], pointers: Mapping[str, int]):
        super().__init__(code, sizes, pointers)
        self.vector: Vector | None = None
        self.guard: Value | None = None  # where the current expression is evaluated; a vector

    # Indices as values.

    def _step(self, size: Size) -> Size | None:
        """What an index grows by from one iteration of a strip to the next; None if it has vectors
        in it, or no fixed step."""
        return None if self.varies(size) else coefficient(size, self.vector.var)

    def index_value(self, size: Size) -> Value:
        """An index as a value: a vector where it differs between the iterations of a strip."""
        vector = self.vector
        if vector is None:
            return self._index_scalar(size)
        step = self._step(size)
        if step == 0:
            return self._index_scalar(size)
        if step is not None:
            made = self.code.register(vector.width)
            self.code.emit("count_up", made, self.index(size), self.index(step))
            return Value(made, vector=True, owned=True)
        total: Value | None = None
        for atoms, factor in terms_of(size):
            product: Value | None = None
            for atom in atoms:
                value = self._atom_value(atom)
                product = value if product is None else self.binary("mul_i", product, value)
            if product is None:
                product = Value(self.code.constant(factor))
            elif factor != 1:
                product = self.binary("mul_i", product, Value(self.code.constant(factor)))
            total = product if total is None else self.binary("add_i", total, product)
        assert total is not None
        return total

    def _index_scalar(self, size: Size) -> Value:
        names = size_names(size)
        level = max(
            (self._local_level(self.names[name]) for name in names if name in self.names),
            default=0,
        )
        return Value(self.index(size), level=level)

    def _atom_value(self, atom: Atom) -> Value:
        if not atom.args:
            local = self.names.get(atom.name)
            if local is not None and local.vector:
                return local
            return self.index_value(Dim.of(atom))
        first, second = map(self.index_value, atom.args)
        name = "floordiv_i" if atom.name == "//" else f"{atom.name}_i"
        return self.binary(name, first, second)

    # Expressions.

    def expr(self, expr: Expr, into: int = -1) -> Value:
        """The value of an expression; a computed one goes to the cell or register `into`."""
        kind = expr.__class__
        if kind is Apply:
            return self._apply(expr, into)
        if kind is Ref:
            return self._ref(expr.name)
        if kind is Load:
            return self._load(expr, into)
        if kind is Lit:
            return Value(self.literal(expr.value, expr.dtype))
        if kind is IndexValue:
            return self.index_value(expr.index)
        raise TypeError(f"not an expression: {expr!r}")

    def _apply(self, expr: Apply, into: int) -> Value:
        fn, args, dtype = expr.fn, expr.args, expr.dtype
        if fn in ("+", "-") and dtype == "float64":
            first, second = args
            if is_product(first):
                return self._product(fn, first, second, True, into)
            if is_product(second):
                return self._product(fn, second, first, False, into)
        elif fn == "cast":
            return self._cast(self.expr(args[0]), args[0].dtype, dtype, into)
        elif fn == "where":
            return self._where(*args, into)
        return self.apply(fn, [(self.expr(arg), arg.dtype) for arg in args], dtype, into)

    def literal(self, value: float | int | bool, dtype: str) -> int:
        """The cell of a literal."""
        if dtype == "float32":
            return self.code.constant(float(dtype_of(dtype).numpy.type(value)))
        return self.code.constant(float(value) if dtype_of(dtype).is_float else int(value))

    def _product(self, fn: str, product: Expr, other: Expr, first: bool, into: int) -> Value:
        """A product plus or minus another term, or that term minus the product: in one instruction
        if all are scalars, or vectors."""
        code = self.code
        x = self.expr(product.args[0])
        y = x._replace(owned=False) if product.fn == "square" else self.expr(product.args[1])
        z = self.expr(other)
        vector = x.vector or y.vector or z.vector
        if vector and not all(map(self._is_ready, (x, y, z))):
            made = self.binary("mul_f", x, y)
            name = "add_f" if fn == "+" else "sub_f"
            return self.binary(name, *((made, z) if first else (z, made)), into)
        if vector:
            x, y, z = map(self.as_vector, (x, y, z))
        name = "mul_add" if fn == "+" else "mul_sub" if first else "sub_mul"
        code.release(x, y, z)
        made = self._target(into) if vector else self._scalar_target(into)
        code.emit(f"{name}_v" if vector else name, made, x.cell, y.cell, z.cell)
        return self._result(made, vector, into)

    def _is_ready(self, value: Value) -> bool:
        """Whether a value is a vector, or one that is made before the strip."""
        assert self.vector is not None
        return value.vector or value.level < self.vector.depth

    def _ref(self, name: str) -> Value:
        value = self.names[name]
        vector = self.vector
        if not value.vector:
            return value
        if vector is None:
            return self._scalar(value)
        if name in vector.uses:
            vector.uses[name] -= 1
            if not vector.uses[name]:
                vector.unused.append(value.cell)
        return value

    def _load(self, load: Load, into: int) -> Value:
        code, kind = self.code, element(load.dtype)
        base = self.pointers[load.buffer]
        vector = self.vector
        if vector is None:
            return self._load_scalar(load, kind, into)
        step = self._step(load.index)
        if step == 0:
            return self._load_uniform(base, kind, load.index)
        if self.guard is None and step is not None:
            if step == 1:
                name = "copy" if load.buffer in vector.stored else "v"
                made = code.register(vector.width, loads=True)
                code.emit(f"load_{name}_{kind}", made, base, *self.place(load.index))
                return Value(made, vector=True, owned=True)
            index = self.index(load.index)
            made = self._target(into)
            code.emit(f"load_step_{kind}", made, base, index, self.index(step))
            return self._computed(made, True, into)
        at = self.index_value(load.index)
        if not at.vector:
            return self._load_uniform(base, kind, load.index)
        made = self._target(into)
        if self.guard is None:
            code.emit(f"load_at_{kind}", made, base, at.cell)
        else:
            code.emit(f"load_at_if_{kind}", made, base, at.cell, self.guard.cell)
        code.release(at)
        return self._computed(made, True, into)

    def _load_scalar(self, load: Load, kind: str, into: int) -> Value:
        """A load outside of vector segments. In a loop that does not store to the buffer an element
        is read once, and before the loop if it is the same in all iterations."""
        code, place = self.code, self.element_place(load.buffer, load.dtype, load.index)
        key = (*place, kind)
        scope = code.scopes[-1]
        if into < 0 and code.keeps(load.buffer):
            found = code.known(key)
            if found is None:
                found = scope.loads[key] = code.cell()
                fixed = scope.stored is not None and self.is_fixed(load.index)
                lines = scope.before if fixed else scope.lines
                lines.append((code.instructions[f"load_{kind}"], found, *place))
            return Value(found, level=code.depth)
        made = into if into >= 0 else code.temporary()
        code.emit(f"load_{kind}", made, *place)
        return self._computed(made, False, into)

    def _load_uniform(self, base: int, kind: str, index: Size) -> Value:
        """A load of the same element in all iterations of a strip."""
        code = self.code
        cell = self.index(index)
        made = code.temporary()
        if self.guard is None:
            code.emit(f"load_{kind}", made, base, cell)
        else:
            code.emit("any", made, self.guard.cell)
            code.emit(f"load_if_{kind}", made, base, cell, made)
        return Value(made, level=code.depth, owned=True)

    def _target(self, into: int) -> int:
        assert self.vector is not None
        return into if into >= 0 else self.code.register(self.vector.width)

    def _computed(self, cell: int, vector: bool, into: int) -> Value:
        return Value(cell, vector, self.code.depth, owned=into < 0)

    def _cast(self, value: Value, source: str, dtype: str, into: int) -> Value:
        name = conversion(source, dtype)
        return self.unary(name, value, into) if name else value

    def unary(self, name: str, value: Value, into: int = -1) -> Value:
        """An instruction of one operand."""
        code = self.code
        code.release(value)
        if value.vector:
            made = self._target(into)
            code.emit(f"{name}_v", made, value.cell)
        else:
            made = self._scalar_target(into)
            code.emit(name, made, value.cell)
        return self._result(made, value.vector, into)

    def _scalar_target(self, into: int) -> int:
        """A cell for a scalar; in a vector segment `into` is a register."""
        return into if into >= 0 and self.vector is None else self.code.temporary()

    def _result(self, cell: int, vector: bool, into: int) -> Value:
        kept = into >= 0 and cell == into
        return Value(cell, vector, self.code.depth, owned=not kept)

    def binary(self, name: str, x: Value, y: Value, into: int = -1) -> Value:
        """An instruction of two operands."""
        code = self.code
        if x.owned:
            code.release(x)
        if y.owned:
            code.release(y)
        if x.vector or y.vector:
            form = ("v" if x.vector else "s") + ("v" if y.vector else "s")
            made = self._target(into)
            code.emit(f"{name}_{form}", made, x.cell, y.cell)
        else:
            made = self._scalar_target(into)
            code.emit(name, made, x.cell, y.cell)
        return self._result(made, x.vector or y.vector, into)

    def apply(
        self, fn: str, args: Sequence[tuple[Value, str]], dtype: str, into: int = -1
    ) -> Value:
        """A function or operator applied to values of given dtypes."""
        if fn.startswith("pt_"):
            return self._function(fn, args, dtype, into)
        kind = joint_field(*[of for _, of in args])
        name = OPERATORS[fn]["fiu".index(kind)] if fn in OPERATORS else None
        if name is None:
            raise BuildError(f"the machine has no instruction for {fn} of {args[0][1]}")
        values = [value if of == "float64" else self._as(kind, value, of) for value, of in args]
        if name == "":
            return values[0]
        if name.startswith("pt_"):
            return self._function(name, args, dtype, into)
        call = self.unary if len(values) == 1 else self.binary
        if dtype == "float64":
            return call(name, *values, into)
        rounds = (dtype == "float32" and fn not in EXACT) or dtype in SMALL
        made = call(name, *values, -1 if rounds else into)
        if rounds:
            made = self.unary("float32_f" if dtype == "float32" else f"{dtype}_i", made, into)
        return made

    def _as(self, kind: str, value: Value, dtype: str) -> Value:
        if kind == "f" and field_of(dtype) != "f":
            return self.unary(f"float64_{field_of(dtype)}", value)
        return value

    def _function(
        self, fn: str, args: Sequence[tuple[Value, str]], dtype: str, into: int
    ) -> Value:
        code = self.code
        link = code.routine(fn) if is_scipy(fn) else None
        name = fn if link is None else f"scipy_{len(args)}"
        if name not in code.instructions:
            raise BuildError(f"the machine has no function {fn}")
        keyed = fn.startswith(("pt_draw_", "pt_key_"))
        values = [
            value if keyed and k < 2 else self._as("f", value, of)
            for k, (value, of) in enumerate(args)
        ]
        vector = any(value.vector for value in values)
        if vector:
            values = [self.as_vector(value) for value in values]
        rounds = dtype not in ("float64", "uint64")
        code.release(*values)
        target = -1 if rounds else into
        made = self._target(target) if vector else self._scalar_target(target)
        cells = [value.cell for value in values]
        code.emit(f"{name}_v" if vector else name, made, *cells[:3])
        if link is not None:
            code.more(link, *cells[3:])
        elif keyed or len(cells) > 3:
            code.more(*cells[3:])
        result = self._result(made, vector, target)
        if rounds:
            name = conversion("uint64" if fn == "pt_key_fold" else "float64", dtype)
            result = self.unary(name, result, into) if name else result
        return result

    def as_vector(self, value: Value) -> Value:
        """A value as a vector."""
        if value.vector:
            return value
        code, vector = self.code, self.vector
        assert vector is not None
        if value.level < vector.depth:
            found = vector.splats.get(value.cell)
            if found is None:
                found = vector.splats[value.cell] = code.register(vector.width, fresh=True)
                outside = vector.depth - 1
                code.emit("splat_for", found, value.cell, vector.extent, vector.width, at=outside)
            return Value(found, vector=True)
        made = code.register(vector.width)
        code.emit("splat", made, value.cell)
        code.release(value)
        return Value(made, vector=True, owned=True)

    # Choices.

    def _where(self, condition: Expr, first: Expr, second: Expr, into: int) -> Value:
        vector = self.vector
        parts = (condition, first, second)
        if vector is not None and self.guard is None and not any(map(self._differs, parts)):
            self.vector = None  # the same in all iterations of the strip
            value = self._where(condition, first, second, -1)
            self.vector = vector
            return value
        chosen, inside = self.expr(condition), vector is not None
        if inside and not chosen.vector and self.guard is not None:
            chosen = self.as_vector(chosen)
        if chosen.vector:
            return self._where_vector(chosen, first, second, into)
        if inside or needs_branch(first) or needs_branch(second):
            return self._branch(chosen, first, second, into)
        x, y = self.expr(first), self.expr(second)
        self.code.release(chosen, x, y)
        made = self._scalar_target(into)
        self.code.emit("select", made, chosen.cell, x.cell, y.cell)
        return self._result(made, False, into)

    def _differs(self, expr: Expr) -> bool:
        """Whether an expression may differ between the iterations of a strip."""
        for part in walk_expr(expr):
            if isinstance(part, Ref):
                if self.names[part.name].vector:
                    return True
            elif isinstance(part, (Load, IndexValue)) and self._index_differs(part.index):
                return True
        return False

    def _index_differs(self, size: Size) -> bool:
        assert self.vector is not None
        return self.varies(size) or coefficient(size, self.vector.var) != 0

    def _where_vector(self, mask: Value, first: Expr, second: Expr, into: int) -> Value:
        kept = mask._replace(owned=False)
        x = self._guarded(first, kept)
        y = self._guarded(second, kept, inverse=True)
        return self._select(mask, x, y, into)

    def _guarded(self, expr: Expr, mask: Value, inverse: bool = False) -> Value:
        """An expression that is evaluated where a mask holds, or where it does not."""
        if not any(isinstance(part, Load) for part in walk_expr(expr)):
            return self.expr(expr)
        before = self.guard
        if inverse:
            mask = self.unary("not_i", mask)
        if before is not None:
            mask = self.binary("and_i", before, mask)
        self.guard = mask._replace(owned=False)
        value = self.expr(expr)
        self.guard = before
        self.code.release(mask)
        return value

    def _select(self, mask: Value, x: Value, y: Value, into: int) -> Value:
        code = self.code
        form = ("v" if x.vector else "s") + ("v" if y.vector else "s")
        code.release(mask, x, y)
        made = self._target(into)
        code.emit(f"select_v{form}", made, mask.cell, x.cell, y.cell)
        return self._result(made, True, into)

    def _branch(self, chosen: Value, first: Expr, second: Expr, into: int) -> Value:
        """A choice by jumps: only one of the expressions is evaluated."""
        code, vector = self.code, self.vector
        wide = vector is not None
        made = into if into >= 0 else code.register(vector.width) if wide else code.temporary()
        otherwise, end = Label(), Label()
        bodies = []
        for expr in (first, second):
            with code.scope() as lines:
                value = self.expr(expr, made)
                self.set(made, value, wide)
            bodies.append(lines)
        code.emit("jump_unless", chosen.cell, d=otherwise)
        code.release(chosen)
        code.append(bodies[0])
        code.emit("jump", d=end)
        code.place(otherwise)
        code.append(bodies[1])
        code.place(end)
        return self._result(made, wide, into)

    def set(self, cell: int, value: Value, vector: bool = False) -> None:
        """Make a cell, or a register, have a value."""
        if value.cell == cell:
            return
        if not vector:
            self.code.emit("move", cell, value.cell)
        elif value.vector:
            self.code.emit("move_v", cell, value.cell)
        else:
            self.code.emit("splat", cell, value.cell)
        self.code.release(value)


def needs_branch(expr: Expr) -> bool:
    """Whether an expression must not, or should not, be evaluated where it is not chosen."""
    return any(
        isinstance(part, Load) or (isinstance(part, Apply) and part.fn.startswith("pt_"))
        for part in walk_expr(expr)
    )


def is_product(expr: Expr) -> bool:
    """Whether an expression is a product of doubles."""
    if expr.__class__ is not Apply or expr.fn not in ("*", "square"):
        return False
    return all(arg.dtype == "float64" for arg in expr.args)
