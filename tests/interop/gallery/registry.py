"""The table of models: each a function of its number of rows that returns a `pm.Model`."""

from collections.abc import Callable
from typing import NamedTuple


class Entry(NamedTuple):
    """A model of the gallery.

    build  (rows) -> pm.Model, with simulated data that depend on the number of rows alone
    small  rows for tests
    large  rows for measurements
    """

    build: Callable
    small: int
    large: int


MODELS: dict[str, Entry] = {}


def model(small: int, large: int) -> Callable:
    """Decorator: a model under the name of its function."""

    def register(build: Callable) -> Callable:
        MODELS[build.__name__] = Entry(build, small, large)
        return build

    return register
