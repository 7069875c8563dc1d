"""What `sample` warns of: each limit just above and just below, and the advice."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext.samplers.chain import RECORD
from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.diagnostics import warnings as warn
from probtensor.sample.settings import Nuts

r = pt.random


class Plain:
    """A posterior that only counts its coordinates."""

    dim = 1


def texts(draws=None, posterior=None, chains=4, length=1000, **fields):
    """The warnings about records with the given fields, and independent draws or the given ones."""
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(chains, length, 1)) if draws is None else draws
    records = np.zeros(draws.shape[:2], RECORD)
    records["energy"] = rng.normal(size=draws.shape[:2])
    records["lp"] = rng.normal(size=draws.shape[:2])
    for name, values in fields.items():
        records[name] = values
    return list(warn.diagnostics_warnings(posterior or Plain(), Nuts(), draws, records))


def among(found, part):
    return any(part in text for text in found)


def scaled_to(measure, low, high, make):
    """Draws make(t) whose `measure` is just below and just above a limit, by bisection of t."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if measure(make(middle)) else (low, middle)
    return make(low - 1e-9), make(high + 1e-9)


def test_nothing_wrong_is_silent():
    assert texts() == []


def test_one_divergence_is_told():
    diverging = np.zeros((4, 1000))
    diverging[2, 500] = 1
    assert among(texts(diverging=diverging), "1 of 4000 draws diverged")


def test_rhat_at_its_limit():
    base = np.random.default_rng(2).normal(size=(4, 1000, 1))
    base -= base.mean(axis=1, keepdims=True)
    apart = np.array([0.0, 0.0, 0.0, 1.0])[:, None, None]
    good, bad = scaled_to(
        lambda draws: diagnostics.rhat(draws)[0] <= 1.01, 0.0, 1.0, lambda t: base + t * apart
    )
    assert diagnostics.rhat(bad)[0] - diagnostics.rhat(good)[0] < 2e-4
    assert not among(texts(good), "disagree")
    assert among(texts(bad), "(R-hat of q[0] is 1.010, above 1.01)")


def test_effective_sizes_at_their_limit():
    """An autoregression: 100 effective draws a chain are asked for, 400 of 128 and more chains."""
    noise = np.random.default_rng(3).normal(size=(4, 1000, 1))

    def walk(t):
        draws = noise.copy()
        for n in range(1, draws.shape[1]):
            draws[:, n] += t * draws[:, n - 1]
        return draws - draws.mean(axis=1, keepdims=True)

    def size(draws):
        return min(diagnostics.ess_bulk(draws)[0], diagnostics.ess_tail(draws)[0])

    good, bad = scaled_to(lambda draws: size(draws) >= 400.0, 0.0, 0.95, walk)
    assert 399.0 < size(bad) < 400.0 <= size(good) < 401.0
    assert not among(texts(good), "effective sample size below 400")
    assert among(texts(bad), "effective sample size below 400")


def test_the_effective_size_of_many_chains_at_its_limit():
    rng = np.random.default_rng(4)
    noise, shifts = rng.normal(size=(128, 100, 1)), rng.normal(size=(128, 1, 1))
    noise -= noise.mean(axis=1, keepdims=True)
    good, bad = scaled_to(
        lambda draws: diagnostics.nested(draws)[1][0] >= 400.0, 0.01, 2.0,
        lambda t: noise + t * shifts,
    )  # fmt: skip
    assert not among(texts(good), "effective sample size below 400")
    assert among(texts(bad), "effective sample size below 400")


def test_energies_at_their_limit():
    base = np.random.default_rng(5).normal(size=(4, 1000))
    drift = np.sin(np.arange(1000) / 80.0)

    def energies(t):
        energy = base.copy()
        energy[1] += t * drift
        return energy

    good, bad = scaled_to(lambda energy: diagnostics.bfmi(energy)[1] >= 0.3, 0.0, 20.0, energies)
    assert abs(diagnostics.bfmi(bad)[1] - 0.3) < 1e-4
    assert not among(texts(energy=good), "E-BFMI")
    assert among(texts(energy=bad), "in chain 1 (E-BFMI 0.30, below 0.3)")


@pytest.mark.parametrize("count,told", [(200, False), (201, True)])
def test_tree_depths_at_their_limit(count, told):
    """More than one draw in twenty."""
    reached = np.zeros(4000)
    reached[:count] = 1
    found = texts(reached_max_treedepth=reached.reshape(4, 1000))
    assert among(found, "maximum tree depth of 10") == told


@pytest.mark.parametrize("length,told", [(99, False), (100, True)])
def test_short_runs_are_not_measured(length, told):
    draws = np.random.default_rng(6).normal(size=(4, length, 1))
    draws += 10.0 * np.arange(4)[:, None, None]
    assert among(texts(draws), "disagree") == told


# ---- a chain that is left behind ----


def lps(gap, spread=1.0, chain=2):
    lp = spread * np.random.default_rng(7).normal(size=(4, 1000))
    lp -= np.median(lp, axis=1, keepdims=True)
    lp[chain] -= gap
    return lp


@pytest.mark.parametrize("gap,told", [(9.9, False), (10.1, True), (1e28, True)])
def test_a_chain_far_below_is_named(gap, told):
    found = [text for text in texts(lp=lps(gap)) if "far below" in text]
    assert bool(found) == told
    if told:
        assert found[0].startswith("chain 2 stays far below the others")
        assert "init=" in found[0]


def test_far_is_measured_in_the_draws_own_spread():
    """In many dimensions the log density of good draws moves about by tens."""
    assert not among(texts(lp=lps(100.0, spread=30.0)), "far below")
    assert among(texts(lp=lps(250.0, spread=30.0)), "chain 2 stays far below")


def narrow(scale, gap, chain=2):
    """One chain whose draws are `scale` times as wide, in three dimensions, and `gap` higher."""
    draws = walking()
    draws[chain] *= scale
    return [text for text in texts(draws, Three(), lp=lps(-gap, chain=chain)) if "far " in text]


@pytest.mark.parametrize("scale,lower", [(1e-6, False), (0.9e-3, False), (1.1e-2, True)])
def test_height_is_not_mass(scale, lower):
    """A spike 12 higher whose draws are 1e-6 as wide has no mass: it is the one to leave out. Its
    mass is e^(12 + 3 log(scale)) times the others'."""
    found = narrow(scale, 12.0)
    if scale < 1e-3 and 3 * np.log(scale) + 12.0 < -10.0:
        assert len(found) == 1 and found[0].startswith("chain 2 stays in a narrow place far above")
        told = float(found[0].split("about e^")[1].split(" ")[0])
        assert abs(told + 12.0 + 3 * np.log(scale)) < 0.5
    else:
        assert not among(found, "narrow place")
    assert not among(found, "chains 0, 1, 3 stay far below")


def test_a_wider_peak_is_where_the_mass_is():
    found = narrow(0.5, 12.0)
    assert len(found) == 1 and found[0].startswith("chains 0, 1, 3 stay far below the others")


def test_a_frozen_chain_is_not_the_measure_of_the_others():
    draws = walking()
    draws[1] = draws[1, :1]
    found = texts(draws, Three(), lp=lps(-50.0, chain=1))
    assert among(found, "chain 1 stands still") and not among(found, "far below")


@pytest.mark.parametrize("acceptance,told", [(0.0099, True), (0.0101, False)])
def test_a_chain_that_refuses_all(acceptance, told):
    draws = walking()
    draws[1] = draws[1, :1]
    rate = np.full((4, 1000), 0.9)
    rate[1] = acceptance
    found = [text for text in texts(draws, Three(), acceptance_rate=rate, step_size=0.25)
             if "stands still" in text]  # fmt: skip
    assert len(found) == 1
    assert ("Chain 1 refuses what it proposes" in found[0]) == told
    assert ("step size of 0.25" in found[0]) == told


def test_several_chains_and_one_chain():
    lp = lps(50.0)
    lp[0] -= 1e9
    assert among(texts(lp=lp), "chains 0, 2 stay far below the others")
    assert not among(texts(chains=1), "far below")


def test_a_lesser_mode_is_told(density):
    """From a start in a valley where no chain leaves: two modes, e^-60 apart in height."""
    posterior = density("two_modes", 1, [60.0])
    with pytest.warns(pt.SamplerWarning) as caught:
        pt.sample(posterior, 200, 200, 4, seed=1, progress=False,
                  init=np.array([[-30.0], [30.0], [-30.0], [-30.0]]))  # fmt: skip
    assert any("chain 1 stays far below" in str(w.message) for w in caught)


# ---- chains that never reach the typical set, all alike ----


def walking(chains=4, length=1000, dim=3):
    return np.random.default_rng(8).normal(size=(chains, length, dim))


class Three(Plain):
    dim = 3


@pytest.mark.parametrize("chains", [1, 4, 200])
@pytest.mark.parametrize("length", [10, 99, 1000])
@pytest.mark.parametrize("noise", [0.0, 1e-15])
def test_coordinates_that_never_change(chains, length, noise):
    """R-hat and effective sizes of a constant are nan, and say nothing."""
    draws = walking(chains, length)
    draws[:, :, 1] = 4.5 * (1.0 + noise * draws[:, :, 1])
    found = [text for text in texts(draws, Three()) if "still" in text]
    assert len(found) == 1 and found[0].startswith("chain 0 stands" if chains == 1 else "chains 0,")
    assert "q[1] has one value in all draws of chain 0 (q[1] = 4.5)" in found[0]
    assert "init=" in found[0]


def test_one_chain_that_never_changes():
    draws = walking()
    draws[2] = draws[2, :1]
    assert among(texts(draws, Three()), "chain 2 stands still: 3 of 3 coordinates have one value")


@pytest.mark.parametrize("size,told", [(9, False), (10, True)])
def test_few_draws_may_be_equal(size, told):
    assert among(texts(np.ones((4, size, 1))), "stand still") == told


@pytest.mark.parametrize("scale,told", [(2e-14, True), (2e-13, False)])
def test_draws_that_differ_in_their_last_bits(scale, told):
    draws = 1.0 + scale * np.random.default_rng(9).uniform(-1.0, 1.0, size=(4, 1000, 1))
    assert among(texts(draws), "stand still") == told


@pytest.mark.parametrize("moves,told", [(49, True), (50, False)])
def test_chains_that_hardly_move(moves, told):
    draws = walking(length=1001)
    draws[1] = draws[1, np.minimum(np.arange(1001) // (1000 // moves), moves)]
    assert among(texts(draws, Three()), f"chain 1 hardly moves: in {moves / 10:.2g} %") == told


def drift(rise, spread, chains=4, length=1000):
    """Log densities whose medians in the first and the last quarter are `rise` apart."""
    lp = spread * np.random.default_rng(10).normal(size=(chains, length))
    quarter = length // 4
    lp[:, :quarter] -= np.median(lp[:, :quarter], axis=1, keepdims=True)
    lp[:, -quarter:] += rise - np.median(lp[:, -quarter:], axis=1, keepdims=True)
    return lp


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("rise,spread,told", [
    (9.9, 1.0, False), (10.1, 1.0, True), (-10.1, 1.0, True), (160.0, 30.0, False),
    (200.0, 30.0, True), (1e12, 1.0, True),
])  # fmt: skip
def test_log_densities_that_still_rise(rise, spread, chains, told):
    """All chains alike, so that none is behind another."""
    found = [text for text in texts(chains=chains, lp=drift(rise, spread, chains))
             if "not arrived" in text]  # fmt: skip
    assert bool(found) == told
    if told:
        assert f"to {rise:.6g} over its draws" in found[0] and "init=" in found[0]
        assert found[0].startswith("chain 0 has" if chains == 1 else "chains 0, 1, 2, 3 have")


def test_one_chain_that_still_rises():
    lp = drift(0.0, 1.0)
    lp[3] = drift(30.0, 1.0)[3]
    assert among(texts(lp=lp), "chain 3 has not arrived: the log density of chain 3 goes from")


@pytest.mark.parametrize("size,told", [(4e14, False), (5e14, True), (-1e18, True)])
def test_log_densities_beyond_their_rounding(size, told):
    found = texts(lp=size + 1024.0 * np.random.default_rng(11).normal(size=(4, 1000)))
    assert among(found, "move by rounding errors: a log density of about") == told


def slope_of(density, distance):
    """Chains that crawl up a slope, `distance` standard deviations from the mode, all alike."""
    posterior = density("scaled_normal", 2, [1e-3, 1e3])
    with pytest.warns(pt.SamplerWarning) as caught:
        pt.sample(posterior, 200, 0, 4, seed=1, progress=False, max_treedepth=3,
                  init=np.array([0.0, 1e3 * distance]))  # fmt: skip
    return [str(w.message) for w in caught if "on one slope" in str(w.message)]


@pytest.mark.parametrize("distance,told", [(1.0, False), (4.0, False), (5.0, True), (30.0, True)])
def test_chains_that_are_stuck_alike(density, distance, told):
    """R-hat is high and the log density hardly changes: only the gradient shows the way left."""
    found = slope_of(density, distance)
    assert bool(found) == told
    if told:
        assert found[0].startswith("chains 0, 1, 2, 3 have not arrived: all draws of q[1]")
        gain = float(found[0].split("rise by about ")[1].split(". ")[0])
        assert abs(gain / (0.5 * distance**2) - 1.0) < 0.1


# ---- advice about divergences ----

DIVERGED = {"diverging": np.eye(4, 1000)}


def advice(posterior):
    return next(text for text in texts(posterior=posterior, **DIVERGED) if "diverged" in text)


def centred():
    tau = r.half_normal(1.0, name="tau")
    theta = r.normal(r.normal(name="mu"), tau, shape=3, name="theta")
    return pt.condition({r.normal(theta, 1.0, name="y"): np.zeros(3)}, target="interp")


def by_log_scale():
    level = r.normal(0.0, 3.0, name="level")
    x = r.student_t(4.0, 0.0, pt.exp(level / 2), shape=4, name="x")
    return pt.condition({r.normal(pt.sum(x), 1.0, name="y"): 0.0}, target="interp")


def standardised():
    tau, z = r.half_normal(1.0, name="tau"), r.normal(shape=3, name="z")
    return pt.condition({r.normal(tau * z, 1.0, name="y"): np.zeros(3)}, target="interp")


def regression():
    b, sigma = r.normal(shape=2, name="b"), r.half_normal(1.0, name="sigma")
    return pt.condition({r.normal(np.eye(2) @ b, sigma, name="y"): np.zeros(2)}, target="interp")


def means_only():
    mu = r.normal(name="mu")
    theta = r.normal(mu, 1.0, shape=3, name="theta")
    return pt.condition({r.normal(theta, 1.0, name="y"): np.zeros(3)}, target="interp")


@pytest.mark.parametrize("model,pairs", [
    (centred, (("theta", "tau"),)), (by_log_scale, (("x", "level"),)),
    (standardised, ()), (regression, ()), (means_only, ()),
])  # fmt: skip
def test_hierarchies_are_read_off_the_graph(model, pairs):
    posterior = model()
    assert posterior.hierarchies == pairs
    text = advice(posterior)
    assert "Raise target_accept above 0.9" in text
    assert ("hierarchy" in text) == bool(pairs)
    for effect, scale in pairs:
        assert f"{effect}, whose scale is made of {scale}" in text


def test_a_bare_density_gets_the_general_advice():
    assert "hierarchy" not in advice(Plain())


@pytest.mark.parametrize("beyond,told", [(500, False), (501, True), (1000, True)])
def test_divergences_at_an_edge(beyond, told):
    """Where most of them met a log density that is not finite, that is what to mend."""
    diverging, error = np.zeros(4000), np.full(4000, 0.5)
    diverging[:1000], error[:1000] = 1, 2000.0
    error[:beyond] = np.inf
    shape = (4, 1000)
    found = texts(diverging=diverging.reshape(shape), max_energy_error=error.reshape(shape))
    assert among(found, f"{beyond} of 4000 draws diverged where the log density is not") == told
    rest = 1000 - beyond if told else 1000
    assert among(found, f"{rest} of 4000 draws diverged: the sampler cannot") == (rest > 0)
