"""`docs/pytensor.md`: the ops of PyTensor that are known here, and those that are not.

`python -m tests.interop.pytensor_table` writes it, where PyTensor is installed.
"""

from pathlib import Path

from probtensor.interop.pytensor.absent import ABSENT
from probtensor.interop.pytensor.rows.draws import DRAWS, SPECIAL
from probtensor.interop.pytensor.rows.scalars import KNOWN
from probtensor.interop.pytensor.translate import BATCHED, MODULES, ROWS, load_rows

PAGE = Path(__file__).parents[2] / "docs" / "pytensor.md"
HEAD = """# Graphs of PyTensor

`translate(outputs, inputs)` of `probtensor.interop.pytensor` makes tensors of this library from a
graph of PyTensor. Importing that package also makes `mode="PROBTENSOR"` known to PyTensor, by which
any `pytensor.function` is compiled here: with symbolic sizes, updates, shared variables, and
generators that advance from call to call. Literals are computed in double precision.

## Ops

"""


def page() -> str:
    """The text of the page."""
    load_rows()
    lines = ["| Kind | Classes |", "|---|---|"]
    lines.append(f"| scalar ops | {_names([*KNOWN, 'Composite', 'ScalarLoop'])} |")
    for module in MODULES:
        own = [name for name, row in ROWS.items() if row.__module__.endswith(f".{module}")]
        lines.append(f"| {module} | {_names(own)} |")
    lines.append(f"| random variables | {_names([*DRAWS, *SPECIAL])} |")
    lines += ["", "Batched as they are, without a loop over leading axes: " + _names(BATCHED) + "."]
    lines += ["", "## Ops without a translation", ""]
    lines += ["| Module | Classes | Reason |", "|---|---|---|"]
    for module, (names, reason) in sorted(ABSENT.items()):
        lines.append(f"| {module} | {_names(names) or 'all'} | {reason} |")
    return HEAD + "\n".join(lines) + "\n"


def _names(names) -> str:
    return ", ".join(sorted(set(names), key=str.lower))


if __name__ == "__main__":
    PAGE.write_text(page())
