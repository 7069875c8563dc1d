"""The regression check: our figures over the C floor's of the same run, against committed ratios.

Absolute times of two days or machines cannot be compared; the ratio to a floor measured in the same
minutes can, within a generous factor.
"""

import json

from tests.bench import registry, report

PATH = report.RESULTS / "bench.json"
LIMITS = {
    "pointer_us": ("pointer_us", 1.5),
    "python_us": ("python_us", 1.5),
    "cold_s": ("cold_s", 2.0),
    "warm_s": ("cold_s", 2.0),
}


def ratios(summary):
    """{(case, figure): ours over the floor's}; warm builds too are taken over a cold gcc run."""
    found = {}
    for case, rows in summary.items():
        ours, floor = rows.get(registry.OURS, {}), rows.get(registry.FLOOR, {})
        for figure, (floor_figure, _) in LIMITS.items():
            if figure in ours and floor_figure in floor:
                found[case, figure] = ours[figure] / floor[floor_figure]
    return found


def load():
    """The committed ratios, or None where no baseline has been committed."""
    if not PATH.is_file():
        return None
    return ratios(json.loads(PATH.read_text())["summary"])


def compare(committed, measured):
    """(lines that say how each ratio fared, whether any of them is a slowdown)."""
    lines, slower = [], False
    for (case, figure), now in measured.items():
        before = committed.get((case, figure))
        if before is None:
            continue
        limit = LIMITS[figure][1]
        verdict = "ok" if now <= limit * before else f"SLOWER than {limit:g} x the baseline"
        slower = slower or now > limit * before
        lines.append(f"{case} {figure}: {now:.3g} x the C floor, was {before:.3g}; {verdict}")
    return lines, slower
