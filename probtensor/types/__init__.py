"""Types of tensors: a dtype and a shape whose sizes may be symbolic.

    dtype.py    dtypes and their promotion
    size.py     sizes of axes: integers and polynomials, and what must hold of them at a call
    tensor.py   the type of a tensor, and broadcasting

Rejected: dtypes as bare strings, of which every reader asks the first letters; a dtype is a string
only so far that it equals its name.
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
from probtensor.types.size import (
    RELATIONS,
    SIZE_FUNCTIONS,
    Atom,
    Dim,
    Shape,
    ShapeError,
    Size,
    SizeCheck,
    from_terms,
    is_size,
    never_negative,
    plain,
    shape_text,
    size_floordiv,
    size_max,
    size_min,
    size_names,
    size_product,
    size_quotients,
    size_substitute,
    size_value,
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
    "Shape",
    "ShapeError",
    "Size",
    "SizeCheck",
    "TensorType",
    "broadcast_shapes",
    "broadcast_size",
    "check_dtype",
    "dtype_of",
    "from_terms",
    "is_size",
    "never_negative",
    "plain",
    "promote",
    "promote_float",
    "shape_text",
    "size_floordiv",
    "size_max",
    "size_min",
    "size_names",
    "size_product",
    "size_quotients",
    "size_substitute",
    "size_value",
    "terms_of",
    "where_positive",
    "with_atoms",
]
