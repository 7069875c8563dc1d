"""NumPy's functions and SciPy's ufuncs applied to tensors: the function of that name here.

`np.exp(x)` is `pt.exp(x)` and `np.sum(x, axis=0)` is `pt.sum(x, axis=0)`, so code written for
arrays builds graphs. Arguments are matched by NumPy's signature and passed by name. Arguments that
the function here does not take are refused, as are functions that do not exist here, and `out=`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.late import late, load
from probtensor.ops.kinds import operator
from probtensor.types import Size

_difflib = late("difflib")

REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all",
    "logical_or": "any", "logaddexp": "logsumexp",
}  # fmt: skip
ACCUMULATIONS = {
    "add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin",
    "logaddexp": "logcumsumexp",
}  # fmt: skip
SYNONYMS = {"a_min": "min", "a_max": "max"}  # NumPy has two names for one argument


@operator("ufunc")
def apply_ufunc(ufunc: np.ufunc, method: str, args: Sequence[object], kwargs: Mapping) -> object:
    """A ufunc, or a method of one, applied to tensors. TypeError if there is no function of that
    name here, or for `out=`."""
    called, home, ours = _ufunc(ufunc)
    if method == "__call__" and not kwargs and ours is not None:
        return ours(*args)
    name = ufunc.__name__
    if method != "__call__":
        called += f".{method}"
    if kwargs.get("out") is not None:
        raise _refused(
            called, args, "cannot write it into an array (out=, or += on an array)",
            "write a = a + x, which makes `a` a tensor",
        )  # fmt: skip
    given = {k: v for k, v in kwargs.items() if v is not None}
    if method == "outer" and ours is not None and ufunc.nin == 2:
        first, second = map(as_tensor, args)
        args = (first[(..., *(None,) * second.ndim)], second)
    elif method != "__call__":
        table = {"reduce": REDUCTIONS, "accumulate": ACCUMULATIONS}.get(method, {})
        ours = _function("numpy", table[name]) if home == "numpy" and name in table else None
        given["axis"] = kwargs.get("axis", 0)
    if ours is None:
        raise _unknown(called, name, args)
    return _called(called, ours, args, given)


@cache
def _ufunc(ufunc: np.ufunc) -> tuple[str, str | None, Callable | None]:
    """The name of a ufunc, its module, and our function of that name, or None."""
    name = ufunc.__name__
    home = next((m for m in ("numpy", "scipy.special") if _holds(m, name, ufunc)), None)
    ours = _function(home, name) if home else None
    return f"{'np' if home == 'numpy' else home or 'ufunc'}.{name}", home, ours


@operator("numpy")
def apply_function(function: Callable, args: Sequence[object], kwargs: Mapping) -> object:
    """A NumPy function applied to tensors. TypeError if there is no function of that name here, or
    if it does not take an argument."""
    name, home = function.__name__, function.__module__ or "numpy"
    called = f"{home.replace('numpy', 'np', 1)}.{name}"
    if function in ATTRIBUTES:
        return ATTRIBUTES[function](*args, **kwargs)
    ours = _function(home, name)
    if ours is None:
        raise _unknown(called, name, _flat((*args, *kwargs.values())))
    theirs = _signature(function)
    if theirs is None:  # in C, where arguments have no names
        return _called(called, ours, args, kwargs)
    return _called(called, ours, *_matched(called, theirs, ours, args, kwargs))


def _size(x: object, axis: int | None = None) -> Node | Size:
    return as_tensor(x).size if axis is None else as_tensor(x).shape[axis]


# What is asked of the type alone.
ATTRIBUTES: Mapping[Callable, Callable] = {
    np.shape: lambda a: as_tensor(a).shape,
    np.ndim: lambda a: as_tensor(a).ndim,
    np.size: _size,
    np.iscomplexobj: lambda x: as_tensor(x).is_complex,
    np.isrealobj: lambda x: not as_tensor(x).is_complex,
}


def _holds(module: str, name: str, value: object) -> bool:
    """Is this object an attribute of the module? Ufuncs of other libraries may have any name."""
    return getattr(sys.modules.get(module), name, None) is value


def _function(home: str, name: str) -> Callable | None:
    """Our function for one of NumPy's or SciPy's; None if there is none."""
    inner = home.rpartition(".")[2]
    if home == "numpy.fft":
        return getattr(load("probtensor.ops.fourier.functions"), name, None)
    modules = (getattr(ops, inner, None), ops) if "." in home else (ops,)
    for module in modules:
        found = vars(module).get(name) if isinstance(module, ModuleType) else None
        if callable(found) and not isinstance(found, type) and not name.startswith("_"):
            return found
    return None


@cache
def _signature(function: Callable) -> inspect.Signature | None:
    """The signature, or None (some of NumPy's functions are written in C)."""
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def _matched(
    called: str,
    theirs: inspect.Signature,
    ours: Callable,
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments by the parameter names of our function; see `_named`."""
    try:
        bound = theirs.bind(*args, **kwargs)
    except TypeError as error:
        raise _refused(called, _flat(args), str(error)) from None
    mine = list((_signature(ours) or inspect.Signature()).parameters.values())
    rest = next((k for k, p in enumerate(mine) if p.kind is p.VAR_POSITIONAL), len(mine))
    names = list(theirs.parameters)
    named: dict[str, object] = {}
    spread: list[object] = []
    for name, value in bound.arguments.items():
        parameter = theirs.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            spread.extend(value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update(value)
        elif value is parameter.default or value is np._NoValue:
            continue
        else:
            our_name = _named(called, names.index(name), names, mine, args)
            if rest < len(mine) and our_name == mine[rest].name:
                spread.append(value)
            else:
                named[our_name] = value
    lead = [p for p in mine[:rest] if spread or p.kind is p.POSITIONAL_ONLY]
    return [*(named.pop(p.name) for p in lead if p.name in named), *spread], named


def _named(
    called: str,
    position: int,
    theirs: Sequence[str],
    mine: Sequence[inspect.Parameter],
    args: Sequence[object],
) -> str:
    """Our name for one of NumPy's parameters: the same, or, if neither signature has the other's
    name, that of the parameter at the same position (`a` and `x`)."""
    name = SYNONYMS.get(theirs[position], theirs[position])
    names = [p.name for p in mine]
    if name in names:
        return name
    if position < len(names) and names[position] not in theirs:
        return names[position]
    if names and mine[-1].kind is mine[-1].VAR_POSITIONAL and position >= len(names) - 1:
        return names[-1]
    raise _refused(
        called, _flat(args), f"has no argument {name!r} for tensors",
        f"pt.{called.rpartition('.')[2]} takes {', '.join(names)}",
    )  # fmt: skip


def _called(
    called: str, ours: Callable, args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """Calls our function; TypeError if it does not take these arguments."""
    signature = _signature(ours)
    try:
        if signature is not None:
            signature.bind(*args, **kwargs)
    except TypeError as error:
        raise _refused(
            called, _flat([*args, *kwargs.values()]),
            f"does not take these arguments for tensors: {error}",
            f"pt.{called.rpartition('.')[2]} takes {', '.join(signature.parameters)}",
        ) from None  # fmt: skip
    return ours(*args, **kwargs)


def _flat(args: Sequence[object]) -> list[object]:
    """The arguments, with lists and tuples flattened."""
    found: list[object] = []
    for x in args:
        found += _flat(x) if isinstance(x, (list, tuple)) else [x]
    return found


def _refused(called: str, args: Sequence[object], what: str, *hints: str) -> Exception:
    nodes = [x for x in args if isinstance(x, Node)]
    about = f"{nodes[0].described} is symbolic" if nodes else "a tensor is symbolic"
    return refusal(f"{called} {what}: {about}", nodes[0].birthplace if nodes else "", *hints)


def _unknown(called: str, name: str, args: Sequence[object]) -> Exception:
    all_names = [n for n, f in vars(ops).items() if callable(f) and not isinstance(f, type)]
    near = [f"pt.{n}" for n in _difflib.get_close_matches(name, all_names, n=3, cutoff=0.7)]
    return _refused(
        called, args, "has no counterpart for tensors",
        f"of like name there are {', '.join(near)}" if near else
        "build it of functions of pt; x.eval({input: value}) or pt.function gives arrays",
    )  # fmt: skip
