"""The hierarchical models of the chains: data, and the order of each library's parameters."""

import numpy as np

from tests.bench import cases

HOMES, COUNTIES = 12_573, 386


def load(name, dry):
    """The case called `name`; radon's data are drawn here where posteriordb is not at hand."""
    if name != "radon":
        return cases.load(name)
    if dry:
        return synthetic_radon(60, 5)
    try:
        return cases.load(name)
    except cases.MissingData:
        return synthetic_radon(HOMES, COUNTIES)


def synthetic_radon(homes, counties):
    """Homes in counties of very different sizes, drawn from the model itself."""
    rng = np.random.default_rng(5)
    weight = rng.gamma(0.7, size=counties) + 0.02
    county = np.sort(rng.choice(counties, size=homes, p=weight / weight.sum()))
    floor = (rng.random(homes) < 0.2).astype(np.float64)
    alpha = 1.3 + 0.35 * rng.standard_normal(counties)
    beta = -0.6 + 0.3 * rng.standard_normal(counties)
    mean = alpha[county] + beta[county] * floor
    data = {
        "county": county.astype(np.int64),
        "floor": floor,
        "y": mean + 0.75 * rng.standard_normal(homes),
        "counties": counties,
    }
    positive = ("sigma_y", "sigma_alpha", "sigma_beta")
    parameters = (
        *(cases.Parameter(name, support=cases.POSITIVE) for name in positive),
        cases.Parameter("alpha_raw", (counties,)),
        cases.Parameter("beta_raw", (counties,)),
        cases.Parameter("mu_alpha"),
        cases.Parameter("mu_beta"),
    )
    return cases.Case("radon", f"radon, synthetic, {homes:,} homes", parameters, data)


def labelled(case):
    """A point whose unconstrained values, times a thousand, are 0, 1, ... in canonical order."""
    point, start = {}, 0
    for p in case.parameters:
        values = np.arange(start, start + p.size) / 1000
        point[p.name] = values.reshape(p.shape) if p.shape else values[0]
        start += p.size
    return point


def order(case, flatten):
    """Where `flatten(point)` puts each value: vector[i] is the canonical value number order[i]."""
    found = np.rint(1000 * np.asarray(flatten(labelled(case)), np.float64)).astype(int)
    if sorted(found) != list(range(case.dim)):
        raise ValueError(f"{case.name}: the parameters are {found}, not an order of {case.dim}")
    return found


def watched(case, samples, at_most=8):
    """The draws whose effective sample size is measured: all scalars, and the first few elements
    of each vector, as {name: array [chains, draws, elements]}."""
    kept = {}
    for p in case.parameters:
        array = np.asarray(samples[p.name])
        kept[p.name] = array.reshape(*array.shape[:2], -1)[:, :, :at_most]
    return kept
