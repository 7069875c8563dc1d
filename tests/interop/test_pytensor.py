"""The table of ops of PyTensor, and errors of graphs that have no translation."""

import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

pytensor = pytest.importorskip("pytensor")

import pytensor.tensor as at  # noqa: E402
from pytensor.graph.op import Op  # noqa: E402

import probtensor as pt  # noqa: E402
from probtensor.interop.pytensor import translate  # noqa: E402
from probtensor.interop.pytensor.absent import ABSENT, reason_for  # noqa: E402
from probtensor.interop.pytensor.rows.scalars import KNOWN  # noqa: E402
from probtensor.interop.pytensor.sparse import PRODUCTS  # noqa: E402
from probtensor.interop.pytensor.translate import ROWS, load_rows  # noqa: E402
from tests.interop.agreement import agree  # noqa: E402
from tests.interop.pytensor_table import PAGE, page  # noqa: E402

BASES = ("pytensor.tensor", "pytensor.scan", "pytensor.sparse", "pytensor.typed_list",
         "pytensor.xtensor", "pytensor.scalar")  # fmt: skip


def classes_of_ops():
    """All classes of ops of PyTensor."""
    importlib.import_module("pytensor.breakpoint")
    for base in BASES:
        for module in pkgutil.walk_packages([Path(pytensor.__path__[0], *base.split(".")[1:])],
                                            f"{base}."):  # fmt: skip
            if "rewriting" not in module.name:
                importlib.import_module(module.name)
    found, waiting = set(), [Op]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found.update(x for x in below if x.__module__.startswith("pytensor."))
    return found


def has_row(kind):
    names = [parent.__name__ for parent in kind.__mro__]
    if kind.__module__.startswith(("pytensor.sparse", "pytensor.xtensor")):
        return kind.__name__ in PRODUCTS
    if kind.__module__.startswith("pytensor.scalar"):
        return kind.__name__ in KNOWN or bool({"Composite", "ScalarLoop"} & set(names))
    rows = {name for name in names if name in ROWS} - {"ScalarOp"}
    return bool(rows) or kind.__name__ in KNOWN


def test_every_op_of_pytensor_has_a_row_or_a_reason():
    load_rows()
    kinds = classes_of_ops()
    assert len(kinds) > 300
    missing = [x for x in kinds if not has_row(x) and not reason_for(x)]
    assert not missing
    named = {(module, name) for module, (names, _) in ABSENT.items() for name in names}
    assert named <= {(x.__module__, x.__name__) for x in kinds}  # no reason outlives its op
    both = {x.__name__ for x in kinds if reason_for(x) and has_row(x)} - set(PRODUCTS)
    assert not both


@pytest.mark.parametrize("backend", ["jax", "numba"])
def test_what_other_backends_of_pytensor_know_is_known_here(backend):
    kinds = {x.__name__: x for x in classes_of_ops()}
    folder = Path(pytensor.__path__[0], "link", backend, "dispatch")
    text = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    pattern = r"(?:funcify\.register|register_funcify\w*)\((?:ptr\.)?(\w+)\)"
    names = {name for name in re.findall(pattern, text) if name in kinds}
    assert len(names) > 60
    assert not {x for x in names if not has_row(kinds[x]) and not reason_for(kinds[x])}


def test_the_table_in_the_documentation_is_that_of_the_package():
    assert PAGE.read_text() == page()


def test_literals_are_computed_in_double_precision():
    x = at.scalar("x")
    ys = [at.log(at.constant(10)) * x, x * at.constant(100, dtype="int8") * 4]
    (y, z) = translate(ys, {x: 1.0})
    assert y.eval() == np.log(10.0) and z.eval() == 400


def test_what_depends_on_data_alone_is_evaluated_by_pytensor():
    matrix = pytensor.sparse.as_sparse_variable(scipy.sparse.csr_matrix(np.eye(3)))
    x = at.vector("x")
    dense = pytensor.sparse.dense_from_sparse(pytensor.sparse.transpose(matrix))
    (y,) = translate([dense @ x], {x: np.arange(3.0)})
    np.testing.assert_array_equal(y.eval(), np.arange(3.0))


def test_sparse_data_multiply_tensors():
    data = scipy.sparse.random(5, 4, 0.4, format="csr", random_state=1)
    x, y = at.matrix("x"), at.matrix("y")
    left = pytensor.sparse.structured_dot(pytensor.sparse.as_sparse_variable(data), x)
    right = pytensor.sparse.true_dot(y, pytensor.sparse.as_sparse_variable(data))
    rng = np.random.default_rng(2)
    values = {x: rng.normal(size=(4, 3)), y: rng.normal(size=(2, 5))}
    agree({"left": left, "right": pytensor.sparse.dense_from_sparse(right)}, values)


def test_named_dimensions_are_lowered():
    import pytensor.xtensor as px

    x = px.xtensor("x", dims=("a", "b"), shape=(2, 3))
    y = px.xtensor("y", dims=("b",), shape=(3,))
    values = {x: np.arange(6.0).reshape(2, 3), y: np.ones(3)}
    nodes = translate([(x * y).sum("a"), px.math.exp(x).isel(b=1)], values)
    np.testing.assert_allclose(nodes[0].eval(), [3.0, 5.0, 7.0])
    np.testing.assert_allclose(nodes[1].eval(), np.exp([1.0, 4.0]))
    inner = x * y
    (z,) = translate([px.math.exp(inner).sum()], {inner: np.zeros((2, 3))})
    assert z.eval() == 6


def test_errors_name_op_variable_and_line():
    x = at.vector("x")

    @pytensor.compile.ops.as_op(itypes=[at.dvector], otypes=[at.dvector])
    def doubled(x):
        return 2 * x

    y = doubled(x)
    y.name = "twice"
    with pytest.raises(pt.GraphError, match=r"(?s)doubled.*twice.*function of Python") as error:
        translate([y], [x])
    assert __file__ in str(error.value)
    with pytest.raises(pt.GraphError, match="depends on x, which is not given"):
        translate([at.exp(x)])


def test_gradients_are_those_of_differences():
    """Of graphs whose derivatives PyTensor has in another form, or not at all."""
    x = at.vector("x")
    values = np.array([0.7, -0.4, 1.3, 0.2])
    spd = at.outer(x, x) + 3 * at.eye(4)
    ys = {
        "solve": at.linalg.solve(spd, x, assume_a="pos").sum(),
        "cholesky": at.linalg.cholesky(spd)[2, 1] * 2, "sort": (at.sort(x) * np.arange(4.0)).sum(),
        "scan": pytensor.scan(lambda v, h: at.tanh(h + v), sequences=x, outputs_info=at.zeros(()),
                              return_updates=False)[-1],
        "indexing": (x[[0, 1, 1]].prod() + x[1:].cumsum()[-1]),
        "qr": at.linalg.qr(spd)[1][0, 0], "logsumexp": at.logsumexp(x * 3), "beta": at.betainc(
            1.5, 2.0 + x[0], at.sigmoid(x[1])),
    }  # fmt: skip
    given = pt.tensor("x", shape=(4,))
    nodes = translate(list(ys.values()), {x: given})
    f = pt.function([given], [*nodes, *[pt.grad(y, given) for y in nodes]], target="machine")
    count, step = len(nodes), 1e-6
    slopes = np.array([
        (np.array(f(values + step * e)[:count]) - np.array(f(values - step * e)[:count])) / 2 / step
        for e in np.eye(4)
    ]).T  # fmt: skip
    np.testing.assert_allclose(np.array(f(values)[count:]), slopes, rtol=1e-7, atol=1e-8)
