"""Two models by hand in C."""

import ctypes

import numpy as np

from tests.bench import native

LIBRARY = native.library("loops")


def _pointers(*arrays):
    return [ctypes.c_void_p(x.ctypes.data) for x in arrays]


def garch(case):
    n = len(case.y)
    f = LIBRARY.garch
    f.restype = ctypes.c_double
    kept = case.q, case.y, np.empty(n), np.empty(4)
    q, y, h, slopes = _pointers(*kept)
    h0 = ctypes.c_double(case.h0)

    def call():
        assert kept
        return f(q, y, n, h0, h, slopes), kept[-1]

    return call


def hmm(case):
    n, states = case.e.shape
    f = getattr(LIBRARY, f"hmm{states}")
    f.restype = ctypes.c_double
    slopes = [np.empty_like(x) for x in (case.initial, case.moves, case.e)]
    rooms = [np.empty((n, states)), np.empty((n, states)), np.empty(n)]
    given = _pointers(case.initial, case.moves, case.e)
    others = _pointers(*rooms, *slopes)

    def call():
        assert rooms
        return f(*given, n, *others), slopes

    return call


MODELS = {"garch": garch, "hmm4": hmm, "hmm32": hmm}
