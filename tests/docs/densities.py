"""The table of rules in docs/densities.md, which `make docs` writes."""

from probtensor.graph.node import Op
from probtensor.prob.derived.rules.table import RULES

HEADING = "## Rules\n"


def names_of(rule) -> str:
    """The functions that a rule is of."""
    if rule.on == (Op,):
        return "any"
    names = dict.fromkeys(f"`{getattr(op, 'users_write', None) or op.name}`" for op in rule.on)
    return ", ".join(names)


def with_table(text: str) -> str:
    """The text of docs/densities.md with the present table, at its end."""
    rows = ["", "f and F are the density and the distribution function of an operand.", ""]
    rows += ["| rule | of | density | conditions |", "|---|---|---|---|"]
    for rule in RULES:
        cells = rule.name, names_of(rule), rule.density, rule.needs
        rows.append("| " + " | ".join(x.replace("|", "\\|") for x in cells) + " |")
    return text.split(HEADING)[0] + HEADING + "\n".join(rows) + "\n"
