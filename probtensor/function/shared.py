"""Shared variables: inputs of the graph whose value persists between calls."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from cython_ext.cell import Cell, CellLocks
from cython_ext.convert import number_array, safe_array, stated_cast
from probtensor.calls import public, user_line
from probtensor.dataclass import dataclass, field
from probtensor.device import device_array
from probtensor.function.device.streams import borrowed_array, device_copy, is_on_device
from probtensor.graph.node import Input, Node, line_of, make, new_input
from probtensor.ops import halves
from probtensor.ops.complexes.pair import (
    ComplexTensor,
    as_leaf,
    complex_type,
    given_type,
    leaf_of,
    over,
)
from probtensor.types import FLOAT16, TensorType, check_dtype


@dataclass(frozen=True)
class SharedInput(Input):
    """An input whose value is in `cell`; each shared variable has its own."""

    cell: Cell = field(repr=False)
    name = "shared"
    persistent = True


@dataclass(frozen=True)
class ComplexSharedInput(SharedInput):
    """A complex shared variable's parts, along the last axis; its cell holds complex numbers."""

    name = "complex_shared"

    @property
    def given_type(self) -> TensorType:
        """The type of the value."""
        return complex_type(self.tensor_type)


class Shared(Node):
    """A tensor with a value that functions read at each call and may update.

    Its rank and dtype are fixed, its sizes are not. A new value is used by the next call of every
    function, without compiling anything. Functions with updates and `set_value` are thread-safe:
    calls that use the same shared variable are serialized, so each update is computed from the
    value that it replaces. Functions on a device leave the value on the device; `get_value`
    downloads it, once after a change.

        >>> s = pt.shared(0.0)
        >>> f = pt.function([], updates={s: s + 1}); f(); s.get_value()
        array(1.)
    """

    __slots__ = ()

    @public
    def get_value(self, borrow: bool = False) -> np.ndarray:
        """The value: a copy, or with `borrow` the array itself, which must not be written to while
        a function may be reading it."""
        value = self.op.cell.value
        return value if borrow else value.copy()

    @public
    def set_value(self, value: object, borrow: bool = False) -> None:
        """Set a value of the same rank, its dtype convertible without loss; an array on the device
        stays there. The value is copied; with `borrow` an array that needs no conversion is not,
        so that later changes of it are changes of the value. TypeError or ValueError."""
        label = self.name or "shared variable"
        kind = given_type(self)
        if is_on_device(value):
            array = borrowed_array(value, kind.dtype, kind.ndim, label, line_of(self))
            array = array if borrow else device_copy(array)
            with CellLocks((self.op.cell,)):
                self.op.cell.device = array
            return
        line = line_of(self)
        array = safe_array(value, kind.dtype, kind.ndim, label, line, copy=not borrow)
        with CellLocks((self.op.cell,)):
            self.op.cell.value = array


class ComplexShared(ComplexTensor):
    """A complex tensor with a value that functions read at each call and may update; see `Shared`.

        >>> s = pt.shared(1j); f = pt.function([], updates={s: s * 1j}); f(); s.get_value()
        array(-1.+0.j)
    """

    __slots__ = ()

    @public
    def get_value(self, borrow: bool = False) -> np.ndarray:
        """The value: a copy, or with `borrow` the array itself."""
        return leaf_of(self).get_value(borrow)

    @public
    def set_value(self, value: object, borrow: bool = False) -> None:
        """Set a value of the same rank, its dtype convertible without loss. TypeError or
        ValueError."""
        leaf_of(self).set_value(value, borrow)


@dataclass(frozen=True)
class HalfSharedInput(SharedInput):
    """The bits of a shared variable of float16; its cell holds float16."""

    name = "half_shared"

    @property
    def given_type(self) -> TensorType:
        """The type of the value."""
        return self.tensor_type.with_dtype(FLOAT16)


class HalfShared(halves.HalfTensor):
    """A tensor with a value in float16 that functions read at each call, as float32, and may
    update; see `Shared`.

        >>> s = pt.shared(np.float16(2))
        >>> f = pt.function([], updates={s: (s / 3).astype("float16")}); f(); s.get_value()
        array(0.6665, dtype=float16)
    """

    __slots__ = ()

    @public
    def get_value(self, borrow: bool = False) -> np.ndarray:
        """The value: a copy, or with `borrow` the array itself."""
        return self.leaf.get_value(borrow)

    @public
    def set_value(self, value: object, borrow: bool = False) -> None:
        """Set a value of the same rank, convertible to float16 without loss. TypeError or
        ValueError."""
        self.leaf.set_value(value, borrow)


@public
def shared(
    value: object, name: str | None = None, *, dtype: DTypeLike | None = None, borrow: bool = False
) -> Shared:
    """A shared variable with this value: a number, array or nested list, which is copied.

    Python floats become float64 and ints int64, arrays keep their dtype, and those on the device
    stay there. With `borrow` an array that needs no conversion is not copied, so that later
    changes of it are changes of the value. TypeError for a value that is not numeric, whose
    conversion would lose information (masked arrays, missing entries, categories, sparse matrices),
    or that does not fit in `dtype`.

    Returns a `Shared`, which is a tensor: of the rank and the dtype of the value; a `ComplexShared`
    or a `HalfShared`, with the same methods, for complex numbers and for float16. Raises TypeError
    as above.

        >>> s = pt.shared([1.0, 2.0])
        >>> pt.function([], s * 2)()
        array([2., 4.])
    """
    where = "\n  at {}:{}".format(*user_line())
    if name is not None and not isinstance(name, str):
        raise TypeError(f"shared: name must be a string, not {name!r:.60}{where}")
    what = f"shared {name!r}" if name else "shared"
    if isinstance(value, Node):
        raise TypeError(
            f"{what}: needs an array or number, not a symbolic tensor (see eval){where}"
        )
    if is_on_device(value):
        array = device_array(value)
        found = shared(np.empty((0,) * array.ndim, array.dtype), name, dtype=dtype, borrow=True)
        found.set_value(value, borrow)
        return found
    array = number_array(value, what, where, complexes=True, halves=True)
    try:
        final_dtype = check_dtype(array.dtype if dtype is None else dtype, stored=True)
    except TypeError as error:
        raise TypeError(f"{what}: {error}{where}") from None
    array = stated_cast(array, final_dtype, what, where)
    plain = as_leaf(new_input(name, final_dtype, (None,) * array.ndim))
    array = safe_array(array, final_dtype, array.ndim, what, line_of(plain), copy=not borrow)
    is_complex, is_half = final_dtype.kind == "c", final_dtype == FLOAT16
    kind = ComplexSharedInput if is_complex else HalfSharedInput if is_half else SharedInput
    found = make(kind(name, plain.type, plain.op.uid, Cell(array)), (), Shared)
    if is_half:
        return halves.over(found, HalfShared)
    return over(found, ComplexShared) if is_complex else found
