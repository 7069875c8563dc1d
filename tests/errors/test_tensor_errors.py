"""Every mistake with tensor functions: the message names the function, the line, the tensor."""

import re

import numpy as np
import pytest

import probtensor as pt
from tests.architecture import source

HERE = "test_tensor_errors.py:"
LINES = 8
# A shape of one axis is written (3,): neither (3) nor (x.shape[0]).
BARE_SHAPE = re.compile(r"(?<![\w.])\((\d+|\w+\.shape\[\d+\])\)")


def message_of(call):
    """The message of the error, which is short, has a line of this file and writes shapes well."""
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= LINES, text
    assert HERE in text, text
    assert not BARE_SHAPE.search(text), text
    assert "#" not in text, text
    return text


def vector():
    """An input x of unknown size."""
    return pt.vector("x")


def square():
    """An input K of shape (3, 3)."""
    return pt.tensor("K", (3, 3))


INDICES = {
    "a float": (lambda x: x[1.0], "integers or bools", "1.0"),
    "a float behind an ellipsis": (lambda x: x[..., 0.5], "integers or bools", "0.5"),
    "a list of floats": (lambda x: x[[0.0, 1.0]], "integers or bools", "float64"),
    "a float tensor": (lambda x: x[pt.vector("i")], "integers or bools", "float64"),
    "a float bound": (lambda x: x[0.5:], "slice bounds are integers", "0.5"),
    "a float step": (lambda x: x[::0.5], "step of a slice", "0.5"),
    "a float to be written": (lambda x: x.at[1.5].set(0), "integers or bools", "1.5"),
    "a float NumPy number": (lambda x: x[np.float64(1)], "integers or bools", "1.0"),
    "a tensor as a bound": (lambda x: x[: pt.scalar("n")], "a bound of a slice is an integer"),
    "too many": (lambda x: x[0, 1, 2], "3 indices for 2 axes"),
    "too many with a new axis": (lambda x: x[None, 0, 1, 2], "3 indices for 2 axes"),
    "too many arrays": (lambda x: x[[0], [0], [0]], "3 indices for 2 axes"),
    "too many to be written": (lambda x: x.at[0, 0, 0].add(1), "3 indices for 2 axes"),
    "outside": (lambda x: x[0, 3], "index 3 is outside axis 1 of size 3"),
    "outside from the end": (lambda x: x[-4], "index -4 is outside axis 0 of size 3"),
    "outside to be written": (lambda x: x.at[5].set(1), "index 5 is outside axis 0"),
}


@pytest.mark.parametrize("what", INDICES)
def test_an_index_that_is_none(what):
    call, *words = INDICES[what]
    text = message_of(lambda: call(square()))
    for word in (*words, "x[...]", "K has shape (3, 3), made at"):
        assert word in text, text


RANKS = {
    "solve_lower": (lambda a, x: pt.linalg.solve_lower(a, x), "at least 2 axes", "lower=True"),
    "solve_upper": (lambda a, x: pt.linalg.solve_upper(a, x), "at least 2 axes", "lower=False"),
    "solve_lower of a vector": (lambda a, x: pt.linalg.solve_lower(x, a), "at least 2 axes"),
    "solve_triangular": (lambda a, x: pt.linalg.solve_triangular(x, a), "takes matrices"),
    "a number to solve for": (lambda a, x: pt.solve_triangular(a, x[0]), "vector or has columns"),
    "cho_solve": (lambda a, x: pt.linalg.cho_solve((x, True), a), "takes matrices"),
    "cholesky": (lambda a, x: pt.linalg.cholesky(x), "takes matrices"),
    "cholesky that is not square": (lambda a, x: pt.cholesky(a[:2]), "square matrices"),
    "sizes to solve for": (lambda a, x: pt.solve_triangular(a, a[:2]), "n=3 and n=2"),
    "stacks": (lambda a, x: pt.linalg.solve_lower(pt.zeros((2, 3, 3)), pt.ones((4, 3, 1))), "(2,)"),
    "matrix_norm": (lambda a, x: pt.linalg.matrix_norm(x), "takes matrices"),
    "norm": (lambda a, x: pt.norm(x, "fro"), "vectors have no order 'fro'"),
    "matvec": (lambda a, x: pt.matvec(x, x), "needs a matrix"),
    "vecmat": (lambda a, x: pt.vecmat(x, x), "needs a matrix"),
    "matmul": (lambda a, x: a @ 2.0, "at least 1 axis"),
    "tril": (lambda a, x: pt.tril(x), "takes matrices"),
    "triu": (lambda a, x: pt.triu(x), "takes matrices"),
    "diag": (lambda a, x: pt.diag(pt.zeros((2, 2, 2))), "a vector or a matrix"),
    "trace": (lambda a, x: pt.trace(x), "axis 1 of a tensor with 1 axes"),
    "matrix_transpose": (lambda a, x: pt.matrix_transpose(x), "takes matrices"),
}


@pytest.mark.parametrize("what", RANKS)
def test_a_wrong_rank_for_matrices(what):
    call, *words = RANKS[what]
    text = message_of(lambda: call(square(), vector()))
    for word in words:
        assert word in text, text


def test_an_axis_that_the_tensor_has_not():
    for call in (lambda: pt.sum(vector(), axis=1), lambda: vector().mean(-2)):
        text = message_of(call)
        assert "x has shape (x.shape[0],), made at" in text and "from -1 to 0" in text, text


SHAPES = {
    "operands": lambda: pt.tensor("a", (3,)) + pt.tensor("b", (4,)),
    "broadcast_to": lambda: pt.broadcast_to(square(), (2,)),
    "broadcast_arrays": lambda: pt.broadcast_arrays(np.ones(2), np.ones(3)),
    "reshape": lambda: pt.reshape(square(), (5,)),
    "unknown sizes": lambda: pt.reshape(square(), (-1, -1)),
    "an input's own": lambda: pt.vector("x", shape=(2, 3)),
    "an input's axes": lambda: pt.matrix("x", shape=(3,)),
    "stack": lambda: pt.stack([pt.tensor("a", (3,)), square()]),
    "concatenate": lambda: pt.concatenate([pt.tensor("a", (3, 2)), pt.tensor("b", (4, 3))], 1),
    "take_along_axis": lambda: pt.take_along_axis(square(), np.zeros((2, 2), int), 0),
    "written values": lambda: square().at[0].set(np.zeros(2)),
    "a negative size": lambda: pt.zeros((2, -1)),
    "a scale": lambda: pt.random.multivariate_normal(0.0, np.ones(3)),
    "a shape of a variable": lambda: pt.random.normal(np.zeros(3), 1, shape=4),
    "parameters": lambda: pt.random.normal(np.zeros(3), np.ones(4)),
    "an observation": lambda: pt.condition({pt.random.normal(shape=3, name="y"): np.ones(4)}),
    "axes of an observation": lambda: pt.condition({pt.random.normal(name="y"): np.ones(4)}),
    "a value of logp": lambda: pt.logp(pt.random.normal(shape=3, name="y"), np.ones(4)),
    "a cost": lambda: pt.grad(pt.tensor("x", (3,)), vector()),
}


@pytest.mark.parametrize("what", SHAPES)
def test_shapes_are_written_alike(what):
    assert "(" in message_of(SHAPES[what])


def test_only_one_function_writes_shapes():
    spelled = re.compile(r"\(\{.*join\(.*str")
    for path in source.code_files(".py", under=("probtensor",)):
        lines = [row for row in source.text(path).splitlines() if spelled.search(row)]
        assert not lines or path.match("types/size.py"), f"{path}: use types.shape_text\n{lines}"


CALLS = {
    "another name": (lambda f: f(z=1.0), "no argument 'z'", "x"),
    "too many": (lambda f: f(1.0, 2.0), "takes 1 arguments (x), got 2"),
    "none": (lambda f: f(), "1 arguments are missing"),
    "twice": (lambda f: f(1.0, x=2.0), "'x' twice"),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_compiled_function_called_wrongly(what):
    call, *words = CALLS[what]
    x = pt.scalar("x")
    f = pt.function([x], x + 1, target="interp")
    text = message_of(lambda: call(f))
    for word in words:
        assert word in text, text


def test_a_part_of_a_result_is_named_by_its_producer():
    x = pt.matrix("x")
    values, vectors = pt.linalg.eigh(x)
    assert repr(values) == "<eigh[0]: float64[x.shape[0]]>"
    for wrong_use, what in (
        (lambda: pt.grad(values, x), r"eigh\[0\] of type"),
        (lambda: float(vectors), r"^eigh\(x\)\[1\] is symbolic"),
        (lambda: pt.condition({values: [1.0]}), r"eigh\[0\] of type"),
        (lambda: pt.function([values], [x]), "is computed by eigh"),
        (lambda: pt.grad(pt.sum(values), pt.argsort(values)), r"argsort of type int64"),
    ):
        with pytest.raises(TypeError, match=what):
            wrong_use()
