"""The figures that were aimed at, and whether a run has reached them."""

from dataclasses import dataclass

OURS = "probtensor"


@dataclass(frozen=True)
class Verdict:
    """One aim: what was found, what is wanted (`least` or at most), in words that go with it."""

    aim: str
    found: float
    wanted: float
    least: bool
    words: str = ""

    @property
    def met(self):
        """Has the run reached it?"""
        return self.found >= self.wanted if self.least else self.found <= self.wanted


def figures(results, step, name):
    """The records of a step that have the figure."""
    records = results["steps"].get(step, {}).get("records", ())
    return [r for r in records if "error" not in r and r.get(name) is not None]


def of_streams(results):
    """The worst of our fused kernels, as a share of the speed of a copy; none where it failed."""
    records = results["steps"].get("stream", {}).get("records", ())
    ours = [{"% of copy": 0.0} | r for r in records
            if r.get("contender") == OURS and r["case"] not in ("copy", "x + 1")]  # fmt: skip
    for words in ("elementwise", "fold"):
        of_kind = [r for r in ours if is_fold(r["case"]) == (words == "fold")]
        if of_kind:
            worst = min(of_kind, key=lambda r: r["% of copy"])
            label = f"{worst['case']}, {worst['dtype']}"
            yield Verdict(f"{words}, % of copy speed", worst["% of copy"], 85, True, label)


def is_fold(case):
    """Is it a sum or the like?"""
    return any(word in case for word in ("sum", "max"))


def of_products(results):
    """Our largest products against cuBLAS under the quicker of its callers."""
    records = figures(results, "products", "TFLOP/s")
    for case, dtype in dict.fromkeys((r["case"], r["dtype"]) for r in records):
        rate = {r["contender"]: r["TFLOP/s"] for r in records
                if (r["case"], r["dtype"]) == (case, dtype)}  # fmt: skip
        theirs = [rate[name] for name in ("torch", "cupy") if name in rate]
        if OURS in rate and theirs:
            share = 100 * rate[OURS] / max(theirs)
            yield Verdict(f"product {case}, {dtype}, % of cuBLAS", share, 95, True)


def of_logistic(results):
    """Quicker than JAX, and near to one read of the data."""
    records = figures(results, "logistic", "ms")
    for dtype in dict.fromkeys(r["dtype"] for r in records):
        here = {r["contender"]: r for r in records if r["dtype"] == dtype}
        if OURS not in here:
            continue
        reads = here[OURS]["times one read by copy speed"]
        yield Verdict(f"logistic, {dtype}, times one read of X", reads, 1.3, False)
        if "jax" in here:
            ratio = here["jax"]["ms"] / here[OURS]["ms"]
            yield Verdict(f"logistic, {dtype}, times as quick as JAX", ratio, 1.0, True)


def of_chains(results):
    """Gradients and effective draws a second against NumPyro's vectorised chains."""
    for model in ("eight_schools", "radon"):
        rate = {r["contender"]: r["million gradients/s"]
                for r in figures(results, model, "microseconds a launch")}  # fmt: skip
        if OURS in rate and "numpyro" in rate:
            ratio = rate[OURS] / rate["numpyro"]
            yield Verdict(f"{model}, gradients/s over NumPyro's", ratio, 2.0, True)
        ess = {r["contender"]: r["ESS/s"] for r in figures(results, model, "ESS/s")}
        ours = {name: value for name, value in ess.items() if name.startswith(OURS)}
        theirs = ess.get("numpyro, NUTS")
        if ours and theirs:
            best = max(ours, key=ours.get)
            ratio = ours[best] / theirs
            yield Verdict(f"{model}, ESS/s over NumPyro's", ratio, 2.0, True, best)


def of_copies(results):
    """Copies and allocations in loops: none."""
    records = results["steps"].get("copies", {}).get("records", ())
    loops = [r for r in records if "uploads" in r and not r["case"].endswith("in all")]
    if loops:
        count = sum(abs(r["uploads"]) + abs(r["downloads"]) for r in loops)
        yield Verdict("host-device copies in loops", count, 0, False)


def of_tests(results):
    """Tests on the device that failed: none."""
    for record in figures(results, "tests", "failed"):
        yield Verdict("failed tests", record["failed"], 0, False, f"{record['passed']} passed")


def verdicts(results):
    """All that the results tell about, in order."""
    sources = (of_tests, of_streams, of_products, of_logistic, of_chains, of_copies)
    return [verdict for source in sources for verdict in source(results)]


def table(results):
    """Lines of Markdown; none where nothing can be judged."""
    found = verdicts(results)
    if not found:
        return []
    lines = ["| aim | found | wanted | reached |", "| --- | ---: | ---: | --- |"]
    for v in found:
        words = f"{v.aim} ({v.words})" if v.words else v.aim
        wanted = f"{'≥' if v.least else '≤'} {v.wanted:g}"
        lines.append(f"| {words} | {v.found:.3g} | {wanted} | {'yes' if v.met else '**no**'} |")
    return [*lines, ""]
