"""The machine, compiled for one level; see __init__.py."""

include "level.pxi"
