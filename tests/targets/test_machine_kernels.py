"""Kernels on the machine, those that lowering does not make of few graphs: as interpreted."""

import ctypes
import random
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, sub

import numpy as np
import pytest

import probtensor as pt
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import (
    Acc,
    Apply,
    For,
    IndexValue,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    State,
    Store,
)
from probtensor.lower.plan import Buffer, Plan, SizeSource
from probtensor.schedule.strips.forms import Strip
from probtensor.schedule.strips.passes import strip
from probtensor.targets.machine.target import MachineTarget
from probtensor.types import Dim
from tests.plans import frame_of, same_bits
from tests.schedule import test_strips as strips

I, J, N, M = (Dim.name(c) for c in "ijnm")
FAR = 10**12  # elements: no memory is there


def on_machine(body, arrays, sizes):
    """Run statements on the machine; they change the arrays."""
    buffers = [Buffer(name, a.dtype.name, (a.size,), "input", None) for name, a in arrays.items()]
    sources = [SizeSource(name, 0, 0, value) for name, value in sizes.items()]
    places = range(len(buffers))
    plan = Plan(tuple(buffers), tuple(places), (), (Kernel("k", body),), tuple(sources), (), (), {})
    built = MachineTarget().build(plan)
    frame, keep = frame_of(built.program)
    table = (ctypes.c_void_p * (1 + len(buffers)))(
        frame, *[a.ctypes.data for a in arrays.values()]
    )
    values = (ctypes.c_int64 * len(sizes))(*sizes.values())
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(built.run)
    assert call(ctypes.addressof(table) + ctypes.sizeof(ctypes.c_void_p), values) == 0
    del keep


def wrong(body, arrays, sizes, same=same_bits):
    """The buffers that differ from those that the interpreter leaves."""
    found = {name: a.copy() for name, a in arrays.items()}
    expected = {name: a.copy() for name, a in arrays.items()}
    on_machine(body, found, sizes)
    Machine(expected, sizes, {}).run(Kernel("k", body))
    return [name for name in arrays if not same(found[name], expected[name])]


class Kernels(strips.Kernels):
    """Random loops whose functions the machine has, of any number of iterations."""

    twice = "square"
    backwards = N + 5 - I
    stride = 5  # larger than the indices: different elements in all iterations


@pytest.mark.parametrize("first", range(0, 80, 40))
def test_random_loops(first):
    """Signs of zeros apart, their sums are exact in any order."""
    for seed in range(first, first + 40):
        made = Kernels(seed)
        body = made.loop()
        for n, m in ((0, 2), (3, 3), (70, 2)):
            arrays = strips.buffers(made.sizes, n, m)
            found = wrong(body, arrays, {"n": n, "m": m}, np.array_equal)
            assert not found, f"seed {seed}, n = {n}"


def load(buffer, index=I, dtype="float64"):
    return Load(buffer, index, dtype)


def op(name, *args, dtype="float64"):
    return Apply(name, args, dtype)


def number(value, dtype="float64"):
    return Lit(value, dtype)


S, T, U = (Ref(name, "float64") for name in "stu")
HALF = number(0.5)
X = load("x")


def loop(*body):
    return (For("i", N, body),)


def scan(*body, ends=("s",), stop=None, **states):
    """A loop in order with these states, each with its next value; the last ones are stored."""
    made = tuple(State(name, number(1.0 + k), after)
                 for k, (name, after) in enumerate(states.items()))  # fmt: skip
    stores = [Store("e", k, Ref(name, "float64")) for k, name in enumerate(ends)]
    return (Scan("i", N, body, made, stop), *stores)


def where(condition, first, second):
    return op("where", condition, first, second)


GROWN = op("+", op("*", X, load("y")), op("/", X, HALF))
LATER = op("<", number(1.0), X, dtype="bool")
KERNELS = {
    # What is read before a store is what was there.
    "read and stored": loop(Let("t", load("y")), Store("y", I, op("*", T, HALF)),
                            Store("z", I, op("+", T, op("*", T, T)))),
    "added to what was read": loop(Let("t", load("y")), Store("y", I, X, "add"),
                                   Store("z", I, op("/", T, HALF))),
    "stored and read in order": scan(Store("g", 0, op("*", S, HALF)), Let("t", load("g", 0)),
                                     s=op("+", op("+", T, op("*", T, HALF)), X)),
    "stored and read in a row": scan(Store("g", I % 2, op("*", S, HALF)),
                                     Let("t", load("g", (I + 1) % 2)), s=op("+", T, X)),
    # States change together.
    "states that swap": scan(s=op("*", T, number(1.0)), t=S, ends="st", stop=LATER),
    "states in a circle": scan(s=T, t=U, u=S, ends="stu", stop=LATER),
    "states that read others": scan(s=op("+", T, X), t=op("-", S, HALF), u=op("*", S, T),
                                    ends="stu", stop=LATER),
    "a state under another name": scan(Let("v", S), s=op("+", S, X), ends="st", stop=LATER,
                                       t=op("+", Ref("v", "float64"),
                                            op("*", Ref("v", "float64"), HALF))),
    "a condition of the state before": scan(
        s=op("+", S, op("abs", X)), stop=op("<", number(9.0), S, dtype="bool")
    ),
    "a condition that is a state": (
        Scan("i", N, (), (State("c", Lit(False, "bool"), LATER),
                          State("s", HALF, op("+", S, X))), Ref("c", "bool")),
        Store("e", 0, S),
    ),
    # What only looks like a recurrence, or a sum, with a factor or term that is the same.
    "a recurrence": scan(Store("z", I, S), s=op("+", op("*", load("w", 0), S), GROWN)),
    "a factor that changes": scan(Store("z", I, S), s=op("+", op("*", load("w"), S), GROWN)),
    "a factor that is computed": scan(
        Let("v", GROWN), s=op("+", op("*", S, Ref("v", "float64")), op("*", X, Ref("v", "float64")))
    ),
    "a term with the state": scan(s=op("+", op("*", load("w", 0), S), op("abs", S))),
    "a difference": scan(s=op("-", op("*", load("w", 0), S), GROWN)),
    "a sum that is stored": scan(Store("z", I, op("*", S, GROWN)), s=op("+", S, GROWN)),
    "a sum that a state reads": scan(
        s=op("-", S, GROWN), t=op("+", op("*", T, HALF), op("abs", S)), ends="st"
    ),
    # Several stores to one element.
    "an element that is stored to twice": scan(
        Store("z", I, op("*", S, GROWN)), Store("z", I + 0, GROWN), s=op("abs", op("-", S, GROWN))
    ),
    "an element that the next iteration changes": scan(
        Store("z", I + 1, GROWN), Store("z", I, op("*", S, GROWN)), s=op("abs", op("-", S, GROWN))
    ),
    "an element that is added to and stored to": scan(
        Store("g", 0, X), Store("g", 0, HALF, "add"), Store("g", 0, S, "add"), s=op("+", S, GROWN)
    ),
    # Several folds to one element.
    "an element that two folds change": loop(
        Let("t", op("*", X, HALF)), Let("u", op("-", HALF, X)),
        Store("g", 0, T, "add"), Store("g", 0, U, "max"),
    ),
    # Literals of lower precision.
    "a literal": loop(
        Store("z", I, op("cast", op("*", load("f", I, "float32"), number(0.1, "float32"),
                                    dtype="float32")))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name):
    rng = np.random.default_rng(7)
    for n in (1, 2, 5, 64, 65, 200):
        arrays = {name: rng.normal(size=n + 1) for name in "wxyz"}
        arrays |= {"g": np.ones(2), "e": np.zeros(3), "f": rng.normal(size=n).astype("f4")}
        assert not wrong(KERNELS[name], arrays, {"n": n}), n


class Scans:
    """Writes random loops in order: recurrences, sums, states that others read, stores."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.names = list("stu"[: self.rng.choice([1, 1, 2, 3])])
        self.refs = list(self.names)

    def leaf(self):
        ref = Ref(self.rng.choice(self.refs), "float64")
        place = self.rng.choice(["x", "x", "x", "y", "w"])
        return self.rng.choice([ref, ref, load(place), load("w", 0), number(0.25)])

    def expr(self, depth=2):
        if not depth:
            return self.leaf()
        a, b = self.expr(depth - 1), self.expr(self.rng.choice([0, depth - 1]))
        condition = op("<", self.leaf(), self.leaf(), dtype="bool")
        return self.rng.choice([
            op("+", a, b), op("-", a, b), op("*", a, b), op("abs", a), op("minimum", a, b),
            where(condition, a, b), a,
        ])  # fmt: skip

    def bounded(self, expr):
        return op("maximum", op("minimum", expr, number(3.0)), number(-3.0))

    def following(self, name):
        """The next value of a state."""
        own, other = Ref(name, "float64"), Ref(self.rng.choice(self.names), "float64")
        factor = self.rng.choice([load("w", 0), number(-0.5), load("w"), self.leaf()])
        product = op("*", *self.rng.sample([own, factor], 2))
        expr = self.expr()
        sums = [op(self.rng.choice("+-"), own, expr), op("+", expr, own)]
        recurrences = [op(self.rng.choice("+-"), *self.rng.sample([product, expr], 2))]
        found = self.rng.choice([*2 * sums, *4 * recurrences, other, self.bounded(expr), expr])
        return found if self.rng.random() < 0.8 else self.bounded(found)

    def statement(self, k):
        if self.rng.random() < 0.5:
            made = Let(f"v{k}", self.bounded(self.expr()))
            self.refs.append(made.name)
            return made
        value = self.rng.choice([Ref(self.rng.choice(self.refs), "float64"), self.expr()])
        place = self.rng.choice([("z", I), ("z", I), ("y", I), ("g", 0), ("g", I % 2)])
        return Store(*place, value, self.rng.choice([None, None, None, "add"]))

    def kernel(self):
        body = [self.statement(k) for k in range(self.rng.randint(0, 5))]
        states = {name: self.following(name) for name in self.names}
        stop = op("<", number(20.0), self.leaf(), dtype="bool")
        return scan(*body, ends=self.names, stop=self.rng.choice([None, None, None, stop]),
                    **states)  # fmt: skip


@pytest.mark.parametrize("first", range(0, 150, 75))
def test_random_loops_in_order(first):
    rng, stripped = np.random.default_rng(first), 0
    for seed in range(first, first + 75):
        body = Scans(seed).kernel()
        stripped += isinstance(strip(body, ordered=True)[0], Strip)
        for n in (9, 100):
            arrays = {name: rng.uniform(-0.9, 0.9, size=n) for name in "xyzw"}
            arrays |= {"g": np.ones(2), "e": np.zeros(3)}
            assert not wrong(body, arrays, {"n": n}), f"seed {seed}, n = {n}"
    assert stripped > 15


def test_elements_that_are_not_chosen_are_not_read():
    """The process would end."""
    first = op("<", IndexValue(I), number(1, "int64"), dtype="bool")
    always = op("<", op("abs", X), number(99.0), dtype="bool")
    never = op("<", number(99.0), op("abs", X), dtype="bool")
    far = load("x", I * FAR)
    same = load("x", N * FAR)
    none = op("<", IndexValue(I), number(0, "int64"), dtype="bool")
    chosen = [
        where(first, far, HALF), where(op("not", first, dtype="bool"), HALF, far),
        where(none, same, X), where(first, where(always, far, X), HALF),
        where(first, where(never, X, far), HALF), where(none, where(always, same, X), HALF),
    ]  # fmt: skip
    for expr in chosen:
        arrays = {"x": np.linspace(-1, 1, 100), "z": np.zeros(100)}
        assert not wrong(loop(Store("z", I, expr)), arrays, {"n": 100})


def test_folds_of_float32_round_after_each_term():
    row = Acc("a", "add", 0.0, load("f", 3 * I + J, "float32"))
    total = Acc("s", "mul", 1.0, Ref("a", "float32"))
    body = (For("i", N, (For("j", 3, (), (row,)),), (total,)),
            Store("e", 0, op("cast", Ref("s", "float32"))))  # fmt: skip
    assert strip(body, ordered=True)[0].ordered
    for n in (5, 70, 200):
        arrays = {"f": np.linspace(0.2, 0.5, 3 * n, dtype="f4"), "e": np.zeros(1)}
        on_machine(body, arrays, {"n": n})
        f = arrays["f"].reshape(n, 3)
        assert arrays["e"][0] == np.multiply.accumulate(f[:, 0] + f[:, 1] + f[:, 2])[-1]


def test_large_unsigned_integers():
    """Those that would be negative with a sign."""
    x, y = pt.vector("x", dtype="uint64"), pt.vector("y", dtype="uint64")
    ops = (gt, ge, lt, le, eq, ne, floordiv, mod, np.minimum, np.maximum)
    values = np.array([1, 2**63, 2**64 - 1, 2**63 - 1, 7, 2**63 + 5], "uint64")
    outputs = [pt.minimum(x, y) if f is np.minimum else pt.maximum(x, y) if f is np.maximum
               else f(x, y) for f in ops]  # fmt: skip
    found = pt.function([x, y], outputs, target="machine")
    for shift in range(3):
        other = np.roll(values, shift)
        for f, got in zip(ops, found(values, other), strict=True):
            np.testing.assert_array_equal(got, f(values, other), err_msg=f.__name__)


SMALL = ("int8", "int16", "int32", "uint8", "uint16", "uint32")


@pytest.mark.parametrize("n", [3, 70])
def test_small_integers_wrap(n):
    """Also where a result is no element of an array."""
    for dtype in SMALL:
        ends = np.iinfo(dtype)
        values = np.resize(np.array([ends.min, ends.max, ends.max // 2 + 1, 3], dtype), n)
        x, y = pt.vector("x", dtype=dtype), pt.vector("y", dtype=dtype)
        with np.errstate(over="ignore"):
            other = np.roll(values, 1)
            results = [
                (f(x, y).astype("float64"), f(values, other).astype("float64"))
                for f in (add, sub, mul, lambda a, b: -a, lambda a, b: abs(b))
            ]
        outputs = [graph for graph, _ in results]
        found = pt.function([x, y], outputs, target="machine", on_unused_input="ignore")
        for got, (_, expected) in zip(found(values, other), results, strict=True):
            np.testing.assert_array_equal(got, expected, err_msg=dtype)
