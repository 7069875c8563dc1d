"""Values that users write as arrays: Python numbers must fit in the dtype."""

from __future__ import annotations

import numpy as np

from cython_ext.convert import number_array, stated_cast
from probtensor.calls import outermost_call, user_line
from probtensor.graph.origin import GraphError, GraphOverflowError, GraphValueError, located
from probtensor.types import check_dtype

_PYTHONS = (int, float, complex, list, tuple)


def array_of(
    value: object, dtype: str | None = None, what: str = "", hint: str = "", cut: bool = True
) -> np.ndarray:
    """An array of `value`. Python numbers, alone or in lists, must fit in `dtype`: OverflowError
    where one does not (ValueError for nan among integers). Floats lose their fractions there, as
    in NumPy, or with `cut=False` are a TypeError; arrays and NumPy scalars are cast without these
    checks."""
    if isinstance(value, int) and not isinstance(value, bool) and dtype is None:
        dtype = "int64" if value < 2**63 else "uint64"
    bare = isinstance(value, _PYTHONS) and not isinstance(value, np.generic)
    named = f"{what}: " if what else ""
    try:
        with np.errstate(over="ignore"):
            if bare and dtype is not None and np.dtype(dtype).kind in "iu":
                _check_integer_parts(value, np.iinfo(dtype), named, cut)
            array = np.asarray(value, dtype=dtype)
    except OverflowError:
        text = f"{named}the Python number {_shown(value)} does not fit in {dtype}"
        raise GraphOverflowError(located(text + hint)) from None
    if array.dtype.kind == "O" and any(isinstance(v, int) and abs(v) >= 2**63 for v in array.flat):
        text = f"{named}the Python number {_shown(value)} does not fit in any integer of 64 bits"
        raise GraphOverflowError(located(text))
    return array


def literal(value: object, dtype: str | None) -> np.ndarray:
    """A value as an array, by the conversion that all data go through; GraphError if it is none."""
    try:
        dtype = None if dtype is None else check_dtype(dtype)
        # Python numbers that do not fit raise other errors than arrays.
        bare = isinstance(value, _PYTHONS) and not isinstance(value, np.generic)
        integer = dtype if bare and dtype and np.dtype(dtype).kind in "iu" else None
        objects = isinstance(value, np.ndarray) and value.dtype == object
        exact = array_of(value, integer, cut=False) if bare or objects else None
        array = number_array(value, "", complexes=True)
        if bare and dtype == integer:
            array = exact
        elif dtype is not None:
            array = stated_cast(array, dtype, "")
        check_dtype(array.dtype)
    except GraphError:
        raise
    except (TypeError, ValueError) as error:
        text = str(error).removeprefix(": ")
        text = "its rows have different lengths" if "inhomogeneous" in text else text
        shown = "" if hasattr(value, "dtype") else f" {' '.join(repr(value)[:400].split()):.80}"
        called, (file, line) = outermost_call(""), user_line()
        raise GraphError(
            f"{called}{': ' * bool(called)}cannot make a tensor of {type(value).__name__}{shown}: "
            f"{text}\n  at {file}:{line}"
        ) from None
    return array


def _check_integer_parts(value: object, limits: np.iinfo, named: str, cut: bool) -> None:
    """Raise if the integer part of a Python float does not fit in an integer dtype, or, unless
    `cut`, if a float has a fraction."""
    if np.asarray(value).dtype.kind != "f":
        return
    found = [v for v in np.asarray(value, object).flat if isinstance(v, float)]
    given = np.array(found, dtype="float64")
    if np.isnan(given).any():
        raise GraphValueError(located(f"{named}nan does not fit in {limits.dtype}"))
    # min and max + 1 are powers of 2, or 0, so floats represent them exactly.
    truncated = np.trunc(given)
    wrong = given[(truncated < float(limits.min)) | (truncated >= float(limits.max + 1))]
    if wrong.size:
        text = f"{named}the Python number {wrong.flat[0]} does not fit in {limits.dtype}"
        raise GraphOverflowError(located(text))
    if not cut and (given != truncated).any():
        text = f"{named}{given[given != truncated][0]} does not fit in {limits.dtype}"
        raise GraphError(located(text))


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return f"of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
