"""`pprint` and `latex`: what is written is what is computed, and reads as mathematics."""

import re

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import inputs_of
from probtensor.graph.node import make
from probtensor.inspect.texts.stored import stored_as
from tests.inspect.programs import PROGRAMS, compiled, posterior

X, A = pt.matrix("X"), pt.matrix("A")
V, W = pt.vector("v"), pt.vector("w")
S, T = pt.scalar("s"), pt.scalar("t")
RNG = np.random.default_rng(0)
VALUES = {
    "X": RNG.normal(size=(3, 3)) + 2 * np.eye(3), "A": RNG.normal(size=(3, 3)),
    "v": RNG.normal(size=3), "w": RNG.uniform(0.5, 2, size=3), "s": 0.7, "t": 1.3,
}  # fmt: skip
NUMPY = {name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt", "where",
                                              "concatenate", "stack", "einsum", "arange", "prod",
                                              "inf")}  # fmt: skip
NUMPY |= {"sum": np.sum, "max": np.max, "abs": np.abs, "inv": np.linalg.inv, "square": np.square}
NUMPY |= {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "solve": np.linalg.solve}


def evaluated(text):
    """What Python makes of a formula."""
    return eval(text, {"__builtins__": {}}, NUMPY | VALUES)


def random_scalar(rng, depth):
    """A random expression of s and t."""
    if depth == 0 or rng.random() < 0.15:
        return [S, T, pt.as_tensor(float(rng.integers(1, 4))), pt.as_tensor(1.0)][rng.integers(4)]
    a, b = (random_scalar(rng, depth - 1) for _ in range(2))
    return [
        lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / (b * b + 1.5), lambda: -a,
        lambda: a**2, lambda: (a * a + 0.5) ** b, lambda: pt.exp(-(a * a)), lambda: a * a * b,
        lambda: pt.where(a > b, a, -b), lambda: 2.0 * a, lambda: -1.0 * a,
    ][rng.integers(12)]()  # fmt: skip


def test_literals_whose_product_overflows_are_written_apart():
    x = pt.vector("x")
    assert pt.pprint(1e200 * (1e200 * x)) == "1e+200 * 1e+200 * x"
    assert pt.pprint(1e-200 * (1e-200 * x) * 2) == "2e-200 * 1e-200 * x"
    assert pt.pprint(3.0 * (4.0 * x)) == "12 * x"


def test_random_formulas_compute_what_they_show():
    """Precedence, signs, literals, equal factors: read by Python, the text has the same value."""
    rng = np.random.default_rng(1)
    made = [random_scalar(rng, 4) for _ in range(250)]
    wanted = pt.function([S, T], made, target="interp", on_unused_input="ignore")(0.7, 1.3)
    for node, value in zip(made, wanted, strict=True):
        text = pt.pprint(node, longest=100_000)
        assert "\n" not in text and "..." not in text
        np.testing.assert_allclose(evaluated(text), value, rtol=1e-4, atol=1e-5, err_msg=text)


ARRAYS = [
    pt.sum(X, axis=0), X @ V * 2.0, X.T @ A, (X * V) @ W, X @ (V - W), X @ A @ V, V @ X,
    pt.linalg.inv(X) @ V, V[1:], V[:-1] - V[1:], V[::-1], X[:, 0], X[1, :2], V[-1],
    pt.concatenate([V, W]), pt.stack([S, T]), pt.einsum("i,j->ij", V, W), pt.max(V),
    pt.grad(pt.sum(pt.log(1 + pt.exp(X @ V))), V), pt.grad(pt.exp(S) / S, S),
    pt.grad(pt.sum((X @ V - W) ** 2), V), pt.where(V > 0, V, -W), pt.arange(3) * V,
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(ARRAYS)))
def test_formulas_of_arrays_compute_what_they_show(k):
    node = ARRAYS[k]
    text = pt.pprint(node)
    wanted = node.eval({x: VALUES[x.name] for x in inputs_of([node])})
    np.testing.assert_allclose(evaluated(text), wanted, rtol=1e-5, err_msg=text)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (pt.grad(S**2, S), "2 * s"),
        (pt.grad(pt.sum(pt.log(1 + pt.exp(X @ V))), V), "sigmoid(X @ v) @ X"),
        (pt.grad(pt.exp(S) / S, S), "-exp(s) / s**2 + exp(s) / s"),
        (pt.grad(pt.sum((X @ V - W) ** 2), V), "2 * (X @ v - w) @ X"),
        (pt.grad(pt.sin(S) * S, S), "sin(s) + s * cos(s)"),
        ((S > 0) & ~(T > 1), "s > 0 and (not (t > 1))"),
        (pt.ifelse(S > 0, S, 2 * T), "ifelse(s > 0, s, 2 * t)"),
        (pt.sum(X, axis=1), "sum(X, axis=1)"),
        (pt.var(V), "sum((v - sum(v) / v.shape[0])**2) / v.shape[0]"),
        (V[::2], "v[::2]"),
        (1e300 * S, "1e+300 * s"),
        (pt.random.normal(S, 1.0) + 1, "normal(s, 1) + 1"),
    ],
    ids=str,
)
def test_lines_read_as_mathematics(node, text):
    assert pt.pprint(node) == text


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (pt.sum(X * V), r"\sum_{i}\sum_{j} X_{i, j}\, v_{j}"),
        (pt.sum(pt.exp(V - W) / 2), r"\sum_{i} \frac{e^{v_{i} - w_{i}}}{2}"),
        (pt.sum(pt.tensor("u", shape=(4,)) ** 2), r"\sum_{i = 1}^{4} u_{i}^{2}"),
        (pt.sum(V[pt.ivector("k")] * W), r"\sum_{i} v_{k_{i}}\, w_{i}"),
        (pt.sum(X[:, 1:]), r"\sum_{i}\sum_{j} X_{i, j + 1}"),
        (pt.sum(X[:, 0] * V), r"\sum_{i} X_{i, 1}\, v_{i}"),
        (pt.where(S > 0, S, -S),
         r"\begin{cases} s & \text{if } s > 0 \\ -s & \text{otherwise} \end{cases}"),
        (X * np.array([[1.0, 2], [3, 4]]), r"X\, \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"),
        (pt.linalg.inv(X) @ V, r"X^{-1} \, v"),
        (X.T @ A, r"X^{\top} \, A"),
        (pt.scalar("beta_0") / 2e30, r"\frac{\beta_{0}}{2 \cdot 10^{30}}"),
        (pt.sqrt(pt.abs(S)), r"\sqrt{\left|s\right|}"),
        (pt.logsumexp(V), r"\operatorname{logsumexp}\left(v\right)"),
        (pt.einsum("bij,bjk->ik", pt.tensor3("B"), pt.tensor3("C")),
         r"{\left(\sum_{i} \sum_{k} B_{i, j, k}\, C_{i, k, l}\right)}_{j, l}"),
    ],
    ids=str,
)  # fmt: skip
def test_latex(node, text):
    assert pt.latex(node) == text


def balanced(text):
    bare = re.sub(r"\\[{}]", "", text)
    return (
        bare.count("{") == bare.count("}")
        and text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")
        and text.count(r"\begin") == text.count(r"\end")
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_is_written(name):
    f = compiled(name)
    assert pt.pprint(f) and balanced(pt.latex(f))


def test_loops_are_recursions():
    text = pt.pprint(compiled("looped"))
    assert "s[0] = 0, s[t + 1] = s[t] + 1" in text and "r[0] = x" in text
    assert r"s_{t + 1} = s_{t} + 1" in pt.latex(compiled("looped"))
    xs = pt.vector("xs")
    walk, _ = pt.scan(lambda x, h: pt.tanh(x + h), sequences=[xs], outputs_info=[0.0])
    assert pt.pprint(walk).startswith("[tanh(xs[t] + s[t]) for t < xs.shape[0]] with s[0] = 0")


def test_several_tensors_and_models():
    assert pt.pprint({"a": S + 1, "b": T}) == "a = s + 1\nb = t"
    assert pt.pprint([S, T]) == "y0 = s\ny1 = t"
    assert pt.latex([S, T]) == "\\begin{aligned}\ny_{0} &= s \\\\\ny_{1} &= t\n\\end{aligned}"
    assert "~ normal(mu, tau)" in pt.pprint(posterior())
    assert pt.pp is pt.pprint
    with pytest.raises(TypeError, match="takes a posterior"):
        pt.pprint(3)


def test_simplify_and_length():
    y = pt.log(1 + pt.exp(S)) * 1.0
    assert pt.pprint(y) == "log(1 + exp(s))" and pt.pprint(y, simplify=True) == "softplus(s)"
    x = S
    for _ in range(60):  # 2**60 leaves as a tree
        x = pt.sin(x) * pt.cos(x)
    assert len(pt.pprint(x)) <= 2000 and "..." in pt.pprint(x)
    assert len(pt.pprint(x, longest=100)) <= 100


def test_what_is_done_with_a_value_is_not_written():
    for same in (
        pt.check(S, S > 0, "s"), pt.debug.print(S, "s"), pt.checkpoint(lambda x: x * 1.0)(S),
    ):  # fmt: skip
        assert pt.pprint(pt.exp(same) + 1) == "exp(s) + 1"


def test_parts_of_complex_inputs():
    z = pt.zvector("z")
    assert pt.pprint(z.real * 2) == "2 * real(z)" and pt.pprint(z.imag) == "imag(z)"
    assert pt.latex(pt.sum(z.real**2)) == r"\sum_{i} \operatorname{Re}\left(z\right)_{i}^{2}"


def test_a_part_of_a_part_is_not_the_part():
    z = pt.zvector("z")
    (pair,) = inputs_of([z.real])
    for start, whole in ((0, True), (1, False)):
        op = pt.ops.Slice((start, 1), (1, 1), (pair.shape[0] - start, 1))
        assert stored_as(make(op, (pair,))) == (("imag", pair) if whole else ("", None))
