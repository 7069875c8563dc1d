"""Random choices from arrays, their orders, and relaxed choices that have derivatives.

These are tensors made of random variables, and have no density of their own."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.ops.arrays.views import size_tuple
from probtensor.prob import random
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import POSITIVE, SIMPLEX
from probtensor.types import Size, shape_text, size_product


@public
def choice(a, *, shape=None, replace=True, p=None) -> Node:
    """Random entries along the first axis of an array, or of the numbers 0 to a - 1, as NumPy's
    `Generator.choice`.

    shape    of the choice; by default one entry
    replace  whether an entry may be chosen more than once
    p        the probabilities of the entries, a vector; equal ones by default. Without replacement
             each entry is chosen from those that are left, in proportion

    Returns a tensor of shape `shape` and the axes of an entry. Raises ValueError where more entries
    are wanted than there are, or than have a probability, and for `p` that are no probabilities;
    GraphError for shapes that do not fit.

        >>> set(pt.draw(pt.random.choice(3, shape=3, replace=False), seed=1).tolist())
        {0, 1, 2}
    """
    size, table = _entries("choice", a)
    if isinstance(size, int) and size < 1:
        raise ValueError(f"choice: {size} entries are none to choose from\n  at {line_text()}")
    whole = () if shape is None else size_tuple(tuple(shape) if isinstance(shape, (tuple, list))
                                                else (shape,))  # fmt: skip
    if p is not None:
        p = check_literal("choice", domain=SIMPLEX, p=p)
        if p.ndim != 1 or (isinstance(size, int) and p.shape[0] != size
                           and isinstance(p.shape[0], int)):  # fmt: skip
            raise GraphError(
                f"choice: p of shape {shape_text(p.shape)} are not the probabilities of {size} "
                f"entries\n  at {line_text()}"
            )
    if replace:
        chosen = random.categorical(p, shape=whole) if p is not None else None
        if chosen is None:
            last = as_tensor(size) - 1
            chosen = random.discrete_uniform(0, last, shape=whole)
    else:
        count = size_product(whole)
        left = size if p is None or not isinstance(p.op, Const) else int((p.op.array > 0).sum())
        if isinstance(count, int) and isinstance(left, int) and count > left:
            raise ValueError(
                f"choice: {count} entries of {left} cannot be chosen without replacement\n  at "
                f"{line_text()}\n  give replace=True, or a smaller shape"
            )
        # The entries whose exponential clocks, with their probabilities as rates, ring first
        # (Efraimidis and Spirakis 2006, Information Processing Letters 97:181).
        clocks = random.exponential(1.0, shape=(size,))
        clocks = clocks if p is None else clocks / p
        chosen = ops.reshape(ops.argsort(clocks)[:count], whole)
    return chosen if table is None else table[chosen]


@public
def permutation(x) -> Node:
    """The entries along the first axis of an array, or the numbers 0 to x - 1, in a random order,
    as NumPy's `Generator.permutation`.

    Returns a tensor of the shape of `x`, or an int64 vector. Raises GraphError for a number that is
    no size.

        >>> sorted(pt.draw(pt.random.permutation(4), seed=1).tolist())
        [0, 1, 2, 3]
    """
    size, table = _entries("permutation", x)
    order = ops.argsort(random.uniform(0.0, 1.0, shape=(size,)))
    return order if table is None else table[order]


def _entries(what: str, a: TensorLike) -> tuple[Size, Node | None]:
    """The number of entries, and the array that holds them, or None for whole numbers."""
    if isinstance(a, (int, np.integer)) and not isinstance(a, bool):
        if a < 1:
            raise ValueError(f"{what}: {a} entries are none to choose from\n  at {line_text()}")
        return int(a), None
    table = as_tensor(a)
    if not table.ndim:
        raise GraphError(
            f"{what}: takes a number of entries or an array of one or more axes, not "
            f"{table.described}\n  at {line_text()}"
        )
    return table.shape[0], table


@public
def gumbel_softmax(logits, temperature=1.0, *, hard=False, shape=None) -> Node:
    """A relaxed choice: softmax((logits + g) / temperature) along the last axis, with g standard
    Gumbel, which approaches a vector with a 1 at an entry chosen with probability softmax(logits)
    as `temperature` goes to 0, and has derivatives by `logits`.

    hard   the value is that vector of 0 and 1 itself, and the derivatives are those of the relaxed
           choice (the straight-through estimator, which is biased)
    shape  of the result, with the last axis; by default that of `logits`

    Returns a float tensor. Raises ValueError for a literal `temperature` that is not positive, and
    GraphError for shapes that do not fit.
    Source: Jang, Gu and Poole (2017), "Categorical Reparameterization with Gumbel-Softmax",
    International Conference on Learning Representations.

        >>> x = pt.random.gumbel_softmax([0.0, 1.0, 2.0], 0.5, hard=True)
        >>> sorted(pt.draw(x, seed=1).tolist())
        [0.0, 0.0, 1.0]
    """
    logits = as_tensor(logits)
    if not logits.ndim:
        raise GraphError(
            f"gumbel_softmax: logits need an axis of choices, not {logits.described}\n  at "
            f"{line_text()}"
        )
    temperature = check_literal("gumbel_softmax", domain=POSITIVE, temperature=temperature)
    noise = random.gumbel(0.0, 1.0, shape=logits.shape if shape is None else shape)
    soft = ops.softmax((logits + noise) / temperature, axis=-1)
    if not hard:
        return soft
    first = ops.argmax(soft, axis=-1)[..., None]
    chosen = ops.eq(ops.arange(soft.shape[-1]), first).astype(soft.dtype)
    return ops.stop_gradient(chosen) + (soft - ops.stop_gradient(soft))
