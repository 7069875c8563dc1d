"""PyMC's own density of a model and its gradient, and the order of its variables."""

from contextlib import contextmanager

import numpy as np
import pytensor.scalar.basic as literals


@contextmanager
def double_precision():
    """Literals of PyTensor graphs that are built inside are float64 and int64.

    By default 1.5 is a float32 and 10 an int8, so that log(10) has 7 digits and products of small
    whole numbers overflow.
    """
    casts = literals.autocast_float, literals.autocast_int
    before = [cast.dtypes for cast in casts]
    for cast, dtype in zip(casts, ("float64", "int64"), strict=True):
        cast.dtypes = (dtype,)
    try:
        yield
    finally:
        for cast, dtypes in zip(casts, before, strict=True):
            cast.dtypes = dtypes


def density(build, rows, mode="FAST_COMPILE"):
    """(model, q in PyMC's order -> (logp, gradient)) of a model whose literals are double."""
    with double_precision():
        model = build(rows)
        return model, model.logp_dlogp_function(ravel_inputs=True, mode=mode)


def start_of(model, seed=1):
    """PyMC's initial point of continuous variables as a vector, in its order."""
    point = model.initial_point(random_seed=seed)
    pieces = [np.ravel(point[x.name]) for x in model.continuous_value_vars]
    return np.concatenate(pieces).astype(float)


def order(posterior, model):
    """Indices `own` such that q of ours is q of PyMC at them. ValueError if a variable has
    another number of unconstrained values here."""
    point = model.initial_point()
    begins, at = {}, 0
    for value in model.continuous_value_vars:
        count = int(np.size(point[value.name]))
        begins[model.values_to_rvs[value].name] = (at, count)
        at += count
    found = []
    for v in posterior.model.free:
        begin, count = begins.pop(v.name)
        if v.stop - v.start != count:
            raise ValueError(f"{v.name} has {v.stop - v.start} values for the {count} of PyMC")
        found += range(begin, begin + count)
    if begins:
        raise ValueError(f"{[*begins]} are missing")
    return np.array(found, dtype=int)
