"""Dataclasses that are cheap to define: `dataclass`, in place of the standard library's.

The standard library writes the source of five methods of each class and compiles it, half a
millisecond for a class, and an import of this library defines more than two hundred. Here methods
are closures, and `__init__` is a function of the right number of parameters with other names. The
results are dataclasses to everything else: `fields`, `replace`, `match`, `pickle` and dataclasses
of the standard library that inherit from one.

What is not needed here is left to the standard library: slots, order, `InitVar` and fields that
`__init__` does not set.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import reprlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, field, fields, is_dataclass
from functools import cache
from typing import Any, dataclass_transform

from cython_ext.graph import set_fields

__all__ = ["dataclass", "field", "fields", "is_dataclass", "replace"]

# The file of generated methods, which is in the folder of the library, so that messages do not
# take it for the user's.
_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "<dataclass>")
_FIELDS, _PARAMETERS = "__dataclass_fields__", "__dataclass_params__"


@dataclasses.dataclass(frozen=True)
class _Frozen:
    """A frozen dataclass of the standard library, whose marks are copied."""

    x: int = 0


@dataclasses.dataclass
class _Open:
    """The same for one that is not frozen."""

    x: int = 0


_IS_FIELD = getattr(_Frozen, _FIELDS)["x"]._field_type
_MARKS = {True: getattr(_Frozen, _PARAMETERS), False: getattr(_Open, _PARAMETERS)}


@dataclass_transform(field_specifiers=(field,))
def dataclass(
    cls: type | None = None,
    *,
    frozen: bool = False,
    eq: bool = True,
    kw_only: bool = False,
    **other: bool,
):
    """Class decorator: `dataclasses.dataclass` with these options, made quickly where possible."""
    options = {"frozen": frozen, "eq": eq, "kw_only": kw_only, **other}
    if cls is None:
        return lambda kind: dataclass(kind, **options)
    own = [None] if other else list(_own_fields(cls, kw_only))
    if None in own:
        return dataclasses.dataclass(cls, **options)
    inherited = {}
    for base in cls.__mro__[-1:0:-1]:
        inherited |= base.__dict__.get(_FIELDS, {})
    found = inherited | {f.name: f for f in own}
    if any(f._field_type is not _IS_FIELD or not f.init for f in found.values()):
        return dataclasses.dataclass(cls, **options)
    for f in own:
        if f.default is not MISSING:
            setattr(cls, f.name, f.default)
        elif isinstance(cls.__dict__.get(f.name), Field):
            delattr(cls, f.name)
    _complete(cls, found, frozen, eq)
    return cls


def replace(value: Any, /, **changes: object) -> Any:
    """`dataclasses.replace`, quickly where `__init__` sets all fields."""
    names = _plain_names(value.__class__)
    if names is None:
        return dataclasses.replace(value, **changes)
    for name in names:
        if name not in changes:
            changes[name] = getattr(value, name)
    return value.__class__(**changes)


@cache
def _plain_names(cls: type) -> tuple[str, ...] | None:
    """The fields of a dataclass; None if `__init__` does not set all of them and nothing else."""
    found = getattr(cls, _FIELDS, {None: None}).values()
    plain = all(f is not None and f._field_type is _IS_FIELD and f.init for f in found)
    return tuple([f.name for f in found]) if plain else None


def _own_fields(cls: type, kw_only: bool) -> Iterator[Field | None]:
    """The fields that a class itself declares; None for one that is of another kind."""
    for name, kind in inspect.get_annotations(cls).items():
        if not isinstance(kind, str) or kind.startswith(("InitVar", "dataclasses.", "KW_ONLY")):
            yield None
        elif not kind.startswith("ClassVar"):
            value = cls.__dict__.get(name, MISSING)
            if not isinstance(value, Field):
                value = field(default=value)
            if isinstance(value.default, (list, dict, set)):
                raise ValueError(f"{cls.__name__}.{name} has a mutable default")
            value.name, value.type, value._field_type = name, kind, _IS_FIELD
            value.kw_only = kw_only if value.kw_only is MISSING else value.kw_only
            yield value


def _complete(cls: type, found: dict[str, Field], frozen: bool, eq: bool) -> None:
    """Set the marks and methods of a dataclass; methods that it has itself are kept."""
    have = cls.__dict__
    setattr(cls, _FIELDS, found)
    setattr(cls, _PARAMETERS, _MARKS[frozen])
    if "__match_args__" not in have:
        cls.__match_args__ = tuple(f.name for f in found.values() if not f.kw_only)
    cls.__init__ = _init(cls, list(found.values()), frozen)
    if "__repr__" not in have:
        cls.__repr__ = _repr(cls, [f.name for f in found.values() if f.repr])
    explicit = "__hash__" in have and not (have["__hash__"] is None and "__eq__" in have)
    if eq:
        compared = [f for f in found.values() if f.compare]
        if "__eq__" not in have:
            cls.__eq__ = _renamed(cls, _eq_pattern(len(compared)), compared)
        if not explicit:
            hashed = [f for f in compared if f.hash is not False]
            own_hash = _renamed(cls, _hash_pattern(len(hashed)), hashed)
            cls.__hash__ = own_hash if frozen else None
    if frozen:
        for name in ("__setattr__", "__delattr__"):
            if name in have:
                raise TypeError(f"cannot overwrite attribute {name} in class {cls.__name__}")
        cls.__setattr__, cls.__delattr__ = _refusing(cls, frozenset(found))


def _named(cls: type, function: Callable) -> Callable:
    function.__qualname__ = f"{cls.__qualname__}.{function.__name__}"
    function.__module__ = cls.__module__
    return function


def _repr(cls: type, names: Sequence[str]) -> Callable:
    def __repr__(self: object) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({parts})"

    return reprlib.recursive_repr()(_named(cls, __repr__))


def _refusing(cls: type, names: frozenset[str]) -> tuple[Callable, Callable]:
    """`__setattr__` and `__delattr__` of a frozen class."""

    def __setattr__(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return _named(cls, __setattr__), _named(cls, __delattr__)


class _Made:
    """The default of a parameter whose value a factory makes."""

    def __repr__(self) -> str:
        return "<factory>"


_MADE = _Made()


def _init(cls: type, found: Sequence[Field], frozen: bool) -> Callable:
    """`__init__` of a class."""
    found = sorted(found, key=lambda f: f.kw_only)
    made = tuple(k for k, f in enumerate(found) if f.default_factory is not MISSING)
    placed = sum(not f.kw_only for f in found)
    pattern = _init_pattern(len(found), placed, made, frozen, hasattr(cls, "__post_init__"))
    factories = {f"factory{k}": found[k].default_factory for k in made}
    names = tuple([f.name for f in found])
    values = {"set_fields": set_fields, "NAMES": names, "MADE": _MADE} | factories
    function = _renamed(cls, pattern, found, values, _defaults(cls, found[:placed]))
    named = {f.name: _default(f) for f in found[placed:] if _default(f) is not MISSING}
    function.__kwdefaults__ = named or None
    function.__annotations__ = {f.name: f.type for f in found} | {"return": None}
    return function


def _defaults(cls: type, found: Sequence[Field]) -> tuple:
    """The default values of the last fields."""
    defaults = []
    for f in found:
        if _default(f) is not MISSING:
            defaults.append(_default(f))
        elif defaults:
            raise TypeError(f"{cls.__name__}: {f.name} has no default, but one before it has")
    return tuple(defaults)


def _default(f: Field) -> object:
    return f.default if f.default_factory is MISSING else _MADE


def _renamed(
    cls: type,
    pattern: Callable,
    found: Sequence[Field],
    values: Mapping[str, object] | None = None,
    defaults: tuple = (),
) -> Callable:
    """A method of a class from its pattern, with the names of fields for field0, field1, ..."""
    # In the module of the class, by which callers are told apart.
    scope = {"__name__": cls.__module__, **(values or {})}
    names = {f"field{k}": f.name for k, f in enumerate(found)}
    code = pattern.__code__
    code = code.replace(
        co_varnames=tuple([names.get(x, x) for x in code.co_varnames]),
        co_names=tuple([names.get(x, x) for x in code.co_names]),
        co_consts=tuple([names.get(x, x) if isinstance(x, str) else x for x in code.co_consts]),
        co_qualname=f"{cls.__qualname__}.{code.co_name}",
    )
    return _named(cls, types.FunctionType(code, scope, code.co_name, defaults))


@cache
def _init_pattern(
    count: int, placed: int, made: tuple[int, ...], frozen: bool, checked: bool
) -> Callable:
    """An `__init__` for so many fields, the first `placed` of them by position, where factories
    make those at the positions `made`; `checked` says whether `__post_init__` follows."""
    parameters = [f"field{k}" for k in range(count)]
    if placed < count:
        parameters.insert(placed, "*")
    lines = [f"def __init__({', '.join(['self', *parameters])}):"]
    for k in range(count):
        if k in made:
            lines += [f" if field{k} is MADE:", f"  field{k} = factory{k}()"]
        if not frozen:
            lines.append(f" self.field{k} = field{k}")
    if frozen and count:  # in one call: the class refuses single assignments
        lines.append(f" set_fields(self, NAMES, {', '.join(f'field{k}' for k in range(count))})")
    lines.append(" self.__post_init__()" if checked else " return None")
    return _compiled(lines)


@cache
def _eq_pattern(count: int) -> Callable:
    own, others = (f"({''.join(f'{x}.field{k}, ' for k in range(count))})" for x in ("a", "b"))
    test = f" return {own} == {others} if b.__class__ is a.__class__ else NotImplemented"
    return _compiled(["def __eq__(a, b):", test])


@cache
def _hash_pattern(count: int) -> Callable:
    values = "".join(f"self.field{k}, " for k in range(count))
    return _compiled(["def __hash__(self):", f" return hash(({values}))"])


def _compiled(lines: Sequence[str]) -> Callable:
    scope: dict[str, Callable] = {}
    exec(compile("\n".join(lines), _SOURCE, "exec"), scope)
    return next(value for value in scope.values() if isinstance(value, types.FunctionType))
