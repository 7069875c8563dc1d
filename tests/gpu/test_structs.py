"""Structures that the host packs: C lays them out as the table says."""

import struct

import numpy as np
import pytest

from probtensor import device
from probtensor.device import structs
from probtensor.targets.cuda.arguments import arguments, shared_data

MIXED = structs.Struct(
    "mixed", ("signed char", "flag"), ("double", "x", 2), ("int", "k"), ("const float *", "at"),
    ("int", "last"),
)  # fmt: skip


def test_bytes_are_those_numpy_reads():
    values = {"flag": -1, "x": (0.5, -2.0), "k": 7, "at": 2**63, "last": -3}
    one = np.frombuffer(MIXED.pack(values), MIXED.dtype)[0]
    assert one["x"].tolist() == [0.5, -2.0]
    assert [int(one[name]) for name in ("flag", "k", "at", "last")] == [-1, 7, 2**63, -3]
    assert np.frombuffer(MIXED.pack({}), MIXED.dtype)[0]["x"].tolist() == [0.0, 0.0]
    assert len(MIXED.pack({})) == MIXED.dtype.itemsize == 48


def test_unknown_names_and_other_lengths_are_refused():
    with pytest.raises(KeyError, match="mixed has no field flags"):
        MIXED.pack({"flags": 1})
    with pytest.raises(struct.error):
        MIXED.pack({"x": (1.0,)})


TABLES = (MIXED, arguments(3, 0, 2), shared_data(0, 2, 1))


def test_compilers_lay_fields_out_as_the_table_says(device_driver):
    device_driver.compile("".join(t.declaration + t.assertions for t in TABLES))
    first, *others = MIXED.fields
    moved = structs.Struct("mixed", *others, first)
    with pytest.raises(device.DeviceError, match="mixed"):
        device_driver.compile(moved.declaration + MIXED.assertions)
    # Of one size, and in another order.
    pair = structs.Struct("pair", ("int", "first"), ("int", "second"))
    swapped = structs.Struct("pair", ("int", "second"), ("int", "first"))
    with pytest.raises(device.DeviceError, match="pair"):
        device_driver.compile(swapped.declaration + pair.assertions)
