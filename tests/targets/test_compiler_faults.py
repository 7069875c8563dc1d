"""Programs that a C compiler has compiled to wrong code, at the level of users' builds."""

import numpy as np
import pytest

import probtensor as pt


@pytest.mark.parametrize("columns", [2, 3, 4, 8])
def test_rows_that_are_read_under_a_condition(full_builds, columns):
    """Rows from some number on are those of another array, in a loop that sums products as well:
    gcc 12 left out a row where it vectorised the loop over the rows."""
    shape = (7, columns)
    p, q = (pt.vector(name, shape=(7,)) for name in "pq")
    c, d, e, f = (pt.matrix(name, shape=shape) for name in "cdef")
    x = pt.matrix("x", shape=(2, columns))
    y = pt.zeros(shape).at[5:].set(x) + e + f
    joined = pt.concatenate([pt.zeros((5, columns)), x]) * 2.0 - e
    outputs = [y, pt.sum(c * d), pt.sum(p * q), joined]
    compiled = pt.function([p, q, c, d, e, f, x], outputs)
    rng = np.random.default_rng(0)
    values = [rng.normal(size=node.shape) for node in (p, q, c, d, e, f, x)]
    _, _, *_, e_, f_, x_ = values
    rows = np.concatenate([np.zeros((5, columns)), x_])
    found = compiled(*values)
    np.testing.assert_allclose(found[0], rows + e_ + f_, rtol=1e-15)
    np.testing.assert_allclose(found[3], rows * 2.0 - e_, rtol=1e-15)
