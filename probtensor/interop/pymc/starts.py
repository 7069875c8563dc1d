"""Where chains and optimizers begin: the initial values of a PyMC model, and those of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.calls import line_text
from probtensor.prob.model.posterior import Posterior
from probtensor.process import numpy_part

Point = tuple[np.ndarray, np.ndarray]  # unconstrained values, and which of them are given


def start_of(own: Posterior, model: Any, initvals: object) -> Point:
    """The unconstrained point of initial values, those of the model below those of a call, and
    which coordinates it gives; the others are 0."""
    named = dict(_of_model(own, model))
    transformed = {}
    places = {v.name: slice(v.start, v.stop) for v in own.model.free}
    own_names = {
        value.name: rv.name for rv, value in model.rvs_to_values.items() if rv.name in places
    }
    for key, value in _checked(initvals).items():
        name = getattr(key, "name", key)
        if isinstance(value, str):
            raise TypeError(
                f"interop.pymc: initvals has {value!r:.40} for {name}\n  at {line_text()}\n  write "
                "numbers; leave out the others"
            )
        if name in places or name not in own_names:
            named[name] = value
        else:  # by its name in the unconstrained space, as sigma_log__
            transformed[own_names[name]] = value
    named = {name: value for name, value in named.items() if name not in own.marginalized}
    q, given = np.zeros(own.dim), np.zeros(own.dim, bool)
    if named:
        middle = own.constrain(q)
        found = own.unconstrain({**{name: middle[name] for name in own.names}, **named})
    for name, place in places.items():
        if name in transformed:
            q[place] = np.reshape(transformed[name], q[place].shape)
        elif name in named:
            q[place] = found[place]
        given[place] = name in transformed or name in named
    return q, given


def _of_model(own: Posterior, model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The values that variables were made with, `initval=`; those of PyMC's strategies are left
    out, as random points are in their place."""
    for rv, value in model.rvs_to_initial_values.items():
        if hasattr(value, "owner"):  # of PyTensor: its value, where it is a literal
            value = getattr(value, "data", None)
        numbers = isinstance(value, (int, float, list, tuple, np.ndarray, np.generic))
        if numbers and rv.name in own.names:
            yield rv.name, np.asarray(value)


def _checked(initvals: object) -> Mapping[Any, Any]:
    if initvals is None:
        return {}
    if not isinstance(initvals, Mapping):
        raise TypeError(
            f"interop.pymc: initvals={initvals!r:.60} is no dict\n  at {line_text()}\n  write "
            "{name: value}, or a list of these, one for each chain"
        )
    return initvals


def starts_of(own: Posterior, model: Any, initvals: object, chains: int) -> list[Point]:
    """The point of `start_of` of each chain; `initvals` is one dict, or a list of them."""
    if not isinstance(initvals, Sequence) or isinstance(initvals, str):
        return [start_of(own, model, initvals)] * chains
    if len(initvals) != chains:
        raise ValueError(
            f"interop.pymc: initvals has {len(initvals)} entries, and there are {chains} chains\n"
            f"  at {line_text()}\n  give one dict, or one for each chain"
        )
    return [start_of(own, model, one) for one in initvals]


def begin_at(own: Posterior, starts: Sequence[Point]) -> None:
    """Let the chains of a posterior begin at points, and at random ones between -2 and 2 in the
    coordinates that these do not give."""
    if any(given.any() for _, given in starts):
        own.initial = _initial(starts)  # type: ignore[attr-defined]


def _initial(starts: Sequence[Point]) -> Callable[[int, int], np.ndarray]:
    def initial(key: int, chain: int) -> np.ndarray:
        q, given = starts[chain]
        rng = numpy_part("random").default_rng(key)
        return np.where(given, q, rng.uniform(-2, 2, q.shape))

    return initial
