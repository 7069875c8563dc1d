"""Integers in kernels, once more: those for the device in place of those for the CPU."""

import pytest

from tests.lower import test_numbers as numbers

globals().update({name: f for name, f in vars(numbers).items() if name.startswith("test_")})


@pytest.fixture
def target(device_driver, monkeypatch):
    """All functions are made for the device."""
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    return "cuda"


# What these test comes before there are kernels, or is spelled alike for all targets.
del test_literal_index_arrays, test_masks_that_do_not_fit_constant_sizes  # noqa: F821
del test_powers_that_folding_finds_negative, test_bounds_of_integers_are_exact  # noqa: F821
del test_slices_past_64_bits  # noqa: F821
