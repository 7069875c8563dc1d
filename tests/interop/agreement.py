"""Comparison of translated graphs with PyTensor's own results in Python."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytensor

import probtensor as pt
from probtensor.interop.pytensor import translate

pytensor.config.cxx = ""
PYTHON = pytensor.compile.mode.Mode(linker="py", optimizer=None)


def expected(outputs: Sequence, values: Mapping) -> list[np.ndarray]:
    """What PyTensor computes, without rewrites."""
    function = pytensor.function(
        list(values), list(outputs), mode=PYTHON, on_unused_input="ignore"
    )
    return function(*values.values())


def computed(outputs: Sequence, values: Mapping, target: str = "machine") -> list[np.ndarray]:
    """What one function of the translated graphs computes, whose sizes are symbolic."""
    inputs = [pt.tensor(x.name, dtype=x.dtype, shape=x.type.shape) for x in values]
    wide = [x.astype(np.result_type(x.dtype, "float64")) if x.dtype == "float32" else x
            for x in inputs]  # fmt: skip
    nodes = translate(outputs, dict(zip(values, wide, strict=True)))
    function = pt.function(inputs, nodes, target=target, on_unused_input="ignore")
    return function(*values.values())


def agree(cases: Mapping[str, object], values: Mapping, rtol: float = 1e-10) -> None:
    """Assert that all outputs of all cases are as PyTensor's; a case is an output or some."""
    lists = {name: list(y) if isinstance(y, (list, tuple)) else [y] for name, y in cases.items()}
    flat = [y for ys in lists.values() for y in ys]
    labels = [name for name, ys in lists.items() for _ in ys]
    wanted, found = expected(flat, values), computed(flat, values)
    for label, a, b in zip(labels, found, wanted, strict=True):
        b = np.asarray(b)
        assert a.shape == b.shape, f"{label}: {a.shape}, not {b.shape}"
        assert np.dtype(a.dtype).kind == b.dtype.kind, f"{label}: {a.dtype}, not {b.dtype}"
        scale = np.abs(b[np.isfinite(b)]).max(initial=0) if b.dtype.kind in "fc" else 0
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-13 * scale, err_msg=label)
