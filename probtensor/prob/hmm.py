"""`pt.hmm`: hidden Markov models of K states over T steps, by sums over all paths of states.

All functions take

    initial        shape (K,): the probability of each state at the first step
    transition     shape (K, K): transition[i, j] is the probability of state j after state i; or
                   (T - 1, K, K) where it depends on the step
    emission_logp  shape (T, K): the log density of what was observed at each step, in each state

with T >= 1. Rows of probabilities are not normalised.

The forward recursion (Rabiner 1989, Proc. IEEE 77:257) multiplies probabilities, scaled at each
step by the sum of the step before: the division is then not part of the recurrence. The result does
not depend on the scales, so that they are constants to the derivative, which is the backward
recursion. Where some transitions are (nearly) impossible, a state of a probability that no float
can represent may matter later: each state then has a scale of its own. Only one of the two
recursions is run.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.calls import absent, public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.branches.op import ifelse
from probtensor.ops.loops.structured import scan
from probtensor.prob.random import categorical
from probtensor.rules.derivatives import grad

# Below this, the probability of a state may underflow before the state matters.
MIN_TRANSITION = 1e-100
MAX_EXPONENT = 700.0  # exp of more overflows


@public(name="hmm.logp")
def logp(initial: TensorLike, transition: TensorLike, emission_logp: TensorLike) -> Node:
    """The log density of the observations, summed over all paths of states.

    Returns a float64 scalar: log sum over z of initial[z0] * prod transition[z, z'] *
    prod exp(emission_logp[t, z_t]).
    Raises GraphError, a TypeError, for shapes that do not fit together.
    Source: Rabiner (1989), "A tutorial on hidden Markov models", Proc. IEEE 77:257, III.A.

        >>> emission_logp = [[-1.0, -2.0], [-3.0, -1.0]]
        >>> pt.hmm.logp([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission_logp).eval().round(6)
        np.float64(-3.335482)
    """
    first, moves, e = _checked("logp", initial, transition, emission_logp)
    exact = ops.min(moves) >= MIN_TRANSITION
    return ifelse(exact, _scaled(first, moves, e), _scaled_by_state(first, moves, e))


@public(name="hmm.smooth")
def smooth(initial: TensorLike, transition: TensorLike, emission_logp: TensorLike) -> Node:
    """The probability of each state at each step, given all observations.

    Returns a float64 tensor of shape (T, K), whose rows sum to 1.
    Raises GraphError, a TypeError, for shapes that do not fit together.
    Source: Rabiner (1989), "A tutorial on hidden Markov models", Proc. IEEE 77:257, III.B. It is
    computed as the gradient of `logp` with respect to `emission_logp`, which it equals.

        >>> emission_logp = [[-1.0, -2.0], [-3.0, -1.0]]
        >>> pt.hmm.smooth([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission_logp).eval().shape
        (2, 2)
    """
    first, moves, e = _checked("smooth", initial, transition, emission_logp)
    own = new_input("emission_logp", e.dtype, e.shape)
    return replace([grad(logp(first, moves, own), own)], {own: e})[0]


@public(name="hmm.viterbi")
def viterbi(initial: TensorLike, transition: TensorLike, emission_logp: TensorLike) -> Node:
    """The most probable path of states, given all observations; the first one of equal ones.

    Returns an int64 tensor of shape (T,).
    Raises GraphError, a TypeError, for shapes that do not fit together.
    Source: Rabiner (1989), "A tutorial on hidden Markov models", Proc. IEEE 77:257, III.B.

        >>> emission_logp = [[-1.0, -9.0], [-9.0, -1.0]]
        >>> pt.hmm.viterbi([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission_logp).eval()
        array([0, 1])
    """
    first, moves, e = _checked("viterbi", initial, transition, emission_logp)
    log_moves = ops.log(moves)

    def forward(best: Node, given: tuple[Node, ...]) -> tuple[Node, Node]:
        found = best[:, None] + (given[1] if len(given) > 1 else log_moves)
        return ops.max(found, axis=0) + given[0], ops.argmax(found, axis=0)

    steps = (e[1:], log_moves) if moves.ndim == 3 else (e[1:],)
    best, before = scan(forward, ops.log(first) + e[0], steps)
    last = ops.argmax(best)
    _, path = scan(lambda state, back: (back[state], back[state]), last, before, reverse=True)
    return ops.concatenate([path, last[None]])


@public(name="hmm.sample_path")
def sample_path(
    initial: TensorLike, transition: TensorLike, emission_logp: TensorLike
) -> Node:
    """A path of states drawn from their distribution given all observations.

    Forward filtering and backward sampling: each `pt.draw`, and each call of a compiled function,
    gives another path.

    Returns a random int64 tensor of shape (T,).
    Raises GraphError, a TypeError, for shapes that do not fit together.
    Source: Chib (1996), "Calculating posterior distributions and modal estimates in Markov mixture
    models", J. Econometrics 75:79.

        >>> emission_logp = [[-1.0, -2.0], [-3.0, -1.0]]
        >>> path = pt.hmm.sample_path([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission_logp)
        >>> pt.draw(path, draws=3, seed=1).shape
        (3, 2)
    """
    first, moves, e = _checked("sample_path", initial, transition, emission_logp)

    def forward(
        state: tuple[Node, Node], given: tuple[Node, ...]
    ) -> tuple[tuple[Node, Node], Node]:
        following = _next_state(*state, given[1] if len(given) > 1 else moves, given[0])
        return following, ops.log(state[0]) + state[1]

    by_step = moves.ndim == 3
    steps = (e[1:], moves) if by_step else (e[1:],)
    (p, scale), filtered = scan(forward, _observed(first, ops.zeros(first.shape), e[0]), steps)
    last = ops.log(p) + scale

    def backward(state: Node, given: tuple[Node, ...]) -> tuple[Node, Node]:
        columns = given[1] if by_step else moves
        found = categorical(logit_p=given[0] + ops.log(columns[:, state]))
        return found, found

    end = categorical(logit_p=last)
    _, path = scan(backward, end, (filtered, moves) if by_step else (filtered,), reverse=True)
    return ops.concatenate([path, end[None]])


def _scaled(first: Node, moves: Node, e: Node) -> Node:
    """The log density by scaled probabilities.

    For a batch of sequences its axes are the last ones of all arguments, of size 1 where they are
    the same for all, and those of the result.
    """
    highest = ops.stop_gradient(_finite(ops.max(e, axis=1)))
    reached = _finite(ops.max(ops.where(first > 0, e[0], -math.inf), axis=0))
    top = ops.stop_gradient(reached)
    start = first * ops.exp(ops.minimum(e[0] - top, MAX_EXPONENT))
    density = ops.exp(e[1:] - highest[1:, None])

    def step(p: Node, given: tuple[Node, ...]) -> tuple[Node, Node]:
        total = ops.stop_gradient(ops.sum(p, axis=0))
        scale = ops.where(total > 0, 1 / total, 1.0)
        following = _moved(p, given[1] if len(given) > 1 else moves) * given[0]
        return following * scale, scale

    steps = (density, moves) if moves.ndim > e.ndim else (density,)
    last, scales = scan(step, start, steps)
    constants = top + ops.sum(highest[1:], axis=0) - ops.sum(ops.log(scales), axis=0)
    return ops.log(ops.sum(last, axis=0)) + ops.stop_gradient(constants)


def _moved(p: Node, moves: Node) -> Node:
    """The probabilities after a transition."""
    if p.ndim == 1:
        return p @ moves
    if all(n == 1 for n in moves.shape[2:]):
        return ops.tensordot(ops.reshape(moves, moves.shape[:2]), p, axes=(0, 0))
    return ops.sum(p[:, None] * moves, axis=0)


def _scaled_by_state(first: Node, moves: Node, e: Node) -> Node:
    """The log density by probabilities that each have a scale of their own; for batches see
    `_scaled`."""

    def step(state: tuple[Node, Node], given: tuple[Node, ...]) -> tuple[tuple[Node, Node], None]:
        return _next_state(*state, given[1] if len(given) > 1 else moves, given[0]), None

    steps = (e[1:], moves) if moves.ndim > e.ndim else (e[1:],)
    (p, scale), _ = scan(step, _observed(first, ops.zeros(first.shape), e[0]), steps)
    top = _finite(ops.max(ops.where(p > 0, scale, -math.inf), axis=0))
    weights = ops.stop_gradient(ops.exp(ops.minimum(scale - top, MAX_EXPONENT)))
    return ops.log(ops.sum(p * weights, axis=0)) + ops.stop_gradient(top)


# The recursion for probabilities that are not very small, and that for any.
RECURSIONS = (_scaled, _scaled_by_state)


def _next_state(p: Node, scale: Node, moves: Node, e: Node) -> tuple[Node, Node]:
    """The forward probabilities p * exp(scale) after a step, likewise with a scale each."""
    present = p[:, None] > 0
    highest = ops.max(ops.where(present, scale[:, None], -math.inf), axis=(0, 1))
    reached = ops.max(ops.where(present & (moves > 0), scale[:, None], -math.inf), axis=0)
    top = _finite(ops.where(reached > -math.inf, reached, highest))
    weights = ops.stop_gradient(ops.exp(ops.minimum(scale[:, None] - top, MAX_EXPONENT)))
    return _observed(ops.sum(p[:, None] * weights * moves, axis=0), top, e)


def _observed(p: Node, scale: Node, e: Node) -> tuple[Node, Node]:
    """p * exp(scale + e) as probabilities of 0 or 1 times a scale, which is constant to the
    derivative."""
    possible = e > -math.inf
    held = ops.stop_gradient(ops.where(possible, e, 0.0))
    size = ops.stop_gradient(ops.where(p > 0, p, 1.0))
    following = ops.where(possible, p / size * ops.exp(e - held), 0.0)
    return following, ops.stop_gradient(scale + held + ops.log(size))


def _finite(x: Node) -> Node:
    """x, and 0 where it is -inf."""
    return ops.where(x > -math.inf, x, 0.0)


def _checked(
    what: str, initial: TensorLike, transition: TensorLike, emission_logp: TensorLike
) -> tuple[Node, Node, Node]:
    """The arguments as float64 tensors; GraphError for shapes that do not fit together."""
    given = [ops.astype(as_tensor(x), "float64") for x in (initial, transition, emission_logp)]
    first, moves, e = given
    ranks = first.ndim == 1 and moves.ndim in (2, 3) and e.ndim == 2
    states = [*first.shape, *moves.shape[-2:], *e.shape[-1:]] if ranks else []
    known = {n for n in states if isinstance(n, int)}
    if not ranks or len(known) > 1:
        shapes = ", ".join(
            f"{name} {x.type}"
            for name, x in zip(("initial", "transition", "emission_logp"), given, strict=True)
        )
        raise refusal(
            f"hmm.{what}: the shapes do not fit together: {shapes}",
            "they are (K,), (K, K) or (T - 1, K, K), and (T, K)",
            kind=GraphError,
        )
    return first, moves, e


__all__ = ["logp", "sample_path", "smooth", "viterbi"]
__getattr__ = absent("pt.hmm", dict.fromkeys(__all__))
