"""Thousands of chains: gradients a second, and effective draws a second of whole runs."""

import importlib.util
import time
from dataclasses import dataclass

import numpy as np

import probtensor as pt
from probtensor import device
from tests.bench import ess
from tests.bench.contenders import probtensor_
from tests.bench.gpu import chains_jax, clock, models, peers
from tests.bench.gpu.chains_jax import Draws

TITLE = "Many chains"
COLUMNS = (
    ("case", "{}"),
    ("contender", "{}"),
    ("million gradients/s", "{:.3f}"),
    ("seconds", "{:.2f}"),
    ("min ESS", "{:.0f}"),
    ("ESS/s", "{:.0f}"),
    ("sampling alone s", "{:.2f}"),
    ("R-hat", "{:.3f}"),
    ("means apart, standard errors", "{:.1f}"),
    ("first run s", "{:.1f}"),
)
NOTE = (
    "Whole runs, warm-up included, in seconds from the call to all draws on the host; compilation "
    "is left out: ours was run before on fewer draws, JAX's is compiled ahead of time. Ours also "
    "checks the chains and builds an ArviZ object within that time; sampling alone is without. ESS "
    "is the smallest bulk effective sample size of the scalars and of the first eight elements of "
    "each vector. Gradients a second of a run count the kept draws' leapfrog steps alone, over the "
    "whole time, so they are a lower bound. Means apart: the largest difference of a posterior "
    "mean from the first run's. float64 unless said otherwise."
)


@dataclass(frozen=True)
class Plan:
    """A run of chains, the same for all contenders."""

    chains: int
    tune: int
    draws: int
    depth: int
    seed: int = 1


def plan_of(setting, model):
    """Radon's trees are cut at 127 steps for all: it needs 31 to 63, and 4,096 chains in step wait
    for the longest."""
    if setting.dry:
        return Plan(chains=4, tune=12, draws=8, depth=4)
    if model == "radon":
        return Plan(chains=4096, tune=100, draws=30, depth=7)
    return Plan(chains=4096, tune=300, draws=200, depth=10)


class Ours:
    """`pt.condition(..., target="cuda")`."""

    def __init__(self, case):
        self.case = case
        self.posterior = pt.condition(probtensor_.MODELS[case.name](case.data), target="cuda")
        self.driver = device.driver()

    def flatten(self, point):
        return self.posterior.unconstrain(self.case.constrained(point))

    def put(self, q):
        return device.device_array(np.ascontiguousarray(q))

    def get(self, value):
        return value.get()

    def wait(self, result):
        self.driver.synchronize()

    def gradient(self):
        """(logp [chains], gradient [chains, dim]) of q [chains, dim], all on the device."""
        return self.posterior.batched

    def run(self, plan, sampler, draws=None, tune=None):
        """`Draws` of `pt.sample`."""
        options = {"max_treedepth": plan.depth} if sampler == "nuts" else {}
        idata = pt.sample(
            self.posterior,
            sampler=sampler,
            chains=plan.chains,
            draws=draws or plan.draws,
            tune=plan.tune if tune is None else tune,
            seed=plan.seed,
            progress=False,
            **options,
        )
        samples = {p.name: np.asarray(idata["posterior"][p.name]) for p in self.case.parameters}
        steps = np.asarray(idata["sample_stats"]["n_steps"])
        return Draws(samples, steps, float(idata["posterior"].attrs["sampling_time"]))


def gradient_records(setting, case, contenders, chains):
    """Value and gradient of all chains at once. The first contender is the one to agree with."""
    rng = np.random.default_rng(2)
    q = 0.2 * rng.standard_normal((chains, case.dim))
    runs, values, first_s = {}, {}, {}
    title = f"{case.name}, {chains} gradients"
    for name, contender in contenders.items():
        try:
            order = models.order(case, contender.flatten)
            held, function = contender.put(q[:, order]), contender.gradient()
            run = clock.Run(lambda f=function, h=held: f(h), contender.wait)
            result, first_s[name] = clock.once(run)
            values[name] = comparable([contender.get(part) for part in result], order)
        except Exception as error:
            yield {"case": title, "contender": name, "error": peers.trouble_of(error)}
            continue
        runs[name] = run
    reference = next(iter(values.values()), None)
    for name, measured in clock.compare(runs, setting.block_s, setting.rounds).items():
        about = {"case": title, "contender": name}
        tolerance = 2e-2 if "float32" in name else 1e-8
        differs = peers.disagreement(reference, values[name], tolerance)
        if differs:
            yield about | {"error": differs}
            continue
        yield about | {
            "million gradients/s": chains / measured.median / 1e6,
            "microseconds a launch": measured.median * 1e6,
            "first run s": first_s[name],
        }


def comparable(result, order):
    """[differences of logp between chains, gradients in canonical order]."""
    logp, gradient = result
    sorted_gradient = np.empty_like(gradient)
    sorted_gradient[:, order] = gradient
    return [logp - logp[0], sorted_gradient]


def sampling_record(case, plan, contender, call, first_s):
    """One whole run, with what its draws are worth."""
    start = time.perf_counter()
    draws = call()
    seconds = time.perf_counter() - start
    kept = models.watched(case, draws.samples)
    expected = (plan.chains, plan.draws)
    if any(array.shape[:2] != expected for array in kept.values()):
        shapes = {name: array.shape for name, array in kept.items()}
        return {"contender": contender, "error": f"draws of {shapes}, not of {expected}"}
    smallest, rhat = ess.worst(kept)
    found = {
        "case": f"{case.name}, {plan.chains} chains of {plan.tune} + {plan.draws}",
        "contender": contender,
        "seconds": seconds,
        "min ESS": smallest,
        "ESS/s": smallest / seconds,
        "R-hat": rhat,
        "first run s": first_s,
        "means": {name: array.mean(axis=(0, 1)).tolist() for name, array in kept.items()},
        "deviations": {name: array.std(axis=(0, 1)).tolist() for name, array in kept.items()},
    }
    if draws.sampling_s is not None:
        found["sampling alone s"] = draws.sampling_s
    if draws.steps is not None:
        steps = np.asarray(draws.steps, np.float64)
        found["million gradients/s"] = float(steps.sum()) / seconds / 1e6
        found["steps a draw"] = float(steps.mean())
    return found


def attempts(ours, theirs, plan):
    """(contender, what prepares a run and returns it) in the order of their worth to the report."""

    def prepared(sampler):
        start = time.perf_counter()
        ours.run(plan, sampler, draws=min(plan.draws, 4), tune=min(plan.tune, 30))
        return (lambda: ours.run(plan, sampler)), time.perf_counter() - start

    def compiled(make):
        start = time.perf_counter()
        call = make(plan)
        return call, time.perf_counter() - start

    if ours is not None:
        yield "probtensor, NUTS", lambda: prepared("nuts")
        yield "probtensor, ChEES", lambda: prepared("chees")
    for name, model in theirs.items():
        yield name.replace("numpyro", "numpyro, NUTS"), lambda model=model: compiled(model.nuts)
        if importlib.util.find_spec("blackjax") and importlib.util.find_spec("optax"):
            label = name.replace("numpyro", "blackjax, ChEES")
            yield label, lambda model=model: compiled(model.chees)


def worst_difference(found, reference):
    """The largest difference of two runs' posterior means, in standard errors of the two."""
    worst = 0.0
    for name, means in reference["means"].items():
        spread = np.asarray(reference["deviations"][name])
        error = spread * np.sqrt(1 / reference["min ESS"] + 1 / found["min ESS"])
        gap = np.abs(np.asarray(found["means"][name]) - np.asarray(means))
        worst = max(worst, float(np.max(gap / error)))
    return worst


def measure(setting, model, wide=True):
    """Yields a record for the gradients and for the runs of each contender.

    wide : float64, with ours; without it the peers alone in float32, which JAX can have only once
    in a process.
    """
    case, plan = models.load(model, setting.dry), plan_of(setting, model)
    ours = Ours(case) if wide else None
    theirs = {}
    if importlib.util.find_spec("numpyro") is None:
        yield {"missing": "numpyro is not installed"}
    else:
        theirs["numpyro" if wide else "numpyro, float32"] = chains_jax.Model(case, wide)
    contenders = {"probtensor": ours} | theirs if ours else theirs
    yield {"starting": f"{model}: gradients"}
    if contenders:
        yield from gradient_records(setting, case, contenders, plan.chains)
    reference = None
    for contender, prepare in attempts(ours, theirs, plan):
        yield {"starting": f"{model}: {contender}"}
        try:
            call, first_s = prepare()
            found = sampling_record(case, plan, contender, call, first_s)
        except Exception as error:
            about = {"case": case.name, "contender": contender}
            yield about | {"error": peers.trouble_of(error)}
            continue
        if "error" not in found:
            reference = reference or found
            found["means apart, standard errors"] = worst_difference(found, reference)
        yield found
