"""The reference target runs kernels over flat arrays."""

import numpy as np

from probtensor.kernel.ir import Acc, Apply, Check, For, Kernel, Lit, Load, Ref, Store
from probtensor.targets.interp import run_kernel
from probtensor.types import Dim

i, n = Dim.name("i"), Dim.name("n")
X = Load("x", i, "float64")


def test_a_fold_and_a_store():
    term = Apply("pt_twice", (X,), "float64")
    body = (
        For("i", n, (Store("y", i, term),), (Acc("total", "add", 0.0, term),)),
        Store("s", 0, Ref("total", "float64")),
    )
    buffers = {"x": np.arange(4.0), "y": np.zeros(4), "s": np.zeros(1)}
    functions = {"pt_twice": lambda x: 2 * x}
    assert run_kernel(Kernel("k", body), buffers, {"n": 4}, functions) == 0
    assert list(buffers["y"]) == [0, 2, 4, 6]
    assert buffers["s"][0] == 12


def test_a_check_that_fails_is_the_status():
    below = Apply("<", (X, Lit(2.0, "float64")), "bool")
    kernel = Kernel("k", (For("i", n, (Check(below, 3),)),))
    assert run_kernel(kernel, {"x": np.array([0.0, 1.0])}, {"n": 2}, {}) == 0
    assert run_kernel(kernel, {"x": np.array([0.0, 5.0])}, {"n": 2}, {}) == 3
