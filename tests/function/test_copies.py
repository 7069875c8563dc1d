"""Functions made of functions by binding, swapping and deleting updates, in any order."""

import itertools
import pickle

import numpy as np
import pytest

import probtensor as pt
from probtensor import In
from probtensor.graph.node import GraphError


class Family:
    """A function of x, y and rate that adds x to a shared w, and its expected value."""

    def __init__(self):
        self.w, self.v = pt.shared(1.0, name="w"), pt.shared(100.0, name="v")
        x, y, rate = pt.vector("x"), pt.vector("y"), pt.scalar("rate")
        self.x, self.y, self.rate = x, y, rate
        out = [self.w * 1000 + pt.sum(x) + 2 * pt.sum(y) + 3 * rate, y * 2]
        updates = {self.w: self.w + pt.sum(x)}
        self.f = pt.function([x, y, In(rate, value=7.0)], out, updates=updates, target="interp")

    def check(self, f, bound, swapped, updated):
        """Call it with its free inputs, with and without the default, and check all cells."""
        cell, other = (self.v, self.w) if swapped else (self.w, self.v)
        for rate in (None, 5.0):
            given = {"x": np.array([1.0, 2.0]), "y": np.array([4.0])}
            expected = given | {"rate": 7.0 if rate is None else rate} | bound
            rest = {k: v for k, v in given.items() if k not in bound}
            if rate is not None and "rate" not in bound:
                rest["rate"] = rate
            cell.set_value(3.0)
            other.set_value(50.0)
            total, twice = f(**rest)
            sums = sum(expected["x"]) + 2 * sum(expected["y"])
            assert total == 3000 + sums + 3 * expected["rate"]
            assert list(twice) == [2 * v for v in expected["y"]]
            assert cell.get_value() == (3 + sum(expected["x"]) if updated else 3)
            assert other.get_value() == 50


STEPS = {
    "bind x": lambda s, f: f.bind({s.x: np.array([10.0, 20.0])}),
    "bind y by name": lambda s, f: f.bind({"y": [5.0, 6.0]}),
    "bind rate": lambda s, f: f.bind({"rate": 9.0}),
    "swap": lambda s, f: f.copy(swap={s.w: s.v}),
    "rename": lambda s, f: f.copy(name="other"),
    "without updates": lambda s, f: f.copy(delete_updates=True),
    "unpickled program": lambda s, f: f.__reduce__()[0](*f.__reduce__()[1]),
}
BOUND = {
    "bind x": {"x": [10.0, 20.0]}, "bind y by name": {"y": [5.0, 6.0]}, "bind rate": {"rate": 9.0},
}  # fmt: skip


@pytest.mark.parametrize("first", STEPS)
def test_steps_in_any_order(first):
    pairs = list(itertools.permutations(STEPS, 2))[list(STEPS).index(first) % 3 :: 3]
    for rest in (*pairs, *((k,) for k in STEPS)):
        if first in rest:
            continue
        family, names = Family(), (first, *rest)
        f = family.f
        for name in names:
            f = STEPS[name](family, f)
        bound = {k: v for name in names for k, v in BOUND.get(name, {}).items()}
        family.check(f, bound, "swap" in names, "without updates" not in names)
        assert f.label == ("other" if "rename" in names else "function"), names
        family.check(family.f, {}, False, True)  # the first one is as it was


def test_what_is_bound_is_copied_unless_it_is_lent():
    family = Family()
    for borrow in (False, True):
        mine = np.array([1.0, 2.0])
        f = family.f.bind({"x": mine}, borrow=borrow)
        mine[0] = 100.0
        family.check(f, {"x": mine if borrow else [1.0, 2.0]}, False, True)


def test_a_pickled_copy_has_cells_and_bound_arrays_of_its_own():
    family = Family()
    f = family.f.bind({"x": [10.0, 20.0]}).copy(swap={family.w: family.v})
    family.v.set_value(4.0)
    again = pickle.loads(pickle.dumps(f))
    assert again([1.0])[0] == 4000 + 30 + 2 + 21
    assert again([1.0])[0] == 34000 + 30 + 2 + 21
    assert family.v.get_value() == 4
    assert family.w.get_value() == 1


WRONG_SWAPS = {
    "rank": lambda w: {w: pt.shared(np.ones(2))},
    "dtype": lambda w: {w: pt.shared(np.float32(1))},
    "no shared variable": lambda w: {w: pt.scalar("s")},
    "a number": lambda w: {w: 3.0},
    "no mapping": lambda w: [w],
}


@pytest.mark.parametrize("wrong", WRONG_SWAPS)
def test_swaps_that_do_not_fit_are_refused(wrong):
    family = Family()
    with pytest.raises(TypeError, match="copy: "):
        family.f.copy(swap=WRONG_SWAPS[wrong](family.w))


WRONG_UPDATES = {
    "rank": (lambda w: {w: pt.ones(2)}, GraphError, "0 axes"),
    "dtype": (lambda w: {w: pt.constant(np.float32(1))}, GraphError, "astype"),
    "twice": (lambda w: [(w, w + 1), (w, w + 2)], ValueError, "updated twice"),
    "no shared variable": (lambda w: {pt.scalar("s"): w}, TypeError, "only shared"),
}


@pytest.mark.parametrize("wrong", WRONG_UPDATES)
def test_updates_that_do_not_fit_are_refused(wrong):
    make, kind, words = WRONG_UPDATES[wrong]
    with pytest.raises(kind, match=words):
        pt.function([], [], updates=make(pt.shared(1.0, name="w")), target="interp")


def test_an_argument_is_given_once():
    family = Family()
    for args, names in (([[1.0], [2.0]], {"x": [1.0]}), ([[1.0], [2.0], 3.0], {"rate": 3.0})):
        with pytest.raises(TypeError, match="twice"):
            family.f(*args, **names)
    with pytest.raises(TypeError, match="takes 3 arguments"):
        family.f([1.0], [2.0], 3.0, 4.0)


def test_inputs_of_one_name_keep_their_own_defaults():
    a, b = pt.scalar("a"), pt.scalar("a")
    f = pt.function([In(a, value=1.0), In(b, value=20.0)], a + 100 * b, target="interp")
    assert f() == 1 + 2000
    assert f(5.0) == 5 + 2000
    with pytest.raises(TypeError, match="2 arguments called 'a'"):
        f(a=3.0)
