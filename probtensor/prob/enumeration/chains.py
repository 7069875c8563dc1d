"""Chains: variables whose neighbouring entries along an axis share factors, as the states of a
hidden Markov model. They are summed by the forward recursion of `pt.hmm`, one step for each entry:
K^2 operations a step, for each chain of a batch.

Draws, and the most probable states, go back from the last entry, given the forward sums (Chib 1996,
J. Econometrics 75:79; Rabiner 1989, Proc. IEEE 77:257, III.B).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.ops.branches.op import ifelse
from probtensor.ops.loops.structured import scan
from probtensor.prob import hmm
from probtensor.prob.enumeration.eliminate import Links
from probtensor.prob.enumeration.factors import DISCRETE
from probtensor.types import Shape

# Up to this, no sum of a path's weights underflows while others matter.
MAX_SPREAD = 600.0


@dataclass(frozen=True, eq=False)
class Chains:
    """A batch of chains of T entries with K values.

    front    the shape of the batch
    e        (*front, T, K): the log of what depends on one entry
    moves    (..., K, K): the log of what depends on an entry and the next one; before these axes
             T - 1 if it changes by step, and before that the front if it changes by chain
    by_chain, by_step  whether it does
    """

    front: Shape
    e: Node
    moves: Node
    by_chain: bool
    by_step: bool


def chains_of(links: Links) -> Chains:
    """The chains of an elimination, with the axes of the others' values in front."""
    unary, pairs, axis = links.unary, links.pairs, links.axis
    rank = unary.rank - 1  # axes of others
    plates = [k for k in range(len(unary.shape)) if k != axis]
    front = (*(w.count for w, _ in unary.others), *(unary.shape[k] for k in plates))
    order = (*range(1, 1 + rank), *(1 + rank + k for k in plates), 1 + rank + axis, 0)
    e = ops.transpose(unary.table, order)
    e = ops.broadcast_to(e, (*front, unary.shape[axis], e.shape[-1])).astype("float64")
    order = (*range(2, 2 + rank), *(2 + rank + k for k in plates), 2 + rank + axis, 0, 1)
    moves = ops.transpose(pairs.table, order).astype("float64")
    if any(kind != DISCRETE for kind, _ in pairs.sources):
        # Not only probabilities: what would overflow is added to the entries.
        peak = ops.stop_gradient(ops.max(moves, axis=-2))
        peak = ops.where(ops.isfinite(peak), peak, 0.0)
        moves = moves - peak[..., None, :]
        steps = (*front, unary.shape[axis] - 1, e.shape[-1])
        later = e[..., 1:, :] + ops.broadcast_to(peak, steps)
        e = ops.concatenate([e[..., :1, :], later], axis=-2)
    by_step = moves.shape[-3] != 1
    by_chain = any(n != 1 for n in moves.shape[: len(front)])
    if by_chain:
        moves = ops.broadcast_to(moves, (*front, *moves.shape[-3:]))
    else:
        moves = ops.squeeze(moves, tuple(range(len(front)))) if front else moves
    return Chains(front, e, moves if by_step else moves[..., 0, :, :], by_chain, by_step)


def summed(links: Links) -> Node:
    """The log of the sum over all paths: a table with the axes of the others' values and of the
    shape without the chain's axis."""
    first, log_moves, e = _batch_last(chains_of(links))
    moves = ops.exp(log_moves)
    exact = (ops.min(moves) >= hmm.MIN_TRANSITION) | (_spread(log_moves, e) <= MAX_SPREAD)
    return ifelse(exact, *(rule(first, moves, e) for rule in hmm.RECURSIONS))


def _spread(moves: Node, e: Node) -> Node:
    """A bound of the log of the ratio of the weights of any two paths of a chain, of those that are
    possible at all."""
    lowest = ops.min(ops.where(e > -math.inf, e, math.inf), axis=1)
    width = ops.where(lowest < math.inf, ops.max(e, axis=1) - lowest, 0.0)
    least = ops.min(ops.where(moves > -math.inf, moves, math.inf))
    step = ops.where(least < math.inf, ops.maximum(ops.max(moves), 0.0) - least, 0.0)
    count = ops.astype(ops.as_tensor(e.shape[0]), "float64")
    return ops.stop_gradient(ops.max(ops.sum(width, axis=0)) + count * step)


def _batch_last(chains: Chains) -> tuple[Node, Node, Node]:
    """(weights of first values, the log of moves, e) with the axes of the batch behind all others:
    inner loops run over them."""
    rank, moves = len(chains.front), chains.moves
    e = ops.moveaxis(chains.e, (-2, -1), (0, 1))
    own = 3 if chains.by_step else 2
    if chains.by_chain:
        moves = ops.moveaxis(moves, tuple(range(-own, 0)), tuple(range(own)))
    elif rank:
        moves = ops.expand_dims(moves, tuple(range(own, own + rank)))
    return ops.ones((e.shape[1], *chains.front)), moves, e


def highest(links: Links) -> Node:
    """The log of the largest summand, a table as that of `summed`."""
    return ops.max(last_sums(chains_of(links), _max), axis=-1)


def _max(x: Node, axis: int) -> Node:
    return ops.max(x, axis=axis)


def last_sums(chains: Chains, fold: Callable[[Node, int], Node]) -> Node:
    """The logs of the forward sums of the last entry: of the weights of all paths to each value."""
    return _filtered(chains, fold)[0]


def _filtered(chains: Chains, fold: Callable[[Node, int], Node]) -> tuple[Node, Node]:
    """The logs of the forward sums of the last entry, and those of all before it, along axis 0."""
    e = ops.moveaxis(chains.e, -2, 0)
    moves = ops.moveaxis(chains.moves, -3, 0) if chains.by_step else chains.moves

    def forward(before: Node, given: tuple[Node, ...]) -> tuple[Node, Node]:
        step = given[1] if chains.by_step else moves
        return given[0] + fold(before[..., :, None] + step, -2), before

    return scan(forward, e[0], (e[1:], moves) if chains.by_step else (e[1:],))


def path(chains: Chains, fold: Callable[[Node, int], Node], choose: Callable[[Node], Node]) -> Node:
    """The values of all entries, numbered from 0: (T, *front). `fold` is applied to the logs of the
    forward sums, `choose` to logs of weights along the last axis."""
    moves = ops.moveaxis(chains.moves, -3, 0) if chains.by_step else chains.moves
    last, filtered = _filtered(chains, fold)
    states = ops.arange(chains.e.shape[-1])

    def backward(state: Node, given: tuple[Node, ...]) -> tuple[Node, Node]:
        step = given[1] if chains.by_step else moves
        taken = ops.where(ops.eq(states, state[..., None, None]), step, -math.inf)
        found = choose(given[0] + ops.max(taken, axis=-1))
        return found, found

    end = choose(last)
    before = (filtered, moves) if chains.by_step else (filtered,)
    _, found = scan(backward, end, before, reverse=True)
    return ops.concatenate([found, end[None]])
