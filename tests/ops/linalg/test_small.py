"""Small matrices, which have routines of their own, and larger ones by the same ops.

They give NumPy's results for sizes, batches and numbers of right-hand sides.
"""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.ops.linalg.triangular import SOLVES, CholeskyGradient

COLUMNS = (1, 7, 8, 19)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 9, 40, 70])
@pytest.mark.parametrize("batch", [(), (1,), (13,), (2, 4)])
def test_factors_and_systems(n, batch):
    rng = np.random.default_rng(n)
    a = rng.normal(size=(*batch, n, n)) + 3 * np.eye(n)
    spd = a @ np.swapaxes(a, -1, -2) + np.eye(n)
    right = {k: rng.normal(size=(*batch, n, k)) for k in COLUMNS}
    x, s = pt.tensor("x", a.shape), pt.tensor("s", spd.shape)
    factor = pt.linalg.cholesky(s)
    systems = {
        k: [*(solve(x, b) for solve in SOLVES.values()), pt.linalg.solve(x, b),
            pt.linalg.solve(pt.linalg.matrix_transpose(x), b)]
        for k, b in right.items()
    }  # fmt: skip
    outputs = [factor, ops.cholesky_gradient(factor, x), pt.linalg.lu(x, p_indices=True), systems]
    found, gradient, (rows, lower, upper), solved = pt.function([x, s], outputs, target="machine")(
        a, spd
    )
    np.testing.assert_allclose(found, np.linalg.cholesky(spd), rtol=1e-9, atol=1e-11)
    meant = CholeskyGradient().numpy(np.linalg.cholesky(spd), a)
    np.testing.assert_allclose(gradient, meant, rtol=1e-8, atol=1e-9)
    permuted = np.take_along_axis(lower @ upper, rows[..., None], -2)
    np.testing.assert_allclose(permuted, a, rtol=1e-11, atol=1e-12)
    turned = np.swapaxes(a, -1, -2)
    matrices = [np.tril(a), np.triu(a), np.triu(turned), np.tril(turned), a, turned]
    for k, b in right.items():
        for matrix, y in zip(matrices, solved[k], strict=True):
            scale = max(1, np.abs(matrix).max() * np.abs(y).max())
            assert np.abs(matrix @ y - b).max() <= 1e-12 * n * scale


@pytest.mark.parametrize("n", [3, 12])
def test_items_without_a_factor_are_nan_and_touch_no_other(n):
    good = np.eye(n) * 4 + 1
    bad = [np.nan, np.inf, -1.0]
    a = np.stack([good] * 11)
    for k, value in enumerate(bad):
        a[3 * k + 1, n - 1, n - 1] = value
    x = pt.tensor("x", a.shape)
    factor = pt.linalg.cholesky(x)
    outputs = [factor, pt.grad(pt.sum(factor), x), pt.linalg.lu_factor(x)[0],
               pt.linalg.solve(x, np.ones((n, 1)))]  # fmt: skip
    found = pt.function([x], outputs, target="machine")(a)
    for k in range(11):
        lost = k in (1, 4, 7)
        for number, result in enumerate(found):
            if lost and (number < 2 or k != 7):
                assert not np.isfinite(result[k]).all()
            else:
                np.testing.assert_array_equal(result[k], result[0] if k != 7 else result[7])
    alone = pt.function([x], outputs, target="machine")(np.stack([good] * 11))
    for number, result in enumerate(found):
        np.testing.assert_array_equal(result[0], alone[number][0])


def test_a_small_system_with_singular_and_empty_matrices():
    a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 4.0]]])
    x = pt.tensor("x", a.shape)
    solve = pt.function([x], pt.linalg.solve(x, np.ones((2, 1))), target="machine")
    found = solve(a)
    assert not np.isfinite(found[:2]).all(axis=(1, 2)).any()
    np.testing.assert_array_equal(found[2], [[0.5], [0.25]])
    for shape in ((0, 3, 3), (2, 0, 0)):
        y = pt.tensor("y", shape)
        outputs = [pt.linalg.cholesky(y), pt.linalg.solve(y, np.ones((*shape[:-1], 2)))]
        for found in pt.function([y], outputs, target="machine")(np.ones(shape)):
            assert found.size == 0
