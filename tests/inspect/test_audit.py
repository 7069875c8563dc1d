"""Digits that lines lose are found where they are lost, with what to write instead."""

import builtins
import warnings

import numpy as np
import pytest

import probtensor as pt
from probtensor.inspect.numbers import matrices, shadow
from probtensor.inspect.numbers.remedies import remedies

HERE = __file__
X, Y, V, A = pt.scalar("x"), pt.scalar("y"), pt.vector("v"), pt.matrix("A")
pytest.importorskip("mpmath")


def audited(graph, *values, inputs=(X,), target="interp"):
    return pt.function(list(inputs), graph, target=target, on_unused_input="ignore").audit(*values)


def opaque(x):
    """What the rules cannot see through."""
    return pt.where(x > 0, x, 2.0)


#   graph, values, op that loses, digits that it loses, words of the remedy
LOSSES = {
    "log1mexp unseen": (pt.log(1 - opaque(pt.exp(-X))), (1e-12,), "log1p", 9.9, "log1mexp"),
    "squares": (X**2 - Y**2, (1e8 + 1, 1e8), "sub", 7.6, "(x - y) * (x + y)"),
    "roots": (pt.sqrt(X + 1) - pt.sqrt(X), (1e14,), "sub", 14, "(pt.sqrt(x + 1) + pt.sqrt(x))"),
    "quadratic": ((-X + pt.sqrt(X**2 - 4 * Y)) / 2, (1e6, 1.0), "sub", 11,
                  "-(4 * y) / (pt.sqrt(x**2 - (4 * y)) + x)"),
    "absorbed": ((X + 0.1) - X, (1e10,), "sub", 10, "close numbers"),
    "angle": (pt.sin(X * Y), (1e7, 3.14159265), "sin", 9, "large multiple of pi"),
    "exponent": (pt.exp(X * Y), (23.7, 29.3), "exp", 2.5, "stay in logarithms"),
    "cosine": (1 - pt.cos(opaque(X)), (1e-6,), "sub", 11, "pt.sin(where(x > 0, x, 2) / 2)"),
    "variance": (pt.mean(V**2) - pt.mean(V) ** 2, (1e7 + np.array([0.1, 0.3, 0.6]),), "sub", 15,
                 "pt.var(x)"),
    "sum": (pt.sum(V), (np.array([1e12, 0.1, -1e12]),), "sum", 0, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_line_that_loses_digits_is_named(name):
    graph, values, op, lost, words = LOSSES[name]
    inputs = (V,) if values and np.ndim(values[0]) else (X, Y)[: len(values)]
    found = audited(graph, *values, inputs=inputs)
    if not lost:
        assert found.worst is None or found.worst.op == op
        return
    worst = found.worst
    assert worst.op == op and worst.reaches, found
    assert worst.lost == pytest.approx(lost, abs=1.3)
    assert worst.left == pytest.approx(found.results[0].compiled, abs=1.0)
    assert worst.line.startswith(f"{HERE}:") and words in worst.remedy, worst.remedy
    assert f"{worst.lost:.1f} digits lost by" in str(found) and worst.line in str(found)


MENDED = {
    "log1mexp": (pt.log(1 - pt.exp(-X)), 1e-12, "log1mexp"),
    "expm1": (pt.exp(X) - 1, 1e-12, "expm1"),
    "log1p": (pt.log(1 + X), 1e-12, "log1p"),
    "tail": (1 - pt.ndtr(X), 7.0, "ndtr(-x)"),
    "erfc": (1 - pt.erf(X), 5.0, "erfc"),
}


@pytest.mark.parametrize("name", list(MENDED))
def test_what_the_compiler_mends_is_told_apart(name):
    graph, value, words = MENDED[name]
    found = audited(graph, value)
    assert found.worst is None and words in found.mended[0].remedy
    assert found.results[0].written < 8 and found.results[0].compiled > 13.5
    assert "mended by the compiler" in str(found)


def test_what_inherits_is_not_blamed():
    """All operations after a loss have few digits right, and only one has lost them."""
    z = (X + 0.1) - X
    found = audited(pt.exp(pt.sqrt(z * 3.0)) + 1.0, 1e10)
    assert [loss.op for loss in found.remains] == ["sub"]


def test_a_loss_that_no_result_has_is_not_the_worst():
    z = (X + 0.1) - X
    found = audited(z * 1e-30 + 1.0, 1e10)
    assert found.results[0].compiled > 15 and found.worst is None
    assert [(loss.op, loss.reaches) for loss in found.remains] == [("sub", False)]
    assert "no result loses digits by it" in str(found)


def test_steps_of_loops_and_branches():
    def step(total):
        return total * 1.5, (total + 0.1) - total

    out = pt.scan(step, outputs_info=[X, None], n_steps=4)[0][1]
    found = audited(out, 1e9)
    assert found.worst.op in ("sub", "add") and "step" in found.worst.where[0]
    chaotic = pt.scan(lambda c: 4 * c * (1 - c), outputs_info=[X], n_steps=20)[0][-1]
    worst = audited(chaotic, 0.3).worst
    assert worst.total == pytest.approx(5.2, abs=0.3) and "by this line in all" in str(worst)
    taken = pt.ifelse(X > 0, (X + 0.1) - X, X)
    assert "alternative 0" in audited(taken, 1e10).worst.where[0]
    assert audited(taken, -1e10).worst is None


def test_derivatives_matrices_and_draws():
    slope = pt.grad(pt.sqrt(X + 1) - pt.sqrt(X), X)
    assert audited(slope, 1e12).worst.op in ("sub", "add")
    near = 1 / (np.arange(6)[:, None] + np.arange(6) + 1.0)
    found = audited(pt.linalg.inv(A), near, inputs=[A])
    assert found.worst.op == "inv" and "nearly singular" in found.worst.remedy
    solved = audited(pt.linalg.solve(A, pt.ones(6)), near, inputs=[A], target="machine")
    assert solved.results[0].compiled < 12 and solved.worst is not None
    noise = pt.random.normal(X, 1.0)
    assert audited((noise + Y) - Y, 0.0, 1e10, inputs=[X, Y]).worst.lost > 4


def test_float32_counts_its_own_digits():
    x = pt.scalar("x", "float32")
    found = audited((x + 0.1) - x, np.float32(1e4), inputs=[x])
    assert found.results[0].of == pytest.approx(7.2, abs=0.1)
    assert 2.0 <= found.worst.lost <= 5.0


def test_large_arrays_and_no_mpmath(monkeypatch):
    graph = pt.sum(pt.sqrt(V + 1) - pt.sqrt(V))
    found = audited(graph, np.full(70_000, 1e14), inputs=[V], target="machine")
    assert found.worst.op == "sub" and found.digits < 40

    load = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "mpmath":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    small = audited(graph, np.full(3, 1e14), inputs=[V])
    assert small.worst.op == "sub" and small.digits < 40
    monkeypatch.setattr(shadow.Wide, "digits", 15)
    with pytest.raises(ImportError, match="pip install mpmath"):
        audited(graph, np.full(3, 1e14), inputs=[V])


def test_unknown_operations_are_listed():
    found = audited(pt.sum(pt.linalg.eigh(A)[0]), np.eye(3), inputs=[A])
    assert found.unknown == ("eigh",) and "eigh" in str(found)


def test_results_of_integers_complex_numbers_and_sizes_of_data():
    z = pt.vector("z", "complex128")
    f = pt.function([V, z], [pt.argsort(V), pt.exp(z), V[V > 0] * 2.0], target="machine")
    found = f.audit([1.0, -1.0, 2.0], [1 + 1j])
    assert len(found.results) == 2 and found.worst is None


@pytest.mark.parametrize("name", sorted(matrices.ROUTINES))
def test_routines_are_those_of_the_ops(name):
    """In float64 they give what the ops give, to rounding."""
    from probtensor.ops.kinds import REGISTRY
    from probtensor.testing import conform

    for case in list(conform.cases_of(REGISTRY[name]))[:2]:
        arrays = case.arrays
        signature = case.op.signature()[0]
        if any(x.ndim > len(names) for x, names in zip(arrays, signature, strict=True)):
            continue
        meant = case.op.numpy(*arrays)
        meant = list(meant) if isinstance(meant, tuple) else [meant]
        got = matrices.ROUTINES[name]([np.asarray(x) for x in arrays], meant)
        for a, b in zip(got, meant, strict=True):
            np.testing.assert_allclose(np.asarray(a, float), b, rtol=1e-9, atol=1e-9)


def test_remedies_are_written_with_what_there_is():
    for _, text, *_ in remedies():
        for name in ("pt." + part.split("(")[0] for part in text.split("pt.")[1:]):
            found = pt
            for word in name.split()[0].rstrip(",").split(".")[1:]:
                found = getattr(found, word)


def test_results_without_elements():
    x = pt.vector("x")
    f = pt.function([x], [pt.sum(pt.exp(x)), x * 2], target="interp")
    assert [row.label for row in f.audit(np.zeros(0)).results] == ["result 0"]


def test_nan_raises_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audited(pt.log(V) - pt.exp(V) * 0.0, [-1.0, 1e3, np.nan], inputs=(V,))
