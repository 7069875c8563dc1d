"""Draws of one key move with location and scale, also where the location is negative; moments at
the parameters where they begin to exist."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.prob.distributions.continuous import positive, real

R = pt.random
FAMILIES = {
    "normal": R.normal, "cauchy": R.cauchy, "laplace": R.laplace, "logistic": R.logistic,
    "student_t": lambda mu, s, **options: R.student_t(3.0, mu, s, **options),
    "uniform": lambda mu, s, **options: R.uniform(mu, mu + s, **options),
}  # fmt: skip


def drawn(mu, sigma):
    """Draws of all families by one key, from one build."""
    return pt.draw([f(mu, sigma, shape=50, name=name) for name, f in FAMILIES.items()], seed=7)


def test_draws_move_with_location_and_scale():
    standard, moved = drawn(0.0, 1.0), drawn(-3.0, 2.0)
    for name, x, y in zip(FAMILIES, standard, moved, strict=True):
        np.testing.assert_allclose(y, -3.0 + 2.0 * x, rtol=1e-12, atol=1e-12, err_msg=name)


INF, NAN = np.inf, np.nan
MOMENTS = [
    (real.StudentT(), (1.0, 0.5, 2.0), (NAN, NAN)),
    (real.StudentT(), (2.0, 0.5, 2.0), (0.5, INF)),
    (real.StudentT(), (1.5, 0.5, 2.0), (0.5, INF)),
    (positive.InverseGamma(), (1.0, 3.0), (INF, NAN)),
    (positive.InverseGamma(), (0.5, 3.0), (INF, NAN)),
    (positive.InverseGamma(), (2.0, 3.0), (3.0, INF)),
    (positive.HalfStudentT(), (1.0, 2.0), (INF, NAN)),
]


@pytest.mark.parametrize(
    ("distribution", "at", "expected"), MOMENTS, ids=lambda v: getattr(v, "name", None)
)
def test_moments_where_they_begin_to_exist(distribution, at, expected):
    inputs = [pt.scalar(f"p{k}") for k in range(len(at))]
    outputs = [distribution.mean(*inputs), distribution.variance(*inputs)]
    found = pt.function(inputs, outputs, target="interp", on_unused_input="ignore")(*at)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
