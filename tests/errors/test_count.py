"""No mistake loses its test: there are at least so many."""

import importlib
from pathlib import Path

LEAST = 120


def test_as_many_wrong_programs_as_ever():
    """Each file of rows has a list ROWS; rows may move, but not go."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    modules = [importlib.import_module(f"tests.errors.{name}") for name in names]
    rows = [row for module in modules for row in getattr(module, "ROWS", ())]
    assert len({row.program for row in rows}) == len(rows), "two rows are one program"
    assert len(rows) >= LEAST
