"""Functions and graphs in another process."""

import os
import pickle
import subprocess
import sys

import numpy as np

import probtensor as pt
from probtensor import In

READER = """
import pickle, sys
import numpy as np
f = pickle.load(open(sys.argv[1], "rb"))
print(f(np.arange(3.0)).tolist(), f(np.arange(3.0), scale=3.0).tolist(), f.name)
print("Cython" in sys.modules)
"""


def make():
    """A function with a default, a shared variable and a name."""
    x, scale = pt.vector("x"), pt.scalar("scale")
    offset = pt.shared(np.float64(10), name="offset")
    return pt.function([x, In(scale, value=2.0)], x * scale + offset, name="affine"), offset


def test_a_function_in_another_process(tmp_path, root, full_builds):
    f, offset = make()
    expected = f(np.arange(3.0)).tolist()
    file = tmp_path / "f.pickle"
    file.write_bytes(pickle.dumps(f))
    run = subprocess.run(
        [sys.executable, "-c", READER, str(file)], cwd=root, env=os.environ, text=True,
        capture_output=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    first, built = run.stdout.splitlines()
    assert first == f"{expected} {f([0, 1, 2], scale=3.0).tolist()} affine"
    assert built == "False"
    offset.set_value(0)
    assert pickle.loads(file.read_bytes())(np.arange(3.0)).tolist() == expected


def test_two_functions_pickled_together_share_their_variables():
    a = pt.shared(1.0)
    step = pt.function([], [], updates={a: a + 1})
    read = pt.function([], a)
    step, read = pickle.loads(pickle.dumps((step, read)))
    step()
    assert read() == 2
    assert a.get_value() == 1


def test_bound_functions():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], pt.sum(x * y)).bind({x: [1.0, 2.0]})
    g = pickle.loads(pickle.dumps(f))
    assert g([3, 4]) == f([3, 4]) == 11
