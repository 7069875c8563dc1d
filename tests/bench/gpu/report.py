"""What was found, as JSON and as a page; steps of an earlier run are kept beside new ones."""

import datetime
import json
from pathlib import Path

from tests.bench.gpu import verdicts

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"


def opened(path, dry):
    """The results that a run adds to: those of the same day and kind, else none.

    A run of some steps must not lose the others, and figures of two days must not stand together.
    """
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    fresh = {"date": today, "dry": dry, "steps": {}}
    try:
        before = json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return fresh
    same = (before.get("date"), before.get("dry")) == (today, dry)
    return before if same else fresh


def is_bad(found):
    """Did the step break off, or one of our own records fail?"""
    ours = (r for r in found["records"] if "probtensor" in str(r.get("contender", "probtensor")))
    return found["status"] != "done" or any("error" in record for record in ours)


def columns_of(found):
    """[(head, form)] of the step's table."""
    return [tuple(column) for column in found.get("about", {}).get("columns", ())]


def cell(form, value):
    """A figure in its form; a text as it is; a dash for none."""
    if value is None:
        return "-"
    return form.format(value) if not isinstance(value, str) else value


def rows_of(found):
    """(heads, rows) of the records that have figures; columns that nobody fills are left out.

    A step that states `CELL`, a form of one record, has a column for each contender instead.
    """
    measured = [r for r in found["records"] if "error" not in r and "missing" not in r]
    columns = [c for c in columns_of(found) if any(r.get(c[0]) is not None for r in measured)]
    form = found.get("about", {}).get("cell")
    if form:
        return beside_each_other(measured, columns, form)
    rows = [[cell(form, record.get(head)) for head, form in columns] for record in measured]
    return [head for head, _ in columns], rows


def beside_each_other(measured, columns, form):
    """The same with the contenders of a case in one row."""
    contenders = list(dict.fromkeys(record["contender"] for record in measured))
    table = {}
    for record in measured:
        label = tuple(cell(style, record.get(head)) for head, style in columns)
        table.setdefault(label, {})[record["contender"]] = form.format_map(record)
    rows = [[*label, *(row.get(name, "-") for name in contenders)] for label, row in table.items()]
    return [*(head for head, _ in columns), *contenders], rows


def remarks(found):
    """What went wrong or is missing, a line each."""
    lines = [] if found["status"] == "done" else [found["status"]]
    for record in found["records"]:
        label = ", ".join(str(record[k]) for k in ("case", "dtype", "contender") if k in record)
        for key, words in (("missing", ""), ("error", ""),
                           ("differs from ours at full size", "differs from ours: ")):  # fmt: skip
            if key in record:
                lines.append(f"{label}: {words}{record[key]}" if label else record[key])
    return lines


def title_of(name, found):
    """The step's title, or its name where it never said one."""
    return found["title"] or found.get("about", {}).get("title") or name


def heading(name, found):
    """One line about the step."""
    return f"\n== {title_of(name, found)} ({found['seconds']:.0f} s, {found['status']})"


def plain(found):
    """The step's table and remarks as aligned text."""
    heads, rows = rows_of(found)
    lines = []
    if rows:
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        for row in [heads, *rows]:
            lines.append("  ".join(text.ljust(w) for text, w in zip(row, widths)).rstrip())
    return "\n".join([*lines, *(f"! {line}" for line in remarks(found))])


def markdown(results):
    """The whole report."""
    lines = ["# On a GPU", "", f"{results['date']}, `make gpu`.", ""]
    if results["dry"]:
        lines += ["**A rehearsal on the host: no figure here means anything.**", ""]
    else:
        lines += verdicts.table(results)
    for name, found in results["steps"].items():
        lines += [f"## {title_of(name, found)}", ""]
        note = found.get("about", {}).get("note")
        lines += [note, ""] if note else []
        heads, rows = rows_of(found)
        if rows:
            lines.append(f"| {' | '.join(heads)} |")
            lines.append(f"| {' | '.join('---' for _ in heads)} |")
            lines += [f"| {' | '.join(row)} |" for row in rows]
            lines.append("")
        found_remarks = remarks(found)
        lines += [*(f"- {line}" for line in found_remarks), ""] if found_remarks else []
    return "\n".join(lines).rstrip() + "\n"


def write(results, path):
    """`path` with the suffixes .json and .md."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(results))
