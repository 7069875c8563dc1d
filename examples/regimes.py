"""Calm and stormy times in a series: a hidden Markov model of two regimes.

The series is simulated: its scale changes with a state that lasts for about 50 days when calm, and
for 20 when stormy. The states are a discrete variable in a loop, which `pt.condition` sums out by
the forward recursion; `pt.recover_marginals` draws them afterwards.

Run it with `python -m examples.regimes`.
"""

import arviz as az
import numpy as np

import probtensor as pt

DAYS = 600
STAY = np.array([0.98, 0.95])
SCALE = np.array([1.0, 3.0])


def data(seed=3):
    """The states and the series."""
    rng = np.random.default_rng(seed)
    states = np.zeros(DAYS, int)
    for t in range(1, DAYS):
        states[t] = states[t - 1] if rng.uniform() < STAY[states[t - 1]] else 1 - states[t - 1]
    return states, SCALE[states] * rng.normal(size=DAYS)


def model():
    """The probability of staying in each state, and the scale in each."""
    _, series = data()
    stay = pt.random.beta(9, 1, shape=2, name="stay", dims="regime")
    scale = pt.random.half_normal(5, constraint=pt.ordered(low=0), shape=2, name="scale",
                                  dims="regime")  # fmt: skip
    moves = pt.stack([pt.stack([stay[0], 1 - stay[0]]), pt.stack([1 - stay[1], stay[1]])])

    def day(state, _):
        state = pt.random.categorical(moves[state], name="state")
        return state, state

    first = pt.random.categorical([0.5, 0.5], name="first")
    _, states = pt.loop.scan(day, first, length=DAYS)
    y = pt.random.normal(0, scale[states], name="y")
    return pt.condition({y: series}, coords={"regime": ["calm", "stormy"]})


def picture(idata):
    """The series, its states, and the probability of the stormy one."""
    from matplotlib.figure import Figure

    states, series = data()
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    above.plot(series, lw=0.7)
    above.set(ylabel="series")
    stormy = np.asarray(idata.posterior["state"]).mean((0, 1))
    below.fill_between(np.arange(DAYS), stormy, step="mid", color="C1", label="probability")
    below.plot(states, "k", drawstyle="steps-mid", lw=0.8, label="stormy")
    below.set(xlabel="day", ylim=(-0.05, 1.6))
    below.legend(ncols=2, loc="upper left")
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample, and print the posterior and how well the states are found; returns the ArviZ
    object."""
    posterior = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["stay", "scale"]))
    found = pt.recover_marginals(posterior, idata, seed=2)
    stormy = np.asarray(found.posterior["state"]).mean((0, 1))
    share = ((stormy > 0.5) == data()[0]).mean()
    print(f"{share:.0%} of the days are in the regime that is found more probable")
    return found


if __name__ == "__main__":
    main()
