"""Whatever ends a run on the device after its first draw: the draws are on the exception."""

import signal

import numpy as np
import pytest

from probtensor.device import DeviceError
from probtensor.sample import run as run_module
from probtensor.sample import sample
from probtensor.sample.device import run as many_module
from probtensor.sample.device.chains import Chains
from tests.models import by_hand as models

ARGUMENTS = {"nuts": {}, "pooled": {"pooled": True}, "chees": {"sampler": "chees"}}
pytestmark = pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")


def run(posterior, chains, draws, tune, **settings):
    return sample(posterior, draws, tune, chains, seed=3, progress=False, **settings)


@pytest.mark.parametrize("sampler", ARGUMENTS)
@pytest.mark.parametrize("window", [None, 7])
def test_an_exception_has_what_was_drawn(device_driver, sampler, window, monkeypatch):
    """Also what the device still holds, and where the device's memory is full now and then."""
    settings = ARGUMENTS[sampler]
    whole = run(models.Schools(), 4, 60, 20, **settings).posterior
    if window:
        monkeypatch.setattr(Chains, "_most_rows", lambda self, nbytes: window)
    monkeypatch.setattr(many_module, "FIRST_BATCH", 5)
    monkeypatch.setattr(many_module, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(many_module, "WATCH_SECONDS", 0.0)

    def watch(states):
        if states[0].done > 50:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        sample(models.Schools(), 60, 20, 4, seed=3, progress=watch, **settings)
    draws = caught.value.draws
    assert 30 < draws.length < 60
    assert [len(chain) for chain in draws.chains] == [draws.length] * 4
    found = draws.to_arviz().posterior
    np.testing.assert_array_equal(found.z, whole.z[:, : draws.length])


@pytest.mark.parametrize("sampler", ["nuts", "chees"])
@pytest.mark.parametrize("times", [2, 3])
def test_ctrl_c_while_draws_are_converted(device_driver, sampler, times, monkeypatch):
    def pressed(**parts):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        return real(**parts)

    real = run_module.to_arviz
    monkeypatch.setattr(run_module, "to_arviz", pressed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        idata = run(models.Schools(), 4, 30, 20, **ARGUMENTS[sampler])
        assert times == 2
    except KeyboardInterrupt as error:
        assert times == 3
        idata = error.draws.to_arviz()
    finally:
        signal.signal(signal.SIGINT, before)
    assert idata.posterior.sizes["draw"] == 30


def test_a_device_that_answers_no_more_keeps_what_the_host_has(device_driver, monkeypatch):
    monkeypatch.setattr(Chains, "_most_rows", lambda self, nbytes: 10)
    collect = Chains.collect

    def collected(self, traces, length):
        if self.window[0] >= 40:
            raise DeviceError("gone")
        collect(self, traces, length)

    monkeypatch.setattr(Chains, "collect", collected)
    with pytest.raises(DeviceError, match="gone") as caught:
        run(models.Schools(), 4, 60, 20)
    assert caught.value.draws.length == 20
