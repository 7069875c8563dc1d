"""A model as plain values: its parts and the terms of its density, for pages and other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from probtensor.prob.modelling.structure import structure_of

if TYPE_CHECKING:
    from probtensor.prob.model.posterior import Posterior


def described(posterior: Posterior, q: np.ndarray | None = None) -> dict[str, object]:
    """The parts of a posterior, what is depended on first, and the terms of its log density, each
    with its value at `q`; by default where all unconstrained coordinates are 0.

    A part has name, kind, axes, parents, distribution, formula, support, transform, size and line;
    a term name, kind, formula, line and value, as text.
    """
    structure = structure_of("explore", posterior)
    writer = structure.writer()
    parts, formulas = [], {}
    for part in structure.parts:
        formulas[part.name] = formula = structure.formula(part, writer)
        parts.append({
            "name": part.name, "kind": part.kind, "axes": list(part.axes),
            "parents": list(part.parents), "distribution": part.distribution, "formula": formula,
            "support": part.support, "transform": part.transform, "size": part.size,
            "line": part.line,
        })  # fmt: skip
    point = np.zeros(posterior.dim) if q is None else q
    terms = [
        {
            "name": term.name, "kind": term.what.removeprefix("the "), "line": term.line,
            "value": f"{term.value:.6g}", "formula": formulas.get(term.name, ""),
        }
        for term in posterior.terms(point).terms
    ]  # fmt: skip
    return {"parts": parts, "terms": terms, "dim": posterior.dim}
