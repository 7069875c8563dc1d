"""Functions whose results are looked at for NaN, infinities or huge numbers at each call.

A call runs the compiled code as ever, and then reads its results once. Where one is wrong, the call
is computed again, node by node, to tell where that comes from: see `inspect/numbers/nonfinite.py`.
Calls of such a function that draw or update take turns, since each must be computed again from what
it had.

`check` does the same for all functions of the process, as long as its block lasts: it replaces the
method by which they are called, so they pay nothing outside of such blocks.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import cache

import numpy as np

from cython_ext.convert import parts_of
from probtensor.calls import public
from probtensor.function.call import Function
from probtensor.function.device.call import DeviceFunction
from probtensor.function.numbers.given import State, plain, state_of, values_of_call
from probtensor.function.program import Leaf, Packed, Tree
from probtensor.graph.symbolic import refusal
from probtensor.inspect.numbers.nonfinite import BIG, KINDS, NonFinite, found_in
from probtensor.inspect.numbers.stored import running, stored_level
from probtensor.inspect.replay import compiled, replayed
from probtensor.ops.complexes.pair import given_type
from probtensor.ops.values.effects import quiet
from probtensor.process import new_lock

_TURNS = new_lock(reentrant=True)  # calls that draw or update
_WATCHED: list[str] = []  # what the blocks of `check` around look for


class NonFiniteError(FloatingPointError):
    """Raised where a result of a checked function has a NaN, an infinity or a huge number.

    `report` says where it comes from, as a value; the text of the exception is that of the report.
    """

    def __init__(self, text: str, report: NonFinite) -> None:
        super().__init__(text)
        self.report = report

    def __reduce__(self) -> tuple:
        return type(self), (str(self), self.report)


def checked_kind(kind: object, what: str) -> str:
    """A name of what is looked for; ValueError for any other."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise refusal(f"{what} is one of {', '.join(map(repr, KINDS))}, not {kind!r:.40}",
                      kind=ValueError)  # fmt: skip
    return kind


class Checked:
    """What a function inherits that looks at its results."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return checked_call(self, self.program.check, args, kwargs)


@cache
def checked_class(kind: type[Function]) -> type[Function]:
    """The class of checked functions of a class."""
    return type(f"Checked{kind.__name__}", (Checked, kind), {"__doc__": kind.__doc__})


@public
class check:
    """A block in which every function that is called looks at its results, whenever it was made and
    in whichever thread: `with pt.debug.check("nan"):`.

    kind  "nan"; "inf" for infinities, too; "big" for those and numbers beyond 1e10

    A call with such a result raises `NonFiniteError`, a FloatingPointError, which names the
    operation that made the first one, as `check=` of `pt.function` does for one function. Samplers
    call densities without Python, so it does not look at what they compute: there
    `posterior.diagnose(q)` explains a point. Raises ValueError for another kind.

        >>> x = pt.vector("x")
        >>> f = pt.function([x], pt.log(x))
        >>> with pt.debug.check("nan"):
        ...     print(f([1.0]))
        [0.]
    """

    def __init__(self, kind: str = "nan") -> None:
        self.kind = checked_kind(kind, "pt.debug.check: kind")

    def __enter__(self) -> check:
        _WATCHED.append(self.kind)
        for each in (Function, DeviceFunction):
            each.__call__ = _watched_call
        return self

    def __exit__(self, *_: object) -> None:
        _WATCHED.pop()
        if not _WATCHED:
            del Function.__call__
            DeviceFunction.__call__ = DeviceFunction.unchecked


def _watched_call(function: Function, *args: object, **kwargs: object) -> object:
    return checked_call(function, _WATCHED[-1] if _WATCHED else "nan", args, kwargs)


def checked_call(function: Function, kind: str, args: tuple, kwargs: dict) -> object:
    """A call of a function; NonFiniteError where a result, or a new value of a shared variable, is
    wrong. Then the shared variables are as they were before the call."""
    if kwargs or len(args) != len(function.inputs):
        args = function.arrange(args, kwargs)
    if not function.program.updates and function.compilation.key is None:
        results = function.unchecked(*args)
        if wrong(kind, results):
            raise error_of(function, kind, args, state_of(function))
        return results
    with _TURNS:
        state, updated = state_of(function), function.updated_cells()
        before = [cell.value for cell in updated]
        results = function.unchecked(*args)
        if wrong(kind, [results, [cell.value for cell in updated]]):
            for cell, array in zip(updated, before, strict=True):
                cell.value = array
            raise error_of(function, kind, args, state)
        return results


def wrong(kind: str, results: object) -> bool:
    """Whether an array in a nested structure of results is wrong. It is read once."""
    if type(results) is np.ndarray:
        return _is_wrong(kind, results)
    if isinstance(results, dict):
        results = results.values()
    elif results is None:
        return False
    elif hasattr(results, "nnz"):  # a matrix of scipy.sparse
        return wrong(kind, results.data)
    elif not isinstance(results, (list, tuple)):
        return _is_wrong(kind, plain(results))
    return any(wrong(kind, part) for part in results)


def _is_wrong(kind: str, array: np.ndarray) -> bool:
    dtype = array.dtype.kind
    if dtype == "c":
        array, dtype = parts_of(array), "f"
    if dtype != "f":
        return False
    # A sum of squares is nan if an element is, and not finite if one is not; else it may overflow.
    flat = array if array.ndim == 1 else array.ravel()
    total = 0.0
    for start in range(0, len(flat), _PIECE):
        piece = flat[start : start + _PIECE]
        total += float(piece.dot(piece))
    if total <= _ENOUGH[kind]:
        return False
    return bool(KINDS[kind](array).any())


_PIECE = 8192  # elements: of longer vectors BLAS gives a part to each thread, and waits for them
_ENOUGH = {"nan": math.inf, "inf": sys.float_info.max, "big": BIG**2}


def error_of(function: Function, kind: str, args: tuple, state: State) -> NonFiniteError:
    """The exception for a call that gave a wrong result."""
    with function.compilation.lines():
        report = find(function, args, kind, state)
    if report is None:
        report = NonFinite(kind, result="a result", source="unknown")
    return NonFiniteError(f"{function.label}: {report}", report)


@quiet()
def find(
    function: Function, args: tuple, kind: str, state: State | None = None
) -> NonFinite | None:
    """The report about the first wrong result of a call; None if none is. The graph is computed
    again by the NumPy meaning of its ops; where that has nothing wrong, by the target."""
    values = values_of_call(function, args, state or state_of(function))
    outputs = compiled(function).outputs
    named = labels_of(function), dtypes_of(function)
    report = found_in(replayed(function, values), outputs, *named, kind)
    if report is None:
        got = function.plan_runner(function.plan, running(function))(values)
        if not wrong(kind, got):
            return None
        report = found_in(stored_level(function, values), outputs, *named, kind)
    return report


def labels_of(function: Function) -> list[str]:
    """What the results, and then the updates, are called in reports."""
    program = function.program
    count = len(function.compilation.plan.outputs) - len(program.updates)
    named = [y.name for y in program.outputs] or [None] * count  # a recalled one knows no outputs
    keys = dict(_keys(program.tree))
    names = [name or keys.get(k) or f"result {k}" for k, name in enumerate(named)]
    if len(names) == 1 and names[0] == "result 0":
        names = ["the result"]
    return names + [f"the new {old.name or 'shared value'}" for old, _ in program.updates]


def dtypes_of(function: Function) -> list[str]:
    """The dtypes of the results, and then of the updates, as callers know them; empty where that is
    not known."""
    program = function.program
    count = len(function.compilation.plan.outputs) - len(program.updates)
    known = [str(y.dtype) for y in program.outputs] or [""] * count
    return known + [str(given_type(old).dtype) for old, _ in program.updates]


def _keys(tree: Tree, path: str = "") -> Iterator[tuple[int, str]]:
    """The results that are values of a dict, by number, with their keys as text."""
    if isinstance(tree, Leaf):
        if path:
            yield tree.index, f"result{path}"
    elif isinstance(tree, Packed):
        yield from _keys(tree.part, path)
    elif isinstance(tree, dict):
        for key, part in tree.items():
            yield from _keys(part, f"{path}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        for k, part in enumerate(tree):
            yield from _keys(part, f"{path}[{k}]" if path else "")
