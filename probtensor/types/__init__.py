"""Types of tensors: a dtype and a shape whose sizes may be symbolic.

    dtype.py    dtypes and their promotion
    size.py     sizes of axes: integers and polynomials
    joint.py    sizes that others broadcast to
    held.py     sizes in other values
    law.py      what must hold of them at a call
    tensor.py   the type of a tensor, and broadcasting

Rejected: dtypes as bare strings, whose kind every reader derives from the first letters; a dtype is
a string only in that it equals its name.
"""

from probtensor.types.dtype import (
    BOOL,
    COMPLEX,
    DTYPES,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT64,
    DType,
    check_dtype,
    complex_of,
    dtype_of,
    promote,
    promote_float,
)
from probtensor.types.held import HoldsSizes, field_names, sourced_atoms, sources
from probtensor.types.joint import joints, without_joints
from probtensor.types.law import BROADCASTING, RELATIONS, SizeCheck
from probtensor.types.size import (
    JOINT,
    SIZE_FUNCTIONS,
    Atom,
    Dim,
    Shape,
    ShapeError,
    Size,
    from_terms,
    is_size,
    never_negative,
    shape_text,
    size_atoms,
    size_floordiv,
    size_joint,
    size_max,
    size_min,
    size_name,
    size_names,
    size_product,
    size_quotients,
    size_substitute,
    size_text,
    size_value,
    size_with,
    terms_of,
    where_positive,
    with_atoms,
)
from probtensor.types.tensor import TensorType, broadcast_shapes, broadcast_size

__all__ = [
    "BOOL",
    "BROADCASTING",
    "COMPLEX",
    "DTYPES",
    "FLOAT16",
    "FLOAT32",
    "FLOAT64",
    "INT64",
    "JOINT",
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
    "complex_of",
    "dtype_of",
    "field_names",
    "from_terms",
    "is_size",
    "joints",
    "never_negative",
    "promote",
    "promote_float",
    "shape_text",
    "size_atoms",
    "size_floordiv",
    "size_joint",
    "size_max",
    "size_min",
    "size_name",
    "size_names",
    "size_product",
    "size_quotients",
    "size_substitute",
    "size_text",
    "size_value",
    "size_with",
    "sourced_atoms",
    "sources",
    "terms_of",
    "where_positive",
    "with_atoms",
    "without_joints",
]
