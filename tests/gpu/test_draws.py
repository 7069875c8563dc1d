"""Draws with parameters outside their range, on a device made of host memory."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import device
from tests.device.host import HostDriver

R = pt.random


@pytest.fixture(autouse=True)
def host():
    before = device.use(HostDriver())
    yield
    device.use(before)


def test_a_device_refuses_whole_numbers_and_gives_nan():
    """It says which parameters count, and their values, as a host function does."""
    s = pt.vector("s", shape=(5,))
    f = pt.function([s], [R.poisson(s, name="y"), R.normal(0.0, s - 1)], target="cuda")
    count, z = f([2.0, 3.0, 0.5, 1.0, 9.0])
    assert count.dtype == "int64" and (count >= 0).all()
    assert np.isnan(z).tolist() == [False, False, True, True, False]
    for wrong in (-1.0, np.nan, 1e20):
        with pytest.raises(ValueError, match="of poisson 'y' must be a") as error:
            f([2.0, 3.0, wrong, 1.0, 9.0])
        assert __file__ in str(error.value) and len(str(error.value).splitlines()) <= 8
    assert (f([2.0, 3.0, 0.5, 1.0, 9.0])[0] >= 0).all()
