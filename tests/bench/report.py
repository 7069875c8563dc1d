"""The results as one table: plain text, Markdown, and JSON with machine, versions and date."""

import datetime
import json
import math
import platform
import statistics
import subprocess
from pathlib import Path

from tests.bench import harness, registry

RESULTS = Path(__file__).resolve().parent / "results"
COLUMNS = (
    ("contender", None, ""),
    ("import s", "import_s", "{:.2f}"),
    ("cold s", "cold_s", "{:.2f}"),
    ("warm s", "warm_s", "{:.3f}"),
    ("python us", "python_us", "{:.2f}"),
    ("pointer us", "pointer_us", "{:.2f}"),
    ("best us", "best_us", "{:.2f}"),
    ("whole s", "whole_s", "{:.2f}"),
    ("NUTS s", "nuts_s", "{:.2f}"),
    ("min ESS", "ess_min", "{:.0f}"),
    ("ESS/s", "ess_per_s", "{:.0f}"),
    ("R-hat", "rhat_max", "{:.3f}"),
    ("peak MiB", "peak_mib", "{:.0f}"),
)
COMPARED = (
    ("time of a gradient", "gradient_us", False),
    ("time of a gradient, best block", "best_us", False),
    ("first gradient, cold", "cold_s", False),
    ("first gradient, warm", "warm_s", False),
    ("NUTS wall time", "nuts_s", False),
    ("model to draws, warm", "whole_s", False),
    ("min bulk ESS per second", "ess_per_s", True),
    ("peak memory", "peak_mib", False),
)
LEGEND = (
    "cold, warm: built model to first gradient, with an empty and a filled cache; python, pointer: "
    "one gradient, one thread; best: its quickest block of calls, either way; NUTS: 4 x "
    "(1000+1000) on 2 cores, compilation left out wherever the library allows; whole: built model "
    "to draws, with a filled cache; ESS: smallest bulk ESS of the free parameters; peak: of the "
    "sampling process. Medians of rounds that take the contenders in turn."
)


def _first_line(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return out.splitlines()[0] if out else "unknown"


def _cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def machine(contenders):
    """CPU, system and the versions of everything measured."""
    distributions = {d for c in contenders for d in registry.ENTRIES[c].distributions}
    versions = {d: harness.version(d) or "source tree" for d in sorted(distributions)}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "cpu": _cpu(),
        "cores": harness.CORES,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "gcc": _first_line(["gcc", "--version"]),
        "versions": versions,
    }


def _values(records, case, contender, measures, key):
    """The figures `key` (dots descend) of the records that have it, without failures."""
    found = []
    for record in records:
        if (record["case"], record["contender"]) != (case, contender):
            continue
        value = record["result"] if record["measure"] in measures else None
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found.append(value)
    return found


def summarise(records):
    """{case: {contender: {figure: median over rounds}}}, in order of measurement."""
    figures = (
        ("import_s", harness.MEASURES, "import_s", 1),
        ("cold_s", ("cold",), "first_s", 1),
        ("warm_s", ("warm",), "first_s", 1),
        ("python_us", ("gradient",), "python.median_ns", 1e-3),
        ("pointer_us", ("gradient",), "pointer.median_ns", 1e-3),
        ("python_best_us", ("gradient",), "python.best_ns", 1e-3),
        ("pointer_best_us", ("gradient",), "pointer.best_ns", 1e-3),
        ("nuts_s", ("sample",), "nuts_s", 1),
        ("whole_s", ("sample",), "whole_s", 1),
        ("ess_min", ("sample",), "ess_min", 1),
        ("ess_per_s", ("sample",), "ess_per_s", 1),
        ("rhat_max", ("sample",), "rhat_max", 1),
        ("peak_mib", ("sample",), "peak_mib", 1),
    )
    summary = {}
    for case, contender in dict.fromkeys((r["case"], r["contender"]) for r in records):
        row = {}
        for figure, measures, key, unit in figures:
            values = _values(records, case, contender, measures, key)
            if values:
                row[figure] = statistics.median(values) * unit
        for quickest, kinds in (("gradient_us", "us"), ("best_us", "best_us")):
            ways = [row[w] for w in (f"python_{kinds}", f"pointer_{kinds}") if w in row]
            if ways:
                row[quickest] = min(ways)
        summary.setdefault(case, {})[contender] = row
    return summary


def geometric_mean(ratios):
    return math.exp(statistics.fmean(math.log(r) for r in ratios))


def advantages(summary, figure, larger_is_better):
    """{peer or "best peer": {case: how many times better ours is}}."""
    table = {}
    for case, rows in summary.items():
        ours = rows.get(registry.OURS, {}).get(figure)
        peers = {p: rows[p][figure] for p in registry.PEERS if figure in rows.get(p, {})}
        if ours is None or not peers:
            continue
        best = max(peers.values()) if larger_is_better else min(peers.values())
        for name, value in (("best peer", best), *peers.items()):
            ratio = ours / value if larger_is_better else value / ours
            table.setdefault(name, {})[case] = ratio
    return table


def comparison_lines(summary):
    """How many times better than each peer, geometric means over the models and their smallest."""
    lines = []
    for title, figure, larger in COMPARED:
        table = advantages(summary, figure, larger)
        words = []
        for name, ratios in table.items():
            mean, worst = geometric_mean(ratios.values()), min(ratios, key=ratios.get)
            words.append(f"{name} {mean:.2f}x (least {ratios[worst]:.2f}x, {worst})")
        if words:
            lines.append(f"{title}: {'; '.join(words)}")
    for case, rows in summary.items():
        ours = rows.get(registry.OURS, {})
        if "pointer_best_us" in ours:
            overhead = ours["python_best_us"] - ours["pointer_best_us"]
            lines.append(f"Python call over the pointer, best blocks, {case}: {overhead:.2f} us")
    return lines


def _cells(contender, row):
    cells = [contender]
    for _, key, form in COLUMNS[1:]:
        cells.append(form.format(row[key]) if key in row else "-")
    return cells


def plain(summary):
    """The table as aligned text."""
    heads = [head for head, _, _ in COLUMNS]
    body = {case: [_cells(c, row) for c, row in rows.items()] for case, rows in summary.items()}
    every = [heads] + [cells for rows in body.values() for cells in rows]
    widths = [max(len(cells[i]) for cells in every) for i in range(len(heads))]

    def line(cells):
        first = cells[0].ljust(widths[0])
        rest = [c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join([first, *rest])

    lines = []
    for case, rows in body.items():
        lines += [case, line(heads), *map(line, rows), ""]
    return "\n".join(lines)


def _markdown_row(cells):
    return f"| {' | '.join(cells)} |"


def markdown(results):
    """The whole report as Markdown."""
    about = results["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items())
    heads = ["model", *(head for head, _, _ in COLUMNS)]
    lines = [
        "# Benchmarks",
        "",
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}, "
        f"Python {about['python']}, {about['gcc']}; {versions}.",
        "",
        LEGEND,
        "",
        _markdown_row(heads),
        _markdown_row(["---", "---", *["---:"] * (len(heads) - 2)]),
    ]
    for case, rows in results["summary"].items():
        lines += [_markdown_row([case, *_cells(c, row)]) for c, row in rows.items()]
    comparison = comparison_lines(results["summary"])
    if comparison:
        lines += ["", "How many times better ProbTensor is (above 1 is better):", ""]
        lines += [f"- {line}" for line in comparison]
    failures = results["failures"]
    if failures:
        lines += ["", "Not measured:", "", *(f"- {line}" for line in failures)]
    return "\n".join(lines) + "\n"


def failures(records):
    """One line for each measurement that gave no figure."""
    return [
        f"{r['case']}, {r['contender']}, {r['measure']}: {r['result']['error']}"
        for r in records
        if "error" in r["result"]
    ]


def collect(records, settings):
    """Everything one run found, as one JSON-able object."""
    return {
        "machine": machine(settings.contenders),
        "rounds": settings.rounds,
        "cold_rounds": settings.cold_rounds,
        "sample_rounds": settings.sample_rounds,
        "draws": settings.draws,
        "tune": settings.tune,
        "summary": summarise(records),
        "failures": failures(records),
        "records": records,
    }


def write(results, path):
    """`path` with its suffix replaced by .json, .md and .txt."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(results))
    text = [plain(results["summary"]), *comparison_lines(results["summary"])]
    path.with_suffix(".txt").write_text("\n".join(text) + "\n")
