"""The slow paths of a call: values that need converting, indices that need checking."""

import sys

import numpy as np


def refuse_index(array, bound, message):
    """Raises the IndexError for the first value of `array` outside -bound <= v < bound."""
    flat = array.ravel()
    wrong = (flat >= bound) if bound > 0 else np.ones(flat.shape, bool)
    if array.dtype.kind == "i":
        wrong |= flat < -bound
    first = int(np.flatnonzero(wrong)[0])
    place = [int(i) for i in np.unravel_index(first, array.shape)] if array.ndim else []
    where = f"[{', '.join(map(str, place))}]" if place else ""
    raise IndexError(f"{message}\n  value{where} = {flat[first]}, the axis has size {bound}")


def nonnegative_indices(array, bound, message):
    """A copy of `array` in which negative values count from the end of an axis of size `bound`."""
    if bound - 1 > np.iinfo(array.dtype).max:
        raise IndexError(
            f"{message}\n  negative indices into an axis of size {bound} do not fit in "
            f"{array.dtype}: use int64"
        )
    # The size itself need not fit, where all places do.
    wide = array.astype("int64")
    return np.where(wide < 0, wide + bound, wide).astype(array.dtype)


def safe_array(value, dtype, ndim, name, origin):
    """`value` as a C-contiguous, aligned array of `dtype`, where nothing can be lost by it.

    Python numbers and lists of them take any dtype that holds them; arrays widen but never narrow,
    but for integers whose values all fit. TypeError or ValueError names the argument.
    """
    where = f"\n  {name} was made at {origin}"
    if is_masked(value):
        raise TypeError(f"{name}: masked arrays lose their mask here; fill it first{where}")
    if hasattr(value, "op") and hasattr(value, "inputs"):
        raise TypeError(f"{name}: expected numbers, got the symbolic tensor {value!r:.80}{where}")
    try:
        array = np.asarray(value)
    except Exception as error:
        kind = type(value).__name__
        raise TypeError(f"{name}: cannot make an array of {kind}: {error}{where}") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name}: expected {dtype}, got {type(value).__name__} of dtype {array.dtype}{where}"
        )
    if array.ndim != ndim:
        raise ValueError(
            f"{name}: expected {ndim} axes, got {array.ndim} (shape {array.shape}){where}"
        )
    target = np.dtype(dtype)
    if not (array.dtype == target or holds(target, array, _is_bare(value))):
        hint = f"; convert with .astype({dtype!r}) if that is meant" if target.kind != "b" else ""
        raise TypeError(
            f"{name}: expected {dtype}, got {array.dtype}, which does not fit without loss"
            f"{hint}{where}"
        )
    flags = array.flags
    ready = flags.c_contiguous and flags.aligned and array.dtype.isnative
    result = np.array(array, dtype=target, order="C", copy=None if ready else True)
    # C's long and long long may be two dtypes of one meaning; the entry knows one of them.
    return result if result.dtype.num == target.num else result.view(target)


def is_masked(value):
    """Is this a masked array? Asked without importing numpy.ma, which takes 10 ms."""
    return "numpy.ma" in sys.modules and np.ma.isMaskedArray(value)


def _is_bare(value):
    """Is this a Python number, or a list of them?"""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def holds(target, array, bare):
    """Can values of `array` become `target` with nothing lost?"""
    source = array.dtype
    if np.can_cast(source, target, "safe"):
        return True
    if target.kind == "f":
        return bare
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
    """Negative indices mean different places in axes of different sizes; `seen` is by slot."""
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
