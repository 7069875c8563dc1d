"""Generated text is what was last accepted (`make golden`), and the same in every process."""

import os
import subprocess
import sys

import pytest

from tests.golden.dump import texts
from tests.models.programs import MODELS

ACCEPTED = "tests/golden/sources"


@pytest.fixture(scope="module")
def made():
    """The text generated now."""
    return texts()


def test_no_accepted_text_is_left_over(made, root):
    assert {path.name for path in (root / ACCEPTED).iterdir()} == set(made)


TEXTS = [f"{model.__name__}{suffix}" for model in MODELS for suffix in (".pyx", ".cu")]


@pytest.mark.parametrize("name", ["kernels.txt", *TEXTS])
def test_text_is_as_accepted(name, made, root):
    accepted = (root / ACCEPTED / name).read_text(encoding="utf-8")
    assert made[name] == accepted, "read `git diff` after `make golden`; commit it if it is meant"


def test_text_does_not_depend_on_hash_seeds(made, root, tmp_path):
    for seed in ("1", "4242"):
        folder = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "tests.golden.dump", folder],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            check=True,
            timeout=120,
        )
        assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == made
