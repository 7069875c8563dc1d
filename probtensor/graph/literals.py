"""Python numbers as arrays of a dtype that they must fit in."""

from __future__ import annotations

import numpy as np

from probtensor.graph.origin import GraphError, GraphOverflowError, GraphValueError, located


def array_of(
    value: object, dtype: str | None = None, what: str = "", hint: str = "", cut: bool = True
) -> np.ndarray:
    """An array of `value`. Python numbers, alone or in lists, must fit in `dtype`: OverflowError
    where one does not (ValueError for nan among integers). Floats lose their fractions there, as
    in NumPy, or with `cut=False` are a TypeError; arrays and NumPy scalars are cast without these
    checks."""
    if isinstance(value, int) and not isinstance(value, bool) and dtype is None:
        dtype = "int64" if value < 2**63 else "uint64"
    kinds = (int, float, complex, list, tuple)
    bare = isinstance(value, kinds) and not isinstance(value, np.generic)
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
