"""NumPy's and SciPy's functions on tensors, where there is nothing of that name or meaning here."""

import pytest

from tests.errors.wrong import each, wrong

pytest.importorskip("scipy")
AWAY = "pt.function"
ROWS = [
    wrong("array", TypeError, "np.array(x)", "x is symbolic", "NumPy array", AWAY),
    wrong("asarray of a list", TypeError, "np.asarray([s, 1.0])", "s is symbolic", AWAY),
    wrong("asarray with a dtype", TypeError, "np.asarray(p, dtype=float)", "p is symbolic", AWAY),
    wrong("full", TypeError, "np.full(3, s)", "s is symbolic", AWAY),
    wrong("vectorize", TypeError, "np.vectorize(math.exp)(x)", "x is symbolic", AWAY),
    wrong("assignment into an array", TypeError, "a = np.ones(3)\na[:] = p", "p is symbolic"),
    wrong("a ufunc that is not here", TypeError, "np.isnat(x)", "np.isnat", "x is symbolic",
          "pt.isnan"),
    wrong("a ufunc of SciPy that is not here", TypeError,
          "from scipy import special\nspecial.kelvin(x)", "scipy.special.kelvin", "x is symbolic"),
    wrong("a ufunc of someone", TypeError, "exp = np.frompyfunc(math.exp, 1, 1)\nexp(x)",
          "has no counterpart", "x is symbolic"),
    wrong("out of a ufunc", TypeError, "np.add(np.ones(3), p, out=np.ones(3))", "np.add", "out=",
          "p is symbolic", "a = a + x"),
    wrong("addition to an array in place", TypeError, "a = np.ones(3)\na += p", "np.add",
          "p is symbolic", "a = a + x"),
    wrong("where of a ufunc", TypeError, "np.exp(x, where=[True])", "np.exp", "where",
          "x is symbolic"),
    wrong("dtype of a ufunc", TypeError, 'np.exp(x, dtype="float32")', "np.exp", "dtype",
          "x is symbolic"),
    wrong("at of a ufunc", TypeError, "np.add.at(np.ones(3), [0], s)", "np.add.at",
          "s is symbolic"),
    wrong("reduceat of a ufunc", TypeError, "np.add.reduceat(x, [0])", "np.add.reduceat",
          "x is symbolic"),
    wrong("a reduction that is not here", TypeError, "np.subtract.reduce(x)", "np.subtract.reduce",
          "x is symbolic"),
    wrong("a function that is not here", TypeError, "np.polyder(A)", "np.polyder",
          "A is symbolic"),
    wrong("an argument that is not here", TypeError, "np.cumsum(x, out=np.ones(2))", "cumsum",
          "out"),
    wrong("copyto", TypeError, "np.copyto(np.ones(3), p)", "np.copyto", "p is symbolic"),
    wrong("an index array", TypeError, "np.arange(9)[x > 0]", "gt(x, 0.0) is symbolic", "pt.as_t"),
]  # fmt: skip


@each(ROWS)
def test_message(row):
    row.check()
