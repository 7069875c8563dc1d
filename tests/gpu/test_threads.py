"""Functions with updates on a device, called from several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import probtensor as pt

pytestmark = pytest.mark.usefixtures("device_driver")


def test_functions_that_meet_in_one_value_lose_no_update():
    """Two on the device, one on the host, which take turns with the value between both."""
    w, v, x = pt.shared(np.zeros(3)), pt.shared(np.zeros(3)), pt.vector("x")
    up = pt.function([x], [], updates={w: w + x, v: v - x}, target="cuda")
    down = pt.function([x], [], updates={v: v + x, w: w - x}, target="cuda")
    here = pt.function([], [], updates={w: w + 1}, target="interp")

    def work(k):
        for _ in range(20):
            up(np.full(3, 2.0))
            down([1.0, 1.0, 1.0])
            here()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, k) for k in range(4)]:
            done.result(timeout=60)
    assert w.get_value().tolist() == [160, 160, 160]
    assert v.get_value().tolist() == [-80, -80, -80]
