"""Names of NumPy and PyTensor that are no names here: why, and what to write instead.

A reason stands once, with all names that it is the reason for.
"""

from __future__ import annotations

_REASONS = {
    "a tensor is never written to: x.at[key].set(v), .add(v) and others give another tensor": (
        "copyto"
    ),
    "the values of a tensor are known only when a compiled function is called: print, save and "
    "convert what it returns": (
        "array2string array_repr array_str base_repr binary_repr format_float_positional "
        "format_float_scientific isscalar save savetxt savez savez_compressed packbits unpackbits"
    ),
    "read or make the array with NumPy, and give it to the function, or to pt.constant": (
        "array asmatrix asarray_chkfinite bmat from_dlpack frombuffer fromfile fromiter fromregex "
        "fromstring genfromtxt load loadtxt"
    ),
    "a tensor has no order in memory: pt.asarray makes a tensor of what is none": (
        "asanyarray ascontiguousarray asfortranarray isfortran require"
    ),
    "of dtypes NumPy knows itself: np.NAME with x.dtype, as in np.finfo(x.dtype)": (
        "can_cast common_type finfo iinfo isdtype issubdtype min_scalar_type mintypecode "
        "promote_types result_type typename"
    ),
    "that is a setting or a tool of NumPy, not a function of arrays": (
        "einsum_path errstate get_include get_printoptions getbufsize geterr geterrcall info "
        "iterable mask_indices may_share_memory nested_iters nditer ndenumerate ndindex "
        "printoptions set_printoptions setbufsize seterr seterrcall shares_memory show_config "
        "show_runtime test"
    ),
    "tensors have no dates": (
        "busday_count busday_offset busdaycalendar datetime_as_string datetime_data datetime64 "
        "is_busday isnat timedelta64"
    ),
    "pt.vectorize makes functions of arrays from functions of numbers": "frompyfunc",
    "pt.polyval gives values of a polynomial; numpy.polynomial makes coefficients of data": (
        "poly poly1d polyadd polyder polydiv polyfit polyint polymul polysub roots"
    ),
    "a dtype does not depend on values: pt.real, and pt.allclose(pt.imag(x), 0), say which part "
    "matters": "real_if_close",
    "complex numbers have no order; pt.lexsort sorts by several keys": "sort_complex",
    "a dtype is given by name: dtype='float32'": (
        "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool_ "
        "complex128 complex64 double single half longdouble"
    ),
    "constants are tensors like others: pt.get_scalar_constant_value(x) gives the value of one, "
    "and raises GraphError for what is none": "TensorConstant",
    "there is no global setting: dtypes are those of the inputs, options are arguments of "
    "pt.function": "config",
}
REASONS = {name: reason for reason, names in _REASONS.items() for name in names.split()}
