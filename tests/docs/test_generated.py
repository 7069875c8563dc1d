"""The generated documents are those that are committed, and nothing in them lacks a reason."""

import pytest

from tests.docs import ops_table


@pytest.fixture(scope="module")
def rows():
    return [
        [cell.strip() for cell in line.strip("|").replace("\\|", "/").split("|")]
        for line in ops_table.table().splitlines()
        if line.startswith("| `")
    ]


def test_the_table_of_ops_is_the_committed_one(root):
    assert (root / "docs" / "ops.md").read_text() == ops_table.table(), "run `make docs`"


def test_every_op_says_what_it_lacks(rows):
    assert len(rows) > 170
    for name, what, dtypes, derivatives, batched, cuda, c in rows:
        assert what and dtypes, name
        assert derivatives in ("any", "0") or derivatives.startswith(("none: ", "up to ")), name
        assert batched in ("yes", "no operands"), name
        assert cuda in ("kernel", "host"), name
        assert c in ("yes", "LAPACK", "no"), name
