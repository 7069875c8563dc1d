"""The table of docs/pymc.md: `python -m tests.interop.pymc_table` writes it, where PyMC is."""

import re
from pathlib import Path

RULE = "| --- | --- | --- | --- |\n"
PATH = Path(__file__).resolve().parents[2] / "docs" / "pymc.md"


def table(routes):
    """The text of docs/pymc.md for {name: Routes}: what stands above its last table is kept."""
    text = PATH.read_text()
    start = text.index(RULE, text.index("## Distributions")) + len(RULE)
    return text[:start] + "".join(f"{line(name, r)}\n" for name, r in sorted(routes.items()))


def line(name, r):
    """The row of one case."""
    own = "its density graph"
    if r.variable is not None:
        own = f"`pt.random.{r.variable.op.distribution.name}`" + " *" * r.case.constant
    return f"| {name} | {own} | {told(r, '')} | {told(r, ' cdf')} |"


def told(r, kind):
    """Whether a graph is translated, or which op is in the way."""
    if f"pymc{kind}" in r.errors:
        return "-"
    error = r.errors.get(f"translated{kind}")
    if error is None:
        return "yes"
    return f"has `{re.split(r'[{ ]', error.removeprefix('translate: '))[0]}`"


if __name__ == "__main__":
    from tests.interop.pymc_cases import CASES
    from tests.interop.pymc_routes import Routes

    PATH.write_text(table({name: Routes(case) for name, case in CASES.items()}))
