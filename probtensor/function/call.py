"""Function: a plan's entry with names, defaults, shared variables and explanations."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike

from cython_ext.cell import Cell, KeySequence
from cython_ext.convert import parts_of, safe_array
from cython_ext.entry import Entry
from probtensor.calls import public
from probtensor.dataclass import dataclass, field, replace
from probtensor.device import DeviceArray
from probtensor.function.fault import (
    class_of_failure,
    failing_step,
    fault_of,
    with_step,
    wrong_index,
)
from probtensor.function.inspected import Inspected
from probtensor.function.program import In, Leaf, Program, is_flat_list, selected, unflatten
from probtensor.function.replacing import WithBroadcasting
from probtensor.function.shared import Shared
from probtensor.function.wiring import Slot, Wiring, results_of, wire
from probtensor.graph.closed import Lines
from probtensor.graph.node import Node, line_of
from probtensor.graph.sizes import refuse_measured
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.lower.planner import Fusion
from probtensor.ops.complexes.pair import as_leaf, given_type
from probtensor.process import numpy_part
from probtensor.targets.base import Built, Target
from probtensor.types import shape_text

if TYPE_CHECKING:
    from probtensor.export.folder import Export

device_calls = late("probtensor.function.device.call")
effects = late("cython_ext.effects")
checking = late("probtensor.function.numbers.checked")
exports = late("probtensor.function.exported")
verbose = late("probtensor.function.verbose")


@dataclass(frozen=True)
class Lowered:
    """A graph after all passes, and its plan. `passes` gives a report of the passes, `fused` the
    fusion choice, `replan` the plan again, with the `marks` or the `trace` of `lower`.

    `implicit` are the inputs that are not arguments, the last among the plan's inputs. `written`
    are the outputs before the passes; `started`, which the passes were applied to, are these with
    plain names for sizes that data decide, and the values of such sizes. `values` are the nodes
    that give names of sizes that data decide their values, by the key of the name, in `outputs`.
    `steps` are the passes.
    """

    outputs: tuple[Node, ...]
    written: tuple[Node, ...]
    implicit: tuple[Node, ...]
    plan: Plan
    timings: Mapping[str, float]
    passes: Callable[[], str]
    fused: Callable[[], Fusion]
    replan: Callable[..., Plan]
    started: tuple[Node, ...]
    steps: tuple[object, ...]
    values: Mapping[str, Node]


class Lowering:
    """The lowered graph of a program, made when it is asked for first. Nodes have the lines of the
    user's code that they had when this was made."""

    def __init__(self, make: Callable[[], Lowered], graph: Sequence[Node]) -> None:
        self._make, self._graph = make, graph
        self._lines = Lines(graph)
        self._made: Lowered | None = None

    def __call__(self) -> Lowered:
        if self._made is None:
            with self._lines.restored():
                made = self._make()
                self._lines = Lines((*self._graph, *made.started, *made.outputs))
            self._made = made
        return self._made

    def lines(self) -> AbstractContextManager[None]:
        """A block in which the nodes have these lines."""
        return self._lines.restored()


@dataclass(frozen=True)
class Compilation:
    """The result of compiling a program.

    `inputs` are the plan's inputs in order: the program's, then shared variables, arrays in the
    graph (`given`, by node) and the key of random draws (`key`). `plan` has no kernels if it was
    loaded from the cache; `lowered()` has all of it. `uploads` are the device copies of arrays
    bound to functions of this compilation, by the id of the array; who holds such a copy holds the
    array too. `record` is the key of its record on disk; empty if there is none. `target_of` gives
    the target with a name.
    """

    inputs: tuple[Node, ...]
    given: Mapping[Node, np.ndarray]
    key: Node | None
    plan: Plan
    target: Target
    built: Built
    timings: Mapping[str, float]
    lowered: Callable[[], Lowered]
    record: str = ""
    target_of: Callable[[object], Target] | None = field(default=None, repr=False, compare=False)
    uploads: WeakValueDictionary[int, DeviceArray] = field(
        default_factory=WeakValueDictionary, repr=False, compare=False
    )

    def lines(self) -> AbstractContextManager[None]:
        """A block in which nodes have the lines of the user's code of when this was compiled."""
        found = getattr(self.lowered, "lines", None)
        return found() if found else nullcontext()


class Function(WithBroadcasting, Inspected, Entry):
    """A compiled function. Call it with arrays or numbers, by position or by name.

    Arrays of the right dtype that are C-contiguous are not copied; others are converted where
    nothing is lost by it (never float64 to float32 or a float to an integer). Results are fresh
    arrays, 0-d ones for scalars. May be called from several threads at once: the GIL is released,
    and each call has its own workspace. Calls that update one shared variable wait for each other,
    so no update is lost. TypeError and ValueError name the argument and the line where it was made.

    Axes broadcast as in NumPy, also those whose size was not known when the graph was made and is 1
    in a call. The first call with such sizes compiles the function once more, for them; `address`
    and `export` have no such calls: there `shape=(1,)` declares the axis.

        >>> x = pt.vector("x")
        >>> pt.function([x], x * 2)([1.0, 2.0])
        array([2., 4.])
    """

    def __init__(
        self,
        program: Program,
        compilation: Compilation,
        bound: Mapping[Node, np.ndarray] | None = None,
        cells: Mapping[Node, Shared] | None = None,
        keys: KeySequence | None = None,
    ) -> None:
        self.program = program
        self.compilation = compilation
        self.bound = dict(bound or {})
        self.inputs = tuple(x for x in program.inputs if x.variable not in self.bound)
        self._places: dict[str | None, list[int]] = {}  # of the inputs, by name
        for k, x in enumerate(self.inputs):
            self._places.setdefault(x.name, []).append(k)
        self._cells = dict(cells or {})
        # Import numpy.random only for draws: it takes 15 ms.
        drawn = compilation.key is not None
        self._keys = keys or KeySequence(
            fresh_seed(program.seed) if drawn else 0, program.seed is None
        )
        WithBroadcasting.__init__(self)
        self._wiring = self._make_wiring()
        Entry.__init__(self, self._wiring)
        self._defaults = {
            k: self._input_array(x.value, x.variable, x.name or f"input {k}")
            for k, x in enumerate(self.inputs)
            if not x.required
        }

    def _make_wiring(self) -> Wiring:
        """Where the buffers of the plan come from, and where its results go."""
        program, plan = self.program, self.compilation.plan
        names = {x.variable: x.name for x in program.inputs}
        slots = [self._slot(k, x, names.get(x)) for k, x in enumerate(self.compilation.inputs)]
        for k, buffer in enumerate(plan.buffers):
            if buffer.role == "constant":
                slots.append(self._fixed_slot(k, buffer.node, buffer.node.op.array, "a constant"))
        updates = len(program.updates)
        # A recalled function knows none of its outputs, which are as the plan has them.
        stored = [y.type.dtype for y in program.results] or [None] * len(plan.outputs)
        results = results_of(
            plan,
            (*program.borrowed, *[False] * updates),
            (*program.output_memories, *["cell"] * updates),
            stored,
        )
        cells = [self._cells.get(old, old).op.cell for old, _ in program.updates]
        tree = program.tree
        single = isinstance(tree, Leaf)
        build = None if single or is_flat_list(tree) else partial(unflatten, tree)
        return wire(plan, self.compilation.built, slots, results, cells, build, single)

    def _slot(self, position: int, node: Node, name: str | None) -> Slot:
        """Where the array of a plan's input comes from; `name` is that of an argument."""
        given = self.bound.get(node)
        if given is None:
            given = self.compilation.given.get(node)
        if given is not None:
            return self._fixed_slot(position, node, given, node.name or f"input {position}")
        kind, payload = "argument", None
        if node is self.compilation.key:
            kind, payload = "key", self._keys
        elif isinstance(node, Shared):
            kind, payload = "cell", self._cells.get(node, node).op.cell
        label, given = name or node.name or f"input {position}", given_type(node)
        return Slot(position, kind, label, given.dtype, given.ndim, line_of(node), payload)

    def _fixed_slot(self, position: int, node: Node, value: ArrayLike, label: str) -> Slot:
        array = self._input_array(value, node, label)
        array = parts_of(array) if array.dtype.kind == "c" else array
        array = array.view("uint16") if array.dtype == "float16" else array
        return Slot(position, "fixed", label, node.dtype, node.ndim, line_of(node), array)

    def _input_array(
        self, value: ArrayLike, node: Node, label: str, copy: bool = False
    ) -> np.ndarray:
        """The array for an input of a value; TypeError or ValueError."""
        kind = given_type(node)
        return safe_array(value, kind.dtype, kind.ndim, label, line_of(node), copy=copy)

    def fault(self, status: int, arrays: Sequence[np.ndarray]) -> Exception:
        """The exception for a status of the plan; it names the refused value where the graph can be
        evaluated again."""
        by_position = {
            slot.position: array for slot, array in zip(self._wiring.slots, arrays, strict=True)
        }
        given = {node: by_position[k] for k, node in enumerate(self.compilation.inputs)}
        raised = effects.taken()
        if raised is not None:  # by a function of the user that compiled code called
            return raised
        with self.compilation.lines():
            return self._traced_fault(status, arrays, given)

    def _traced_fault(
        self, status: int, arrays: Sequence[np.ndarray], given: Mapping[Node, np.ndarray]
    ) -> Exception:
        with suppress(Exception):  # any error here: the message of the plan is enough
            found = fault_of(self.compilation.lowered().written, given)
            if found is not None:
                return found
        error = super().fault(status, arrays)
        with suppress(Exception):
            if isinstance(error, IndexError):
                index = wrong_index(self.compilation.lowered().written, given, str(error))
                if index is not None:
                    return type(error)(f"{error}\n  {index}")
        with suppress(Exception):
            written = self.compilation.lowered().written
            step = failing_step(written, given)
            if step is not None:
                return with_step(error, step, written)
        with suppress(Exception):
            written = self.compilation.lowered().written
            kind = class_of_failure(written, str(error))
            return error if kind is None else kind(str(error))
        return error

    def arrange(self, args: tuple, kwargs: Mapping[str, ArrayLike]) -> tuple:
        """All arguments in order, from positional and keyword ones and defaults."""
        if len(args) > len(self.inputs):
            raise refusal(
                f"{self.label} takes {len(self.inputs)} arguments ({self._named(self.inputs)}), "
                f"got {len(args)}",
                *self._input_origins(),
            )
        values = dict(enumerate(args))
        for name, value in kwargs.items():
            values[self._input_index(name, values)] = value
        missing = []
        for k, x in enumerate(self.inputs):
            if k in values:
                continue
            if x.required:
                missing.append(x)
            else:
                values[k] = self._defaults[k]
        if missing:
            rows = [
                f"{x.name or 'unnamed'}: {given_type(x.variable).dtype} with "
                f"{given_type(x.variable).ndim} axes, made at {line_of(x.variable)}"
                for x in missing[:5]
            ]
            raise refusal(f"{self.label}: {len(missing)} arguments are missing:", *rows)
        return tuple(values[k] for k in range(len(self.inputs)))

    def _input_index(self, name: str, given: Mapping[int, ArrayLike]) -> int:
        """The index of the input with this name; TypeError if there is none, two, or it is given
        already."""
        found = self._places.get(name, ())
        if len(found) != 1:
            what = "no argument" if not found else f"{len(found)} arguments called"
            text = f"{self.label} has {what} {name!r}; it takes {self._named(self.inputs)}"
            raise refusal(text, *self._input_origins())
        if found[0] in given:
            raise refusal(f"{self.label} got the argument {name!r} twice", *self._input_origins())
        return found[0]

    def _input_origins(self) -> list[str]:
        """Lines that made the first inputs, for messages."""
        return [x.variable.birthplace for x in self.inputs[:4]]

    @staticmethod
    def _named(inputs: Sequence[In]) -> str:
        return ", ".join(x.name or f"input {k}" for k, x in enumerate(inputs)) or "none"

    def updated_cells(self) -> list[Cell]:
        """The cells that a call updates."""
        return [self._cells.get(old, old).op.cell for old, _ in self.program.updates]

    @property
    def label(self) -> str:
        """The name of the function in messages."""
        return self.program.name or "function"

    @property
    def name(self) -> str | None:
        """The name given when it was made."""
        return self.program.name

    @property
    def source(self) -> str:
        """The generated text; empty for a target that generates none."""
        return self.compilation.built.source

    @property
    def path(self) -> str:
        """File of the compiled module; empty for a target that has none."""
        return self.compilation.built.path

    @property
    def address(self) -> int:
        """Address of the compiled plan, a C function (see `header`); 0 where the target has none.

        It is that of native code, which is built first where the function runs on the machine yet,
        and never unloaded, since its address may be used anywhere. GraphError for a plan that runs
        in several stages, since data decide its sizes; BuildError if it cannot be built.
        """
        self.require_one_stage()
        return self.compilation.built.pinned()

    def require_one_stage(self) -> None:
        """GraphError for a plan of several stages, which is no single call."""
        if self._wiring.stages > 1:
            order = toposort(self.program.graph)
            refuse_measured(order, f"{self.label} runs in several stages and has no address")

    @property
    def tier(self) -> str:
        """The target whose code runs the function now: with target="auto" it is "machine" until
        native code is there, then "cython"; see `explain("tier")`."""
        return getattr(self.compilation.built, "tier", self.compilation.target.name)

    @property
    def plan(self) -> Plan:
        """The plan: buffers, kernels, sizes."""
        return self.compilation.lowered().plan

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each stage of making it so far: rewrite, lower; render, build once there is
        native code."""
        return {**self.compilation.timings, **self.compilation.built.timings}

    @public
    def export(
        self,
        folder: str | os.PathLike,
        *,
        name: str | None = None,
        build: bool | None = None,
        lapack: str | None = None,
    ) -> Export:
        """Write the function as C into a folder: a source, a header that says how it is called, the
        headers that it includes, and a library that any language can load, without Python.

        folder  made if necessary; only files of earlier exports are overwritten
        name    of the C functions; by default that of the function, else that of the folder
        build   compile the library: by default if there is a C compiler
        lapack  what links LAPACK, as in "-llapack -lblas": factors and products of matrices are
                then its, as in Python, instead of plain C

        Bound arrays and the present values of shared variables are part of it; the key of random
        draws is an argument. GraphError or TypeError for a function with updates, or of sizes that
        data decide, BuildError for a routine without a form in C, FileExistsError for other files
        in the folder. See docs/export.md.

            >>> x = pt.vector("x")
            >>> f = pt.function([x], pt.sum(x * x), name="square_sum")
            >>> f.export("square_sum", build=False).header.name
            'square_sum.h'
        """
        request = exports.request_of(folder, name or self.name, build, lapack)
        return exports.export_function(self, request)

    on_device = False
    unchecked = Entry.__call__  # a call whose results are not looked at

    def rows(self, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for many rows of the arguments, computed one after the other: arguments and
        results have one more leading axis."""
        count, wiring = len(columns[0]), self._wiring
        if wiring.stages > 1 and count:
            return self._rows_of_calls(columns)
        dims: list[int] = []
        for slot in wiring.live:
            if slot.kind == "argument":
                dims += columns[slot.argument].shape[1:]
            elif slot.kind == "cell":
                dims += slot.payload.value.shape
        shapes = wiring.planner(tuple(dims)).shapes
        results = wiring.results[: len(wiring.results) - len(wiring.cells)]
        found = [np.empty((count, *shape), y.dtype) for y, shape in zip(results, shapes)]
        for i in range(count):
            values = self(*[column[i, ...] for column in columns])
            for rows, value in zip(found, [values] if wiring.single else values, strict=True):
                rows[i] = value
        return found

    def _rows_of_calls(self, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`rows` where data decide the sizes of results. ValueError if they differ between rows."""
        calls = [self(*[column[i, ...] for column in columns]) for i in range(len(columns[0]))]
        found = []
        for values in [calls] if self._wiring.single else zip(*calls, strict=True):
            shapes = dict.fromkeys(value.shape for value in values)
            if len(shapes) > 1:
                shown = " and ".join(map(shape_text, [*shapes][:2]))
                raise refusal(f"{self.label}: rows have the shapes {shown}", kind=ValueError)
            found.append(np.stack(values))
        return found

    def device_code(self, tail: str) -> NoReturn:
        """TypeError: only a `DeviceFunction` has device code."""
        raise TypeError("device_code: condition with target='cuda' to have device code of it")

    def with_compilation(self, compilation: Compilation) -> Function:
        """The same function by another compilation of its program."""
        return type(self)(self.program, compilation, self.bound, self._cells, self._keys)

    def get_shared(self) -> list[Shared]:
        """The shared variables the function reads, in the order of the plan."""
        found = [x for x in self.compilation.inputs if isinstance(x, Shared)]
        return [self._cells.get(x, x) for x in found]

    @public
    def bind(self, values: Mapping[Node | str, ArrayLike], borrow: bool = False) -> Function:
        """The same function with some inputs fixed to arrays, given by node or by name.

        The arrays are checked once, here, and copied; with `borrow` those that need no conversion
        are not copied, and must not be changed afterwards. Nothing is compiled.
        """
        bound, free = dict(self.bound), {x.variable for x in self.inputs}
        if not isinstance(values, Mapping):
            raise refusal(f"bind: write {{input or its name: value}}, not {values!r:.60}")
        for key, value in values.items():
            if isinstance(key, str):
                node = self.inputs[self._input_index(key, {})].variable
            else:
                node = as_leaf(key)
            if node not in free:
                raise refusal(f"{self.label} has no free input {key!r:.80}", *self._input_origins())
            bound[node] = self._input_array(value, node, node.name or "input", copy=not borrow)
        return type(self)(self.program, self.compilation, bound, self._cells)

    @public
    def copy(
        self,
        *,
        name: str | None = None,
        swap: Mapping[Shared, Shared] | None = None,
        delete_updates: bool = False,
    ) -> Function:
        """Another function of the same module. `swap` replaces shared variables by others of the
        same dtype and rank; `delete_updates` drops the updates, which compiles another module.
        TypeError for a swap of another dtype or rank."""
        cells = dict(self._cells)
        swap = {} if swap is None else swap
        if not isinstance(swap, Mapping):
            raise refusal(f"copy: swap is {{shared: other shared}}, not {swap!r:.60}")
        for given, other in swap.items():
            old, new = as_leaf(given), as_leaf(other)
            both = isinstance(old, Shared) and isinstance(new, Shared)
            kinds = {(given_type(x).dtype, x.ndim) for x in (old, new)} if both else ()
            if len(kinds) != 1:
                raise refusal(f"copy: {other!r:.60} cannot stand for {given!r:.60}")
            cells[old] = new
        program = replace(self.program, name=name or self.program.name)
        if delete_updates and program.updates:
            with self.compilation.lines():
                compilation = program.compiler(replace(program, updates=())).compilation
            return type(self)(replace(program, updates=()), compilation, self.bound, cells)
        return type(self)(program, self.compilation, self.bound, cells)

    @public
    def subset(self, outputs: int | str | Sequence[int | str]) -> Function:
        """The function of some of its outputs alone, which computes nothing that only others need.

        outputs  places in the list (or names in the dict) of outputs, or one of them, which then is
                 the result by itself

        Returns a function of the same arguments, shared variables and bound inputs, without the
        updates; it is compiled here, once.
        Raises IndexError or KeyError for an output that is not there.

            >>> x = pt.scalar("x")
            >>> f = pt.function([x], {"square": x**2, "root": pt.sqrt(x)})
            >>> f.subset("square")(3.0)
            array(9.)
        """
        program = selected(self.program, outputs)
        with self.compilation.lines():
            made = program.compiler(program)
        return type(made)(program, made.compilation, self.bound, self._cells)

    @public
    def seed(self, seed: int | None = None) -> None:
        """Restart the random draws from `seed`; without one, forked processes draw different
        numbers."""
        self._keys.restart(fresh_seed(seed), seed is None)

    def __reduce__(self) -> tuple:
        return rebuild, (self.program, self.bound, self._cells, self.stored_lines())

    def stored_lines(self) -> list[tuple[str, int]]:
        """The lines of the user's code that it was compiled of, for `rebuild`."""
        with self.compilation.lines():
            return Lines(self.program.graph).stored()

    def __repr__(self) -> str:
        inputs = ", ".join(map(repr, self.inputs))
        outputs = ", ".join(str(y.type) for y in self.program.outputs)
        name, tier = self.compilation.target.name, self.tier
        target = name if tier == name else f"{name} ({tier} now)"
        return f"<{self.label}({inputs}) -> ({outputs}), target {target}>"


def function_of(
    program: Program,
    compilation: Compilation,
    bound: Mapping[Node, np.ndarray | DeviceArray] | None = None,
    cells: Mapping[Node, Shared] | None = None,
    keys: KeySequence | None = None,
) -> Function:
    """The function of a program, of the class for its target."""
    on_device = compilation.built.on_device
    if program.verbose_errors != "line":
        kind = verbose.VerboseDeviceFunction if on_device else verbose.VerboseFunction
    else:
        kind = device_calls.DeviceFunction if on_device else Function
    if program.check is not None:
        kind = checking.checked_class(kind)
    return kind(program, compilation, bound, cells, keys)


def rebuild(
    program: Program, bound: Mapping, cells: Mapping, lines: Sequence[tuple[str, int]]
) -> Function:
    """The function of a pickled program, that was made of these lines."""
    with Lines(program.graph, lines).restored():
        function = program.compiler(program)
    if not bound and not cells:
        return function
    return type(function)(program, function.compilation, bound, cells)


def fresh_seed(seed: int | None) -> int:
    """64 bits derived from a seed, or from the system's entropy. TypeError or ValueError."""
    checked_seed(seed)
    return int(numpy_part("random").SeedSequence(seed).generate_state(1, np.uint64)[0])


def checked_seed(seed: int | None) -> None:
    """TypeError or ValueError unless it is a seed."""
    integral = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if seed is not None and not (integral and seed >= 0):
        kind = ValueError if integral else TypeError
        raise refusal(f"seed is an integer of 0 or more, or None, not {seed!r:.60}", kind=kind)
