"""The scalar functions of the machine on arrays: what a compiled kernel would compute."""

import math
from functools import cache

import numpy as np

from cython_ext.levels import level_here
from cython_ext.machine import apply_function, names_of

GROUP = 8  # elements that instructions on vectors work on at least


@cache
def index_of_names():
    """The index of each instruction in the table of the machine, by its name."""
    names = names_of(level_here().table)
    return dict(zip(names, range(len(names))))


def has_function(name):
    """Whether the machine has a function of floats by this C name."""
    return f"{name}_v" in index_of_names()


def apply(name, *operands):
    """The function of this C name on broadcast arrays, as float64."""
    index = index_of_names()
    shapes = {x.shape for x in operands}
    shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
    count = math.prod(shape)
    padded = -(-count // GROUP) * GROUP
    result = np.empty(padded)
    if count:
        given = tuple([_padded(x, shape, count, padded) for x in operands])
        apply_function(level_here().table, index[f"{name}_v"], index["end"], result, given)
    return result[:count].reshape(shape)


def _padded(operand, shape, count, padded):
    made = np.ones(padded)  # each function is quick at 1
    made[:count].reshape(shape)[...] = operand
    return made
