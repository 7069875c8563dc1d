"""Different programs have different fingerprints: else one would run the record of the other."""

import itertools

import numpy as np

import probtensor as pt
from probtensor import ops
from probtensor.function.recall import fingerprint
from probtensor.graph.node import make
from probtensor.ops.kinds import REGISTRY
from probtensor.types import DTYPES


class Keys(dict):
    """Programs by fingerprint; all are made on one line, so that lines do not distinguish them."""

    def add(self, program, inputs, outputs, options=()):
        other = self.setdefault(fingerprint(inputs, outputs, list(options)), program)
        assert other == program, f"{other} and {program} have one key"


def test_every_op_with_every_parameter():
    keys, rng = Keys(), np.random.default_rng(0)
    for name, kind in REGISTRY.items():
        for sample in kind.samples:
            arrays = [np.asarray(a) for a in sample.make(rng)]
            for sizes in (lambda a: a.shape, lambda a: (None,) * a.ndim):
                inputs = [ops.tensor("x", sizes(a), a.dtype) for a in arrays]
                node = make(kind(**sample.parameters), inputs)
                types = tuple((x.dtype, *(str(n)[:4] for n in x.shape)) for x in inputs)
                keys.add((name, repr(sample.parameters), types), inputs, [node])
    assert len(keys) > 300


SHAPES = [(), (None,), (3,), (4,), (1,), (None, None), (3, None), (None, 3), (3, 4), (4, 3)]


def test_every_type_of_an_input():
    keys = Keys()
    for dtype, shape in itertools.product(DTYPES, SHAPES):
        x = ops.tensor("x", shape, dtype)
        keys.add((dtype, shape), [x], [ops.exp(x)])
    assert len(keys) == len(DTYPES) * len(SHAPES)


def test_every_constant():
    """Every byte of a constant matters; dtype and shape too, where bytes are equal."""
    keys = Keys()
    zeros = itertools.product(DTYPES, [(), (1,), (8,), (2, 4), (4, 2), (1, 8), (0,), (0, 3)])
    values = [np.zeros(shape, dtype) for dtype, shape in zeros]
    values += [np.where(np.arange(8) == k, 1.0, 0.0) for k in range(8)]
    values += [np.array(v) for v in (-0.0, np.nan, -np.nan, np.inf, -np.inf, 5e-324)]
    for value in values:
        bits = value.dtype.str, value.shape, value.tobytes()
        keys.add(bits, [], [pt.constant(value)])
    assert len(keys) == len(values)


def test_sizes_of_inputs_of_one_name():
    """Names of sizes end in the uid of their input, which differs between runs: it is replaced by
    the index of the input."""
    keys = Keys()
    for name in (None, "x", "y"):
        x, y = pt.matrix(name), pt.matrix(name)
        sizes = (*x.shape, *y.shape)
        for k, j in itertools.product(range(4), repeat=2):
            a, b = sizes[k], sizes[j]
            keys.add(("zeros", name, k, j), [x, y], [pt.zeros((a, b))])
            keys.add(("size", name, k, j), [x, y], [pt.as_tensor(a + 2 * b)])
            keys.add(("input", name, k, j), [x, y], [x[:, 0] * 2, pt.sum(y) * (a // (b + 1))])
    assert len(keys) == 3 * 3 * 16


def test_a_declared_size_that_is_one_of_another_input():
    keys = Keys()
    for own in (False, True):
        x = pt.vector("x")
        y = pt.vector("y", shape=(x.shape[0],) if own else (None,))
        keys.add(own, [x, y], [pt.exp(x), pt.exp(y)])
    assert len(keys) == 2


def test_the_same_program_again_has_the_same_key():
    keys = set()
    for _ in range(3):
        x, y = pt.matrix("x"), pt.matrix()
        k = pt.vector("k", shape=(x.shape[0],), dtype="int32")
        out = pt.sum(y[k], axis=1) * (x.shape[1] // 2) + pt.constant([1.0, 2.0])[0]
        keys.add(fingerprint([x, y, k], [out], ["interp"]))
    assert len(keys) == 1
