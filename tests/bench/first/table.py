"""What a run found: medians, ratios, and the text of it."""

import json
import os
import statistics
from pathlib import Path

from tests.bench import report
from tests.bench.first.contenders import ENTRIES, GROUPS

OURS, INTERPRETER = "machine", "stanli"
TYPICAL = tuple(group for group in GROUPS if group != "graphs")
# Milliseconds of tier 0, and the ratio to the interpreter of Stan, that are to hold.
SMALL_MS, TYPICAL_MS, LARGE_MS = 10, 50, 1000
RATIO = 1.5
# Solvers differ by their tolerance.
TOLERANCES = {"hudson_lynx_hare-lotka_volterra": 1e-4}
DEFAULT_TOLERANCE = 1e-6
# All logits are 0 where all parameters are equal, and there NumPyro's Bernoulli has a kink.
KINKS = {("irt_2pl", "jax")}


def summarise(records, figures=("draws_s", "first_s")):
    """{measure: {(group, case): {contender: median of the one of the figures that there is}}}."""
    found = {}
    for record in records:
        value = next((record["result"][key] for key in figures if key in record["result"]), None)
        if value is not None:
            rows = found.setdefault(record["measure"], {})
            row = rows.setdefault((record["group"], record["case"]), {})
            row.setdefault(record["contender"], []).append(value)
    return {
        measure: {
            key: {name: statistics.median(values) for name, values in row.items()}
            for key, row in rows.items()
        }
        for measure, rows in found.items()
    }


def _lines(rows, columns, unit):
    """A line a case: seconds times `unit`, and how many times faster ours is than each other."""
    width = max([len(case) for _, case in rows] + [12])
    others = [name for name in columns if name != OURS and ENTRIES[name].adapter != "probtensor_"]
    heads = [f"{name:>11}" for name in columns] + [f"{'x ' + name:>12}" for name in others]
    lines, group = [], None
    for (its_group, case), row in rows.items():
        if its_group != group:
            group = its_group
            lines += ["", f"{group:{width}}" + "".join(heads)]
        cells = [f"{unit * row[n]:11.1f}" if n in row else f"{'-':>11}" for n in columns]
        cells += [
            f"{row[n] / row[OURS]:12.2f}" if n in row and OURS in row else f"{'-':>12}"
            for n in others
        ]
        lines.append(f"{case:{width}}" + "".join(cells))
    return lines


def _listed(title, found):
    cells = [f"{case} {text}" for case, text in found]
    return f"{title}: {', '.join(cells) or 'none'}"


def verdicts(summary):
    """Where tier 0, cold, takes longer than it should."""
    rows = summary.get("cold", {})
    ours = {key: 1e3 * row[OURS] for key, row in rows.items() if OURS in row}

    def over(limit, groups):
        keys = [key for key in ours if key[0] in groups and ours[key] > limit]
        return [(key[1], f"{ours[key]:.1f}") for key in keys]

    ratios = {
        key: row[OURS] / row[INTERPRETER]
        for key, row in rows.items()
        if OURS in row and INTERPRETER in row
    }
    slow = [(key[1], f"{ratio:.2f}") for key, ratio in ratios.items() if ratio > RATIO]
    lines = [
        _listed(f"over {SMALL_MS} ms", over(SMALL_MS, TYPICAL)),
        _listed(f"over {TYPICAL_MS} ms", over(TYPICAL_MS, TYPICAL)),
        _listed(f"graphs over {LARGE_MS} ms", over(LARGE_MS, ("graphs",))),
        _listed(f"slower than {RATIO:g} times {INTERPRETER}", slow),
    ]
    if ratios:
        mean = report.geometric_mean(ratios.values())
        lines.append(f"{OURS} over {INTERPRETER}, geometric mean: {mean:.2f}")
    return lines


def text(records):
    """The tables and the verdicts."""
    summary = summarise(records)
    titles = {
        "cold": "first value and gradient, cold, ms; x: times faster the machine is",
        "warm": "the same in the second process, ms",
        "draws": "import to draws of eight schools, 4 x (1000 + 1000), cold, ms",
        "draws_warm": "the same in the second process, ms",
    }
    tables = [(title, summary.get(measure, {})) for measure, title in titles.items()]
    busy = summarise(records, ("processor_s",))
    tables.append(
        ("processor time of the first value and gradient, cold, ms", busy.get("cold", {}))
    )
    lines = []
    for title, rows in tables:
        columns = [name for name in ENTRIES if any(name in row for row in rows.values())]
        if rows:
            lines += ["", title, *_lines(rows, columns, 1e3)]
    lines += ["", *verdicts(summary), *agreement(records), *failures(records)]
    return "\n".join(lines).strip() + "\n"


def failures(records):
    """One line for each measurement that gave no figure."""
    return [
        f"{r['case']}, {r['contender']}, {r['measure']}: {r['result']['error']}"
        for r in records
        if "error" in r["result"]
    ]


def agreement(records):
    """A line for each contender that has another density than the first one measured."""
    references, complaints = {}, []
    for record in records:
        result, case = record["result"], record["case"]
        if "gradient_norm" not in result:
            continue
        reference = references.setdefault(case, result)
        tolerance = TOLERANCES.get(case, DEFAULT_TOLERANCE)
        for key in ("size", "logp_difference", "gradient_norm"):
            a, b = result[key], reference[key]
            kink = key == "gradient_norm" and (case, record["contender"]) in KINKS
            if not kink and not abs(a - b) <= tolerance * max(abs(b), 1e-3):
                complaints.append(f"{case}: {record['contender']} has {key} {a!r}, not {b!r}")
    return list(dict.fromkeys(complaints))


def collect(records, rounds):
    """Everything a run found, as one JSON-able object."""
    names = dict.fromkeys(ENTRIES[r["contender"]].registered for r in records)
    figures = {"seconds": ("draws_s", "first_s"), "processor_seconds": ("processor_s",)}
    summary = {
        title: {
            measure: {f"{group}/{case}": row for (group, case), row in rows.items()}
            for measure, rows in summarise(records, keys).items()
        }
        for title, keys in figures.items()
    }
    about = report.machine(tuple(names)) | {"load": os.getloadavg()}
    return {"machine": about, "rounds": rounds, "summary": summary, "records": records}


def write(records, rounds, path=report.RESULTS / "first.json"):
    """The results as .json and .txt."""
    path, results = Path(path), collect(records, rounds)
    about = results["machine"]
    load = ", ".join(f"{value:.1f}" for value in about["load"])
    head = f"{about['date']}, {about['cpu']}, {about['cores']} cores, Python {about['python']}; "
    head += f"load of the machine at the end: {load}"
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".txt").write_text(f"{head}\n\n{text(records)}")
