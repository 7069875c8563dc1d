"""`python -O` and `-OO`: no assert and no docstring does any work."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import probtensor as pt
from probtensor.__main__ import main
x = pt.vector("x")
print(pt.function([x], [pt.sum(pt.log(1 + pt.exp(x))), pt.grad(pt.sum(x**2), x)])([1.0, 2.0]))
mu = pt.random.normal(0, 1, name="mu")
y = pt.random.normal(mu, 1, name="y")
posterior = pt.condition({y: 1.0}, target="interp")
print(posterior.logp_and_grad(np.array([0.5])), pt.function([x], x * 2, target="interp")([1.0]))
main(["rules"])
"""


# What -O leaves out -OO leaves out too.
@pytest.mark.parametrize("option", [pytest.param("-O", marks=pytest.mark.slow), "-OO"])
def test_optimised_python_does_the_same(root, option):
    def printed(*options):
        run = subprocess.run(
            [sys.executable, *options, "-c", PROGRAM], cwd=root, text=True, capture_output=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert not run.stderr
        # The reason of some rules is their docstring.
        return [row for row in run.stdout.splitlines() if not row.startswith("    ")]

    assert printed(option) == printed()
