"""Thousands of chains: gradients a second, and effective draws a second of whole runs."""

import importlib.util
import time
from dataclasses import dataclass

import numpy as np

import probtensor as pt
from probtensor import device
from tests.bench import ess
from tests.bench.contenders import probtensor_
from tests.gpu.bench import chains_jax, clock, models, peers

TITLE = "Many chains"
COLUMNS = (
    ("case", "{}"),
    ("contender", "{}"),
    ("million gradients/s", "{:.3f}"),
    ("seconds", "{:.2f}"),
    ("min ESS", "{:.0f}"),
    ("ESS/s", "{:.0f}"),
    ("R-hat", "{:.3f}"),
    ("first run s", "{:.1f}"),
)
NOTE = (
    "Whole runs, warm-up included, in seconds from the call to all draws on the host; compilation "
    "is left out: ours was run before on fewer draws, JAX's is compiled ahead of time. ESS is the "
    "smallest bulk effective sample size of the scalars and of the first eight elements of each "
    "vector. Gradients a second of a run count the kept draws' leapfrog steps alone, over the whole "
    "time, so they are a lower bound. float64 unless said otherwise."
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
        return Plan(chains=4096, tune=150, draws=50, depth=7)
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

    def gradient(self):
        return self.posterior.batched

    def run(self, plan, sampler, draws=None, tune=None):
        """({name: draws}, leapfrog steps of the kept draws or None)."""
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
        stats = idata["sample_stats"]
        steps = next((stats[name] for name in ("n_steps", "num_steps") if name in stats), None)
        return samples, None if steps is None else np.asarray(steps)


def gradient_records(setting, case, ours, theirs, chains):
    """Value and gradient of all chains at once: ours, and JAX's in both precisions."""
    rng = np.random.default_rng(2)
    q = 0.2 * rng.standard_normal((chains, case.dim))
    runs, values, waits = {}, {}, {}
    for name, contender in (("probtensor", ours), *theirs.items()):
        order = models.order(case, contender.flatten)
        held, function = contender.put(q[:, order]), contender.gradient()
        wait = jax_wait if contender is not ours else lambda result: ours.driver.synchronize()
        runs[name] = clock.Run(lambda f=function, h=held: f(h), wait)
        waits[name] = clock.once(runs[name])
        values[name] = comparable(contender is ours, waits[name][0], order)
    times = clock.compare(runs, setting.block_s, setting.rounds)
    for name, measured in times.items():
        about = {"case": f"{case.name}, {chains} gradients", "contender": name}
        tolerance = 2e-2 if "float32" in name else 1e-8
        differs = peers.disagreement(values["probtensor"], values[name], tolerance)
        if differs:
            yield about | {"error": differs}
            continue
        yield about | {
            "million gradients/s": chains / measured.median / 1e6,
            "microseconds a launch": measured.median * 1e6,
            "first run s": waits[name][1],
        }


def jax_wait(result):
    result[-1].block_until_ready()


def comparable(is_ours, result, order):
    """[differences of logp between chains, gradients in canonical order]."""
    logp, gradient = (value.get() if is_ours else np.asarray(value) for value in result)
    sorted_gradient = np.empty_like(gradient)
    sorted_gradient[:, order] = gradient
    return [logp - logp[0], sorted_gradient]


def sampling_record(case, plan, contender, call, first_s):
    """One whole run, with what its draws are worth."""
    start = time.perf_counter()
    samples, steps = call()
    seconds = time.perf_counter() - start
    kept = models.watched(case, samples)
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
    if steps is not None:
        found["million gradients/s"] = float(np.sum(np.asarray(steps, float))) / seconds / 1e6
        found["steps a draw"] = float(np.mean(steps))
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

    yield "probtensor, NUTS", lambda: prepared("nuts")
    yield "probtensor, ChEES", lambda: prepared("chees")
    for name, model in theirs.items():
        if importlib.util.find_spec("blackjax") and importlib.util.find_spec("optax"):
            label = name.replace("numpyro", "blackjax, ChEES")
            yield label, lambda model=model: compiled(model.chees)
        yield name.replace("numpyro", "numpyro, NUTS"), lambda model=model: compiled(model.nuts)


def measure(setting, model):
    """Yields a record for the gradients and for the runs of each contender."""
    case, plan = models.load(model, setting.dry), plan_of(setting, model)
    ours, theirs = Ours(case), {}
    if importlib.util.find_spec("numpyro") is None:
        yield {"missing": "numpyro is not installed"}
    else:
        theirs["numpyro"] = chains_jax.Model(case, wide=True)
    yield {"starting": f"{model}: gradients"}
    yield from gradient_records(setting, case, ours, theirs, plan.chains)
    for contender, prepare in attempts(ours, theirs, plan):
        yield {"starting": f"{model}: {contender}"}
        try:
            call, first_s = prepare()
            yield sampling_record(case, plan, contender, call, first_s)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"[:300]
            yield {"case": case.name, "contender": contender, "error": words}
