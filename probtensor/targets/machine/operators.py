"""The instructions of operators and conversions, by dtypes."""

from __future__ import annotations

from functools import cache

from probtensor.types import dtype_of

# The instruction of each operator on floats, signed and unsigned integers; "" is the identity.
OPERATORS = {
    "+": ("add_f", "add_i", "add_i"), "-": ("sub_f", "sub_i", "sub_i"),
    "*": ("mul_f", "mul_i", "mul_i"), "/": ("div_f", None, None),
    "neg": ("neg_f", "neg_i", "neg_i"), "square": ("square_f", "square_i", "square_i"),
    "<": ("lt_f", "lt_i", "lt_u"), "<=": ("le_f", "le_i", "le_u"), ">": ("gt_f", "gt_i", "gt_u"),
    ">=": ("ge_f", "ge_i", "ge_u"), "==": ("eq_f", "eq_i", "eq_i"),
    "!=": ("ne_f", "ne_i", "ne_i"), "and": (None, "and_i", "and_i"),
    "or": (None, "or_i", "or_i"), "not": (None, "not_i", "not_i"), "&": (None, "and_i", "and_i"),
    "|": (None, "or_i", "or_i"), "^": (None, "xor_i", "xor_i"), "~": (None, "inv_i", "inv_i"),
    "isnan": ("isnan_f", None, None), "isinf": ("isinf_f", None, None),
    "//": ("pt_floor_div", "floordiv_i", "floordiv_u"), "%": ("pt_mod", "mod_i", "mod_u"),
    "**": ("pt_pow", "pow_i", "pow_u"), "abs": ("abs_f", "abs_i", ""),
    "sign": ("sign_f", "sign_i", "sign_u"), "<<": (None, "shl_i", "shl_u"),
    ">>": (None, "shr_i", "shr_u"), "minimum": ("min_f", "min_i", "min_u"),
    "maximum": ("max_f", "max_i", "max_u"), "sqrt": ("sqrt_f", "", ""),
    "floor": ("floor_f", "", ""), "ceil": ("ceil_f", "", ""), "trunc": ("trunc_f", "", ""),
    "round": ("round_f", "", ""), "gcd": (None, "gcd_i", "gcd_u"),
}  # fmt: skip
# Operators whose float32 result needs no rounding.
EXACT = {"neg", "abs", "sign", "minimum", "maximum", "floor", "ceil", "trunc", "round"}
SMALL = ("int8", "int16", "int32", "uint8", "uint16", "uint32")


def element(dtype: str) -> str:
    """The name of the elements of a dtype in instructions."""
    return "uint8" if dtype == "bool" else dtype


@cache
def field_of(dtype: str) -> str:
    """The kind of a value in a cell: "f", "i", or "u" for uint64."""
    if dtype_of(dtype).is_float:
        return "f"
    return "u" if dtype == "uint64" else "i"


@cache
def joint_field(*dtypes: str) -> str:
    """The kind of instruction for operands of these dtypes."""
    if any(field_of(dtype) == "f" for dtype in dtypes):
        return "f"
    return "u" if any(dtype_of(dtype).kind == "u" for dtype in dtypes) else "i"


def conversion(source: str, dtype: str) -> str:
    """The instruction that converts between dtypes; empty where values are held alike."""
    kind = field_of(source)
    if dtype == source:
        return ""
    if dtype == "bool":
        return "bool_f" if kind == "f" else "bool_i"
    if kind == "f":
        return "" if dtype == "float64" else f"{dtype}_f"
    if dtype_of(dtype).is_float:
        return f"{dtype}_{kind}"
    return f"{dtype}_i" if dtype in SMALL else ""
