"""Write the generated documents: `make docs`."""

from pathlib import Path

from tests.docs import densities, distributions, features, ops_table

DOCS = Path(__file__).resolve().parents[2] / "docs"

(DOCS / "ops.md").write_text(ops_table.table())
(DOCS / "distributions.md").write_text(distributions.table())
(DOCS / "features.md").write_text(features.table())
written = (DOCS / "densities.md").read_text()
(DOCS / "densities.md").write_text(densities.with_table(written))
