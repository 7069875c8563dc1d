"""What users of other libraries write out of habit, and how the message leads on."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import GraphError
from tests.errors.wrong import MADE, each, wrong

R = "R = pt.random\n"
Y = R + 'mu = R.normal(0, 1, name="mu")\ny = R.normal(mu, 1, shape=3, name="y")\n'
P = Y + 'post = pt.condition({y: np.zeros(3)}, target="interp")\n'
ROWS = [
    # Sizes as Python's numbers.
    wrong("a size as an int", TypeError, "int(x.shape[0])", "x.shape[0]", "shape="),
    wrong("a size as a float", TypeError, "float(x.shape[0])", "x.shape[0]", "shape="),
    wrong("a size in math", TypeError, "math.sqrt(x.shape[0])", "x.shape[0]", "shape="),
    wrong("a range of a size", TypeError, "range(x.shape[0])", "x.shape[0]", "shape="),
    wrong("NumPy's zeros of a size", TypeError, "np.zeros(x.shape)", "x.shape[0]", "pt.zeros"),
    wrong("a size that is true", TypeError, "if x.shape[0]: pass", "x.shape[0]", "pt.where"),
    wrong("a size that is compared", TypeError, "if x.shape[0] > 3: pass", "gt(x.shape[0], 3)",
          "pt.where"),
    wrong("the larger of sizes", TypeError, "max(x.shape[0], 3)", "x.shape[0]", "pt.maximum"),
    wrong("a size plus text", TypeError, 'x.shape[0] + "a"', "+: x.shape[0]", "str 'a'"),
    wrong("a length that is a quotient", GraphError, "pt.zeros(x.shape[0] / 2)", "zeros", "div"),
    # Tensors as Python's or NumPy's values.
    wrong("bytes", TypeError, "bytes(k)", "k is symbolic", "eval"),
    wrong("an element as an int", TypeError, "int(k[0])", "slice(k)", "eval"),
    wrong("a sorted list of tensors", TypeError, "sorted([s * 2, s])", "mul(s, 2.0)"),
    wrong("a function of the standard library", TypeError, "import statistics\nstatistics.mean(x)",
          "length of x", "pt.sum"),
    wrong("a choice", TypeError, "import random\nrandom.choice(x)", "length of x"),
    wrong("NumPy's concatenate of one tensor", TypeError, "np.concatenate(x)", "length of x"),
    wrong("a shape that is set", AttributeError, "x.shape = (3,)", "x is a tensor", "x.reshape"),
    wrong("a name that is set", AttributeError, 'x.name = "z"', "x is a tensor", "pt.vector('x')"),
    wrong("a shared value that is set", AttributeError, "w.value = 3", "w is a tensor",
          "w.set_value"),
    wrong("a method of arrays", AttributeError, "x.tolist()", "'tolist'", "x made at", "x.eval"),
    wrong("a method that is misspelt", AttributeError, "x.reshap((2, 2))", "x.reshape"),
    wrong("an index by name", GraphError, 'x["a"]', "x[...]", "str 'a'", "x has shape"),
    wrong("an update by assignment", TypeError, "x.at[0] = 3", "x.at", "x.at[key].set(value)"),
    wrong("an update by another name", AttributeError, "x.at[0].replace(1)", "'replace'",
          "multiply"),
    wrong("a deque that does not fit", GraphError,
          "from collections import deque\np + deque([1, 2])", "add", "p: float64[3]"),
    # Names of other libraries.
    wrong("a function of another name", AttributeError, "pt.vectorz('x')", "pt has no 'vectorz'",
          "pt.vector"),
    wrong("a class of distributions", AttributeError, "pt.random.Normal(0, 1)",
          "random.normal?"),
    wrong("a distribution of Stan", AttributeError, "pt.random.studentT(3)",
          "student_t?"),
    wrong("a distribution that is not here", AttributeError, "pt.random.zipf(2)", "'zipf'"),
    wrong("a function of linalg", AttributeError, "pt.linalg.solve_triangle(A)", "'solve_triangle'",
          "solve_triangular?"),
    wrong("a function of special", AttributeError, "pt.special.gamaln(x)", "'gamaln'",
          "gammaln?"),
    wrong("the name first", TypeError, R + 'R.normal("mu", 0, 1)', "name='mu'"),
    wrong("the name in the place of a parameter", TypeError, R + 'R.normal("mu", mu=0)',
          "'mu' is given twice", "name='mu'"),
    wrong("observed data in the variable", TypeError, R + "R.normal(0, 1, observed=[1.0])",
          "'observed'", "pt.condition({variable: data})"),
    wrong("a bound in the variable", TypeError, R + "R.normal(0, 1, lower=0)", "pt.interval"),
    wrong("a mode", TypeError, 'pt.function([x], x, mode="FAST_RUN")', "'mode'", "target="),
    # Models.
    wrong("a parameter of text", GraphError, R + 'R.poisson("3", name="k")', "mu of poisson 'k'",
          "str '3'"),
    wrong("a parameter of None", GraphError, R + "R.normal(None, 1)", "mu of normal", "NoneType"),
    wrong("a precision of text", GraphError, R + 'R.normal(0, tau="a")', "tau of normal"),
    wrong("a covariance of text", GraphError, R + 'R.multivariate_normal(0, cov="a")',
          "cov of multivariate_normal"),
    wrong("an infinite bound", ValueError, R + 'R.uniform(0, np.inf, name="u")', "uniform 'u'",
          "high=inf", "flat"),
    wrong("a potential that is true or false", GraphError, "pt.potential(x > 0)", "gt(x, 0.0)",
          "pt.where(condition, 0.0, -np.inf)"),
    wrong("a potential of text", GraphError, 'pt.potential("a")', "potential", "str 'a'"),
    wrong("a deterministic of text", GraphError, 'pt.deterministic("a", "b")',
          "deterministic 'b'"),
    wrong("an infinite observation", ValueError, Y + "pt.condition({y: [0, np.inf, 1]})",
          "normal 'y'", "finite", "entry [1] is inf", at=MADE),
    wrong("data with the name first", GraphError, 'pt.data("x", np.ones(3))', "data",
          "name must be a string"),
    wrong("a point of another length", ValueError, P + "post.logp(np.zeros(2))", "(2,)", "(1,)"),
    wrong("a point of text", TypeError, P + 'post.logp_and_grad("a")', "q:", "str"),
    wrong("a point by name", TypeError, P + 'post.logp_and_grad({"mu": 1.0})', "q:", "dict"),
    wrong("values of another name", KeyError, P + 'post.unconstrain({"sigma": 1.0})', "mu",
          "sigma"),
    wrong("a value of text by variable", TypeError, P + 'post.unconstrain({mu: "ab"})', "mu:",
          at=MADE),
    wrong("draws below 0", ValueError, P + "pt.sample_prior(post, draws=-5)", "draws", "-5"),
    wrong("draws that are text", TypeError, P + 'pt.sample_prior(post, draws="5")', "draws", "'5'"),
    wrong("a fraction of draws", TypeError, P + "pt.draw(mu, draws=1.5)", "draws", "1.5"),
    wrong("a seed of text for draws", TypeError, P + 'pt.draw(mu, seed="a")', "seed", "'a'"),
    wrong("rows of text to expand", TypeError, P + 'post.expand("a")', "draws:", "str"),
    wrong("a point of text to constrain", TypeError, P + 'post.constrain("a")', "q:", "str"),
    wrong("an order of a number", GraphError, R + "R.normal(0, 1, constraint=pt.ordered())",
          "normal", "axis", "shape="),
    wrong("a bound of another shape", GraphError,
          R + 'R.normal(0, 1, shape=3, constraint=pt.interval([0, 1], 2), name="u")',
          "normal 'u'", "(2,)", "(3,)"),
    wrong("the density of a number", GraphError, "pt.logp(3, 1.0)", "logp", "not 3"),
    wrong("draws of what has inputs", GraphError, "pt.draw(x + 1)", "draw", "x has no value",
          "pt.data"),
    wrong("a distribution at the top", AttributeError, "pt.StudentT(3)", "pt.random.student_t?"),
    # Derivatives.
    wrong("a cotangent of another shape", GraphError, "pt.vjp(p * 2, p, q)", "cotangent", "(4,)",
          "(3,)"),
    wrong("a cotangent with more axes", GraphError, "pt.vjp(p * 2, p, np.ones((3, 3)))",
          "cotangent", "(3, 3)", "(3,)"),
    wrong("a tangent of another shape", GraphError, "pt.jvp(p * 2, p, q)", "tangent", "p", "(4,)"),
    wrong("a vector of another shape", GraphError, "pt.hvp(pt.sum(p**2), p, q)", "(4,)", "p"),
    wrong("a batch of a tensor", GraphError, "pt.vmap(x)", "vmap", "pt.vmap(pt.exp)(x)"),
    wrong("batches of two sizes", GraphError, "pt.vmap(lambda a, b: a + b)(p, q)", "3 and 4",
          "p (3,), q (4,)", "in_axes="),
    # Functions.
    wrong("a function called by a number", TypeError, "pt.function([x], x, name=3)", "name", "3"),
    wrong("a shared value called by a number", TypeError, "pt.shared(1.0, 2.0)", "name", "2.0"),
    wrong("an output of text", GraphError, 'pt.function([x], pt.Out("x"))', "str 'x'"),
    wrong("a binding of a number", TypeError,
          'f = pt.function([x], x, target="interp")\nf.bind(3)', "bind", "3"),
    wrong("a negative size of eye", GraphError, "pt.eye(-1)", "eye", "not -1"),
    wrong("a literal of ragged rows", GraphError, "pt.as_tensor([[1], [2, 3]])",
          "different lengths"),
    wrong("a literal of decimals", GraphError, "from decimal import Decimal\n"
          'pt.as_tensor(Decimal("1.5"))', "Decimal", "float(x)"),
]  # fmt: skip


@each(ROWS)
def test_message(row):
    row.check()


def test_sizes_are_values_too():
    x = pt.vector("x")
    n = x.shape[0]
    values = [n / 2, 2.5 * n, 1 / n, n**2, n > 3, np.sqrt(n), np.float64(2) * n, n % 2.5, abs(n)]
    found = pt.function([x], values, target="interp")(np.ones(4))
    assert [float(v) for v in found] == [2.0, 10.0, 0.25, 16.0, 1.0, 2.0, 8.0, 1.5, 4.0]
    for size in (n + 1, np.int64(1) + n, n * 2, 3 - n, n // 2):
        assert not isinstance(size, pt.Node)
        assert pt.zeros(pt.Dim.name("m") + 0).shape and f"{size}"


def test_two_comparisons_of_the_same_tensors_are_one_key():
    x, y = pt.vector("x"), pt.vector("y")
    assert {x == y: 1}[x == y] == 1
    assert len({x == y, x == y, x != y}) == 2


@pytest.mark.parametrize("other", [range(2), memoryview(np.arange(2.0))], ids=["range", "view"])
def test_what_numpy_compares_is_compared(other):
    x = pt.vector("x")
    f = pt.function([x], [x == other, x + other], target="interp")
    equal, total = f([0.0, 5.0])
    assert equal.tolist() == [True, False] and total.tolist() == [0.0, 6.0]


def test_an_empty_list_fits_any_dtype():
    k = pt.vector("k", dtype="int64")
    assert pt.function([k], k, target="interp")([]).shape == (0,)


def test_values_may_be_given_by_variable():
    mu = pt.random.half_normal(1, name="mu")
    y = pt.random.normal(mu, 1, name="y")
    posterior = pt.condition({y: 0.5}, target="interp")
    assert posterior.unconstrain({mu: 2.0}) == posterior.unconstrain({"mu": 2.0})
