"""Measures, and prints the table."""

import argparse
import compileall
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import cases, harness
from tests.bench.first import posteriors, table
from tests.bench.first.contenders import DRAWING, ENTRIES, GRAPHS, GROUPS, WARM

DRAWN = "eight_schools"


def names_of(group):
    """The models of a group that this machine has the data of."""
    if group == "graphs":
        return GRAPHS
    if group == "posteriors":
        return posteriors.NAMES if os.environ.get("POSTERIORDB") else ()
    if group == "densities":
        from tests.bench import densities

        return tuple(densities.MODELS)
    return tuple(name for name in cases.NAMES if _has_data(name))


def _has_data(name):
    try:
        cases.load(name)
    except cases.MissingData as error:
        print(f"skip {name}: {error}")
        return False
    return True


class Rounds:
    """Runs the workers in turn, keeping a record of each."""

    def __init__(self, asked, contenders, say):
        self.asked = asked
        self.contenders = contenders
        self.say = say
        self.begun = time.monotonic()
        self.records = []
        self.spent = {}

    def _measure(self, key, measure, kind, cache, number):
        group, case, contender = key
        entry = ENTRIES[contender]
        task = {
            "measure": kind,
            "group": group,
            "case": case,
            "contender": contender,
            "draws": 1000,
            "tune": 1000,
            "chains": harness.CHAINS,
            "cores": harness.CORES,
            "seed": 1 + number,
            "verbose": self.asked.verbose,
        }
        env = harness.environment(str(cache), kind)
        if entry.target:
            env["PROBTENSOR_TARGET"] = entry.target
        start = time.monotonic()
        result = harness.start_worker("tests.bench.first.worker", task, env, self.asked.timeout)
        self.spent[key, kind] = self.spent.get((key, kind), 0.0) + time.monotonic() - start
        record = {"group": group, "case": case, "contender": contender, "measure": measure}
        self.records.append(record | {"round": number, "result": result})
        seconds = result.get("draws_s", result.get("first_s"))
        told = result["error"] if seconds is None else f"{1e3 * seconds:.1f} ms"
        self.say(f"{case} {contender} {measure} {number + 1}: {told}")
        return "error" not in result

    def _pair(self, key, measures, kind, number):
        """The first process, and the second one where it is measured too."""
        late = time.monotonic() - self.begun > self.asked.within
        if late or self.spent.get((key, kind), 0.0) > self.asked.patience:
            return
        cache = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            for measure in measures:
                if not self._measure(key, measure, kind, cache, number):
                    self.spent[key, kind] = float("inf")
                    return
        finally:
            shutil.rmtree(cache, ignore_errors=True)

    def _round(self, number, cases_of, draws):
        for name in self.contenders:
            if draws and name in DRAWING:
                self._pair(("models", DRAWN, name), ("draws", "draws_warm"), "draws", number)
        for group, case in cases_of:
            for name in self.contenders:
                if group in ENTRIES[name].groups:
                    measures = ("cold", "warm") if name in WARM else ("cold",)
                    self._pair((group, case, name), measures, "first", number)

    def run(self, cases_of, draws):
        """All records; those until then if the time is over or the run is interrupted.

        Our source tree is translated first, as installed libraries are.
        """
        for folder in ("probtensor", "cython_ext", "tests"):
            compileall.compile_dir(harness.ROOT / folder, quiet=2)
        try:
            for number in range(self.asked.rounds):
                self._round(number, cases_of, draws)
        except KeyboardInterrupt:
            self.say("interrupted")
        return self.records


def _chosen(text, known):
    chosen = text.split(",") if text else known
    for name in chosen:
        if name not in known:
            raise SystemExit(f"unknown {name!r}; there are: {', '.join(known)}")
    return tuple(chosen)


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.first", description=__doc__)
    parser.add_argument("contenders", nargs="*", help=f"some of {', '.join(ENTRIES)}")
    parser.add_argument("--groups", help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--models", help="some models of these groups, and no draws")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds of one process")
    parser.add_argument("--patience", type=float, default=8.0,
                        help="seconds after which a figure is not measured again")  # fmt: skip
    parser.add_argument("--within", type=float, default=float("inf"),
                        help="seconds after which no measurement begins")  # fmt: skip
    parser.add_argument("--save", action="store_true", help="write the committed results")
    parser.add_argument("--verbose", action="store_true", help="show the workers' errors in full")
    return parser.parse_args()


def main():
    asked = _arguments()
    start = time.monotonic()
    contenders = []
    for name in _chosen(",".join(asked.contenders), tuple(ENTRIES)):
        reason = harness.missing(ENTRIES[name].registered)
        if reason is None:
            contenders.append(name)
        else:
            print(f"skip {name}: {reason}")

    def say(line):
        print(f"[{time.monotonic() - start:6.0f} s] {line}", flush=True)

    rounds = Rounds(asked, contenders, say)
    models = asked.models.split(",") if asked.models else ()
    groups = _chosen(asked.groups, GROUPS)
    named = [(group, case) for group in groups for case in names_of(group)]
    kept = [(group, case) for group, case in named if not models or case in models]
    records = rounds.run(kept, draws=not models)
    print(f"\n{table.text(records)}")
    if asked.save:
        table.write(records, asked.rounds)
    ours = [line for line in table.failures(records) if table.OURS in line]
    return 1 if ours or not records or table.agreement(records) else 0


if __name__ == "__main__":
    sys.exit(main())
