"""The levels of the machine: which one is chosen, and that they do not differ."""

import types

import numpy as np
import pytest

import probtensor as pt
from cython_ext import levels as built_levels
from cython_ext.machine import names_of, runs_level
from probtensor.targets.machine import levels


@pytest.mark.parametrize(
    ("runs", "built", "chosen"),
    [
        ({"x86_64_v4", "x86_64_v3"}, {"x86_64_v4", "x86_64_v3", "baseline"}, "x86_64_v4"),
        ({"x86_64_v4", "x86_64_v3"}, {"x86_64_v3", "baseline"}, "x86_64_v3"),
        ({"x86_64_v3"}, {"x86_64_v4", "x86_64_v3", "baseline"}, "x86_64_v3"),
        ({"x86_64_v3"}, {"x86_64_v4", "baseline"}, "baseline"),
        (set(), {"x86_64_v4", "x86_64_v3", "baseline"}, "baseline"),
    ],
)
def test_the_best_level_that_runs_and_is_built_is_chosen(monkeypatch, runs, built, chosen):
    real = levels.machine()

    def module(name):
        level = name.rsplit(".", 1)[1]
        if level not in built:
            raise ImportError(name)
        return types.SimpleNamespace(
            __name__=name,
            table=real.table,
            pairs=real.pairs,
            run=real.run,
            __file__=__file__,
        )

    here = built_levels.level_here.__wrapped__
    monkeypatch.setattr(built_levels, "runs_level", lambda level: level in runs | {"baseline"})
    monkeypatch.setattr(built_levels, "import_module", module)
    monkeypatch.setattr(levels, "level_here", here)
    found = levels.machine.__wrapped__()
    assert found.level == chosen
    assert found.instructions == real.instructions


def test_every_level_that_runs_here_has_the_same_instructions():
    for level in built_levels.LEVELS:
        try:
            module = runs_level(level) and __import__(f"cython_ext.levels.{level}", fromlist=["x"])
        except ImportError:  # a build for this processor alone
            continue
        if module:
            assert names_of(module.table) == list(levels.machine().instructions)
    x = pt.vector("x")
    assert pt.function([x], pt.sum(x), target="machine")(np.arange(4.0)) == 6.0
