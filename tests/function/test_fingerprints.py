"""Different programs have different fingerprints: else one would run the record of the other."""

import itertools
import subprocess
import sys

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
    # No other constant of these elements was made before, at another line.
    values += [np.array([zero, 3.25], dtype) for zero in (0.0, -0.0) for dtype in ("f4", "f8")]
    for value in values:
        bits = value.dtype.str, value.shape, value.tobytes()
        keys.add(bits, [], [pt.constant(value)])
    assert len(keys) == len(values)


def test_every_option_and_order():
    keys, x, y = Keys(), pt.vector("x"), pt.vector("y")
    for inputs, outputs in itertools.product(itertools.permutations([x, y]), repeat=2):
        for options in (["machine"], ["auto"], ["machine", "auto"], []):
            keys.add((inputs, outputs, options), inputs, outputs, options)
    assert len(keys) == 2 * 2 * 4


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


def bodies_of_one_shape():
    """Loops over one sequence that differ in their bodies alone, or in parameters of the loop."""
    steps = {
        "c + u": lambda c, u: (c + u, c),
        "c + u, c + u": lambda c, u: (c + u, c + u),
        "u + c": lambda c, u: (u + c, c),
        "c * u": lambda c, u: (c * u, c),
        "c + u, u": lambda c, u: (c + u, u),
        "c + 2u": lambda c, u: (c + 2 * u, c),
        "c + 3u": lambda c, u: (c + 3 * u, c),
    }
    for reverse in (False, True):
        for name, step in steps.items():
            yield (name, reverse), step, reverse


def test_every_body():
    keys = Keys()
    x, m = pt.vector("x"), pt.matrix("m")
    for name, step, reverse in bodies_of_one_shape():
        made = pt.loop.scan(step, 0.5, x, reverse=reverse)
        inner = pt.loop.scan(
            lambda c, row, f=step, r=reverse: pt.loop.scan(f, c, row, reverse=r), 0.5, m
        )
        keys.add(("flat", name), [x], made)
        keys.add(("nested", name), [m], inner)
    for order in (1, -1):  # the same nodes
        pair = pt.loop.scan(lambda c, u, k=order: (c, (c * u, c * u + u)[::k]), 0.5, x)[1]
        keys.add(("results", order), [x], [sum(pair[::order])])
    for k, size in enumerate((*x.shape, *m.shape, 3)):
        last, _ = pt.loop.scan(lambda c, u, n=size: (c + pt.zeros(n).sum() * u, None), 0.5, x)
        other, _ = pt.loop.scan(lambda c, u: (c * 2, None), 0.5, length=size)
        keys.add(("size inside", k), [x, m], [last])
        keys.add(("steps", k), [x, m], [other])
    assert len(keys) == 2 * 14 + 2 * 4 + 2


PROGRAM_WITH_LOOPS = """
import probtensor as pt
from probtensor.function.recall import fingerprint
others = [pt.loop.scan(lambda c, u: (c + u, c), 0.0, pt.vector()) for _ in range({others})]
x = pt.matrix("x")
def step(c, row):
    return pt.loop.scan(lambda d, u: (d * u + row[0] + c * x.shape[0], d), c, row)
outputs = pt.loop.scan(step, 1.0, x)
print(fingerprint([x], outputs, ["interp"]))
"""


def test_equal_bodies_of_two_processes_have_one_key(tmp_path):
    keys = set()
    for others in (0, 3):
        path = tmp_path / "program.py"
        path.write_text(PROGRAM_WITH_LOOPS.format(others=others))
        # The line is part of the key, its text too: the file differs in another line.
        run = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
        keys.add(run.stdout)
    assert len(keys) == 1
