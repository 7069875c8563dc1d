"""Who should run a chain: gradients a second by a thread, a warp or a block, for few and many."""

import numpy as np

from tests.bench.gpu import chains, clock, models, peers

TITLE = "Gradients by thread, warp and block"
COLUMNS = (("case", "{}"), ("chains", "{}"), ("chosen", "{}"))
CELL = "{microseconds:.1f} us, {million gradients/s:.2f} M/s"
NOTE = "One launch of value and gradient of all chains; `chosen` is what `pt.sample` takes."
GROUPS = ("thread", "warp", "block")


def registers(program):
    """Registers of each thread, where the driver knows them."""
    return getattr(program.module.function("pt_rows"), "registers", None)


def of_model(setting, model, counts):
    """The records of one model."""
    case = models.load(model, setting.dry)
    ours = chains.Ours(case)
    rng = np.random.default_rng(4)
    q = 0.2 * rng.standard_normal((max(counts), case.dim))
    ours.gradient()(ours.put(q[:1]))
    rows = ours.posterior.function._batched_calls()
    ((sizes, chosen),) = rows.programs.items()
    programs = {group: rows.program(sizes, group=group) for group in GROUPS}
    for count in counts:
        for found in of_count(setting, ours, rows, sizes, programs, ours.put(q[:count])):
            yield {"case": model, "chains": count, "chosen": chosen.group, **found}


def of_count(setting, ours, rows, sizes, programs, q):
    """A record for each group, all on the same chains; results agree with the first group's."""
    runs, right = {}, None
    for group, program in programs.items():

        def call(program=program):
            rows.programs[sizes] = program
            return ours.gradient()(q)

        run = clock.Run(call, ours.wait)
        found = [value.get() for value in clock.once(run)[0]]
        right = right or found
        differs = peers.disagreement(right, found, 1e-9)
        if differs:
            yield {"contender": group, "error": differs}
        else:
            runs[group] = run
    for group, time in clock.compare(runs, setting.block_s, setting.rounds).items():
        yield {
            "contender": group,
            "microseconds": 1e6 * time.median,
            "million gradients/s": q.shape[0] / time.median / 1e6,
            "registers": registers(programs[group]),
            "work bytes": programs[group].work_bytes,
        }


def measure(setting):
    """Yields a record for each model, number of chains and group."""
    for model in ("eight_schools", "radon"):
        most = 65536 if model == "eight_schools" else 8192
        counts = [n for n in (1, 64, 512, 4096, 8192, 65536) if n <= most]
        yield {"starting": model}
        yield from of_model(setting, model, setting.size(counts, [1, 3]))
