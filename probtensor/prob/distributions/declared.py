"""The functions of `pt.random` that are made from classes of distributions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from probtensor.calls import WRONG, add_line, line_text, wrong_call
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.base import random_variable
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Interval

OPTIONS = ("shape", "name", "dims", "constraint")
_POSITIONAL, _KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
_RETURNS = """\
Returns a random variable, {kind} tensor. Raises ValueError for a literal parameter outside its
range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

    >>> pt.draw(pt.random.{name}({shown}), draws=5, seed=1).shape
    {shape}
"""


def function_of(distribution: type[Distribution]) -> Callable[..., Node]:
    """The function that makes variables of a distribution: its parameters by position or name, in
    their order, those of other parametrisations (`alternatives`) and the options by name."""
    parameters, defaults = tuple(distribution.parameters), distribution.defaults
    options = OPTIONS if isinstance(distribution.over, Interval) else OPTIONS[:-1]
    options += ("centered",) if distribution.location_scale else ()
    others = {name: None for names in distribution.alternatives for name in names}
    others = [name for name in others if name not in parameters]
    known = {*parameters, *others, *options}
    standing = {name: True if name == "centered" else None for name in options}
    always = set(parameters).intersection(*distribution.alternatives)
    label = distribution.name

    def make_variable(*args: TensorLike, **kwargs: TensorLike) -> Node:
        try:
            given = dict(zip(parameters, args))
            fits = len(args) <= len(parameters) and known.issuperset(kwargs)
            have = given.keys() | kwargs.keys() | defaults.keys()
            missing = not others and not have.issuperset(parameters)
            if not fits or missing or not given.keys().isdisjoint(kwargs):
                raise TypeError(wrong_call(make_variable, label, args, kwargs, ""))
            given |= {k: v for k, v in kwargs.items() if k not in options}
            # None says that another parametrisation is given.
            given = {k: v for k, v in given.items() if v is not None or k in always}
            kind, values = parameters_of(distribution, given, kwargs.get("name"), label)
            own = {k: kwargs.get(k, default) for k, default in standing.items()}
            return random_variable(kind(), values, **own)
        except WRONG as error:
            add_line(error, label)
            raise

    # A parameter that another parametrisation replaces need not be given.
    absent = None if others else inspect.Parameter.empty
    make_variable.__signature__ = inspect.Signature(
        [inspect.Parameter(p, _POSITIONAL, default=defaults.get(p, absent)) for p in parameters]
        + [inspect.Parameter(p, _KEYWORD, default=standing.get(p)) for p in (*others, *options)]
    )
    make_variable.__name__ = make_variable.__qualname__ = label
    make_variable.__doc__ = _documentation(distribution)
    make_variable.for_users = True
    return make_variable


def parameters_of(
    distribution: type[Distribution], given: Mapping[str, TensorLike], name: str | None, label: str
) -> tuple[type[Distribution], tuple[TensorLike, ...]]:
    """The class and the parameters of a variable from those that were given."""
    own, defaults = tuple(distribution.parameters), distribution.defaults
    if given.keys() <= set(own) and given.keys() | defaults.keys() >= set(own):
        return distribution, tuple(given[p] if p in given else defaults[p] for p in own)
    what = f"{label} {name!r}" if name else label
    for names, convert in distribution.alternatives.items():
        if given.keys() <= set(names) and given.keys() | defaults.keys() >= set(names):
            values = [given[p] if p in given else defaults[p] for p in names]
            found = convert(what, *values)
            return found if isinstance(found[0], type) else (distribution, tuple(found))
    ways = ", or ".join(map(_joined, (own, *distribution.alternatives)))
    got = _joined(tuple(given)) or "nothing"
    raise TypeError(f"{label}: give {ways}; got {got}\n  at {line_text()}")


def _joined(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _documentation(distribution: type[Distribution]) -> str:
    text = inspect.cleandoc(distribution.__doc__ or "")
    kind = "an int64" if distribution.over.discrete else "a float"
    shown = ", ".join(map(str, distribution.shown))
    shape = (5, *distribution.shown_event)
    told = _RETURNS.format(kind=kind, name=distribution.name, shown=shown, shape=shape)
    return f"{text}\n{told}"
