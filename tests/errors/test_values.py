"""Python asks a symbolic tensor for a value: truth, number, length, text."""

from tests.errors.wrong import each, wrong

WHERE, EVAL = "pt.where", "x.eval("
ROWS = [
    wrong("if of a comparison", TypeError, "if x > 0: pass", "gt(x, 0.0)", "truth", WHERE),
    wrong("if of a tensor", TypeError, "if s: pass", "s is symbolic", "truth", WHERE),
    wrong("if of equality with a number", TypeError, "if x == 0: pass", "eq(x, 0.0)", WHERE),
    wrong("if of inequality with a number", TypeError, "if 0 != s: pass", "ne(s, 0.0)", WHERE),
    wrong("if of equality with an array", TypeError, "if x == np.ones(2): pass", "eq(x", WHERE),
    wrong("while", TypeError, "while s < 1: s = s + 1", "lt(s, 1.0)", "truth"),
    wrong("and of comparisons", TypeError, "(x > 0) and (x < 1)", "gt(x, 0.0)", "& | ~"),
    wrong("not", TypeError, "not x", "x is symbolic", "& | ~"),
    wrong("a chained comparison", TypeError, "0 < x < 1", "truth", "& | ~"),
    wrong("assert", TypeError, "assert x >= 0", "ge(x, 0.0)", "truth"),
    wrong("Python's max", TypeError, "max(x, y)", "truth", "x"),
    wrong("sorting", TypeError, "sorted([s, s + 1])", "truth"),
    wrong("a choice by a random variable", TypeError,
          'z = pt.random.normal(0, 1, name="z")\n1 if z > 0 else 2', "gt(z, 0.0)", WHERE),
    wrong("float", TypeError, "float(s)", "s is symbolic", "float()", EVAL),
    wrong("int", TypeError, "int(s)", "s is symbolic", "int()"),
    wrong("complex", TypeError, "complex(s)", "s is symbolic", "complex()"),
    wrong("math.exp", TypeError, "math.exp(s)", "s is symbolic", "pt.exp"),
    wrong("math.floor", TypeError, "math.floor(s)", "s is symbolic", "math.floor"),
    wrong("math.ceil", TypeError, "math.ceil(s)", "s is symbolic", "math.ceil"),
    wrong("math.trunc", TypeError, "math.trunc(s)", "s is symbolic", "math.trunc"),
    wrong("range", TypeError, "range(k)", "k is symbolic", "range"),
    wrong("an index of a list", TypeError, "[1, 2][k]", "k is symbolic", "pt.as_tensor(values)[x]"),
    wrong("an index of an array", TypeError, "np.ones(3)[k]", "k is symbolic", "pt.as_tensor("),
    wrong("an index of a tuple", TypeError, '"abc"[k]', "k is symbolic", "index"),
    wrong("a format", TypeError, 'f"{s:.3f}"', "s is symbolic", "'.3f'"),
    wrong("an old format", TypeError, '"%.3f" % s', "s is symbolic"),
    wrong("len of an unknown size", TypeError, "len(x)", "length of x", "x.shape[0]", "shape="),
    wrong("len of a scalar", TypeError, "len(s)", "s has no axes"),
    wrong("a loop over an unknown size", TypeError, "for e in x: pass", "length of x", "pt.vmap"),
    wrong("a loop over a scalar", TypeError, "for e in s: pass", "s has no axes"),
    wrong("unpacking", TypeError, "a, b = x", "length of x", "shape="),
    wrong("a list of a tensor", TypeError, "list(A)", "length of A"),
    wrong("Python's sum", TypeError, "sum(x)", "length of x", "pt.sum"),
    wrong("Python's any", TypeError, "any(x > 0)", "gt(x, 0.0)", "pt.any"),
    wrong("reversed", TypeError, "reversed(x)", "length of x"),
    wrong("in", TypeError, "1.0 in x", "x is symbolic", "pt.any(x == value)"),
    wrong("not in", TypeError, "y not in x", "x is symbolic", "pt.any(x == value)"),
    wrong("item assignment", TypeError, "x[0] = 1.0", "x is a tensor", "x.at[key].set(value)"),
    wrong("item addition", TypeError, "x[0] += 1.0", "x is a tensor", ".add(value)"),
    wrong("slice assignment", TypeError, "A[:, 0] = y", "A is a tensor", ".at[key].set"),
    wrong("item deletion", TypeError, "del x[0]", "x is a tensor", "deleted"),
    wrong("a third argument of pow", TypeError, "pow(s, 2, 3)", "s", "x**y % z"),
    wrong("an unknown method", AttributeError, "x.foo()", "'foo'", "x made at"),
    wrong("a tensor plus text", TypeError, 'x + "a"', "+: x (float64[x.shape[0]])", "str 'a'"),
    wrong("None times a tensor", TypeError, "None * x", "*: x", "NoneType"),
    wrong("a tensor less text", TypeError, 'x < "a"', "<: x", "str 'a'"),
    wrong("a tensor plus a set", TypeError, "s + {1}", "+: s", "set {1}"),
    wrong("a tensor plus a fraction", TypeError,
          "from fractions import Fraction\nx + Fraction(1, 2)", "+: x", "Fraction", "float(value)"),
    wrong("an order of complex numbers", TypeError, "x + 1j < 2", "lt: ", "no order", "pt.real(z)"),
]  # fmt: skip


@each(ROWS)
def test_message(row):
    row.check()
