"""The structures shared by host and kernels: those of cuda/pt_chain.cuh, pt_pool.cuh, pt_nuts.cuh
and pt_chees.cuh, field by field. The kernels' source asserts their sizes and the offsets of all
fields."""

from __future__ import annotations

import numpy as np

from probtensor.device.structs import assertions

NO_START = 6  # a status beyond those of cython_ext.samplers.chain.Status
CHAIN_VECTORS = 11
POOLED_VECTORS = 12
POSITION, GRADIENT, INVERSE_MASS = 0, 1, 2


def _structure(**formats: str) -> np.dtype:
    return np.dtype(list(formats.items()), align=True)


STATE = _structure(
    logp="f8", step_size="f8", step_centre="f8", step_error="f8", step_log_mean="f8",
    step_count="f8", older_count="f8", younger_count="f8", inverse_temperature="f8", gradients="i8",
    divergences="i8", done="i4", status="i4", code="i4", older="i4",
)  # fmt: skip
RUN = _structure(
    chain_vectors="u8", states="u8", work="u8", shared_vectors="u8", given="u8", schedule="u8",
    draws="u8", records="u8", divergence_starts="u8", seed="u8", work_bytes="i8",
    target_accept="f8", max_error="f8", chains="i4", tune="i4", first_row="i4", rows="i4",
    stop="i4", max_depth="i4", early_depth="i4", early="i4", with_gradients="i4", attempts="i4",
    superchain_size="i4",
)  # fmt: skip
POOLED_STATE = np.dtype(
    [("state", STATE), ("log_length", "f8"), ("log_length_mean", "f8"), ("gradient_square", "f8")],
    align=True,
)
POOL = _structure(
    pooled="u8",
    vectors="u8",
    proposals="u8",
    weights="u8",
    adaptation_chains="i4",
    first="i4",
    count="i4",
)
NUTS_RECORD = _structure(
    lp="f8", acceptance_rate="f8", energy="f8", energy_error="f8", max_energy_error="f8",
    step_size="f8", step_size_bar="f8", n_steps="i4", tree_depth="i4", index_in_trajectory="i4",
    diverging="i1", reached_max_treedepth="i1",
)  # fmt: skip
CHEES_RECORD = _structure(
    lp="f8", acceptance_rate="f8", energy="f8", energy_error="f8", step_size="f8",
    trajectory_length="f8", n_steps="i4", diverging="i1",
)  # fmt: skip

SIZES = {"pt_state": STATE, "pt_run": RUN, "pt_pooled_state": POOLED_STATE, "pt_pool": POOL}
NUTS_SIZES = SIZES | {"pt_nuts_record": NUTS_RECORD}
CHEES_SIZES = SIZES | {"pt_chees_record": CHEES_RECORD}


def asserted(sizes: dict[str, np.dtype]) -> str:
    """C++ assertions that the structures are laid out as they are packed here."""
    return "".join(assertions(name, dtype) for name, dtype in sizes.items())


def packed(dtype: np.dtype, values: dict[str, object]) -> bytes:
    """A structure as bytes; fields without a value are zero."""
    one = np.zeros((), dtype)
    for name, value in values.items():
        one[name] = value
    return one.tobytes()
