"""Dtypes: names, element sizes, C types and promotion."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class DType(str):
    """A dtype: equal to its NumPy name, and with the same hash, so that a name may stand for it.

    `kind` is NumPy's letter ("b", "i", "u", "f" or "c"), `bytes` the size of an element, `c` its C
    type in memory and `numpy` its NumPy dtype.
    """

    __slots__ = ("bytes", "c", "kind", "numpy")

    kind: str
    bytes: int
    c: str
    numpy: np.dtype

    def __new__(cls, name: str) -> DType:
        made = super().__new__(cls, name)
        made.numpy = np.dtype(name)
        made.kind, made.bytes = made.numpy.kind, made.numpy.itemsize
        made.c = C_TYPES.get(name, f"{name}_t")
        return made

    def __reduce__(self) -> tuple:
        return dtype_of, (str(self),)

    @property
    def is_float(self) -> bool:
        """Whether it is float32 or float64."""
        return self.kind == "f"

    @property
    def is_inexact(self) -> bool:
        """Whether it is a float or a complex dtype."""
        return self.kind in "fc"

    @property
    def part(self) -> DType:
        """The dtype of the real and the imaginary part: itself where it is not complex."""
        return self if self.kind != "c" else FLOAT32 if self.bytes == 8 else FLOAT64

    @property
    def is_integer(self) -> bool:
        """Whether it is a signed or unsigned integer (not a bool)."""
        return self.kind in "iu"


C_TYPES = {
    "bool": "uint8_t",
    "float32": "float",
    "float64": "double",
    "complex64": "float _Complex",
    "complex128": "double _Complex",
}
# The dtypes of what ops compute. A complex tensor is a pair of real ones (ops/complexes).
DTYPES = tuple(
    DType(name)
    for name in (
        "bool",
        "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64",
        "float32", "float64",
    )
)  # fmt: skip
COMPLEX = DType("complex64"), DType("complex128")
# The dtype of arrays alone, of inputs and results (ops/halves).
FLOAT16 = DType("float16")
_ALL = {str(dtype): dtype for dtype in (*DTYPES, *COMPLEX)}
_OF_NUMPY = {dtype.numpy: dtype for dtype in _ALL.values()}
_NAMES = ", ".join(_ALL)
_ALL["floatX"] = _ALL["float64"]  # Theano's name for the default, which is no setting here
_NUMPY_CLASSES = {type(dtype) for dtype in _OF_NUMPY}
BOOL, INT64, FLOAT32, FLOAT64 = (_ALL[n] for n in ("bool", "int64", "float32", "float64"))


def dtype_of(name: str) -> DType:
    """The dtype of this name; KeyError if there is none."""
    return FLOAT16 if name == FLOAT16 else _ALL[name]


def check_dtype(dtype: object, *, stored: bool = False) -> DType:
    """The dtype given as a name, a NumPy dtype or a type; TypeError unless tensors can have it.
    With `stored` it may be that of stored tensors alone, float16."""
    if dtype.__class__ is DType or dtype.__class__ is str:
        found = _ALL.get(dtype)
        if found is not None:
            return found
    elif dtype.__class__ in _NUMPY_CLASSES:
        found = _OF_NUMPY.get(dtype)
        if found is not None:
            return found
    try:
        name = np.dtype(dtype).name
    except TypeError:
        raise TypeError(f"{dtype!r:.60} is no dtype; they are {_NAMES}") from None
    if name == FLOAT16:
        if stored:
            return FLOAT16
        raise TypeError(
            "float16 is what inputs, shared variables and results are stored in, not what is "
            'computed in: x.astype("float16") of the result rounds to it'
        )
    if name not in _ALL:
        raise TypeError(f"dtype {name} is not one of {_NAMES}")
    return _ALL[name]


def promote(*operands: object) -> DType:
    """NumPy's result dtype of dtype names and bare Python numbers (weak, as in NEP 50)."""
    first = operands[0] if operands else None
    if first.__class__ is DType and operands.count(first) == len(operands):
        return first
    # Only the type of a Python number matters, not its value, even beyond 64 bits.
    return _promoted(*[o if isinstance(o, str) else _WEAK.get(type(o), o) for o in operands])


_WEAK = {int: 0, float: 0.0, complex: 0j}


@lru_cache(maxsize=1024, typed=True)
def _promoted(*operands: object) -> DType:
    arguments = (np.dtype(o) if isinstance(o, str) else o for o in operands)
    return _ALL[np.result_type(*arguments).name]


def complex_of(*operands: object) -> DType:
    """The complex dtype of numbers whose parts have these dtypes: complex64 of what promotes to
    float32 or float16, else complex128."""
    return COMPLEX[promote_float(*operands).part != FLOAT32]


def promote_float(*operands: object) -> DType:
    """As `promote`, but a boolean or integer result becomes float64."""
    dtype = promote(*operands)
    return FLOAT64 if dtype.kind in "biu" else dtype
