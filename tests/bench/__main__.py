"""`python -m tests.bench`: measures, prints the table and, if asked, keeps it."""

import argparse
import sys
import time

from tests.bench import baseline, cases, harness, registry, report, versions


def _names(text, known, what):
    chosen = tuple(text.split(",")) if text else tuple(known)
    for name in chosen:
        if name not in known:
            raise SystemExit(f"unknown {what} {name!r}; there are: {', '.join(known)}")
    return chosen


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--models", help=f"some of {','.join(cases.NAMES)}")
    parser.add_argument("--contenders", help=f"some of {','.join(registry.ENTRIES)}")
    parser.add_argument("--measures", help=f"some of {','.join(harness.MEASURES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=2)
    parser.add_argument("--sample-rounds", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one measurement")
    parser.add_argument("--quick", action="store_true", help="one round, 200 + 200 draws")
    parser.add_argument("--check", action="store_true", help="compare with the committed baseline")
    parser.add_argument("--save", action="store_true", help=f"write {baseline.PATH.parent}")
    parser.add_argument("--out", help="write the results to this path (.json, .md, .txt)")
    parser.add_argument("--base", help="compare with this commit or built checkout, and no peers")
    parser.add_argument("--starts", type=int, default=versions.STARTS, help="for --base")
    parser.add_argument("--pairs", type=int, default=versions.PAIRS, help="for --base")
    parser.add_argument("--way", choices=("pointer", "python"), default="pointer")
    parser.add_argument("--verbose", action="store_true", help="show the workers' errors in full")
    return parser.parse_args()


def _available_cases(names):
    for name in names:
        try:
            cases.load(name)
            yield name
        except cases.MissingData as error:
            print(f"skip {name}: {error}")


def _compared(text):
    """The models of two versions: `cases`, or those that are asked for, densities too."""
    from tests.bench import densities

    asked = densities.MODELS if text == "densities" else (text or ",".join(cases.NAMES)).split(",")
    chosen = _names(",".join(asked), (*cases.NAMES, *densities.MODELS), "model")
    own = [name for name in chosen if name in densities.MODELS]
    return [*_available_cases(name for name in chosen if name in cases.NAMES), *own]


def _available_contenders(names):
    for name in names:
        reason = harness.missing(name)
        if reason is None:
            yield name
        else:
            print(f"skip {name}: {reason}")


def settings_from(arguments):
    """What the command line asks for, less what this machine cannot run."""
    contenders, measures = arguments.contenders, arguments.measures
    if arguments.check:
        contenders, measures = f"{registry.OURS},{registry.FLOOR}", "cold,warm,gradient"
    quick = arguments.quick
    return harness.Settings(
        cases=tuple(_available_cases(_names(arguments.models, cases.NAMES, "model"))),
        contenders=tuple(_available_contenders(_names(contenders, registry.ENTRIES, "contender"))),
        measures=_names(measures, harness.MEASURES, "measure"),
        rounds=1 if quick else arguments.rounds,
        cold_rounds=1 if quick else arguments.cold_rounds,
        sample_rounds=1 if quick else arguments.sample_rounds,
        draws=200 if quick else 1000,
        tune=200 if quick else 1000,
        budget_s=0.2 if quick else 0.5,
        timeout_s=arguments.timeout,
        verbose=arguments.verbose,
    )


def _check(summary):
    committed = baseline.load()
    if committed is None:
        print(f"no baseline: {baseline.PATH} has not been committed")
        return 2
    lines, slower = baseline.compare(committed, baseline.ratios(summary))
    print("\n".join(lines) if lines else "nothing to compare with the baseline")
    return 1 if slower or not lines else 0


def main():
    arguments = _arguments()
    start = time.monotonic()

    def say(line):
        print(f"[{time.monotonic() - start:6.0f} s] {line}", flush=True)

    if arguments.base:
        return versions.compare(arguments.base, _compared(arguments.models), arguments, say)
    settings = settings_from(arguments)
    records = harness.Session(settings, say).run()
    results = report.collect(records, settings)
    print()
    print(report.plain(results["summary"]))
    print("\n".join(report.comparison_lines(results["summary"])))
    complaints = harness.agreement(records)
    print("\n".join(complaints))
    if complaints:
        return 1
    if arguments.out:
        report.write(results, arguments.out)
    if arguments.save:
        report.write(results, baseline.PATH)
    if arguments.check:
        return _check(results["summary"])
    return 1 if any(registry.OURS in line for line in results["failures"]) else 0


if __name__ == "__main__":
    sys.exit(main())
