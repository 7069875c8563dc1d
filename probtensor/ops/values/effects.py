"""What happens with the values of a `Watch` node when a compiled function computes it."""

from __future__ import annotations

import builtins
import ctypes
import dis
import hashlib
import linecache
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from cython_ext.effects import EFFECTS, run
from probtensor.dataclass import dataclass
from probtensor.process import computed_once

MAX_INPUTS = 8  # arrays of one effect, of which a complex number has two
_PARTS = {"complex128": "float64", "complex64": "float32"}
_WRITES = ("STORE_DEREF", "DELETE_DEREF")  # instructions that write variables of functions around
_BITS = 48  # of a number of an effect, which is handed on as a double
_QUIET = threading.local()  # depth: of the blocks of `quiet` that the thread is in


@contextmanager
def quiet() -> Iterator[None]:
    """A block in which no effect happens in this thread: a call is computed once more, by a tool
    that looks at it, and its effects have happened or will."""
    _QUIET.depth = getattr(_QUIET, "depth", 0) + 1
    try:
        yield
    finally:
        _QUIET.depth -= 1


@dataclass(frozen=True)
class Operand:
    """A value of an effect: its name, its dtype (a complex one has two inputs) and its number of
    axes, without those of a batch."""

    name: str
    dtype: str
    ndim: int

    @property
    def parts(self) -> int:
        """The number of inputs that hold it."""
        return 1 + (self.dtype in _PARTS)


class Called:
    """A function of the user, which equals itself, whatever its class says of `==`. Accesses to a
    method of one object are one function, and so are functions that one line makes again of the
    same values, as a `lambda` of a function that is called twice."""

    __slots__ = ("function", "kept", "key")

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.kept = _makings(function)  # alive, so that no address becomes that of another
        self.key = tuple(map(id, self.kept))

    def __call__(self, *values: np.ndarray) -> None:
        self.function(*values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Called) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return getattr(self.function, "__qualname__", None) or f"{self.function!r:.60}"


def _makings(function: Callable[..., object]) -> tuple[object, ...]:
    """What makes a function what it is."""
    if isinstance(function, types.MethodType):
        return function.__self__, function.__func__
    if isinstance(function, types.BuiltinMethodType):
        return function.__self__, sys.intern(function.__name__)
    if not isinstance(function, types.FunctionType) or _rebinds(function.__code__):
        return (function,)
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # no value yet
            return (function,)
    return function.__code__, function.__globals__, *values


def _rebinds(code: types.CodeType) -> bool:
    """Whether a function has a variable of its own that it changes from call to call: a `nonlocal`
    one."""
    inner = [x for x in code.co_consts if isinstance(x, types.CodeType)]
    written = (x.argval for x in dis.get_instructions(code) if x.opname in _WRITES)
    return not set(code.co_freevars).isdisjoint(written) or any(map(_rebinds, inner))


@dataclass(frozen=True)
class Effect:
    """What is done: "print", "callback" or "breakpoint".

    label     what the values are called
    line      the user's line, as file:line
    operands  the values; a condition, if there is one, is the last input and none of them
    summary   print shape, bounds and mean in place of the elements
    gradient  the same is done with the gradient of the first value
    function  the function of a callback
    """

    action: str
    label: str
    line: str
    operands: tuple[Operand, ...]
    guarded: bool = False
    summary: bool = False
    gradient: bool = False
    function: Called | None = None

    def __repr__(self) -> str:
        return f"Effect({self.action!r}, {self.label!r})"

    def __str__(self) -> str:
        return f"{self.action} {self.label!r}"

    @property
    def inputs(self) -> int:
        """The number of inputs, with that of the condition."""
        return sum(operand.parts for operand in self.operands) + self.guarded

    @computed_once
    def registered(self) -> Registered:
        """The entry in the table of effects, which lasts as long as the effect does."""
        return _registered(self)


class Registered:
    """An effect in the table that compiled code calls. Equal effects have one number in all
    processes, so that code which was compiled in another one finds it."""

    def __init__(self, effect: Effect, number: int) -> None:
        self.effect, self.number = effect, number

    def happen(self, addresses: Sequence[int], info: int) -> None:
        """Do it, for arrays at these addresses and the table of doubles about them."""
        if getattr(_QUIET, "depth", 0):
            return
        effect = self.effect
        steps, shapes = _table(info, [x.ndim for x in self.layout])
        batch = len(shapes[0]) - self.layout[0].ndim
        arrays = [
            _array(address, x.dtype, shape)
            for address, x, shape in zip(addresses, self.layout, shapes, strict=True)
        ]
        for item in np.ndindex(shapes[0][:batch]):
            values = [array[item] for array in arrays] if batch else arrays
            if effect.guarded and not values[-1]:
                continue
            act(effect, joined(effect, values), steps, item)

    @computed_once
    def layout(self) -> list[Operand]:
        """The inputs as operands, each of one real array."""
        found = []
        for operand in self.effect.operands:
            dtype = _PARTS.get(operand.dtype, operand.dtype)
            found += [Operand(operand.name, dtype, operand.ndim)] * operand.parts
        return [*found, Operand("when", "bool", 0)] if self.effect.guarded else found


def _registered(effect: Effect) -> Registered:
    called = effect.function and getattr(effect.function.function, "__qualname__", "")
    operands = [(x.name, x.dtype, x.ndim) for x in effect.operands]
    own = (effect.action, effect.label, effect.line, effect.guarded, effect.summary,
           effect.gradient, called, operands)  # fmt: skip
    number = int.from_bytes(hashlib.sha256(repr(own).encode()).digest()[: _BITS // 8], "big")
    made = Registered(effect, number)
    # Two functions of one name, as of one line that is run twice, have different numbers.
    while (found := EFFECTS.setdefault(number, made)) is not made:
        if found.effect == effect:
            return found
        number = made.number = (number + 1) % 2**_BITS
    return made


def _table(info: int, ranks: Sequence[int]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The steps of the loops around an effect, and the shapes of its inputs."""
    head = (ctypes.c_double * 4).from_address(info)
    depth, batch = int(head[2]), int(head[3])
    count = 4 + depth + sum(ranks) + batch * len(ranks)
    numbers = iter([int(x) for x in (ctypes.c_double * count).from_address(info)][4:])
    steps = tuple(next(numbers) for _ in range(depth))
    return steps, [tuple(next(numbers) for _ in range(batch + n)) for n in ranks]


def _array(address: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """A copy of the array at an address."""
    count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not count:
        return np.empty(shape, dtype)
    memory = (ctypes.c_char * count).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape).copy()


def joined(effect: Effect, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The values of an effect from the arrays of its inputs; each is an array."""
    found, rest = [], iter(arrays)
    for operand in effect.operands:
        value = np.asarray(next(rest))
        if operand.parts == 2:
            value = (value + 1j * np.asarray(next(rest))).astype(operand.dtype)
        found.append(np.asarray(value))
    return found


# What is done.


def act(
    effect: Effect, values: Sequence[np.ndarray], steps: Sequence[int], item: Sequence[int]
) -> None:
    """Do it with values. An exception of the user's function gets a note that says where."""
    where = placed(steps, item)
    try:
        if effect.action == "print":
            for operand, value in zip(effect.operands, values, strict=True):
                label = effect.label if len(values) == 1 else operand.name
                builtins.print(shown(label + where, value, effect.summary), flush=True)
        elif effect.action == "callback":
            effect.function(*values)
        else:
            _pause(effect, values, where)
    except BaseException as error:
        name = f"pt.debug.{effect.action}"
        if effect.function is not None:
            name += f" of {effect.function}"
        error.add_note(f"in {name}{where}\n  at {effect.line}")
        raise


def placed(steps: Sequence[int], item: Sequence[int]) -> str:
    """The steps of loops and the item of a batch in which a value is seen."""
    parts = []
    if steps:
        parts.append(f"step {', '.join(map(str, steps))}")
    if item:
        parts.append(f"item {', '.join(map(str, item))}")
    return f" ({'; '.join(parts)})" if parts else ""


def shown(label: str, value: np.ndarray, summary: bool) -> str:
    """The line, or the lines, that are printed of a value."""
    if summary:
        return f"{label}: {summarised(value)}"
    text = str(value)
    return f"{label} =\n{text}" if "\n" in text else f"{label} = {text}"


def summarised(value: np.ndarray) -> str:
    """Type, bounds and mean of a value, and what of it is nan or infinite."""
    head = f"{value.dtype}{list(value.shape)}" if value.ndim else str(value.dtype)
    if not value.size:
        return f"{head}, no elements"
    if value.dtype == bool:
        return f"{head}, {int(value.sum())} of {value.size} true"
    parts = [head]
    if value.dtype.kind == "c":
        sizes = np.abs(value[np.isfinite(value)])
        if sizes.size:
            parts.append(f"absolute values from {sizes.min():.6g} to {sizes.max():.6g}")
    else:
        finite = value[np.isfinite(value)]
        if finite.size:
            mean = finite.mean(dtype=np.float64)
            parts.append(f"min {finite.min():.6g}, mean {mean:.6g}, max {finite.max():.6g}")
    for what, found in (("nan", np.isnan(value)), ("infinite", np.isinf(value))):
        if found.any():
            parts.append(f"{int(found.sum())} {what}")
    return ", ".join(parts)


_PAUSED = """\
# The values are in scope: {names}. `c` goes on with the call, `q` ends it.
{call}
here = {where!r}
"""


def _pause(effect: Effect, values: Sequence[np.ndarray], where: str) -> None:
    """Stop in the debugger that `breakpoint()` calls, in a frame with the values as its locals."""
    scope = {operand.name: value for operand, value in zip(effect.operands, values, strict=True)}
    file = f"<pt.debug.breakpoint of {effect.line}>"
    text = _PAUSED.format(
        names=", ".join(scope), call="breakpoint()", where=f"{effect.label}{where}"
    )
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, "exec"), scope)


# The routines that compiled code calls, as the interpreter of kernels calls them.


def routines() -> dict[str, Callable[..., None]]:
    """The routine for each number of arrays, by name: functions of flat arrays."""
    return {f"pt_effect_{count}": _in_python for count in range(1, MAX_INPUTS + 1)}


def _in_python(info: np.ndarray, *arrays: np.ndarray) -> None:
    *arrays, status = arrays
    status[0] = 0
    guard = int(info[1])
    if guard < 0 or arrays[guard][0]:
        held = [np.ascontiguousarray(array) for array in arrays]
        status[0] = run(info.ctypes.data, [array.ctypes.data for array in held])
