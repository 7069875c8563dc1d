"""Every posterior of the pack as C: the density of the exported library is that of the posterior.

Factors of matrices are plain C there, and LAPACK's in the posterior: these agree within rounding.
"""

import numpy as np
import pytest

from tests.export.libraries import Model
from tests.models.posteriordb import MODELS
from tests.posteriordb.test_posteriordb import load

FACTORS = ("gp_pois_regr-gp_regr",)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_density_of_an_export(posteriordb, name, exported):
    posterior = MODELS[name][0](load(posteriordb, name)[0])
    model = Model(exported(posterior, "model"))
    rng = np.random.default_rng(5)
    for scale in (0.1, 1.0, 10.0):
        q = scale * rng.normal(size=posterior.dim)
        (logp, grad), truth = model.logp_and_grad(q), posterior.logp_and_grad(q)
        if name in FACTORS and np.isfinite(logp):
            np.testing.assert_allclose(logp, truth[0], rtol=1e-8)
            np.testing.assert_allclose(grad, truth[1], rtol=1e-4)
        elif name not in FACTORS:
            assert np.float64(logp).tobytes() == np.float64(truth[0]).tobytes()
            assert grad.tobytes() == truth[1].tobytes()
        values = model.constrain(q)
        assert values.tobytes() == np.concatenate(
            [v.ravel() for v in posterior.expand(q[None]).values()]
        ).tobytes()
    q = 0.1 * rng.normal(size=posterior.dim)
    back = model.unconstrain(model.constrain(q))
    np.testing.assert_allclose(back, q, rtol=1e-7, atol=1e-7)
