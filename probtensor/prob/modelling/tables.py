"""Tables of what a model consists of, and of the terms of its density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from numpy.typing import ArrayLike

from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.modelling.structure import structure_of

WIDEST = 44  # columns of one cell


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of text under headings; its text is aligned.

    headings  the names of the columns
    rows      a tuple of values for each row

    `table["heading"]` is a column as a list. Iteration is over rows as dicts, which
    `pandas.DataFrame(list(table))` takes.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple, ...]

    def __getitem__(self, heading: str) -> list:
        return [row[self.headings.index(heading)] for row in self.rows]

    def __iter__(self) -> Iterator[dict[str, object]]:
        return (dict(zip(self.headings, row, strict=True)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        cells = [self.headings, *([_cell(x) for x in row] for row in self.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(self.headings))]
        return "\n".join(
            "  ".join(f"{x:{w}}" for x, w in zip(row, widths)).rstrip() for row in cells
        )

    __repr__ = __str__


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


@public
def table(model: object, q: ArrayLike | None = None) -> Table:
    """The parts of a model, or the terms of its log density at a point.

    model  a posterior, or named tensors: one, a list or a dict
    q      float64[dim]: then a posterior's terms there, with their lines

    The first has a row for each part: `name`, `kind`, `distribution` with its parameters or the
    expression, `parents`, `shape`, `dims`, `support`, `transform` to unconstrained coordinates,
    `size` of these, `line`. Of the terms: `name`, `term`, `value`, `line`.

    Returns a `Table`: printed, it is aligned; `table["name"]` is a column. Raises TypeError for
    what is no model, ValueError for a point of another length.

        >>> s = pt.random.half_normal(2.0, name="s")
        >>> post = pt.condition({pt.random.normal(0.0, s, name="y"): 1.0})
        >>> pt.table(post)["transform"], pt.table(post)["size"]
        (['log', ''], [1, 0])
        >>> pt.table(post, [0.0])["term"]
        ['the half_normal prior', 'the log-Jacobian', 'the normal likelihood']
    """
    if q is not None:
        if not isinstance(model, Posterior):
            raise TypeError(f"table: q= is a point of a posterior\n  at {line_text()}")
        terms = model.terms(q).terms
        return Table(
            ("name", "term", "value", "line"),
            tuple((t.name, t.what, t.value, t.line) for t in terms),
        )
    structure = structure_of("table", model)
    writer = structure.writer()
    headings = (
        "name", "kind", "distribution", "parents", "shape", "dims", "support", "transform", "size",
        "line",
    )  # fmt: skip
    rows: Sequence[tuple] = [
        (
            p.name, p.kind, structure.formula(p, writer), p.parents,
            tuple(n if isinstance(n, int) else str(n) for n in p.shape), p.dims or (), p.support,
            p.transform, p.size, p.line,
        )
        for p in structure.parts
    ]  # fmt: skip
    return Table(headings, tuple(rows))
