"""The floor: the hand-written C passes of `c/models.c`, gradients only.

`c` is built with -O3 -march=native; `c_fast` adds -ffast-math, with which gcc may reorder sums and
use the vector mathematics of libmvec, at the price of NaN and infinity.
"""

import ctypes

import numpy as np

from tests.bench import native
from tests.bench.contenders.base import Contender, Pointer

FLAGS = {"c": native.PLAIN, "c_fast": native.FAST}


class Data(ctypes.Structure):
    _fields_ = [
        ("rows", ctypes.c_int64),
        ("columns", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("x", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        ("sigma", ctypes.c_void_p),
        ("group", ctypes.c_void_p),
        ("work", ctypes.c_void_p),
    ]


class Adapter(Contender):
    def build(self):
        data = self.case.data
        y = np.ascontiguousarray(data["y"], dtype=np.float64)
        arrays = {"y": y}
        sizes = {"rows": len(y)}
        match self.case.name:
            case "eight_schools":
                arrays["sigma"] = data["sigma"]
            case "logistic":
                sizes["columns"] = data["x"].shape[1]
                arrays["x"] = np.asfortranarray(data["x"])
            case "radon":
                sizes["groups"] = data["counties"]
                arrays["x"], arrays["group"] = data["floor"], data["county"]
                arrays["work"] = np.empty(10 * data["counties"])
            case "irt_2pl":
                sizes["columns"] = y.shape[1]
        self.arrays = arrays
        addresses = {name: array.ctypes.data for name, array in arrays.items()}
        self.context = Data(**sizes, **addresses)

    def compile(self):
        library = native.library("models", FLAGS[self.name])
        function = library[self.case.name]
        function.argtypes = [ctypes.c_void_p] * 4
        function.restype = ctypes.c_int
        self.function = function
        context, dim = ctypes.addressof(self.context), self.case.dim

        def logp_and_grad(q):
            gradient, logp = np.empty(dim), ctypes.c_double()
            function(context, q.ctypes.data, gradient.ctypes.data, ctypes.addressof(logp))
            return logp.value, gradient

        return logp_and_grad

    def pointer(self):
        address = ctypes.cast(self.function, ctypes.c_void_p).value
        return Pointer("direct", address, ctypes.addressof(self.context), self)
