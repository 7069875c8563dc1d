"""First passage times of a Wiener process with drift between two boundaries, in mpmath: by images
of the start, which converge for small times, and by waves, for large ones (Feller 1968, vol. 1,
14.6). The times at the boundary at the distance w of a strip of width 1, with drift towards it."""

from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf


def chance(w, drift):
    """The probability of the boundary."""
    if not drift:
        return 1 - w
    return mp.exp(drift * w) * mp.sinh(drift * (1 - w)) / mp.sinh(drift)


def density(u, w, drift):
    if u > 0.3:
        terms = int(mp.sqrt(mp.dps / (2 * u))) + 4
        waves = sum(k * mp.exp(-((k * mp.pi) ** 2) * u / 2) * mp.sin(k * mp.pi * w)
                    for k in range(1, terms))  # fmt: skip
        return mp.exp(drift * w - drift**2 * u / 2) * mp.pi * waves
    images = int(mp.sqrt(u * mp.dps * 5)) + 3
    total = sum((w + 2 * k) * mp.exp(-((w + 2 * k) ** 2) / (2 * u))
                for k in range(-images, images + 1))  # fmt: skip
    return mp.exp(drift * w - drift**2 * u / 2) * total / mp.sqrt(2 * mp.pi * u**3)


def after(u, w, drift):
    """The probability that the boundary is reached later."""
    terms = int(mp.sqrt(mp.dps / (2 * u))) + 4
    waves = sum(k * mp.exp(-((k * mp.pi) ** 2) * u / 2) * mp.sin(k * mp.pi * w)
                / (drift**2 + (k * mp.pi) ** 2) for k in range(1, terms))  # fmt: skip
    return mp.exp(drift * w - drift**2 * u / 2) * 2 * mp.pi * waves


def before(u, w, drift):
    """The probability that the boundary is reached until then."""
    if u > 0.3:
        return chance(w, drift) - after(u, w, drift)
    root, speed = mp.sqrt(u), abs(drift)
    total = mpf(0)
    images = int(mp.sqrt(u * mp.dps * 5)) + 3
    for k in range(-images, images + 1):
        c = abs(w + 2 * k)
        near = mp.exp(-speed * c) * mp.erfc((c - speed * u) / (root * mp.sqrt(2)))
        far = mp.exp(speed * c) * mp.erfc((c + speed * u) / (root * mp.sqrt(2)))
        total += (near + far) / 2 if w + 2 * k > 0 else -(near + far) / 2
    return mp.exp(drift * w) * total


def wiener(x, alpha, tau, beta, delta):
    """The distribution function of `pt.random.wiener`."""
    return before((x - tau) / alpha**2, 1 - beta, alpha * delta)


def drift_diffusion(x, alpha, tau, beta, delta):
    """The distribution function of `pt.random.drift_diffusion`."""
    lower = chance(beta, -alpha * delta)
    u = (abs(x) - tau) / alpha**2
    if u <= 0:
        return lower
    return lower + before(u, 1 - beta, alpha * delta) if x > 0 else after(u, beta, -alpha * delta)


@dataclass(frozen=True)
class Decision:
    """As the distributions of SciPy are: the one of both boundaries if `signed`."""

    alpha: float
    tau: float
    beta: float
    delta: float
    signed: bool = False

    def _each(self, one, x):
        with mp.workdps(25):
            own = (mpf(self.alpha), mpf(self.tau), mpf(self.beta), mpf(self.delta))
            return np.vectorize(lambda y: float(one(mpf(float(y)), *own)), otypes=[float])(x)

    def _density(self, x, alpha, tau, beta, delta):
        u = (abs(x) - tau) / alpha**2
        if u <= 0:
            return mpf(0)
        start = (1 - beta, alpha * delta) if x > 0 else (beta, -alpha * delta)
        return density(u, *start) / alpha**2

    def logpdf(self, x):
        return self._each(lambda *at: mp.log(self._density(*at)), x)

    def cdf(self, x):
        return self._each(drift_diffusion if self.signed else wiener, x)

    def logcdf(self, x):
        return np.log(self.cdf(x))
