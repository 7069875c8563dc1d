"""`probtensor.dataclass` makes what the standard library makes, only sooner."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import time
from typing import ClassVar

import pytest

from probtensor import dataclass as own

MAKERS = (own.dataclass, dataclasses.dataclass)


def plain(dataclass, **options):
    @dataclass(**options)
    class Point:
        """A point."""

        kind: ClassVar[str] = "point"
        x: int
        label: str = own.field(default="a", repr=False, compare=False)
        tags: dict = own.field(default_factory=dict)
        self_: tuple = ()

        def __post_init__(self):
            object.__setattr__(self, "seen", self.x + 1)

    return Point


def inheriting(dataclass, **options):
    @dataclass(**options)
    class Wider(plain(own.dataclass, **options)):
        """A point with more."""

        x: float = 2.0
        hash: int = 3

    return Wider


def explicit(dataclass, **options):
    @dataclass(**options)
    class Own:
        """A class with its own methods."""

        x: int = 1

        def __eq__(self, other):
            return getattr(other, "x", -9) // 2 == self.x // 2

        def __hash__(self):
            return 7

        def __repr__(self):
            return "own"

    return Own


def empty(dataclass, **options):
    @dataclass(**options)
    class Empty:
        """Nothing."""

    return Empty


def outcome(action):
    try:
        return action()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("make", [plain, inheriting, explicit, empty])
@pytest.mark.parametrize("options", [{}, {"frozen": True}, {"frozen": True, "eq": False},
                                     {"eq": False}, {"kw_only": True},
                                     {"kw_only": True, "frozen": True}])  # fmt: skip
def test_classes_behave_as_those_of_the_standard_library(make, options):
    ours, theirs = (make(dataclass, **options) for dataclass in MAKERS)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    calls = [(), (1,), (2, "b"), (1, "b"), (1, "a", {}), (1, "a", {2: 3}), (1, 2, 3, 4, 5, 6)]
    made = [[outcome(lambda c=c, a=a: c(*a)) for a in calls] for c in (ours, theirs)]
    named = [{"x": 1}, {"x": 2, "tags": {}}, {"label": "b", "x": 1}, {"y": 1}]
    for values, kind in zip(made, (ours, theirs)):
        values += [outcome(lambda k=k, kind=kind: kind(**k)) for k in named]
    assert [repr(x) for x in made[0]] == [repr(x) for x in made[1]]
    results = []
    for kind, values in zip((ours, theirs), made):
        values = [x for x in values if isinstance(x, kind)] or [outcome(kind)]
        first = values[0]
        found = [
            kind.__match_args__,
            [(f.name, f.type, f.repr, f.compare, f.init) for f in dataclasses.fields(kind)],
            [[a == b for b in values] for a in values],
            [first == 3, first != 3, kind.__hash__ is None, kind.__hash__ is object.__hash__],
            [outcome(lambda x=x: hash(x) == hash(copy.copy(x))) for x in values],
            outcome(lambda f=first: repr(dataclasses.replace(f, x=9))),
            outcome(lambda f=first: setattr(f, "x", 1)),
            outcome(lambda f=first: setattr(f, "new", 1)),
            outcome(lambda f=first: delattr(f, "x")),
            outcome(lambda f=first: f.seen),
            kind.__init__.__qualname__,
        ]
        results.append(found)
    assert results[0] == results[1]


def test_factories_make_a_value_for_each_instance():
    kind = plain(own.dataclass)
    assert kind(1).tags is not kind(1).tags
    given = {}
    assert kind(1, tags=given).tags is given


def test_subclasses_without_the_decorator_have_attributes_of_their_own():
    class Child(plain(own.dataclass, frozen=True)):
        pass

    child = Child(1)
    child.more = 2
    assert child.more == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        child.x = 2


def test_the_standard_library_inherits_and_finds_the_mark_of_frozen():
    base = plain(own.dataclass, frozen=True)
    with pytest.raises(TypeError, match="non-frozen"):
        dataclasses.dataclass(type("Thawed", (base,), {}))
    child = dataclasses.dataclass(frozen=True)(type("Child", (base,), {}))
    assert child(1) == child(1) and dataclasses.is_dataclass(child)


@own.dataclass(frozen=True)
class Pickled:
    """A class that pickle finds."""

    x: int
    y: Pickled | None = None


def test_instances_pickle_match_and_print_cycles():
    value = Pickled(1, Pickled(2))
    assert pickle.loads(pickle.dumps(value)) == value
    match value:
        case Pickled(1, Pickled(y=None)):
            pass
        case _:
            raise AssertionError("no match")
    object.__setattr__(value, "y", value)
    assert repr(value) == "Pickled(x=1, y=...)"


@pytest.mark.parametrize("options", [{"slots": True}, {"order": True}])
def test_other_options_are_those_of_the_standard_library(options):
    kind = plain(own.dataclass, **options)
    assert ("__slots__" in kind.__dict__) == ("slots" in options)
    assert ("__lt__" in kind.__dict__) == ("order" in options)


def test_wrong_classes_are_refused():
    with pytest.raises(TypeError, match="default"):

        @own.dataclass
        class _Late:
            x: int = 1
            y: int

    with pytest.raises(ValueError, match="mutable"):

        @own.dataclass
        class _Mutable:
            x: list = []


def test_a_class_takes_a_quarter_of_the_time_of_the_standard_library():
    spent = {}
    for dataclass in MAKERS:
        for _ in range(3):
            began = time.thread_time()
            for _ in range(10):
                plain(dataclass, frozen=True)
            spent.setdefault(dataclass, []).append(time.thread_time() - began)
    ours, theirs = (min(spent[dataclass]) for dataclass in MAKERS)
    assert ours < theirs / 4
