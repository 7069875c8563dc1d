"""Exported libraries called by ctypes, as a program without ProbTensor would."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
import scipy

POINTER, NUMBER = ctypes.c_void_p, ctypes.c_int64


def pointer(array):
    """The address of an array."""
    return ctypes.c_void_p(array.ctypes.data)


def openblas():
    """The words that link the library of SciPy; skips where it has none of its own."""
    folder = Path(scipy.__file__).parent.parent / "scipy.libs"
    found = [*folder.glob("libscipy_openblas*.so")]
    if not found:
        pytest.skip("SciPy has no OpenBLAS of its own")
    return f"'-DPT_FORTRAN(name)=scipy_##name##_' {found[0]} -Wl,-rpath,{folder}"


class Library:
    """An exported library with one context. AssertionError for a status that is not expected."""

    def __init__(self, export, path=None, status=0):
        self.name, self.export = export.name, export
        self.functions = ctypes.CDLL(str(path or export.library))
        self.context = ctypes.c_void_p()
        file = str(export.data).encode() if export.data else None
        self.call("open", file, ctypes.byref(self.context), status=status)

    def get(self, name, result=ctypes.c_int):
        """A function of the library."""
        function = getattr(self.functions, f"{self.name}_{name}")
        function.restype = result
        return function

    def call(self, name, *args, status=0):
        """Call a function that returns a status."""
        found = self.get(name)(*args)
        assert found == status, self.error_text(found)

    def error_text(self, status):
        return self.get("error_text", ctypes.c_char_p)(status).decode()

    def close(self):
        self.get("close", None)(self.context)


class Model(Library):
    """An exported posterior."""

    def number(self, name):
        return self.get(name, NUMBER)()

    def logp_and_grad(self, q):
        q = np.ascontiguousarray(q, float)
        grad, logp = np.full(len(q), np.nan), ctypes.c_double()
        self.call("logp_grad", self.context, pointer(q), pointer(grad), ctypes.byref(logp))
        return logp.value, grad

    def constrain(self, q):
        values = np.full(self.number("values"), np.nan)
        self.call("constrain", self.context, pointer(np.array(q, float)), pointer(values))
        return values

    def unconstrain(self, values, status=0):
        q = np.full(self.number("dim"), np.nan)
        values = np.array(values, float)
        self.call("unconstrain", self.context, pointer(values), pointer(q), status=status)
        return q

    def names(self, what):
        """All names of values, or of entries of q."""
        count = self.number("values" if what == "value" else "dim")
        found = []
        for i in range(count):
            text = ctypes.create_string_buffer(100)
            length = self.get(f"{what}_name")(NUMBER(i), text, NUMBER(100))
            found.append(text.value.decode())
            assert length == len(text.value)
        return found


class Call(Library):
    """An exported function, called with arrays; `shapes` are those of its results."""

    def __init__(self, export, function):
        super().__init__(export)
        self.function = function
        text = " ".join(export.header.read_text().split())
        found = re.search(rf"int {self.name}_call\((.*?)\);", text)
        self.parameters = [part.split()[-1].strip("*") for part in found[1].split(", ")]

    def __call__(self, *arrays, key=None, results=None, status=0):
        arrays = [np.ascontiguousarray(a) for a in arrays]
        args = [self.context]
        for array, x in zip(arrays, self.function.inputs, strict=True):
            assert array.dtype == x.variable.dtype
            args.append(pointer(array))
            if self.parameters[len(args)].endswith("_shape"):
                args.append((NUMBER * max(1, array.ndim))(*array.shape))
        if key is not None:
            args.append(ctypes.c_uint64(key))
        results = results if results is not None else self.function(*arrays)
        nested = results if isinstance(results, (list, tuple)) else [results]
        made = [np.full_like(np.asarray(y), 1) for y in nested]
        for array in made:
            args.append(pointer(array))
            if self.parameters[len(args) :][:1] and self.parameters[len(args)].endswith("_count"):
                args.append(NUMBER(array.size))
        assert len(args) == len(self.parameters)
        self.call("call", *args, status=status)
        return made
