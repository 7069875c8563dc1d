"""Planted faults of twelve kinds, each attributed to its line by one call."""

import inspect
import re
from collections import Counter

import pytest

from tests.inspect.faults import FAULTS, compiling, running, values

MODULES = (values, compiling, running)


def lines_of(function):
    """The marked line of a planted fault, as file:number."""
    rows, first = inspect.getsourcelines(function)
    marked = [first + k for k, row in enumerate(rows) if row.rstrip().endswith("# here")]
    assert len(marked) == 1
    return f"{inspect.getsourcefile(function)}:{marked[0]}"


def test_there_are_sixty_of_twelve_kinds():
    kinds = Counter(kind for kind, _, _ in FAULTS)
    assert len(FAULTS) >= 60 and len(kinds) >= 12 and min(kinds.values()) >= 3


@pytest.mark.parametrize(("kind", "function", "words"), FAULTS,
                         ids=[f"{kind}-{f.__name__}" for kind, f, _ in FAULTS])  # fmt: skip
def test_the_wrong_line_is_named(kind, function, words):
    blamed, text = function()
    place = lines_of(function)
    blamed = blamed if isinstance(blamed, list) else [blamed]
    file, _, number = place.rpartition(":")
    tail = re.escape(file.rpartition("/")[2])
    assert any(re.search(rf"{tail}:{number}\b", line) for line in blamed), (place, blamed, text)
    for word in words:
        assert word in text
