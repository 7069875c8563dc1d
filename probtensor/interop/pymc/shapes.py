"""The shapes of the variables of a PyMC model, whose dims have lengths that the model knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor.calls import line_text
from probtensor.graph import Const, GraphError, toposort
from probtensor.graph.node import SizeOf
from probtensor.interop.pytensor.translate import Translator
from probtensor.prob.model.data import default_of
from probtensor.process import numpy_part


def shape_of(translator: Translator, rv: Any) -> tuple[int, ...]:
    """The shape of a random variable: that of its type, where it is known, or by its size and its
    parameters."""
    static = rv.type.shape
    if None not in static:
        return tuple(static)
    op, apply = rv.owner.op, rv.owner
    if not hasattr(op, "ndim_supp"):  # one of another order of axes
        return _evaluated(translator, rv)
    event = static[len(static) - op.ndim_supp :]
    size = _size(translator, rv)
    if size is not None and None not in event:
        return (*size, *event)
    parameters = [translator.node(x) for x in op.dist_params(apply)]
    ranks = getattr(op, "ndims_params", None)
    if ranks is not None and None not in event:
        fronts = [p.shape[: p.ndim - r] for p, r in zip(parameters, ranks, strict=True)]
        front = np.broadcast_shapes(*fronts)
        if len(front) == len(static) - len(event):
            return (*front, *event)
    return _evaluated(translator, rv)


def _size(translator: Translator, rv: Any) -> tuple[int, ...] | None:
    size = rv.owner.op.size_param(rv.owner)
    node = translator.node(size) if hasattr(size.type, "dtype") else None
    if node is None or any(isinstance(x.op, SizeOf) for x in toposort([node])):
        return None
    return tuple(int(n) for n in np.atleast_1d(node.eval()))


def _evaluated(translator: Translator, rv: Any) -> tuple[int, ...]:
    """The shape that PyTensor infers, at the present values of shared variables."""
    from pymc.pytensorf import constant_fold
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.replace import clone_replace
    from pytensor.graph.traversal import ancestors

    shape = rv.shape
    shared = [x for x in ancestors([shape]) if isinstance(x, SharedVariable)]
    values = {
        x: x.type.constant_type(x.type, _value(translator, x)) for x in shared if not _is_random(x)
    }
    (found,) = clone_replace([shape], values)
    return tuple(int(n) for n in constant_fold(tuple(found)))


def _value(translator: Translator, x: Any) -> np.ndarray:
    """The value of a shared variable, or the literal or the data that stand for it."""
    node = translator.known.get(x)
    if node is None:
        return x.get_value()
    if isinstance(node.op, SizeOf):
        raise GraphError(f"interop.pymc: the size {node.op.size} is not known\n  at {line_text()}")
    array = node.op.array if isinstance(node.op, Const) else default_of(node)
    return np.asarray(array, x.type.dtype)


def _is_random(x: Any) -> bool:
    return isinstance(x.get_value(borrow=True), numpy_part("random").Generator)
