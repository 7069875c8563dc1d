"""Posteriors on the device whose densities are written by hand, for any group of threads."""

from types import SimpleNamespace

import numpy as np

from probtensor.device import driver
from tests.models import EIGHT_SCHOOLS

HEAD = '#include "pt_random.h"\n#include "pt_group.cuh"\n'
DATA = "struct pt_data { void *b[3]; long long n[1]; };\n"
SIGNATURE = (
    "static __device__ double pt_density(const pt_chain &g, const pt_data &data, const double *q,\n"
    "                                    double *grad, char *work, int *status)\n"
)
THREADS = {"thread": 1, "warp": 32, "block": 256}

# b[0]: the precision matrix.
NORMAL = """{
    const double *precision = (const double *) data.b[0];
    double logp = 0.0;
    for (int i = g.lane(); i < PT_DIM; i += g.size()) {
        double slope = 0.0;
        for (int j = 0; j < PT_DIM; ++j)
            slope -= precision[i * PT_DIM + j] * q[j];
        grad[i] = slope;
        logp += 0.5 * q[i] * slope;
    }
    logp = g.add(logp);
    g.sync();
    return logp;
}
"""
# Eight schools, non-centred: mu ~ normal(0, 5), tau ~ half-Cauchy(5) as its logarithm, z.
SCHOOLS = """{
    const double *y = (const double *) data.b[0], *sigma = (const double *) data.b[1];
    const double mu = q[0], tau = pt_exp(q[1]), square = tau * tau / 25.0;
    double logp = 0.0, by_tau = 0.0, by_mu = 0.0;
    for (int i = g.lane(); i < 8; i += g.size()) {
        const double z = q[2 + i], r = (y[i] - mu - tau * z) / sigma[i], s = r / sigma[i];
        logp -= 0.5 * (z * z + r * r);
        by_mu += s;
        by_tau += s * z;
        grad[2 + i] = tau * s - z;
    }
    logp = g.add(logp);
    by_mu = g.add(by_mu);
    by_tau = g.add(by_tau);
    if (g.lane() == 0) {
        grad[0] = by_mu - 0.04 * mu;
        grad[1] = tau * by_tau - 2.0 * square / (1.0 + square) + 1.0;
    }
    g.sync();
    return logp - 0.02 * mu * mu - pt_log1p(square) + q[1];
}
"""
# exp(-sum |q|^100 / 2)
POWER = """{
    double logp = 0.0;
    for (int i = g.lane(); i < PT_DIM; i += g.size()) {
        const double slope = pt_pow(fabs(q[i]), 99.0);
        grad[i] = q[i] < 0.0 ? 50.0 * slope : -50.0 * slope;
        logp -= 0.5 * slope * fabs(q[i]);
    }
    logp = g.add(logp);
    g.sync();
    return logp;
}
"""
# b[0]: X [n, PT_DIM], b[1]: y [n], unit noise, standard normal coefficients; work: residuals.
REGRESSION = """{
    const double *x = (const double *) data.b[0], *y = (const double *) data.b[1];
    double *residual = (double *) work;
    double logp = 0.0;
    for (long long n = g.lane(); n < data.n[0]; n += g.size()) {
        double r = y[n];
        for (int j = 0; j < PT_DIM; ++j)
            r -= x[n * PT_DIM + j] * q[j];
        residual[n] = r;
        logp -= 0.5 * r * r;
    }
    g.sync();
    for (int j = g.lane(); j < PT_DIM; j += g.size()) {
        double slope = -q[j];
        for (long long n = 0; n < data.n[0]; ++n)
            slope += x[n * PT_DIM + j] * residual[n];
        grad[j] = slope;
        logp -= 0.5 * q[j] * q[j];
    }
    logp = g.add(logp);
    g.sync();
    return logp;
}
"""
# Neal's funnel: v ~ normal(0, 3), the others normal(0, exp(v / 2)).
FUNNEL = """{
    const double v = q[0], precision = pt_exp(-v);
    double squares = 0.0;
    for (int i = 1 + g.lane(); i < PT_DIM; i += g.size()) {
        squares += q[i] * q[i];
        grad[i] = -q[i] * precision;
    }
    squares = g.add(squares);
    if (g.lane() == 0)
        grad[0] = -v / 9.0 + 0.5 * squares * precision - 0.5 * (PT_DIM - 1);
    g.sync();
    return -v * v / 18.0 - 0.5 * squares * precision - 0.5 * (PT_DIM - 1) * v;
}
"""
NOWHERE = """{
    for (int i = g.lane(); i < PT_DIM; i += g.size())
        grad[i] = 0.0;
    g.sync();
    return -PT_INF;
}
"""
FLAT = NOWHERE.replace("-PT_INF", "0.0")
# A standard normal that reports a failed index beyond 3.
FAILING = """{
    double logp = 0.0;
    for (int i = g.lane(); i < PT_DIM; i += g.size()) {
        logp -= 0.5 * q[i] * q[i];
        grad[i] = -q[i];
        if (q[i] > 3.0)
            *status = 7;
    }
    logp = g.add(logp);
    g.sync();
    return logp;
}
"""


class ByHand:
    """A posterior on the device: `text` is the body of its density, run by a group of threads."""

    on_device = True

    def __init__(self, text, dim, arrays=(), count=0, group="thread", work_bytes=0):
        self.text = text
        self.dim = dim
        self.arrays = [np.ascontiguousarray(array, dtype=float) for array in arrays]
        self.count = count
        self.group = group
        self.work_bytes = work_bytes

    def source(self, tail):
        """The module's text."""
        head = f"{HEAD}typedef pt_{self.group} pt_chain;\n#define PT_DIM {self.dim}\n"
        return head + DATA + SIGNATURE + self.text + tail

    def device_code(self, tail):
        """As of a compiled posterior."""
        device = driver()
        held = []
        for array in self.arrays:
            held.append(device.alloc(array.nbytes))
            device.upload(held[-1].address, array)
        addresses = [place.address for place in held] + [0] * (3 - len(held))
        module = device.module(device.compile(self.source(tail)))
        threads = THREADS[self.group]
        program = SimpleNamespace(
            module=module, group=self.group, threads=threads, block=max(threads, 128)
        )
        data = np.array([*addresses, self.count], np.uint64).tobytes()
        return SimpleNamespace(
            program=program, data=data, work_bytes=self.work_bytes, owner=held
        )


class Schools(ByHand):
    """Eight schools, with what names its variables."""

    dims = {"z": ("school",)}
    coords = {"school": list("ABCDEFGH")}

    def __init__(self, group="thread"):
        super().__init__(SCHOOLS, 10, EIGHT_SCHOOLS.values(), group=group)

    def expand(self, draws):
        """float64[n, 10] as variables."""
        return {"mu": draws[:, 0], "tau": np.exp(draws[:, 1]), "z": draws[:, 2:]}

    def variable_of(self, i):
        """The name of a coordinate."""
        return ("mu", "tau")[i] if i < 2 else f"z[{i - 2}]"


def correlated(dim=6, group="thread", scale=10.0):
    """(posterior, covariance): a normal with correlations and scales from 1 to `scale`."""
    rng = np.random.default_rng(5)
    root = np.eye(dim) + 0.4 * rng.normal(size=(dim, dim))
    spread = np.geomspace(1.0, scale, dim)
    covariance = spread[:, None] * (root @ root.T) * spread
    return ByHand(NORMAL, dim, [np.linalg.inv(covariance)], group=group), covariance


def regression(dim=4, n=50, group="thread"):
    """(posterior, mean, covariance) of a linear regression."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(n, dim))
    y = x @ np.arange(1.0, dim + 1.0) + rng.normal(size=n)
    covariance = np.linalg.inv(x.T @ x + np.eye(dim))
    posterior = ByHand(REGRESSION, dim, [x, y], n, group, work_bytes=8 * n + (-8 * n) % 16)
    return posterior, covariance @ x.T @ y, covariance


def by_hand(text, dim, group="thread"):
    """A posterior without data."""
    return ByHand(text, dim, group=group)
