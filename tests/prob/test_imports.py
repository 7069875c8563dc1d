"""Between a model's code and its first gradient no heavy package is imported."""

import subprocess
import sys

from tests.architecture import source

CODE = """
import sys
import numpy as np
import probtensor as pt
from tests.bench import densities

HEAVY = {"scipy._lib", "scipy.linalg", "scipy.special", "Cython", "arviz", "numpy.ma"}
R, rng = pt.random, np.random.default_rng(3)


class Refused:
    def find_spec(self, name, *rest):
        assert name not in HEAVY, f"{name} is imported"


def reached(observed, **options):
    posterior = pt.condition(observed, target="machine", **options)
    value, slope = posterior.logp_and_grad(np.full(posterior.dim, 0.1))
    assert np.isfinite(value) and np.all(np.isfinite(slope)), (value, slope)


def constants():
    yield from (R.normal(0, 1), R.half_normal(2.0), R.cauchy(0, 1), R.half_cauchy(2.0))
    yield from (R.student_t(4, 0, 1), R.half_student_t(3, 2.0), R.exponential(2.0))
    yield from (R.gamma(2.5, 1.5), R.inverse_gamma(2.5, 1.0), R.log_normal(0, 1))
    yield from (R.beta(0.3, 2.5), R.uniform(-3.0, 0.5), R.logistic(0, 1), R.laplace(0, 1))
    yield from (R.dirichlet(np.ones(3) * 0.7))
    yield from (R.multivariate_normal(np.zeros(2), np.eye(2)), R.flat())


def counts():
    m = R.gamma(2.0, 0.1)
    p = R.beta(2.0, 3.0)
    y = np.array([0, 3, 1, 7])
    yield {R.poisson(m, shape=4): y}
    yield {R.negative_binomial(m, 2.5, shape=4): y}
    yield {R.binomial(9, p, shape=4): y}
    yield {R.gamma(m, 2.0, shape=4): y + 0.5}
    yield {R.student_t(m, 0.0, 1.0, shape=4): y + 0.5}
    yield {R.bernoulli(pt.special.ndtr(R.normal(0, 1) * y)): y > 1}


def gaussian_process():
    x, rho = np.linspace(0, 1, 6), R.gamma(25.0, 4.0)
    covariance = pt.exp(-0.5 * ((x[:, None] - x) / rho) ** 2) + 0.1 * np.eye(6)
    return {R.multivariate_normal(np.zeros(6), covariance): np.sin(x)}


def of_data():
    x = pt.data(rng.uniform(0.1, 0.9, 20), name="x")
    s = pt.special
    given = s.gammaln(x) + s.ndtri(x) + s.log_ndtr(x) + s.erfinv(x) + s.digamma(x) + s.logit(x)
    return {R.normal(R.normal(0, 1) * given, 1.0): np.zeros(20)}


made = []
for make in densities.MODELS.values():
    observed, potentials = make(rng)
    made.append((observed, {"potentials": potentials}))
total = sum(pt.sum(x) for x in constants())
made += [({R.normal(total, 1.0): 0.0}, {}), *((x, {}) for x in counts()), (gaussian_process(), {})]
made += [(of_data(), {})]
sys.meta_path.insert(0, Refused())
for observed, options in made:
    reached(observed, **options)
print(len(made), "scipy" in sys.modules)
"""


def test_a_first_gradient_imports_no_heavy_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    run = subprocess.run(
        [sys.executable, "-c", CODE], cwd=source.ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["21", "False"], run.stdout


def test_routines_are_those_of_scipy():
    """Also where SciPy is imported later, and where its library has unknown names."""
    code = (
        "import sys, numpy as np; from cython_ext import blas, linalg\n"
        "found = 'scipy' in sys.modules, len(blas.loaded())\n"
        "from scipy.linalg import cython_blas, cholesky\n"
        "print(*found, blas.of_scipy().threads() > 0, cholesky(np.eye(2)).sum())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["False", "2", "True", "2.0"]
