"""The generated documents are those that are committed, and nothing in them lacks a reason."""

import ast

import pytest

import probtensor as pt
from tests.docs import densities, distributions, features, ops_table
from tests.docs.peers import PEERS
from tests.docs.rows import ROWS


@pytest.fixture(scope="module")
def rows(root):
    """The rows of the committed table, which is the generated one."""
    return [
        [cell.strip() for cell in line.strip("|").replace("\\|", "/").split("|")]
        for line in (root / "docs" / "ops.md").read_text().splitlines()
        if line.startswith("| `")
    ]


# Ops of matrices of complex numbers, whose third derivatives are graphs of thousands of nodes.
LARGE = ("complex_eig", "complex_full_qr", "complex_full_svd", "complex_lu", "complex_qr",
         "complex_svd", "eig")  # fmt: skip


@pytest.mark.parametrize("known", [LARGE, pytest.param((), marks=pytest.mark.slow)],
                         ids=["but for large ones", "all"])  # fmt: skip
def test_the_table_of_ops_is_the_committed_one(root, known):
    """Derivatives of the ops in `known` are taken as they are committed: of any order."""

    def derivatives_of(op_class):
        return "any" if op_class.name in known else ops_table.derivatives(op_class)

    found = ops_table.table(derivatives_of)
    assert (root / "docs" / "ops.md").read_text() == found, "run `make docs`"


def test_every_op_says_what_it_lacks(rows):
    assert len(rows) > 170
    for name, what, dtypes, derivatives, batched, cuda, c in rows:
        assert what and dtypes, name
        assert derivatives in ("any", "0") or derivatives.startswith(("none: ", "up to ")), name
        assert batched in ("yes", "no operands"), name
        assert cuda in ("kernel", "library", "kernel, library", "host"), name
        assert c in ("yes", "LAPACK", "no"), name


def test_the_table_of_distributions_is_the_committed_one(root):
    assert (root / "docs" / "distributions.md").read_text() == distributions.table(), (
        "run `make docs`"
    )


def test_the_table_of_distributions_has_all_and_says_what_is_known():
    kinds = distributions.classes()
    assert set(pt.random.DECLARED) <= set(kinds) <= set(PEERS) and len(kinds) > 55
    assert {"uniform", "categorical", "dirichlet", "multivariate_normal"} <= set(kinds)
    normal = distributions.known_of("normal", kinds["normal"])
    assert all(normal.values())
    flat = distributions.known_of("flat", kinds["flat"])
    assert flat["logp"] and not flat["draw"] and not flat["mean"]
    cauchy = distributions.known_of("cauchy", kinds["cauchy"])
    assert cauchy["icdf"] and not cauchy["mean"]
    # Of single numbers, all that have a density have draws.
    for name, kind in kinds.items():
        known = distributions.known_of(name, kind)
        assert known["logp"] or name == "simulator", name
        assert known["draw"] or kind.improper, name


def test_the_table_of_features_is_the_committed_one(root):
    assert (root / "docs" / "features.md").read_text() == features.table(), "run `make docs`"


def test_the_table_of_densities_is_the_committed_one(root):
    text = (root / "docs" / "densities.md").read_text()
    assert text == densities.with_table(text), "run `make docs`"


def test_every_feature_has_tests_that_exist_or_a_reason(root):
    defined, missing = {}, []
    for rows in ROWS.values():
        for number, (_, *entries) in rows.items():
            assert entries, number
            for proof in features.proofs(entries):
                file = root / "tests" / proof.file
                if proof.file not in defined:
                    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
                    defined[proof.file] = {getattr(node, "name", "") for node in tree.body}
                absent = [name for name in proof.tests if f"test_{name}" not in defined[proof.file]]
                missing += [f"{number}: {proof.file}: {name}" for name in absent]
    assert not missing, "\n".join(missing)
