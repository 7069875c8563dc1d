"""State space models as one normal distribution of all states and observations, by NumPy."""

import numpy as np
from scipy import linalg, stats


class Dense:
    """The joint distribution of the states and the observations of n steps. `design` is (p, m) or
    (n, p, m), `offset` a number, (p,) or (n, p)."""

    def __init__(self, n, transition, design, state_cov, obs_cov, mean, cov, offset=0.0):
        T, Q = np.atleast_2d(transition), np.atleast_2d(state_cov)
        m = len(T)
        Z = np.broadcast_to(np.atleast_2d(design), (n, *np.atleast_2d(design).shape[-2:]))
        p = Z.shape[1]
        # All states as a linear map of the first one and of the noise of each step.
        steps = np.zeros((n, m, n * m))
        for t in range(n):
            for s in range(t + 1):
                steps[t, :, s * m : (s + 1) * m] = np.linalg.matrix_power(T, t - s)
        self.map = steps.reshape(n * m, n * m)
        first = np.broadcast_to(mean, (m,))
        sources = linalg.block_diag(cov, *[Q] * (n - 1))
        self.states = self.map[:, :m] @ first, self.map @ sources @ self.map.T
        self.seen = linalg.block_diag(*Z)
        offset = np.broadcast_to(offset, (n, p)).reshape(-1)
        self.mean = self.seen @ self.states[0] + offset
        noise = linalg.block_diag(*[np.atleast_2d(obs_cov)] * n)
        self.cov = self.seen @ self.states[1] @ self.seen.T + noise
        self.size = n, m, p

    def logp(self, y):
        """The log density of the observations that are not nan."""
        known = ~np.isnan(y).reshape(-1)
        return self.normal(known).logpdf(y.reshape(-1)[known])

    def normal(self, known):
        return stats.multivariate_normal(self.mean[known], self.cov[np.ix_(known, known)])

    def given(self, y):
        """Means (n, m) and covariances (n, m, m) of the states given the observations."""
        known = ~np.isnan(y).reshape(-1)
        across = (self.states[1] @ self.seen.T)[:, known]
        gain = linalg.solve(self.cov[np.ix_(known, known)], across.T, assume_a="pos").T
        n, m, _ = self.size
        mean = self.states[0] + gain @ (y.reshape(-1)[known] - self.mean[known])
        cov = (self.states[1] - gain @ across.T).reshape(n, m, n, m)
        return mean.reshape(n, m), np.stack([cov[t, :, t] for t in range(n)])
