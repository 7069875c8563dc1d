"""Log densities, distribution functions and their derivatives, from formulas of their own.

Each formula is written once, over `Dual` numbers of mpmath: a value and its derivatives by every
argument, so that no truth rests on differences. The formulas are those of the textbooks, with no
care for rounding: at this precision none is needed, but for sums of 1 and something of less than
1e-50, where `log1p` and `expm1` stand.
"""

from __future__ import annotations

from mpmath import mp, mpf


class Dual:
    """A number and its derivatives by the arguments, which go along."""

    def __init__(self, value, slopes):
        self.value, self.slopes = value, slopes

    def by(self, value, slope):
        """f(self), given f's value and slope here."""
        return Dual(value, [slope * s if s else s for s in self.slopes])

    def __add__(self, other):
        other = dual(other, self)
        return Dual(self.value + other.value, [a + b for a, b in zip(self.slopes, other.slopes)])

    def __mul__(self, other):
        other, a = dual(other, self), self.value
        slopes = [(s * other.value if s else s) + (a * t if t else t)
                  for s, t in zip(self.slopes, other.slopes)]  # fmt: skip
        return Dual(a * other.value, slopes)

    def __truediv__(self, other):
        return self * inverse(dual(other, self))

    def __neg__(self):
        return self.by(-self.value, mpf(-1))

    def __sub__(self, other):
        return self + (-dual(other, self))

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return inverse(self) * other

    __radd__, __rmul__ = __add__, __mul__


def dual(x, like):
    return x if isinstance(x, Dual) else Dual(mpf(x), [mpf(0)] * len(like.slopes))


def inverse(x):
    return x.by(1 / x.value, -1 / x.value**2)


def log(x):
    """The logarithm; at 0 it is -inf, and so steep that its slope is +inf."""
    return x.by(mp.log(x.value), 1 / x.value) if x.value else x.by(-mp.inf, mp.inf)


def log1p(x):
    if x.value == -1:
        return x.by(-mp.inf, mp.inf)
    return x.by(mp.log1p(x.value), 1 / (1 + x.value))


def exp(x):
    value = mp.exp(x.value)
    return x.by(value, value)


def sqrt(x):
    value = mp.sqrt(x.value)
    return x.by(value, 1 / (2 * value))


def lgamma(x):
    return x.by(mp.loggamma(x.value), mp.digamma(x.value))


def square(x):
    return x.by(x.value**2, 2 * x.value)


def abs_(x):
    return x.by(abs(x.value), mp.sign(x.value))


def softplus(x):
    """log(1 + exp(x)), whose exponential is kept small."""
    a = x.value
    value = mp.log1p(mp.exp(-abs(a))) + max(a, 0)
    share = mp.exp(-abs(a)) / (1 + mp.exp(-abs(a)))
    return x.by(value, share if a < 0 else 1 / (1 + mp.exp(-a)))


def log_cosh(x):
    a = abs(x.value)
    value = mp.log1p(2 * mp.sinh(a / 2) ** 2) if a < 1 else a + mp.log1p(mp.exp(-2 * a)) - mp.log(2)
    return x.by(value, mp.tanh(x.value))


def times_log(a, x):
    """a log x, and 0 where a is 0; its slope by a is log x there too."""
    return a * log(x) if a.value else a.by(a.value, log(x).value)


def times_log_rest(a, x):
    """a log(1 - x), and 0 where a is 0."""
    return a * log1p(-x) if a.value else a.by(a.value, log1p(-x).value)


def constant(text):
    """A constant at the working precision, which a module cannot compute when it is imported."""
    return {"log 2": mp.log(2), "log pi": mp.log(mp.pi), "log 2pi": mp.log(2 * mp.pi)}[text]


def normal(x, mu, sigma):
    return -square((x - mu) / sigma) / 2 - log(sigma) - constant("log 2pi") / 2


def normal_tau(x, mu, tau):
    return -square(x - mu) * tau / 2 + log(tau) / 2 - constant("log 2pi") / 2


def half_normal(x, sigma):
    return normal(x, 0, sigma) + constant("log 2")


def cauchy(x, mu, sigma):
    return -log1p(square((x - mu) / sigma)) - log(sigma) - constant("log pi")


def half_cauchy(x, sigma):
    return cauchy(x, 0, sigma) + constant("log 2")


def student_t(x, nu, mu, sigma):
    z = (x - mu) / sigma
    scale = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu) / 2 - constant("log pi") / 2
    return scale - log(sigma) - (nu + 1) / 2 * log1p(square(z) / nu)


def half_student_t(x, nu, sigma):
    return student_t(x, nu, 0, sigma) + constant("log 2")


def log_normal(x, mu, sigma):
    return normal(log(x), mu, sigma) - log(x)


def uniform(x, low, high):
    return -log(high - low) + x * 0


def exponential(x, lam):
    return log(lam) - lam * x


def exponential_scale(x, scale):
    return -log(scale) - x / scale


def gamma(x, alpha, beta):
    return alpha * log(beta) - lgamma(alpha) + times_log(alpha - 1, x) - beta * x


def gamma_moments(x, mu, sigma):
    ratio = mu / sigma
    return gamma(x, square(ratio), ratio / sigma)


def inverse_gamma(x, alpha, beta):
    return alpha * log(beta) - lgamma(alpha) - (alpha + 1) * log(x) - beta / x


def beta(x, alpha, beta):
    scale = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
    return scale + times_log(alpha - 1, x) + times_log_rest(beta - 1, x)


def beta_mean(x, mu, kappa):
    return beta(x, mu * kappa, (1 - mu) * kappa)


def laplace(x, mu, b):
    return -abs_((x - mu) / b) - log(b) - constant("log 2")


def logistic(x, mu, s):
    return -2 * log_cosh((x - mu) / (2 * s)) - log(4 * s)


def bernoulli(x, p):
    return times_log(x, p) + times_log_rest(1 - x, p)


def bernoulli_logit(x, logit_p):
    return -softplus((1 - 2 * x) * logit_p)


def log_choose(n, k):
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def binomial(x, n, p):
    return log_choose(n, x) + times_log(x, p) + times_log_rest(n - x, p)


def binomial_logit(x, n, logit_p):
    return log_choose(n, x) + x * logit_p - n * softplus(logit_p)


def poisson(x, mu):
    return times_log(x, mu) - mu - lgamma(x + 1)


def negative_binomial(x, mu, alpha):
    ways = lgamma(x + alpha) - lgamma(alpha) - lgamma(x + 1)
    return ways + alpha * -log1p(mu / alpha) + times_log(x, mu / (mu + alpha))


def negative_binomial_chance(x, n, p):
    ways = lgamma(x + n) - lgamma(n) - lgamma(x + 1)
    return ways + n * log(p) + times_log_rest(x, p)


def flat(x):
    return x * 0


# Distribution functions, for which a distribution's logcdf is asked.


def log_share(below, above, slope, x):
    """The logarithm of a probability, given it, what is left of 1, and its slope."""
    value = mp.log1p(-above) if above < 0.5 else mp.log(below)
    return x.by(value, slope / (1 - above if above < 0.5 else below))


def erfc(x):
    """1 - erf(x); far out by its asymptotic series (DLMF 7.12.1), which mpmath does not reach."""
    if abs(x) < 1e4:
        return mp.erfc(x)
    if x < 0:
        return mpf(2)
    series = mp.fsum(mp.fac2(2 * k - 1) * (-1 / (2 * x * x)) ** k for k in range(9))
    return mp.exp(-x * x) / (x * mp.sqrt(mp.pi)) * series


def normal_cdf(x, mu, sigma):
    z = (x - mu) / sigma
    below, above = (erfc(side * z.value / mp.sqrt(2)) / 2 for side in (-1, 1))
    return log_share(below, above, mp.exp(-(z.value**2) / 2) / mp.sqrt(2 * mp.pi), z)


def half_normal_cdf(x, sigma):
    z = x / sigma
    t = z.value / mp.sqrt(2)
    return log_share(mp.erf(t), erfc(t), mp.sqrt(2 / mp.pi) * mp.exp(-(t**2)), z)


def cauchy_cdf(x, mu, sigma):
    z = (x - mu) / sigma
    below, above = (mp.atan2(1, side * z.value) / mp.pi for side in (-1, 1))
    return log_share(below, above, 1 / (mp.pi * (1 + z.value**2)), z)


def half_cauchy_cdf(x, sigma):
    z = x / sigma
    below, above = 2 * mp.atan(z.value) / mp.pi, 2 * mp.atan2(1, z.value) / mp.pi
    return log_share(below, above, 2 / (mp.pi * (1 + z.value**2)), z)


def log_normal_cdf(x, mu, sigma):
    return normal_cdf(log(x), mu, sigma)


def uniform_cdf(x, low, high):
    return log((x - low) / (high - low))


def exponential_cdf(x, lam):
    t = lam * x
    return t.by(mp.log(-mp.expm1(-t.value)), mp.exp(-t.value) / -mp.expm1(-t.value))


def laplace_cdf(x, mu, b):
    z = (x - mu) / b
    if z.value < 0:
        return z - constant("log 2")
    return log1p(-exp(-z) / 2)


def logistic_cdf(x, mu, s):
    return -softplus(-(x - mu) / s)
