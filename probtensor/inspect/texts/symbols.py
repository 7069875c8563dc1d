"""The symbols of formulas, in plain text and in LaTeX, and how strongly they bind."""

from __future__ import annotations

from probtensor import ops

OR, AND, COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(8)  # how strongly parts are bound
INFIX = {
    ops.Gt: (">", ">", COMPARE), ops.Ge: (">=", r"\geq", COMPARE), ops.Lt: ("<", "<", COMPARE),
    ops.Le: ("<=", r"\leq", COMPARE), ops.Eq: ("==", "=", COMPARE),
    ops.Ne: ("!=", r"\neq", COMPARE), ops.LogicalAnd: ("and", r"\wedge", AND),
    ops.LogicalOr: ("or", r"\vee", OR), ops.Mod: ("%", r"\bmod", PRODUCT),
    ops.FloorDiv: ("//", r"\mathbin{/\!/}", PRODUCT),
}  # fmt: skip
# LaTeX of functions of one argument, with the argument in place of {}.
AROUND = {
    "abs": r"\left|{}\right|", "floor": r"\left\lfloor {} \right\rfloor",
    "ceil": r"\left\lceil {} \right\rceil", "sqrt": r"\sqrt{{{}}}", "cbrt": r"\sqrt[3]{{{}}}",
    "exp": "e^{{{}}}", "exp2": "2^{{{}}}", "log1p": r"\log\left(1 + {}\right)",
    "expm1": r"\left(e^{{{}}} - 1\right)",
}  # fmt: skip
NAMED = {
    "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh",
    "cosh": r"\cosh", "tanh": r"\tanh", "arcsin": r"\arcsin", "arccos": r"\arccos",
    "arctan": r"\arctan", "gamma": r"\Gamma", "digamma": r"\psi", "trigamma": r"\psi'",
    "lgamma": r"\log\Gamma", "log2": r"\log_{2}", "log10": r"\log_{10}", "ndtr": r"\Phi",
    "ndtri": r"\Phi^{-1}", "maximum": r"\max", "minimum": r"\min", "det": r"\det",
    "max": r"\max", "min": r"\min", "real": r"\operatorname{Re}", "imag": r"\operatorname{Im}",
}  # fmt: skip
BIG = {ops.Sum: r"\sum", ops.Prod: r"\prod", ops.Max: r"\max", ops.Min: r"\min"}
MATRIX_PRODUCTS = ("ij,j->i", "ij,jk->ik", "i,ij->j", "i,i->")
TRANSPOSED_PRODUCTS = {"ji,j->i": (True, False), "ji,jk->ik": (True, False),
                       "ij,kj->ik": (False, True), "i,ji->j": (False, True)}  # fmt: skip
Index = tuple[str, ...]
LETTERS = "ijklmnpqr"


class Written(str):
    """A text that is no name, to be written as it is."""

    __slots__ = ()
