"""The slow paths of a call: conversion of arguments, errors of indices."""

import numbers
import os
import sys

import numpy as np

# Folders whose frames are not the user's code.
FOLDER = os.path.dirname(os.path.abspath(__file__))
LIBRARY_FOLDERS = (FOLDER + os.sep, os.path.join(os.path.dirname(FOLDER), "probtensor") + os.sep)


def called_at():
    """The end of a message: the line of the user's innermost frame."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARY_FOLDERS):
        frame = frame.f_back
    return f"\n  at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""


def refuse_index(array, bound, message):
    """Raises the IndexError for the first value of `array` outside -bound <= v < bound."""
    flat = array.ravel()
    wrong = (flat >= bound) if bound > 0 else np.ones(flat.shape, bool)
    if array.dtype.kind == "i":
        wrong |= flat < -bound
    first = int(np.flatnonzero(wrong)[0])
    index = [int(i) for i in np.unravel_index(first, array.shape)] if array.ndim else []
    where = f"[{', '.join(map(str, index))}]" if index else ""
    raise IndexError(f"{message}\n  value{where} = {flat[first]}, the axis has size {bound}")


def nonnegative_indices(array, bound, message):
    """A copy of `array` in which negative values count from the end of an axis of size `bound`."""
    if bound - 1 > np.iinfo(array.dtype).max:
        raise IndexError(
            f"{message}\n  negative indices into an axis of size {bound} do not fit in "
            f"{array.dtype}: use int64"
        )
    # The size itself may not fit in the dtype, even if all indices do.
    wide = array.astype("int64")
    return np.where(wide < 0, wide + bound, wide).astype(array.dtype)


def safe_array(value, dtype, ndim, name, origin, copy=False):
    """`value` as a C-contiguous, aligned array of `dtype`, if that loses no information.

    Python numbers and lists of them are converted to any dtype that can represent them; arrays are
    widened but not narrowed, except integers whose values all fit. With `copy` the array shares no
    memory with `value`. TypeError or ValueError names the argument.
    """
    where = f"\n  {name} was made at {origin}"
    target = np.dtype(dtype)
    array = number_array(value, name, where, dtype, target.kind == "c", target == "float16")
    if array.ndim != ndim:
        raise ValueError(
            f"{name}: expected {ndim} axes, got {array.ndim} (shape {array.shape}){where}"
        )
    return safe_cast(array, dtype, is_bare(value), name, where, copy)


def safe_cast(array, dtype, bare, name, where, copy=False):
    """An array of numbers as one of `dtype`; see `safe_array`. `bare`: its dtype is not the user's
    choice, since it was made of Python numbers."""
    target = np.dtype(dtype)
    if not (array.dtype == target or holds(target, array, bare)):
        hint = f"; convert with .astype({dtype!r}) if that is meant" if target.kind != "b" else ""
        raise TypeError(
            f"{name}: expected {dtype}, got {array.dtype}, which does not fit without loss"
            f"{hint}{where}"
        )
    flags = array.flags
    ready = flags.c_contiguous and flags.aligned and array.dtype.isnative and not copy
    result = np.array(array, dtype=target, order="C", copy=None if ready else True)
    # C's long and long long may be two equal dtypes; `Entry` compares type numbers.
    return result if result.dtype.num == target.num else result.view(target)


def stated_cast(array, dtype, name, where=""):
    """An array of numbers in a dtype that the user states: floats are rounded to it, but not
    truncated to integers, and integers do not wrap around. TypeError names the first entry that
    does not fit."""
    target = np.dtype(dtype)
    if array.dtype.kind == "c" and target.kind != "c":
        way = CONVERSIONS["c"]
        raise TypeError(f"{name}: complex numbers do not fit in {target}; {way}{where}")
    if array.dtype == target or target.kind == "b" or not array.size:
        return array.astype(target, copy=False)
    with np.errstate(all="ignore"):
        result = array.astype(target)
        if target.kind in "fc":
            fits = np.isfinite(result) | ~np.isfinite(array)
        else:
            # The round trip must agree, sign included: int8 and uint64 share bit patterns.
            fits = (result.astype(array.dtype) == array) & ((result < 0) == (array < 0))
    if not fits.all():
        first = array.flat[int(np.argmin(fits))]
        raise TypeError(f"{name}: {first} does not fit in {target}{where}")
    return result


def number_array(value, name, where="", wanted="numbers", complexes=False, halves=False):
    """`value` as an array of numbers, which may share its memory. All data are converted here.

    Arrays of float16 become float32, unless `halves`. TypeError for values that NumPy would convert
    with a loss, or not to numbers: masks, missing entries, sparse matrices, categories, text,
    dates, objects, symbolic tensors, and unless `complexes`, complex numbers.
    The message begins with `name`, names a conversion, and ends with `where`; `wanted` is what was
    expected.
    """
    if type(value) not in (np.ndarray, float, int, bool, np.float64, np.int64):
        problem = _unconvertible(value)
        if problem:
            raise TypeError(f"{name}: {problem}{where}")
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":
            # Columns that may have missing entries are objects to some versions of pandas.
            inner = getattr(getattr(value, "dtype", None), "numpy_dtype", None)
            array = array if inner is None else np.asarray(value.to_numpy(inner))
    except Exception as error:
        why = "its rows have different lengths" if "inhomogeneous" in str(error) else error
        kind = type(value).__name__
        raise TypeError(f"{name}: cannot make an array of {kind}: {why}{where}") from None
    is_complex = array.dtype.kind == "c" and complexes and array.dtype.itemsize <= 16
    if not is_complex and (array.dtype.kind not in "biuf" or array.dtype.itemsize > 8):
        raise TypeError(f"{name}: {_not_numbers(value, array, wanted)}{where}")
    # Half precision is only stored: float32 holds all its values.
    return array.astype("float32") if array.dtype == "float16" and not halves else array


def parts_of(array):
    """A C-contiguous array of complex numbers, viewed as real ones along one more axis."""
    return array.reshape((*array.shape, 1)).view(array.real.dtype)


def paired(array):
    """A C-contiguous array with two parts along its last axis, viewed as complex numbers."""
    return array.view(f"complex{array.itemsize * 16}").reshape(array.shape[:-1])


def frozen_copy(array, owned=False):
    """A read-only copy that cannot be made writable again: a view of a read-only array. With
    `owned` the array is a copy already, without other references."""
    own = array if owned else np.array(array, order="C", copy=True)
    own.setflags(write=False)
    return own.view()


def _unconvertible(value):
    """What NumPy would silently lose of a value, and a conversion that avoids it; empty if
    nothing."""
    if hasattr(value, "op") and hasattr(value, "inputs"):
        return f"expected numbers, got the symbolic tensor {value!r:.80}"
    kind = type(value).__name__
    if hasattr(value, "nnz") and hasattr(value, "toarray"):
        return (
            f"expected an array, got a sparse {kind} of shape {tuple(value.shape)}; "
            "write .toarray(), or pt.sparse.as_sparse(matrix) for a sparse tensor"
        )
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        problems = ((k, _unconvertible(value.iloc[:, k])) for k in range(value.shape[1]))
        found = next(((k, text) for k, text in problems if text), None)
        return f"column {value.columns[found[0]]!r}: {found[1]}" if found else ""
    if str(getattr(value, "dtype", "")) == "category":
        codes = "cat.codes" if hasattr(value, "cat") else "codes"
        return f"got a categorical {kind}; write .{codes} for its codes, or .astype(float)"
    masked = _masked_entries(value)
    if masked:
        return (
            f"a masked array loses its mask here ({masked} masked): fill these entries with "
            ".filled(number), or leave them out"
        )
    missing = _missing_entries(value)
    if missing:
        return f"{missing} entries are missing (NA): fill them with .fillna(number), or drop them"
    return ""


def _masked_entries(value):
    """How many entries of an array, or of arrays in a list, are masked."""
    if "numpy.ma" not in sys.modules:
        return 0  # not imported (which takes 10 ms), so there are no masked arrays
    if isinstance(value, np.ma.MaskedArray):
        return int(np.ma.getmaskarray(value).sum())
    if not isinstance(value, (list, tuple)):
        return 0
    return sum(_masked_entries(x) for x in value if type(x) not in (float, int, bool))


def _missing_entries(value):
    """How many entries of a column with a validity mask are missing: pandas, Arrow, Polars."""
    count = getattr(value, "null_count", None)
    if count is not None:
        return int(count() if callable(count) else count)
    if hasattr(getattr(value, "dtype", None), "na_value") and hasattr(value, "isna"):
        return int(np.sum(np.asarray(value.isna())))
    return 0


CONVERSIONS = {
    "O": "give numbers alone; np.asarray(x, float) makes floats of what can be",
    "U": "np.asarray(x, float) makes numbers of text",
    "T": "np.asarray(x, float) makes numbers of text",
    "S": "np.asarray(x, float) makes numbers of text",
    "M": "make dates numbers, as in (t - t[0]) / np.timedelta64(1, 'D')",
    "m": "make durations numbers, as in t / np.timedelta64(1, 'D')",
    "c": "give .real and .imag apart",
    "V": "give one field of the records, or a plain array",
}


def _not_numbers(value, array, wanted):
    """Why an array is not of supported numbers, and a conversion."""
    got = f"got {type(value).__name__} of dtype {array.dtype}"
    if array.dtype.kind == "O":
        if not array.ndim:
            way = "; float(x) makes a number of it" if _is_decimal(value) else ""
            return f"expected {wanted}, {got}: {value!r:.60}{way}"
        wrong = (k for k, x in enumerate(array.flat) if not isinstance(x, (int, float, np.number)))
        first = next(wrong, None)
        if first is not None:
            index = ", ".join(str(int(i)) for i in np.unravel_index(first, array.shape))
            got += f": entry [{index}] is {array.flat[first]!r:.60}"
    way = CONVERSIONS.get(array.dtype.kind, "convert with .astype('float64')")
    return f"expected {wanted}, {got}; {way}"


def _is_decimal(value):
    """Whether this is a Python number for which NumPy has no dtype."""
    return isinstance(value, numbers.Number) and not isinstance(value, (int, complex))


def is_masked(value):
    """Whether this is a masked array; does not import numpy.ma, which takes 10 ms."""
    return "numpy.ma" in sys.modules and np.ma.isMaskedArray(value)


def is_bare(value):
    """Whether this is a Python number, or a list of them."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, (list, tuple)):
        return True  # an empty one
    return isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)


def holds(target, array, bare):
    """Whether the values of `array` convert to `target` without loss."""
    source = array.dtype
    if np.can_cast(source, target, "safe") or (bare and not array.size):
        return True
    if target.kind in "fc" and (source.kind != "c" or target.kind == "c"):
        # Python numbers may be rounded, but must not overflow to infinity.
        with np.errstate(over="ignore"):
            return bare and bool((np.isfinite(array.astype(target)) == np.isfinite(array)).all())
    if source.kind in "iu" and target.kind in "iu":
        if not array.size:
            return True
        bounds = np.iinfo(target)
        return bounds.min <= int(array.min()) and int(array.max()) <= bounds.max
    return False


def checked_indices(array, bound, message):
    """`array` with all values in 0 <= v < bound: itself, or a copy if it holds negative values."""
    if not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    if low < -bound or high >= bound:
        refuse_index(array, bound, message)
    return nonnegative_indices(array, bound, message) if low < 0 else array


def refuse_two_bounds(seen, slot, bound, array, message):
    """Raise if negative indices are used in axes of different sizes; `seen` is by slot."""
    first, negative = seen.setdefault(slot, (bound, bool(array.size) and int(array.min()) < 0))
    if negative and first != bound:
        raise IndexError(
            f"{message}\n  the array holds negative indices and points into axes of two sizes, "
            f"{first} and {bound}: give non-negative ones"
        )


def failure(failures, status):
    """The exception for a plan's status; a message may begin with the exception's name."""
    message = failures[status - 1] if 0 < status <= len(failures) else f"failed with {status}"
    name, colon, rest = message.partition(": ")
    kind = {"ValueError": ValueError, "IndexError": IndexError}.get(name) if colon else None
    return IndexError(message) if kind is None else kind(rest)
