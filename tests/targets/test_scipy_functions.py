"""Functions of SciPy inside plans: on every target, in new processes, and where they cannot be."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.special

import probtensor as pt
from cython_ext.scipy_special import FUNCTIONS, addresses, is_scipy
from probtensor.lower import lower
from probtensor.targets.base import host_part
from probtensor.targets.cuda.launches import CudaTarget
from tests.device.host import HostDriver
from tests.plans import run

AT = np.linspace(-2, 3, 11)


def graph():
    """A vector, and a fused loop, a scalar and a sum with such functions."""
    x = pt.vector("x")
    y = pt.special.hyp1f1(x, 0.7, 1.5) * pt.exp(x)
    return x, [y, pt.special.dawsn(pt.sum(x)), pt.sum(pt.where(x > 0, pt.special.expi(x), 1.0))]


def meant():
    positive = np.where(AT > 0, AT, 1)
    return [
        scipy.special.hyp1f1(AT, 0.7, 1.5) * np.exp(AT), scipy.special.dawsn(AT.sum()),
        np.sum(np.where(AT > 0, scipy.special.expi(positive), 1)),
    ]  # fmt: skip


def test_native_code_and_the_machine_give_the_same_bits():
    x, outputs = graph()
    found = {t: pt.function([x], outputs, target=t)(AT) for t in ("machine", "cython", "interp")}
    for machine, native, python, value in zip(*found.values(), meant()):
        np.testing.assert_array_equal(machine, native)
        np.testing.assert_allclose(python, value, rtol=1e-14)
        np.testing.assert_allclose(native, value, rtol=1e-14)


def test_all_functions_of_the_table_are_found():
    assert all(map(is_scipy, addresses()))
    assert len(addresses()) == len(FUNCTIONS)


@pytest.mark.parametrize("target", ["machine", "cython"])
def test_scipy_is_imported_where_a_function_is_built_or_loaded(target, tmp_path):
    # The second process finds the function of the first in the cache.
    text = f"""
import sys, numpy as np, probtensor as pt
x = pt.vector("x")
f = pt.function([x], pt.exp(x), target={target!r})
assert "scipy.special" not in sys.modules
print(pt.function([x], pt.special.dawsn(x), target={target!r})(np.ones(2))[0])
"""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) == scipy.special.dawsn(1.0)


def test_an_export_refuses_with_the_line(tmp_path):
    x, outputs = graph()
    where = r"call needs hyp1f1, which SciPy computes(.|\n)*scipy_functions.py"
    with pytest.raises(pt.BuildError, match=where):
        pt.function([x], outputs, target="machine").export(tmp_path / "made")


def test_on_a_device_the_kernel_runs_on_the_host(monkeypatch):
    monkeypatch.setattr("probtensor.device.driver", HostDriver)
    x, outputs = graph()
    doubled = pt.exp(outputs[1]) + pt.cumsum(x * 2)
    plan = lower([x], [*outputs, doubled])
    assert host_part(plan)[0] in ("hyp1f1", "dawsn", "expi")
    for value, right in zip(run(CudaTarget(), plan, [AT]), meant()):
        np.testing.assert_allclose(value, right, rtol=1e-13)
