"""Dtypes: what each is called, how wide it is, and what it becomes with others."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class DType(str):
    """A dtype: equal to its NumPy name, and with the same hash, so that a name may stand for it.

    `kind` is the letter of NumPy's ("b", "i", "u", "f" or "c"), `bytes` the size of an element, `c`
    its C type in memory and `numpy` its NumPy dtype.
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
    def is_integer(self) -> bool:
        """Whether it is an integer with a sign or without (not a bool)."""
        return self.kind in "iu"


C_TYPES = {
    "bool": "uint8_t",
    "float32": "float",
    "float64": "double",
    "complex64": "float _Complex",
    "complex128": "double _Complex",
}
# Those of tensors; complex ones are promoted to, and no op takes them yet.
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
_ALL = {str(dtype): dtype for dtype in (*DTYPES, *COMPLEX)}
BOOL, INT64, FLOAT32, FLOAT64 = (_ALL[n] for n in ("bool", "int64", "float32", "float64"))


def dtype_of(name: str) -> DType:
    """The dtype of a name; KeyError for a name that is none."""
    return _ALL[name]


def check_dtype(dtype: object) -> DType:
    """The dtype that tensors may have, given as a name, a NumPy dtype or a type; TypeError for any
    other."""
    if dtype.__class__ is DType or dtype.__class__ is str:
        known = _ALL.get(dtype)
        if known is not None and known.kind != "c":
            return known
    try:
        name = np.dtype(dtype).name
    except TypeError:
        raise TypeError(f"{dtype!r:.60} is no dtype; they are {', '.join(DTYPES)}") from None
    if name not in DTYPES:
        raise TypeError(f"dtype {name} is not one of {', '.join(DTYPES)}")
    return _ALL[name]


def promote(*operands: object) -> DType:
    """NumPy's result dtype of dtype names and bare Python numbers (weak, as in NEP 50)."""
    # A Python number counts as one whatever its value, even past 64 bits.
    return _promoted(*(o if isinstance(o, str) else _WEAK.get(type(o), o) for o in operands))


_WEAK = {int: 0, float: 0.0, complex: 0j}


@lru_cache(maxsize=1024, typed=True)
def _promoted(*operands: object) -> DType:
    known = (np.dtype(o) if isinstance(o, str) else o for o in operands)
    return _ALL[np.result_type(*known).name]


def promote_float(*operands: object) -> DType:
    """As `promote`, with booleans and integers going to float64."""
    dtype = promote(*operands)
    return FLOAT64 if dtype.kind in "biu" else dtype
