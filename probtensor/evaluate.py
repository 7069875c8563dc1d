"""`x.eval(values)`: the value of a tensor, by a function that is compiled once per tensor."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.compile import function
from probtensor.function import Function
from probtensor.function.program import pairs_of, result_of
from probtensor.graph import Node, inputs_of
from probtensor.graph.symbolic import refusal
from probtensor.ops.complexes.pair import as_leaf, joined
from probtensor.ops.kinds import method

_EVALUATED: WeakKeyDictionary[Node, dict[tuple[Node, ...], Function]] = WeakKeyDictionary()


def evaluate(node: Node, values: Mapping[Node | str, ArrayLike] | None = None) -> np.ndarray:
    """The value of a tensor, given those of the inputs it needs: {input or its name: value}.

    The compiled function is cached as long as the tensor exists.
    """
    node = result_of(node)
    named = {x.name: x for x in inputs_of([joined(node)]) if x.name}
    given = {}
    for key, value in pairs_of(values, "eval: values", "{input or its name: value}"):
        x = as_leaf(key) if isinstance(key, Node) else named.get(key)
        if x is None:
            takes = f"it needs {', '.join(named) or 'no named input'}"
            raise refusal(
                f"eval: {key!r:.80} is not an input of this tensor, nor its name", takes
            )
        given[x] = value
    inputs = tuple(given)
    functions = _EVALUATED.setdefault(node, {})
    if inputs not in functions:
        functions[inputs] = function(inputs, node, on_unused_input="ignore")
    return functions[inputs](*given.values())


method(public(evaluate, name="eval"), "eval")
