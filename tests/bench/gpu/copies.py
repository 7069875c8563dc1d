"""What the host and the device exchange in loops that should exchange nothing."""

import numpy as np

import probtensor as pt
from probtensor import device
from tests.bench.gpu import chains, models

TITLE = "Copies and allocations in loops"
COLUMNS = (
    ("case", "{}"),
    ("turns", "{}"),
    ("uploads", "{}"),
    ("downloads", "{}"),
    ("allocations", "{}"),
    ("launches", "{}"),
    ("graphs", "{}"),
)
NOTE = (
    "What happened between the first and the last of the turns. For the sampler: in all, for the "
    "first row, and what a run with more iterations did more, for the second."
)
COUNTED = ("uploads", "downloads", "allocations", "launches", "graphs")
FORBIDDEN = ("uploads", "downloads", "allocations")


def counted(driver, work):
    """What the driver did during `work()`."""
    driver.synchronize()
    before = {name: driver.counts[name] for name in COUNTED}
    work()
    driver.synchronize()
    return {name: driver.counts[name] - before[name] for name in COUNTED}


def judged(case, turns, counts, forbidden=FORBIDDEN):
    """The record of a loop; an error if it did what it must not."""
    wrong = {name: counts[name] for name in forbidden if counts[name]}
    words = ", ".join(f"{count} {name}" for name, count in wrong.items())
    return {"case": case, "turns": turns, **counts} | ({"error": words} if words else {})


def functions(driver, turns):
    """A function of arrays on the device, and one that updates a shared variable."""
    x = pt.vector("x")
    f = pt.function([x], pt.tanh(x / 2 + pt.sum(x)).transfer("cuda"), target="cuda")
    held = device.device_array(np.linspace(0, 1, 5000))
    weights = pt.shared(np.zeros(5000), name="weights")
    step = pt.function([x], updates={weights: weights * 0.9 + x}, target="cuda")
    results = [f(held) for _ in range(4)]
    for case, call in (("f(x), result stays there", f), ("update of a shared variable", step)):
        for _ in range(4):
            results[:] = [results[-1], call(held)]

        def loop(call=call):
            for _ in range(turns):
                results[:] = [results[-1], call(held)]

        yield judged(case, turns, counted(driver, loop))


def gradients(driver, ours, chain_count, turns):
    """Value and gradient of many chains."""
    q = device.device_array(0.1 * np.ones((chain_count, ours.case.dim)))
    for _ in range(3):
        kept = ours.posterior.batched(q)

    def loop():
        nonlocal kept
        for _ in range(turns):
            kept = ours.posterior.batched(q)

    yield judged("posterior.batched", turns, counted(driver, loop))


def sampling(driver, ours, plan, sampler, more):
    """Two runs that differ in the length of their warm-up: all that differs is the loop's."""

    def run(tune):
        return counted(driver, lambda: ours.run(plan, sampler, tune=tune))

    run(plan.tune)
    short, long = run(plan.tune), run(plan.tune + more)
    yield judged(f"pt.sample, {sampler}, in all", plan.tune + plan.draws, short, forbidden=())
    extra = {name: long[name] - short[name] for name in COUNTED}
    yield judged(f"pt.sample, {sampler}, more iterations", more, extra)


def measure(setting):
    """Yields a record for each loop; a copy or an allocation in one is an error."""
    driver = device.driver()
    turns = setting.size(100, 5)
    yield {"starting": "functions"}
    yield from functions(driver, turns)
    ours = chains.Ours(models.load("eight_schools", setting.dry))
    plan = chains.plan_of(setting, "eight_schools")
    yield {"starting": "gradients"}
    yield from gradients(driver, ours, plan.chains, turns)
    for sampler in ("nuts", "chees"):
        yield {"starting": sampler}
        yield from sampling(driver, ours, plan, sampler, setting.size(200, 8))
