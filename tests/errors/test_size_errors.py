"""Sizes that only a call can tell: refused with the line, the names and the numbers."""

import itertools
import re

import numpy as np
import pytest

import probtensor as pt
from cython_ext.context import Context

ones = np.ones


def raised(error, make, *shapes, target="interp"):
    """The message of a function of vectors and matrices called with ones of these shapes."""
    inputs = [pt.tensor(name, (None,) * len(s)) for name, s in zip("xyz", shapes)]
    call = pt.function(inputs, make(*inputs), target=target, on_unused_input="ignore")
    with pytest.raises(error) as caught:
        call(*(ones(s) for s in shapes))
    message = str(caught.value)
    assert re.search(r"\n  at .*test_size_errors\.py:\d+", message), message
    assert len(message.splitlines()) <= 8
    return message


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_a_reshape_that_does_not_hold_its_elements(target):
    for size in (0, 11, 13):
        text = raised(ValueError, lambda x: pt.reshape(x, (3, 4)), (size,), target=target)
        assert text.startswith(f"reshape: cannot reshape x of size {size} into (3, 4)\n")
        assert f"\n  {size} is from axis 0 of x, made at " in text


EMPTY = "which is empty"
# What is made of x, y and z; their shapes; the error; what its message says.
PROGRAMS = {
    "reshape to a rest": (lambda x: x.reshape(3, -1), [(11,)], ValueError, "size 11 into (3, -1)"),
    "reshape to a rest of nothing": (
        lambda x, y: x.reshape(y.shape[0], -1), [(4,), (0,)], ValueError, "4 // 0, a division by"),
    "reshape to sizes of another": (
        lambda x, y: x.reshape(y.shape) + y, [(5,), (2, 3)], ValueError, "x of size 5 into (2, 3)"),
    "reshape to negative sizes": (
        lambda x, y: x.reshape(y.shape[0] - 3, y.shape[1] - 3), [(4,), (1, 1)], ValueError,
        "the result would have the shape (-2, -2)"),
    "reshape that is undone": (
        lambda x: x.reshape(3, 4).reshape(-1), [(11,)], ValueError, "into (3, 4)"),
    "a sum of a reshape": (
        lambda x: pt.sum(x.reshape(3, 4)), [(13,)], ValueError, "into (3, 4)"),
    "a huge reshape": (
        lambda x: pt.sum(x.reshape(30000, 40000) + 1.0), [(11,)], ValueError, "(30000, 40000)"),
    "a gradient of a reshape": (
        lambda x: pt.grad(pt.sum(x.reshape(3, 4) ** 2), x), [(11,)], ValueError, "into (3, 4)"),
    "a gradient that needs one operand": (
        lambda x, y: pt.grad(pt.sum(x + y), x), [(3,), (4,)], ValueError, "sizes 3 and 4 do not"),
    "vmap": (
        lambda x: pt.vmap(lambda row: row.reshape(2, 2))(x), [(3, 5)], ValueError,
        "into (3, 2, 2)"),
    "a dead branch": (
        lambda x, y: pt.where(True, x, y), [(3,), (4,)], ValueError, "where: sizes 3 and 4"),
    "a place that is read in vain": (lambda x: x[5] * 0.0 + 1.0, [(3,)], IndexError, "index 5 is"),
    "broadcast to one": (
        lambda x: pt.broadcast_to(x, (1,)), [(3,)], ValueError, "x of shape (3,) to (1,)"),
    "broadcast": (
        lambda x, y: pt.broadcast_to(x, y.shape), [(3,), (2, 4)], ValueError, "(3,) to (2, 4)"),
    "squeeze": (lambda x: pt.squeeze(x, 0), [(3,)], ValueError, "axis 0 of x, which has size 3"),
    "zeros": (
        lambda x: pt.zeros((x.shape[0] - 3, 2)), [(1,)], ValueError, "have the shape (-2, 2)"),
    "full": (lambda x: pt.full(x.shape[0] - 3, 1.0) + x, [(1,)], ValueError, "shape (-2,)"),
    "eye": (lambda x: pt.eye(x.shape[0] - 3), [(1,)], ValueError, "shape (-2,)"),
    "repeat": (lambda x, y: pt.repeat(x, y.shape[0] - 3), [(2,), (1,)], ValueError, "(2, -2)"),
    "tile": (lambda x, y: pt.tile(x, y.shape[0] - 3), [(2,), (1,)], ValueError, "(-2, 2)"),
    "split": (lambda x: pt.split(x, 3), [(7,)], ValueError, "of size 7, has no 3 equal parts"),
    "stack": (lambda x, y: pt.stack([x, y]), [(3,), (4,)], ValueError, "shape (4,) to (3,)"),
    "concatenate": (
        lambda x, y: pt.concatenate([x, y]), [(3, 2), (3, 4)], ValueError, "off the joined axis"),
    "a quotient of sizes": (
        lambda x, y: pt.as_tensor(x.shape[0] // y.shape[0]), [(3,), (0,)], ValueError, "3 // 0"),
    "a slice from before the front": (
        lambda x, y: x[y.shape[0] - 3 :], [(5,), (1,)], IndexError, "index -2 is outside axis 0"),
    "a slice to before the front": (
        lambda x, y: x[: y.shape[0] - 3], [(5,), (1,)], IndexError, "the stop of a slice is -2"),
    "a slice back to before the front": (
        lambda x, y: x[: y.shape[0] - 1 : -1], [(5,), (0,)], IndexError, "of a slice is -1"),
    "a slice back from before the front": (
        lambda x, y: x[y.shape[0] - 2 :: -1], [(5,), (0,)], IndexError, "start of a slice is -2"),
    "writing to before the front": (
        lambda x, y: x.at[: y.shape[0] - 3].set(0.0), [(5,), (1,)], IndexError, "x[...]: the stop"),
    "a place": (lambda x: x[-7], [(5,)], IndexError, "index -7 is outside axis 0 of x, of size 5"),
    "writing to a place": (lambda x: x.at[7].set(0.0), [(5,)], IndexError, "index 7 is outside"),
    "writing what does not fit": (
        lambda x, y: x.at[1:3].set(y), [(5,), (3,)], ValueError, "y of shape (3,) to (2,)"),
    "adding what does not fit": (
        lambda x, y: x.at[[0, 1]].add(y), [(5,), (3,)], ValueError, "y of shape (3,) to (2,)"),
    "adding to one place": (
        lambda x, y: x.at[[0]].add(y), [(5,), (3,)], ValueError, "y of shape (3,) to (1,)"),
    "a mask": (
        lambda x, y: x.at[y > 0].set(0.0), [(5,), (4,)], IndexError, "mask has size 4"),
    "places of nothing": (
        lambda x, y: pt.take(x, pt.arange(y.shape[0]), 0), [(0,), (3,)], IndexError, EMPTY),
    "places of nothing, wrapped": (
        lambda x, y: pt.take(x, pt.arange(y.shape[0]), mode="wrap"), [(0,), (3,)], IndexError,
        EMPTY),
    "writing to places of nothing": (
        lambda x, y: x.at[pt.arange(y.shape[0])].add(y), [(0,), (3,)], IndexError, EMPTY),
    "take_along_axis": (
        lambda x, y: pt.take_along_axis(x, y.astype("int64"), 0), [(3, 2), (1, 4)], ValueError,
        "cannot broadcast"),
    "a product": (lambda x, y: x @ y, [(2, 3), (4,)], ValueError, "sizes 3 and 4 do not fit"),
    "a product of batches": (
        lambda x, y: x @ y, [(2, 3, 3), (4, 3, 3)], ValueError, "sizes 2 and 4 do not fit"),
    "tensordot": (
        lambda x, y: pt.tensordot(x, y, 1), [(2, 3), (4,)], ValueError, "sizes 3 and 4 do not"),
    "einsum": (
        lambda x, y: pt.einsum("ij,jk->ik", x, y), [(2, 3), (4, 2)], ValueError, "sizes 3 and 4"),
    "a diagonal by einsum": (
        lambda x: pt.einsum("ii->i", x), [(2, 3)], ValueError, "stands for axes of sizes 2 and 3"),
    "cholesky": (lambda x: pt.cholesky(x), [(2, 3)], ValueError, "sizes 2 and 3 do not fit"),
    "a triangular system": (
        lambda x, y: pt.solve_triangular(x, y, lower=True), [(3, 3), (4,)], ValueError,
        "sizes 3 and 4 do not fit"),
    "systems in batches": (
        lambda x, y: pt.solve_triangular(x, y, lower=True), [(2, 3, 3), (5, 3, 1)], ValueError,
        "5"),
    "max": (lambda x: pt.max(x, 0), [(0, 3)], ValueError, "an empty axis has no max"),
    "argmax": (lambda x: pt.argmax(x), [(0,)], ValueError, "an empty axis has no argmax"),
    "softmax": (lambda x: pt.softmax(x), [(0,)], ValueError, "an empty axis has no softmax"),
    "diag": (lambda x, y: pt.diag(x) + y, [(3,), (4, 4)], ValueError, "sizes 3 and 4 do not"),
    "diff": (lambda x, y: pt.diff(x) + y, [(3,), (3,)], ValueError, "sizes 2 and 3 do not"),
    "cumsum": (lambda x, y: pt.cumsum(x) + y, [(3,), (4,)], ValueError, "sizes 3 and 4 do not"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_sizes_that_do_not_fit_are_refused(name):
    make, shapes, error, text = PROGRAMS[name]
    assert text in raised(error, make, *shapes)


def test_symbolic_bounds_that_select_nothing_are_as_in_numpy():
    x, y = pt.vector("x"), pt.vector("y")
    outputs = [x[: x.shape[0] - 1], x[2 : y.shape[0] - 1] + 0 * y[:0].sum()]
    call = pt.function([x, y], outputs, target="interp")
    assert [a.shape for a in call(ones(0), ones(2))] == [(0,), (0,)]
    assert [a.shape for a in call(ones(3), ones(0))] == [(2,), (0,)]
    assert [a.shape for a in call(ones(5), ones(4))] == [(4,), (1,)]


def test_what_is_left_of_sizes_that_fit_is_numpys():
    x, y = pt.vector("x"), pt.matrix("y")
    back = x[-4::-1][: y.shape[1]] + pt.max(y) - 1
    outputs = [x.reshape(y.shape), x.reshape(2, -1), pt.split(x, 2)[1], back]
    found = pt.function([x, y], outputs, target="interp")(np.arange(12.0), ones((3, 4)))
    a = np.arange(12.0)
    wanted = [a.reshape(3, 4), a.reshape(2, -1), np.split(a, 2)[1], a[-4::-1][:4]]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rule_that_takes_out_an_input_leaves_its_sizes_to_be_checked():
    x = pt.vector("x")
    w = pt.shared(ones(3), name="w")
    call = pt.function([x], pt.where(True, x, w), target="interp")
    np.testing.assert_array_equal(call(ones(3)), ones(3))
    with pytest.raises(ValueError, match="sizes 4 and 3 do not fit"):
        call(ones(4))


def test_a_function_that_is_found_on_disk_checks_as_well(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))

    def make():
        x = pt.vector("x")
        return pt.function([x], [x.reshape(3, 4), pt.split(x, 4)[0], x[x.shape[0] - 12 :]])

    messages = []
    for call in (make(), make()):
        assert [a.shape for a in call(ones(12))] == [(3, 4), (3,), (12,)]
        with pytest.raises(ValueError, match="size 11, has no 4 equal parts") as caught:
            call(ones(11))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def regression():
    X = pt.data(ones(12), name="X")
    b = pt.random.normal(0, 1, shape=3, name="b")
    y = pt.random.normal(X.reshape(4, 3) @ b, 1, name="y")
    return X, y, pt.condition({y: ones(4)})


def test_data_that_do_not_fit_a_model_are_refused_when_they_are_given():
    X, y, posterior = regression()
    for size in (5, 0, 13):
        text = rf"cannot reshape X of size {size} into \(4, 3\)\n  at"
        with pytest.raises(ValueError, match=text):
            posterior.with_data({X: ones(size)})
    with pytest.raises(ValueError, match="y"):
        posterior.with_data({y: ones(5)})
    assert posterior.with_data({X: ones(12)}).context().address


def test_a_context_is_not_made_over_sizes_that_do_not_fit():
    q, x = pt.vector("q"), pt.vector("x")
    logp = -pt.sum((x.reshape(4, 3) @ q) ** 2)
    call = pt.function([q, x], [logp, pt.grad(logp, q)])
    assert Context(call.bind({x: ones(12)}), 3).dim == 3
    with pytest.raises(ValueError, match=r"cannot reshape x of size 11 into \(4, 3\)"):
        Context(call.bind({x: ones(11)}), 3)


def test_what_a_density_no_longer_has_is_checked_in_the_model():
    """A sum is taken apart term by term, and then nothing but the model knows that they met."""
    a, c = pt.data(ones(3), name="a"), pt.data(ones(3), name="c")
    m = pt.random.normal(0, 1, name="m")
    posterior = pt.condition({}, potentials=[pt.potential(m * a + c, "p")])
    with pytest.raises(ValueError, match="sizes 3 and 4 do not fit together"):
        posterior.with_data({c: ones(4)})
    with pytest.raises(ValueError, match="sizes 4 and 3 do not fit together"):
        posterior.with_data({a: ones(4)})


def test_parameters_do_not_outgrow_their_variable():
    mu = pt.data(ones(3), name="mu")
    y = pt.random.normal(mu, 1, shape=3, name="y")
    z = pt.random.normal(y, 1, name="z")
    posterior = pt.condition({z: ones(3)})
    with pytest.raises(ValueError, match=r"mu of normal 'y' has shape \(4,\).*\n  at"):
        posterior.with_data({mu: ones(4)})
    with pytest.raises(pt.GraphError, match="does not hold"):
        pt.draw(pt.random.normal(ones(3), 1, shape=1))


def test_more_elements_than_any_array_has_are_refused():
    v = pt.vector("v")
    n = v.shape[0]
    with pytest.raises(ValueError, match="which no array has"):
        pt.function([v], pt.broadcast_to(v, (n * n * n, n)), target="interp")(ones(2**17))
    running = pt.cumsum(pt.zeros(n * n * n * n) + v[0])
    with pytest.raises(MemoryError, match="bytes of temporaries"):
        pt.function([v], running[0], target="interp")(ones(2**17))


ASKED = {
    "shapes": lambda n, m: (n, 2) == (m, 2),
    "in": lambda n, m: n in (m, 3),
    "min": lambda n, m: min(n, m),
    "if ==": lambda n, m: 1 if n == 3 else 2,
    "if !=": lambda n, m: 1 if n != m else 2,
    "if <": lambda n, m: 1 if n < 3 else 2,
    "if": lambda n, m: 1 if n else 2,
    "range": lambda n, m: range(n),
}


@pytest.mark.parametrize("name", ASKED)
def test_sizes_that_only_a_call_can_tell_decide_nothing(name):
    n, m = pt.vector("x").shape[0], pt.vector("y").shape[0]
    with pytest.raises(TypeError) as caught:
        ASKED[name](n, m)
    message = str(caught.value)
    assert re.search(r"(x|y)\.shape\[0\]", message) and "#" not in message, message
    assert re.search(r"\n  at .*test_size_errors\.py:\d+\n", message)
    assert "pt.where" in message and len(message.splitlines()) <= 8


COMPARED = {
    "==": lambda n, m: n == 3,
    "!=": lambda n, m: n != m,
    "3 ==": lambda n, m: 3 == n,
    "NumPy's ==": lambda n, m: np.int64(3) == n,
    "float ==": lambda n, m: n == 3.0,
    "<": lambda n, m: n < 3,
    "<=": lambda n, m: n - 1 <= 1.5,
    ">": lambda n, m: 3 > m,
    ">=": lambda n, m: n >= m,
    "< float": lambda n, m: n < 2.5,
    "> float": lambda n, m: n > 2.5,
    ">= float": lambda n, m: n >= 2.5,
    "float <=": lambda n, m: 2.5 <= m,
}


@pytest.mark.parametrize("name", COMPARED)
def test_a_comparison_of_sizes_that_only_a_call_can_tell_is_a_tensor(name):
    x, y = pt.vector("x"), pt.vector("y")
    compared = COMPARED[name](x.shape[0], y.shape[0])
    assert compared.dtype == "bool"
    f = pt.function([x, y], [compared, pt.where(compared, 1.0, 2.0)], target="interp",
                    on_unused_input="ignore")  # fmt: skip
    for n, m in itertools.product((2, 3, 4), repeat=2):
        found, chosen = f(ones(n), ones(m))
        assert bool(found) is bool(COMPARED[name](n, m)) and chosen == (1.0 if found else 2.0)


def test_comparisons_of_sizes_that_are_known():
    n, m = pt.vector("x").shape[0], pt.vector("y").shape[0]
    assert n == n and n + m == m + n and (n, 3) == (n, 3) and n in (n, m)
    assert n != n + 1 and n != -1 and n + 1 != 0 and n != 2.5 and n != "n" and n is not None
    assert n >= 0 and n + 1 > n and n < n + m + 1 and n - 1 <= n and not n < 0 and not n > n + m
    assert {n: 1, m: 2}[n] == 1 and len({n, m, n + 0}) == 2
    with pytest.raises(TypeError, match="meets the str"):
        n < "a"  # noqa: B015


@pytest.mark.parametrize("size, branch", [(3, 1.0), (4, 2.0)])
def test_a_choice_by_a_size_is_made_inside_the_graph(size, branch):
    x = pt.vector("x")
    choice = pt.where(pt.eq(x.shape[0], 3), x, 2 * x)
    assert pt.function([x], choice, target="interp")(ones(size))[0] == branch


DERIVATIVES = {
    "grad": lambda y, x: pt.grad(pt.sum(y), x),
    "jacobian": lambda y, x: pt.jacobian(y, x),
    "jacobian of a constant": lambda y, x: pt.jacobian(pt.floor(y), x),
    "hessian": lambda y, x: pt.hessian(pt.sum(y), x),
    "hvp": lambda y, x: pt.hvp(pt.sum(y), x, x),
    "jvp": lambda y, x: pt.jvp(pt.floor(y), x, x),
    "vjp": lambda y, x: pt.vjp(pt.floor(y), x, y),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_of_what_does_not_fit_have_no_value(name):
    def slope(x):
        return DERIVATIVES[name](pt.reshape(x, (2, -1))[0], x)

    raised(ValueError, slope, (5,))
    x = pt.vector("x")
    assert np.isfinite(pt.function([x], slope(x), target="interp")(ones(4))).all()


def test_a_replacement_has_the_sizes_that_are_known():
    x, z = pt.vector("x"), pt.vector("z", shape=(3,))
    f = pt.function([x], pt.sum(z), givens={z: 2 * x}, target="interp")
    assert f(ones(3)) == 6
    words = r"z has size 3 along axis 0, its replacement 4\n  at .*test_size_errors\.py:\d+"
    with pytest.raises(ValueError, match=words):
        f(ones(4))
    with pytest.raises(ValueError, match=words):
        pt.function([], pt.sum(z), givens={z: ones(4)}, target="interp")


@pytest.mark.parametrize("build", [lambda n: pt.as_tensor(n) * pt.ones(2), pt.arange, pt.eye])
def test_a_size_of_what_is_no_input_is_named(build):
    other, y = pt.vector("other"), pt.scalar("y")
    value = pt.cumsum(build(other.shape[0]) + y)[0]
    with pytest.raises(pt.GraphError, match=r"needs other\.shape\[0\], which no input of this"):
        pt.function([y], value, target="interp")
