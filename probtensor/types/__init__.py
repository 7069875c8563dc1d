"""Types of tensors: a dtype and a shape whose sizes may be symbolic.

    dtype.py    dtypes and their promotion
    size.py     sizes of axes: integers and polynomials
    law.py      what must hold of them at a call
    tensor.py   the type of a tensor, and broadcasting

Rejected: dtypes as bare strings, whose kind every reader derives from the first letters; a dtype is
a string only in that it equals its name.
"""

from probtensor.types.dtype import (
    BOOL,
    COMPLEX,
    DTYPES,
    FLOAT32,
    FLOAT64,
    INT64,
    DType,
    check_dtype,
    dtype_of,
    promote,
    promote_float,
)
from probtensor.types.law import RELATIONS, SizeCheck
from probtensor.types.size import (
    SIZE_FUNCTIONS,
    Atom,
    Dim,
    HoldsSizes,
    Shape,
    ShapeError,
    Size,
    field_names,
    from_terms,
    is_size,
    never_negative,
    shape_text,
    size_atoms,
    size_floordiv,
    size_max,
    size_min,
    size_name,
    size_names,
    size_product,
    size_quotients,
    size_substitute,
    size_text,
    size_value,
    sourced_atoms,
    sources,
    terms_of,
    where_positive,
    with_atoms,
)
from probtensor.types.tensor import TensorType, broadcast_shapes, broadcast_size

__all__ = [
    "BOOL",
    "COMPLEX",
    "DTYPES",
    "FLOAT32",
    "FLOAT64",
    "INT64",
    "RELATIONS",
    "SIZE_FUNCTIONS",
    "Atom",
    "DType",
    "Dim",
    "HoldsSizes",
    "Shape",
    "ShapeError",
    "Size",
    "SizeCheck",
    "TensorType",
    "broadcast_shapes",
    "broadcast_size",
    "check_dtype",
    "dtype_of",
    "field_names",
    "from_terms",
    "is_size",
    "never_negative",
    "promote",
    "promote_float",
    "shape_text",
    "size_atoms",
    "size_floordiv",
    "size_max",
    "size_min",
    "size_name",
    "size_names",
    "size_product",
    "size_quotients",
    "size_substitute",
    "size_text",
    "size_value",
    "sourced_atoms",
    "sources",
    "terms_of",
    "where_positive",
    "with_atoms",
]
