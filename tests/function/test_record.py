"""Plans as bytes: they are read as written, and reading makes no other values."""

import json
import os
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest

import probtensor as pt
from probtensor.function import recall
from probtensor.function.record import HEAD_BYTES, Damaged, Unknown, decode, encode
from probtensor.graph import inputs_of
from probtensor.lower.plan import Buffer
from probtensor.lower.planner import lower
from probtensor.types import DTYPES, Dim
from tests.models.programs import MODELS


def packed():
    """The record of a graph with checks, a constant table, a symbolic size and a default."""
    x, i = pt.matrix("x"), pt.vector("i", dtype="int64")
    table = pt.constant(np.arange(5.0))
    out = [x @ pt.ones(3) + table[i], pt.sum(pt.data(np.ones(2), name="d"))]
    leaves = inputs_of(out)
    inputs = [x, i]
    implicit = [leaf for leaf in leaves if leaf not in set(inputs)]
    plan = lower([*inputs, *implicit], out)
    positions = [k for k, leaf in enumerate(leaves) if leaf in set(implicit)]
    return recall.pack(plan, positions, "the text"), plan, inputs, leaves


def shapes(plan):
    return [(b.name, b.dtype, b.shape, b.role) for b in plan.buffers]


def test_what_is_packed_is_unpacked():
    data, plan, inputs, leaves = packed()
    found, implicit = recall.unpack(data, inputs, leaves)
    assert found.source == "the text"
    assert shapes(found.plan) == shapes(plan)
    for field in ("inputs", "outputs", "sizes", "size_checks", "index_checks",
                  "failures"):  # fmt: skip
        assert str(getattr(found.plan, field)) == str(getattr(plan, field)), field
    assert dict(found.plan.lifetimes) == dict(plan.lifetimes)
    constants = [b.node.op.array for b in found.plan.buffers if b.role == "constant"]
    assert any(np.array_equal(c, np.arange(5.0)) for c in constants)
    assert implicit == [leaf for leaf in leaves if leaf not in set(inputs)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_plan_has_a_form(model):
    """All classes of plans can be encoded: a plan that cannot would be compiled by each process."""
    inputs, outputs, updates = model()
    f = pt.function(inputs, outputs, updates=updates, target="interp")
    implicit = f.compilation.inputs[len(inputs) :]
    data = recall.pack(f.plan, range(len(implicit)), "")
    found, _ = recall.unpack(data, inputs, implicit)
    assert shapes(found.plan) == shapes(f.plan)
    assert found.plan.size_checks == f.plan.size_checks


@pytest.mark.parametrize(
    "value",
    [None, True, -(2**70), 0.1, float("inf"), "\udce9\n\u2028", (), (1, (2,)), {3: (4, 5)},
     Dim.name("n0") * 3 + 1, Dim.name("a") // 2, IndexError, pt.GraphError],
)  # fmt: skip
def test_plain_values(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [object(), [1], {1, 2}, b"x", os.system, Damaged, np.ones(2)])
def test_what_has_no_form_is_not_kept(value):
    with pytest.raises(Unknown):
        encode((value,))


@pytest.mark.parametrize(
    "location",
    [["float64", [-1], 0], ["int8", [2], -2], ["float64", [2**61], 0], ["object", [1], 0],
     ["float64", [2], 8], ["float64", [1], 9], ["float64", [0.5], 0], ["<f8", [1], 0]],
)  # fmt: skip
def test_constants_lie_within_the_record(location):
    assert decode(written({"constant": ["float64", [2], 0]}) + bytes(16)).type.shape == (2,)
    with pytest.raises(Damaged):
        decode(written({"constant": location}) + bytes(16))


# Beginnings of the parts of a record that are not read by the JSON reader.
TELLING = (b'"constant"', b'"float64"', b'"error"', b'"mapping"', b'"Dim"')


def test_constants_keep_every_dtype_and_shape():
    for dtype in DTYPES:
        for shape in [(), (0,), (3,), (2, 0, 4), (2, 3)]:
            array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
            back = decode(encode((pt.constant(array), pt.constant(array))))[1].op.array
            assert back.dtype == dtype and back.shape == shape and (back == array).all()


def test_no_byte_of_a_record_makes_it_fail_otherwise():
    data, _, inputs, leaves = packed()
    chance = random.Random(3)
    positions = [k for at in TELLING for k in range(data.find(at), data.find(at) + len(at) + 8)]
    for iteration in range(1200):
        k = chance.choice(positions) if iteration % 2 else chance.randrange(len(data))
        cut = chance.random() < 0.2
        other = data[:k] if cut else data[:k] + bytes([chance.randrange(256)]) + data[k + 1 :]
        try:
            recall.unpack(other, inputs, leaves)
        except Damaged:
            continue


def written(plain):
    text = json.dumps(plain).encode()
    return len(text).to_bytes(HEAD_BYTES, "little") + text


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"x" * 7, b"\xff" * 40, pickle.dumps(Bomb()), written("[" * 10), written([]),
        written([1, 2]), written({"class": ["Bomb"]}), written({"class": ["Popen", "id"]}),
        written({"class": ["Plan", 1]}), written({"error": "system"}), written({"class": []}),
        written({"constant": [0, 5]}), written({"constant": ["object", [1], 0]}) + b"x" * 8,
        written({"constant": ["float64", [2**62], 0]}), written({"constant": ["float64", [-1], 0]}),
        written({"constant": ["int8", [1], -3]}) + b"xyz", written({"constant": ["V8", [1], 0]}),
        written({"constant": ["float64", [2], 1]}) + b"x" * 16, written({}),
        written({"class": 1, "error": 2}),
        (10**6).to_bytes(HEAD_BYTES, "little") + b"[" * 10**6,
    ],
)  # fmt: skip
def test_what_is_no_record_is_damage(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Damaged):
        recall.unpack(data, [], [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("field, value", [("inputs", (99,)), ("outputs", (-1,)), ("buffers", ())])
def test_positions_that_cannot_be_are_damage(field, value):
    _, plan, inputs, leaves = packed()
    lean = [b if b.role == "constant" else replace(b, node=None) for b in plan.buffers]
    broken = replace(plan, **{"kernels": (), "buffers": tuple(lean), field: value})
    with pytest.raises(Damaged):
        recall.unpack(encode((broken, (), "")), inputs, leaves)


def test_buffers_of_no_dtype_are_damage():
    _, plan, inputs, leaves = packed()
    other = Buffer("b0", "object", (), "temp", None)
    broken = replace(plan, kernels=(), buffers=(other,) * 9, lifetimes={}, sizes=())
    with pytest.raises(Damaged):
        recall.unpack(encode((broken, (), "")), inputs, leaves)
