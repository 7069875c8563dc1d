"""Values that are computed while a graph is built, and what errors of calls say on request."""

import numpy as np
import pytest

import probtensor as pt

x, y, s, k = pt.vector("x"), pt.vector("y"), pt.scalar("s"), pt.lvector("k")
VALUES = {x: [1.0, 2.0, 3.0], y: [1.0, 2.0], s: -1.0, k: [0, 5]}


def test_values_of_inputs_operations_and_shared_variables():
    w, d = pt.shared(np.arange(2.0), "w"), pt.data([5.0], name="d")
    before = pt.exp(x)
    with pt.test_values(VALUES):
        z = pt.sum(x * s)
        assert pt.test_value(z) == -6.0
        np.testing.assert_allclose(pt.test_value(before), np.exp([1.0, 2.0, 3.0]))
        np.testing.assert_array_equal(pt.test_value(w + y), [1.0, 3.0])
        np.testing.assert_array_equal(pt.test_value(d * 2), [10.0])
        np.testing.assert_allclose(pt.test_value(pt.exp(1j * y)), np.exp([1j, 2j]))
        np.testing.assert_array_equal(pt.test_value(pt.grad(z, x)), [-1.0] * 3)
        f = pt.function([x, s], [z, pt.grad(z, x)], target="interp")
    assert f([1.0], 2.0)[0] == 2.0  # compiled for any values
    with pytest.raises(pt.GraphError, match=r"no `with pt.test_values"):
        pt.test_value(z)
    x + y  # nothing is computed outside


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: x + y, ("add: sizes 3 and 2", "x is float64 of shape (3,)", "y is float64")),
        (lambda: pt.dot(x, y), ("matmul: sizes 3 and 2",)),
        (lambda: x[k], ("index 5 is out of bounds", "k is int64 of shape (2,)")),
        (lambda: pt.reshape(x, (2, 2)), ("cannot reshape",)),
        (lambda: pt.linalg.cholesky(pt.outer(x, x)[:, :2]), ("must be square",)),
        (lambda: pt.check(s, s > 0, "s is {s}", s=s), ("s is -1.0",)),
        (lambda: pt.vmap(lambda r: r + y)(pt.outer(x, x)), ("add: sizes 3 and 2",)),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(made, words):
    with pytest.raises(pt.GraphError) as caught, pt.test_values(VALUES):
        made()
    rows = str(caught.value)
    assert all(word in rows for word in words)
    assert f"test_trial.py:{made.__code__.co_firstlineno}" in rows
    assert isinstance(caught.value, ValueError)
    made()  # without values it is a graph


def test_nan_on_request():
    with pt.test_values(VALUES):
        assert np.isnan(pt.test_value(pt.log(s)))
    with pt.test_values({**VALUES, y: [np.nan, 1.0]}, nan="raise"):
        y + 1  # nan of nan is no news
        text = r"log: log\(.*is nan at \[0\], in 2 of 3"
        with pytest.raises(pt.GraphError, match=text) as caught:
            pt.log(x - 3)
    assert "is -2.0 there" in str(caught.value)


def test_steps_of_loops_are_tried_with_the_values_of_the_first():
    seen = []

    def step(a, b, c):
        seen.append([float(pt.test_value(v)) for v in (a, b, c)])
        return c + a * b

    with pt.test_values(VALUES):
        found = pt.scan(step, sequences=[{"input": x, "taps": [-1, 0]}], outputs_info=[s])
        found = found[0] if isinstance(found, tuple) else found
        np.testing.assert_array_equal(pt.test_value(found), [1.0, 7.0])
        pt.loop.scan(lambda c, a: (c + a, seen.append(pt.test_value(a)) or a), s, x, reverse=True)
        pt.loop.fori_loop(2, 5, lambda i, c: seen.append(pt.test_value(i)) or c * i, s)
    assert seen[0] == [1.0, 2.0, -1.0]
    assert seen[-2:] == [3.0, 2]
    for build in (
        lambda: pt.scan(lambda a, c: c + y * a, sequences=[x], outputs_info=[x]),
        lambda: pt.loop.while_loop(lambda c: pt.sum(c) < 9, lambda c: c + y, x),
    ):
        with pytest.raises(pt.GraphError, match="sizes 3 and 2"), pt.test_values(VALUES):
            build()


def test_random_variables_are_drawn_and_models_are_tried():
    with pt.test_values({}):
        mu = pt.random.normal(0.0, 5.0, name="mu")
        theta = pt.random.normal(mu, 1.0, shape=3, name="theta")
        o = pt.random.poisson(pt.exp(theta / 9), name="o")
        assert pt.test_value(theta).shape == (3,)
        assert pt.test_value(o).dtype.kind == "i"
        np.testing.assert_array_equal(pt.test_value(theta), pt.test_value(theta))
        assert abs(pt.test_value(theta).mean() - pt.test_value(mu)) < 6
        assert pt.condition({o: [1, 2, 3]}, target="interp").dim == 4
        with pytest.raises(pt.GraphError, match="no condition"):
            pt.check(theta, theta > 1e9, "no condition")


def test_what_has_no_value():
    z = pt.vector("z")
    with pt.test_values(VALUES):
        w = z + x
        with pytest.raises(pt.GraphError, match=r"depends on z, which has no test value"):
            pt.test_value(w)
    with pytest.raises(ValueError, match=r"x: expected 1 axes"):
        pt.test_values({x: [[1.0]]})
    with pytest.raises(TypeError, match="is no tensor"):
        pt.test_values({"x": [1.0]})
    with pytest.raises(ValueError, match="nan="):
        pt.test_values({}, nan="stop")
    with pt.test_values({z: [2.0]}), pt.test_values({z: [3.0]}):
        assert pt.test_value(z * 2) == [6.0]


# What errors of calls say on request.


def noted(f, *args, kind=Exception):
    with pytest.raises(kind) as caught:
        f(*args)
    return "\n".join(getattr(caught.value, "__notes__", ()))


def test_levels_of_errors(monkeypatch):
    z = pt.dot(x, y) + s

    def made(**options):
        return pt.function([x, y, s], z, target="interp", **options)

    given = [1.0, 2.0], np.arange(6.0)[::2], 1.0
    assert not noted(made(), *given)
    text = noted(made(verbose_errors="inputs"), *given)
    assert "x: list as float64[2]" in text
    assert "y: float64[3], strides (16,) (copied)" in text
    assert "[0., 2., 4.]" not in text
    assert "[0., 2., 4.]" in noted(made(verbose_errors=True), *given)
    text = noted(made(verbose_errors="memory"), *given)
    assert "y0: output float64[], 8 bytes" in text
    assert "bytes in all" in text
    assert "y: missing" in noted(made(verbose_errors="values"), [1.0])
    monkeypatch.setenv("PROBTENSOR_ERRORS", "inputs")
    assert "strides" in noted(made(), *given)
    assert not noted(made(verbose_errors=False), *given)
    monkeypatch.setenv("PROBTENSOR_ERRORS", "all")
    with pytest.raises(ValueError, match="PROBTENSOR_ERRORS is True, False or one of"):
        made()
    with pytest.raises(ValueError, match="verbose_errors is"):
        made(verbose_errors="all")


def test_wrong_values_are_noted_and_right_calls_are_as_ever():
    f = pt.function([x, s], x[pt.cast(s, "int64")], target="machine", verbose_errors=True)
    assert f([1.0, 2.0], 1.0) == 2.0
    text = noted(f, np.arange(20.0), 30.0, kind=IndexError)
    assert "x: float64[20], strides (8,), from 0.0 to 19.0" in text


def test_a_node_of_a_step_that_is_used_outside_is_named_with_its_line():
    kept = []
    pt.scan(lambda a: kept.append(a * 2) or a, sequences=[x])
    with pytest.raises(pt.GraphError) as caught:
        pt.function([x], kept[0] + 1, on_unused_input="ignore")
    assert "test_trial.py:" in str(caught.value)
