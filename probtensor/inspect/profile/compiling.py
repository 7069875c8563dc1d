"""Seconds of making a function: by stage, by pass and by rule."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.inspect.subject import Subject


def compile_times(function: Subject) -> Mapping[str, float]:
    """Seconds of each stage of making it so far, by name."""
    return {**function.compilation.timings, **function.compilation.built.timings}
