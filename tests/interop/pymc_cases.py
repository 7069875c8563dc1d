"""The distributions of PyMC, with parameters, values in their support, and values outside.

Parameters are arrays, which become inputs of the compiled functions, so that no literal of PyTensor
is rounded to single precision on the way; values have their axis of points first.
"""

import numpy as np
import pymc as pm

ADJACENT = np.array([[0, 1, 0, 0], [1, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]])
COV = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 0.8]])
CHOL = np.linalg.cholesky(COV)
COV2 = np.array([[1.3, 0.4], [0.4, 0.9]])
SIMPLEX = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
VECTORS = [[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]]
REALS = [-2.3, 0.4, 1.9]
POSITIVE = [0.2, 1.1, 3.7]
UNIT = [0.08, 0.5, 0.93]
COUNTS = [0, 1, 4]
SERIES = [0.4, -0.2, 1.1, 0.8, 1.9]


class Case:
    """make        a function of the parameters that gives a variable of PyMC
    parameters  numbers and arrays
    inside      values in the support, one after the other
    outside     values outside of it
    single      whether PyMC's density takes one value at a time
    constant    whether densities are known up to a constant
    apart       numbers of the inputs, parameters and then values, by which gradients are those of
                other functions that are equal where values or matrices satisfy their constraint
    """

    def __init__(
        self, make, parameters, inside, outside=(), single=False, constant=False, apart=()
    ):
        self.make, self.single, self.constant, self.apart = make, single, constant, apart
        self.parameters = [np.asarray(p, "float64") for p in parameters]
        values = np.array([*inside, *outside])
        self.values = values.astype("int64" if values.dtype.kind in "iub" else "float64")
        self.count = len(inside)


def ordered(eta, cut):
    """Cutpoints along the last axis, eta for each of two observations."""
    return pm.OrderedLogistic.dist(eta, cut)


def squared(m, size):
    """An expression of a normal variable."""
    return pm.math.exp(pm.Normal.dist(m, 0.75, size=size)) + 1


def drift(x, rate):
    """The drift and the diffusion of an equation."""
    return -rate * x, 0.5


ONES = {
    "Uniform": Case(lambda a, b: pm.Uniform.dist(a, b), [-1.0, 2.5], [-0.5, 2.4], [-1.1, 2.6]),
    "Flat": Case(lambda: pm.Flat.dist(), [], REALS),
    "HalfFlat": Case(lambda: pm.HalfFlat.dist(), [], POSITIVE, [-0.5]),
    "Normal": Case(lambda m, s: pm.Normal.dist(m, s), [0.3, 1.7], REALS),
    "Normal (tau)": Case(lambda m, t: pm.Normal.dist(m, tau=t), [0.3, 1.7], REALS),
    "TruncatedNormal": Case(
        lambda m, s, a, b: pm.TruncatedNormal.dist(m, s, lower=a, upper=b), [0.3, 1.7, -1.0, 2.0],
        [-0.9, 0.4, 1.9], [-1.1, 2.1]),
    "HalfNormal": Case(lambda s: pm.HalfNormal.dist(s), [1.7], POSITIVE, [-0.1]),
    "Wald": Case(lambda m, k, a: pm.Wald.dist(m, lam=k, alpha=a), [1.2, 2.0, 0.1], POSITIVE,
                 [0.05]),
    "Beta": Case(lambda a, b: pm.Beta.dist(a, b), [1.5, 2.2], UNIT, [-0.1, 1.1]),
    "Kumaraswamy": Case(lambda a, b: pm.Kumaraswamy.dist(a, b), [1.5, 2.2], UNIT, [-0.1, 1.1]),
    "Exponential": Case(lambda k: pm.Exponential.dist(k), [1.7], POSITIVE, [-0.1]),
    "Exponential (scale)": Case(lambda s: pm.Exponential.dist(scale=s), [1.7], POSITIVE, [-0.1]),
    "Laplace": Case(lambda m, b: pm.Laplace.dist(m, b), [0.3, 1.7], REALS),
    "AsymmetricLaplace": Case(
        lambda k, m, b: pm.AsymmetricLaplace.dist(kappa=k, mu=m, b=b), [1.5, 0.5, 2.0], REALS),
    "StudentT": Case(lambda n, m, s: pm.StudentT.dist(n, mu=m, sigma=s), [4.2, 0.3, 1.7], REALS),
    "SkewStudentT": Case(
        lambda a, b, m, s: pm.SkewStudentT.dist(a=a, b=b, mu=m, sigma=s), [2.0, 3.5, 0.3, 1.7],
        REALS),
    "Pareto": Case(lambda a, m: pm.Pareto.dist(a, m), [2.1, 0.5], [0.6, 1.3, 4.0], [0.4]),
    "Cauchy": Case(lambda a, b: pm.Cauchy.dist(a, b), [0.3, 1.7], REALS),
    "HalfCauchy": Case(lambda b: pm.HalfCauchy.dist(b), [1.7], POSITIVE, [-0.1]),
    "Gamma": Case(lambda a, b: pm.Gamma.dist(a, b), [2.2, 1.3], POSITIVE, [-0.1]),
    "Gamma (mu, sigma)": Case(lambda m, s: pm.Gamma.dist(mu=m, sigma=s), [2.2, 1.3], POSITIVE,
                              [-0.1]),
    "InverseGamma": Case(lambda a, b: pm.InverseGamma.dist(a, b), [2.2, 1.3], POSITIVE, [-0.1]),
    "ChiSquared": Case(lambda n: pm.ChiSquared.dist(n), [3.3], POSITIVE, [-0.1]),
    "Weibull": Case(lambda a, b: pm.Weibull.dist(a, b), [1.6, 2.3], POSITIVE, [-0.1]),
    "HalfStudentT": Case(lambda n, s: pm.HalfStudentT.dist(n, s), [4.2, 1.7], POSITIVE, [-0.1]),
    "ExGaussian": Case(
        lambda m, s, n: pm.ExGaussian.dist(m, s, nu=n), [0.3, 0.9, 1.7], REALS),
    "VonMises": Case(lambda m, k: pm.VonMises.dist(m, k), [0.3, 1.7], REALS, [3.5]),
    "SkewNormal": Case(lambda m, s, a: pm.SkewNormal.dist(m, s, a), [0.3, 1.7, 2.5], REALS),
    "Triangular": Case(
        lambda a, c, b: pm.Triangular.dist(lower=a, upper=b, c=c), [-1.0, 0.4, 2.0],
        [-0.7, 0.3, 1.8], [-1.2, 2.1]),
    "Gumbel": Case(lambda m, b: pm.Gumbel.dist(m, b), [0.3, 1.7], REALS),
    "Rice": Case(lambda n, s: pm.Rice.dist(n, s), [0.8, 1.7], POSITIVE, [-0.1]),
    "Rice (b)": Case(lambda b, s: pm.Rice.dist(b=b, sigma=s), [0.8, 1.7], POSITIVE, [-0.1]),
    "Logistic": Case(lambda m, s: pm.Logistic.dist(m, s), [0.3, 1.7], REALS),
    "LogitNormal": Case(lambda m, s: pm.LogitNormal.dist(m, s), [0.3, 1.7], UNIT, [-0.1, 1.1]),
    "LogNormal": Case(lambda m, s: pm.LogNormal.dist(m, s), [0.3, 1.7], POSITIVE, [-0.1]),
    "Moyal": Case(lambda m, s: pm.Moyal.dist(m, s), [0.3, 1.7], REALS),
    "PolyaGamma": Case(lambda: pm.PolyaGamma.dist(1.0, 2.0), [], POSITIVE, [-0.1]),
    "Interpolated": Case(
        lambda: pm.Interpolated.dist(np.linspace(0, 2, 5), np.array([1.0, 2, 3, 2, 1])), [],
        [0.2, 0.5, 1.7], [-0.1, 2.1]),
    "Binomial": Case(lambda p: pm.Binomial.dist(5, p), [0.3], COUNTS, [-1, 6]),
    "Binomial (logit_p)": Case(lambda x: pm.Binomial.dist(5, logit_p=x), [0.3], COUNTS, [-1, 6]),
    "BetaBinomial": Case(lambda a, b: pm.BetaBinomial.dist(a, b, 5), [1.5, 2.2], COUNTS, [-1, 6]),
    "Bernoulli": Case(lambda p: pm.Bernoulli.dist(p), [0.3], [0, 1], [-1, 2]),
    "Bernoulli (logit_p)": Case(lambda x: pm.Bernoulli.dist(logit_p=x), [0.3], [0, 1], [-1, 2]),
    "DiscreteWeibull": Case(lambda q, b: pm.DiscreteWeibull.dist(q, b), [0.6, 1.3], COUNTS, [-1]),
    "Poisson": Case(lambda m: pm.Poisson.dist(m), [2.3], COUNTS, [-1]),
    "NegativeBinomial": Case(
        lambda m, a: pm.NegativeBinomial.dist(mu=m, alpha=a), [2.3, 1.4], COUNTS, [-1]),
    "NegativeBinomial (n, p)": Case(
        lambda n, p: pm.NegativeBinomial.dist(n=n, p=p), [2.3, 0.4], COUNTS, [-1]),
    "Geometric": Case(lambda p: pm.Geometric.dist(p), [0.3], [1, 2, 5], [0, -1]),
    "HyperGeometric": Case(lambda: pm.HyperGeometric.dist(10, 5, 4), [], [0, 2, 4], [-1, 5]),
    "DiscreteUniform": Case(lambda: pm.DiscreteUniform.dist(1, 5), [], [1, 3, 5], [0, 6]),
    "DiracDelta": Case(lambda: pm.DiracDelta.dist(3), [], [3], [2]),
    "Categorical": Case(lambda p: pm.Categorical.dist(p), [[0.2, 0.3, 0.5]], [0, 1, 2], [-1, 3]),
    "Categorical (logit_p)": Case(
        lambda x: pm.Categorical.dist(logit_p=x), [[0.2, -0.3, 0.5]], [0, 1, 2], [-1, 3]),
    "OrderedLogistic": Case(
        lambda e, c: pm.OrderedLogistic.dist(e, c), [0.4, [-1.0, 0.5, 2.0]], [0, 1, 2, 3], [-1, 4]),
    "OrderedProbit": Case(
        lambda e, c: pm.OrderedProbit.dist(e, c), [0.4, [-1.0, 0.5, 2.0]], [0, 1, 2, 3], [-1, 4]),
    "OrderedProbit (sigma)": Case(
        lambda e, c, s: pm.OrderedProbit.dist(e, c, s), [0.4, [-1.0, 0.5, 2.0], 1.7],
        [0, 1, 2, 3], [-1, 4]),
}  # fmt: skip
VECTOR_CASES = {
    "MvNormal": Case(lambda m: pm.MvNormal.dist(m, COV), [VECTORS[1]], VECTORS),
    "MvNormal (chol)": Case(
        lambda m, c: pm.MvNormal.dist(m, chol=c), [VECTORS[1], CHOL], VECTORS, apart=[1]),
    "MvNormal (tau)": Case(
        lambda m, t: pm.MvNormal.dist(m, tau=(t + t.T) / 2), [VECTORS[1], COV], VECTORS),
    "MvStudentT": Case(
        lambda n, m: pm.MvStudentT.dist(n, mu=m, scale=COV), [4.2, VECTORS[1]], VECTORS),
    "Dirichlet": Case(
        lambda a: pm.Dirichlet.dist(a), [[1.2, 0.7, 3.1]], SIMPLEX, [[-0.1, 0.6, 0.5]]),
    "Multinomial": Case(
        lambda p: pm.Multinomial.dist(5, p), [[0.2, 0.3, 0.5]], [[1, 2, 2], [5, 0, 0]],
        [[1, 1, 1], [-1, 3, 3]]),
    "Multinomial (softmax)": Case(
        lambda x: pm.Multinomial.dist(5, pm.math.softmax(x, axis=-1)), [[0.2, -0.3, 0.5]],
        [[1, 2, 2], [5, 0, 0]], [[1, 1, 1]]),
    "DirichletMultinomial": Case(
        lambda a: pm.DirichletMultinomial.dist(5, a), [[1.2, 0.7, 3.1]], [[1, 2, 2], [5, 0, 0]],
        [[1, 1, 1], [-1, 3, 3]]),
    "OrderedMultinomial": Case(
        lambda e, c: pm.OrderedMultinomial.dist(e, c, 5), [0.4, [-1.0, 0.5]],
        [[1, 2, 2], [5, 0, 0]], [[1, 1, 1]]),
    "Wishart": Case(lambda: pm.Wishart.dist(5, COV), [], [COV, np.eye(3)]),
    "LKJCorr": Case(
        lambda e: pm.LKJCorr.dist(n=3, eta=e), [2.3],
        [np.eye(3), [[1, 0, 0], [0.6, 0.8, 0], [0.0, 0.6, 0.8]]], apart=[1]),
    "LKJCholeskyCov": Case(
        lambda e, k: pm.LKJCholeskyCov.dist(
            n=3, eta=e, sd_dist=pm.Exponential.dist(k, shape=3), compute_corr=False),
        [2.3, 1.7], [[0.8, 0.3, 1.1, -0.2, 0.4, 0.9]], single=True),
    "MatrixNormal": Case(
        lambda m: pm.MatrixNormal.dist(mu=m, rowcov=COV2, colcov=COV), [[VECTORS[0], VECTORS[1]]],
        [[VECTORS[1], VECTORS[0]]], single=True),
    "KroneckerNormal": Case(
        lambda m, s: pm.KroneckerNormal.dist(mu=m, covs=[COV2, COV], sigma=s),
        [VECTORS[0] + VECTORS[1], 0.5], [VECTORS[1] + VECTORS[0]]),
    "CAR": Case(
        lambda m, a, t: pm.CAR.dist(m, ADJACENT, a, t), [[0.1, 0.2, 0.3, 0.4], 0.4, 1.7],
        [[0.3, -1.2, 0.8, 0.1], [1.0, 0.0, -1.0, 0.5]], single=True, constant=True),
    "ICAR": Case(
        lambda: pm.ICAR.dist(ADJACENT), [],
        [[0.3, -1.2, 0.8, 0.1], [1.0, 0.0, -1.0, 0.0]], single=True, constant=True),
    "ICAR (random sigma)": Case(
        lambda s: pm.ICAR.dist(ADJACENT, sigma=s), [1.3],
        [[0.3, -1.2, 0.8, 0.1]], single=True, constant=True),
    "StickBreakingWeights": Case(
        lambda a: pm.StickBreakingWeights.dist(a, K=2), [1.7], SIMPLEX, apart=[1]),
    "ZeroSumNormal": Case(
        lambda s: pm.ZeroSumNormal.dist(s, shape=(3,)), [1.7], [[0.5, -1.5, 1.0], [0.0, 0.0, 0.0]]),
    "ZeroSumNormal (2 axes)": Case(
        lambda s: pm.ZeroSumNormal.dist(s, shape=(2, 2), n_zerosum_axes=2), [1.7],
        [[[0.5, -0.5], [-0.5, 0.5]]]),
}  # fmt: skip
COMBINED = {
    "GaussianRandomWalk": Case(
        lambda m, s: pm.GaussianRandomWalk.dist(m, s, init_dist=pm.Normal.dist(0, 2.0), steps=4),
        [0.2, 0.7], [SERIES], single=True),
    "RandomWalk": Case(
        lambda b: pm.RandomWalk.dist(
            init_dist=pm.Normal.dist(0, 2.0), innovation_dist=pm.Laplace.dist(0, b), steps=4),
        [0.7], [SERIES], single=True),
    "MvGaussianRandomWalk": Case(
        lambda m: pm.MvGaussianRandomWalk.dist(
            m, cov=COV2, init_dist=pm.MvNormal.dist(np.zeros(2), COV2), steps=2),
        [[0.1, -0.2]], [[[0.3, 0.1], [1.0, -0.3], [0.7, 0.4]]],
        single=True),
    "MvStudentTRandomWalk": Case(
        lambda n, m: pm.MvStudentTRandomWalk.dist(
            nu=n, mu=m, scale=COV2, init_dist=pm.MvNormal.dist(np.zeros(2), COV2), steps=2),
        [4.2, [0.1, -0.2]], [[[0.3, 0.1], [1.0, -0.3], [0.7, 0.4]]],
        single=True),
    "AR": Case(
        lambda r, s: pm.AR.dist(
            r, s, init_dist=pm.Normal.dist(0, 2.0, shape=2), steps=3, constant=True),
        [[0.1, 0.5, 0.2], 0.7], [SERIES]),
    "GARCH11": Case(
        lambda w, a, b, v: pm.GARCH11.dist(omega=w, alpha_1=a, beta_1=b, initial_vol=v, steps=4),
        [0.1, 0.2, 0.3, 1.1], [SERIES]),
    "EulerMaruyama": Case(
        lambda r: pm.EulerMaruyama.dist(
            0.25, drift, (r,), init_dist=pm.Normal.dist(0, 2.0), steps=4), [1.7], [SERIES]),
    "Mixture": Case(
        lambda w, m, s: pm.Mixture.dist(w, [pm.Normal.dist(m, s), pm.StudentT.dist(3.0, mu=1.0)]),
        [[0.3, 0.7], 0.3, 1.7], REALS),
    "Mixture (one component)": Case(
        lambda w, k: pm.Mixture.dist(w, pm.Poisson.dist(k)), [[0.3, 0.7], [1.2, 5.0]], COUNTS,
        [-1]),
    "NormalMixture": Case(
        lambda w, m, s: pm.NormalMixture.dist(w, m, s), [[0.3, 0.7], [-1.0, 2.0], [0.6, 1.1]],
        REALS),
    "ZeroInflatedPoisson": Case(
        lambda q, m: pm.ZeroInflatedPoisson.dist(q, m), [0.4, 2.3], COUNTS, [-1]),
    "ZeroInflatedBinomial": Case(
        lambda q, p: pm.ZeroInflatedBinomial.dist(q, 5, p), [0.4, 0.3], COUNTS, [-1, 6]),
    "ZeroInflatedNegativeBinomial": Case(
        lambda q, m, a: pm.ZeroInflatedNegativeBinomial.dist(q, mu=m, alpha=a), [0.4, 2.3, 1.4],
        COUNTS, [-1]),
    "HurdlePoisson": Case(lambda q, m: pm.HurdlePoisson.dist(q, m), [0.4, 2.3], COUNTS, [-1]),
    "HurdleNegativeBinomial": Case(
        lambda q, m, a: pm.HurdleNegativeBinomial.dist(q, mu=m, alpha=a), [0.4, 2.3, 1.4], COUNTS,
        [-1]),
    "HurdleGamma": Case(
        lambda q, a, b: pm.HurdleGamma.dist(q, a, b), [0.4, 2.3, 1.4], [0.0, *POSITIVE], [-1.0]),
    "HurdleLogNormal": Case(
        lambda q, m, s: pm.HurdleLogNormal.dist(q, m, s), [0.4, 0.3, 1.4], [0.0, *POSITIVE],
        [-1.0]),
    "Truncated": Case(
        lambda n, a: pm.Truncated.dist(pm.StudentT.dist(n, mu=0.3, sigma=1.0), lower=a),
        [4.2, -1.0], [-0.9, 0.5, 4.0], [-1.1]),
    "Truncated (counts)": Case(
        lambda m: pm.Truncated.dist(pm.Poisson.dist(m), lower=1, upper=4), [2.3], [1, 2, 4],
        [0, 5]),
    "Censored": Case(
        lambda m, s: pm.Censored.dist(pm.Normal.dist(m, s), lower=-1.0, upper=2.0), [0.3, 1.7],
        [-1.0, 0.5, 2.0], [-1.1, 2.1], apart=[2]),
    "Censored (counts)": Case(
        lambda m: pm.Censored.dist(pm.Poisson.dist(m), lower=None, upper=4), [2.3], [0, 2, 4],
        [-1, 5]),
    "CustomDist (dist)": Case(
        lambda m: pm.CustomDist.dist(m, dist=squared), [0.3], [1.2, 2.0, 4.0], [0.5]),
    "CustomDist (logp)": Case(
        lambda m: pm.CustomDist.dist(m, logp=lambda x, m: -((x - m) ** 2)), [0.3], REALS),
}  # fmt: skip
ROW = np.array([[0.2, -0.3, 0.5], [1.0, 0.1, -0.8]])
BATCHES = {
    "Normal (rows)": Case(
        lambda m, s: pm.Normal.dist(m, s, shape=(2, 3)), [VECTORS[0], 1.7], [ROW], single=True),
    "Exponential (rows)": Case(
        lambda k: pm.Exponential.dist(k, shape=3), [1.7], [POSITIVE], single=True),
    "Bernoulli (rows of logits)": Case(
        lambda x: pm.Bernoulli.dist(pm.math.invlogit(x), shape=(2, 3)), [VECTORS[0]],
        [[[0, 1, 1], [1, 0, 0]]], single=True),
    "NegativeBinomial (rows)": Case(
        lambda m, a: pm.NegativeBinomial.dist(mu=m, alpha=a, shape=(2, 3)), [[0.5, 2.0, 4.0], 1.4],
        [[[0, 1, 5], [1, 0, 2]]], single=True),
    "NegativeBinomial (n / (n + mu))": Case(
        lambda m, n: pm.NegativeBinomial.dist(n=n, p=n / (n + m)), [2.3, 1.4], COUNTS),
    "Categorical (rows of logits)": Case(
        lambda x: pm.Categorical.dist(pm.math.softmax(x, axis=-1)), [ROW], [[0, 2]], single=True),
    "OrderedLogistic (rows)": Case(
        lambda e, c: pm.OrderedLogistic.dist(e, c, shape=(2, 2)), [[0.4, -1.0], [-1.0, 0.5, 2.0]],
        [[[0, 3], [1, 2]]], single=True),
    "OrderedProbit (rows)": Case(
        lambda e, c: pm.OrderedProbit.dist(e, c, 2.5), [[0.4, -1.0], [-1.0, 0.5, 2.0]], [[0, 3]],
        single=True),
    "MvNormal (rows)": Case(
        lambda m, c: pm.MvNormal.dist(m, chol=c, shape=(2, 3)), [VECTORS[1], CHOL], [VECTORS],
        single=True, apart=[1]),
    "Dirichlet (rows)": Case(
        lambda a: pm.Dirichlet.dist(a, shape=(2, 3)), [[1.2, 0.7, 3.1]], [SIMPLEX], single=True),
    "ZeroInflatedPoisson (rows)": Case(
        lambda q, m: pm.ZeroInflatedPoisson.dist(q, m), [0.4, [0.5, 2.0, 4.0]], [COUNTS],
        single=True),
    "HurdleGamma (rows)": Case(
        lambda q, a: pm.HurdleGamma.dist(q, a, 1.4), [[0.4, 0.6, 0.9], 2.3], [[0.0, 0.5, 1.7]],
        single=True),
    "Mixture (rows)": Case(
        lambda w, m: pm.Mixture.dist(
            w, [pm.Normal.dist(m, 1.0), pm.Normal.dist(0.0, 2.0)], shape=3),
        [[0.3, 0.7], VECTORS[0]], [VECTORS[1]], single=True),
    "NormalMixture (rows)": Case(
        lambda w, m: pm.NormalMixture.dist(w, m, 1.3, shape=(2, 3)), [[0.3, 0.7], [-1.0, 2.0]],
        [ROW], single=True),
    "Truncated (rows)": Case(
        lambda m: pm.Truncated.dist(pm.Gumbel.dist(m, 1.0), lower=-1.0), [VECTORS[0]],
        [[0.3, -0.9, 2.0]], single=True),
    "GaussianRandomWalk (rows)": Case(
        lambda m: pm.GaussianRandomWalk.dist(
            m, 0.7, init_dist=pm.Normal.dist(0, 2.0), shape=(2, 5)),
        [[0.2, -0.1]], [[SERIES, SERIES[::-1]]], single=True),
    "AR (rows)": Case(
        lambda r, s: pm.AR.dist(r, s, init_dist=pm.Normal.dist(0, 2.0), shape=(2, 5)),
        [[0.5, 0.2], 0.7], [[SERIES, SERIES[::-1]]], single=True),
    "ZeroSumNormal (rows)": Case(
        lambda s: pm.ZeroSumNormal.dist(s, shape=(2, 3)), [1.7],
        [[[0.5, -1.5, 1.0], [0.2, -0.4, 0.2]]], single=True),
}  # fmt: skip
CASES = {**ONES, **VECTOR_CASES, **COMBINED, **BATCHES}
