"""The machine of tier 0, compiled for levels of processors.

    baseline    every processor: x86-64-v2, or what the platform's compiler assumes
    x86_64_v3   with AVX2 and fused multiply-add
    x86_64_v4   with AVX-512

Each module has `table`, the address of its table of instructions, `pairs`, that of its pairs of
instructions, and `run`, that of the function that runs programs. They differ in the flags of
setup.py alone.
"""

from functools import cache
from importlib import import_module

from cython_ext.machine import runs_level

LEVELS = ("x86_64_v4", "x86_64_v3", "baseline")  # the best first


@cache
def level_here():
    """The module of the best level that this processor can run."""
    for level in LEVELS:
        if not runs_level(level):
            continue
        try:
            return import_module(f"cython_ext.levels.{level}")
        except ImportError:  # built for this processor alone, as `baseline`
            continue
    raise ImportError("cython_ext.levels has no machine for this processor")
