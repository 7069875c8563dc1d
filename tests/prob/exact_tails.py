"""Distribution functions in mpmath, one for each distribution that has one, as textbooks give them.

They are evaluated with so many digits that 1 minus one of them is precise where it is 1e-300.
"""

import math

from mpmath import mp, mpf

from tests.prob import exact_passages

DIGITS = 400


def normal(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def gamma(x, alpha):
    return mp.gammainc(alpha, 0, x, regularized=True)


def beta(x, a, b):
    return mp.betainc(a, b, 0, x, regularized=True) if x < 1 else mpf(1)


def student(z, nu):
    tail = beta(nu / (nu + z**2), nu / 2, mpf(1) / 2) / 2
    return tail if z < 0 else 1 - tail


def skew_student(z, a, b):
    return beta((1 + z / mp.sqrt(a + b + z**2)) / 2, a, b)


def wald(y, mu, lam):
    root = mp.sqrt(lam / y)
    return normal(root * (y / mu - 1)) + mp.exp(2 * lam / mu) * normal(-root * (y / mu + 1))


def ex_gaussian(z, ratio):
    return normal(z) - mp.exp(ratio**2 / 2 - ratio * z) * normal(z - ratio)


def asymmetric_laplace(d, kappa):
    share = kappa**2 / (1 + kappa**2)
    return share * mp.exp(d / kappa) if d < 0 else 1 - (1 - share) * mp.exp(-d * kappa)


def triangular(x, low, c, high):
    width = high - low
    if x < c:
        return (x - low) ** 2 / (width * (c - low))
    return 1 - (high - x) ** 2 / (width * (high - c))


def power(x, alpha, low, high):
    slope = alpha + 1
    return (x**slope - low**slope) / (high**slope - low**slope)


def beta_binomial(x, n, a, b):
    return sum(mp.binomial(n, j) * mp.beta(a + j, b + n - j) for j in range(int(x) + 1)) / (
        mp.beta(a, b)
    )


def beta_negative_binomial(x, a, b, n):
    return sum(mp.rf(n, j) / mp.factorial(j) * mp.beta(a + n, b + j)
               for j in range(int(x) + 1)) / mp.beta(a, b)  # fmt: skip


# By the parameters of the class.
CDF = {
    "Normal": lambda x, mu, sigma: normal((x - mu) / sigma),
    "HalfNormal": lambda x, sigma: mp.erf(x / sigma / mp.sqrt(2)),
    "Cauchy": lambda x, mu, sigma: mp.atan2(1, -(x - mu) / sigma) / mp.pi,
    "HalfCauchy": lambda x, sigma: 2 * mp.atan(x / sigma) / mp.pi,
    "StudentT": lambda x, nu, mu, sigma: student((x - mu) / sigma, nu),
    "HalfStudentT": lambda x, nu, sigma: beta(x**2 / (nu * sigma**2 + x**2), mpf(1) / 2, nu / 2),
    "LogNormal": lambda x, mu, sigma: normal((mp.log(x) - mu) / sigma),
    "Uniform": lambda x, low, high: (x - low) / (high - low),
    "Exponential": lambda x, lam: -mp.expm1(-lam * x),
    "Gamma": lambda x, alpha, beta: gamma(beta * x, alpha),
    "InverseGamma": lambda x, alpha, beta: 1 - gamma(beta / x, alpha),
    "Beta": beta,
    "Laplace": lambda x, mu, b: asymmetric_laplace((x - mu) / b, mpf(1)),
    "Logistic": lambda x, mu, s: 1 / (1 + mp.exp(-(x - mu) / s)),
    "Gumbel": lambda x, mu, beta: mp.exp(-mp.exp(-(x - mu) / beta)),
    "Moyal": lambda x, mu, sigma: mp.erfc(mp.exp(-(x - mu) / sigma / 2) / mp.sqrt(2)),
    "AsymmetricLaplace": lambda x, kappa, mu, b: asymmetric_laplace(b * (x - mu), kappa),
    "ExGaussian": lambda x, mu, sigma, nu: ex_gaussian((x - mu) / sigma, sigma / nu),
    "SkewStudentT": lambda x, a, b, mu, sigma: skew_student((x - mu) / sigma, a, b),
    "SoftLaplace": lambda x, mu, sigma: 2 / mp.pi * mp.atan(mp.exp((x - mu) / sigma)),
    "Weibull": lambda x, alpha, beta: -mp.expm1(-((x / beta) ** alpha)),
    "Frechet": lambda x, alpha, sigma: mp.exp(-((x / sigma) ** -alpha)),
    "Pareto": lambda x, alpha, m: 1 - (m / x) ** alpha,
    "ParetoType2": lambda x, mu, lam, alpha: 1 - (1 + (x - mu) / lam) ** -alpha,
    "LogLogistic": lambda x, alpha, beta: 1 / (1 + (x / alpha) ** -beta),
    "Rayleigh": lambda x, sigma: -mp.expm1(-((x / sigma) ** 2) / 2),
    "Wald": lambda x, mu, lam, alpha: wald(x - alpha, mu, lam),
    "Wiener": exact_passages.wiener,
    "DriftDiffusion": exact_passages.drift_diffusion,
    "Levy": lambda x, mu, c: mp.erfc(mp.sqrt(c / (2 * (x - mu)))),
    "Gompertz": lambda x, con, rate: -mp.expm1(-con * mp.expm1(rate * x)),
    "Dagum": lambda x, p, a, b: (1 + (x / b) ** -a) ** -p,
    "GeneralizedGamma": lambda x, alpha, p, lambd: gamma((x / lambd) ** p, alpha / p),
    "Triangular": triangular,
    "Kumaraswamy": lambda x, a, b: 1 - (1 - x**a) ** b,
    "LogitNormal": lambda x, mu, sigma: normal((mp.log(x / (1 - x)) - mu) / sigma),
    "LogUniform": lambda x, low, high: mp.log(x / low) / mp.log(high / low),
    "DoublyTruncatedPowerLaw": power,
    "LowerTruncatedPowerLaw": lambda x, alpha, low: 1 - (x / low) ** (alpha + 1),
    "ChiSquared": lambda x, nu: gamma(x / 2, nu / 2),
    "InverseChiSquared": lambda x, nu: 1 - gamma(1 / (2 * x), nu / 2),
    "ScaledInverseChiSquared": lambda x, nu, s: 1 - gamma(nu * s**2 / (2 * x), nu / 2),
    "Bernoulli": lambda x, p: mpf(1) if x >= 1 else 1 - p,
    "BernoulliLogit": lambda x, d: mpf(1) if x >= 1 else 1 / (1 + mp.exp(d)),
    "Binomial": lambda x, n, p: 1 - beta(p, x + 1, n - x) if x < n else mpf(1),
    "BinomialLogit": lambda x, n, d: (
        1 - beta(1 / (1 + mp.exp(-d)), x + 1, n - x) if x < n else mpf(1)
    ),
    "Poisson": lambda x, mu: 1 - gamma(mu, x + 1) if mu else mpf(1),
    "NegativeBinomial": lambda x, mu, alpha: 1 - beta(mu / (mu + alpha), x + 1, alpha),
    "NegativeBinomialProbability": lambda x, n, p: beta(p, n, x + 1),
    "Geometric": lambda x, p: 1 - (1 - p) ** x,
    "BetaBinomial": beta_binomial,
    "BetaNegativeBinomial": beta_negative_binomial,
    "DiscreteUniform": lambda x, low, high: (x - low + 1) / (high - low + 1),
    "DiscreteWeibull": lambda x, q, beta: 1 - q ** ((x + 1) ** beta),
    "Hypergeometric": lambda x, N, k, n: sum(
        mp.binomial(k, j) * mp.binomial(N - k, n - j) for j in range(int(x) + 1)
    ) / mp.binomial(N, n),
    "RelaxedBernoulli": lambda x, temperature, d: (
        1 / (1 + mp.exp(d) * ((1 - x) / x) ** temperature)
    ),
    "SkewDoubleExponential": lambda x, mu, sigma, tau: asymmetric_laplace(
        2 * mp.sqrt(tau * (1 - tau)) * (x - mu) / sigma, mp.sqrt(tau / (1 - tau))
    ),
}


def log_tails(kind, x, parameters):
    """The logs of P(X <= x) and P(X > x) for the class of this name."""
    with mp.workdps(DIGITS):
        share = CDF[kind](mpf(float(x)), *(mpf(float(p)) for p in parameters))
        # Shares below the precision are roundings.
        parts = share, 1 - share
        return tuple(float(mp.log(p)) if p > mpf(10) ** -340 else -math.inf for p in parts)
