"""Algebraic equations of Riccati, of continuous and of discrete time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, make
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Composite, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.eigen import QZ, SORTS
from probtensor.ops.linalg.functions.equations import DiscreteLyapunov, Sylvester
from probtensor.ops.linalg.orthogonal import FullQR
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import Solve
from probtensor.ops.linalg.triangular import spd
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import aligned, equal
from probtensor.types import ShapeError, SizeCheck, TensorType, broadcast_shapes, shape_text

_OPERANDS = (
    Sample(lambda rng: (rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), spd(rng, 3, 3),
                        spd(rng, 2, 2), 0.1 * rng.normal(size=(3, 2))), smooth=False),
    Sample(lambda rng: (rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 1)), spd(rng, 2, 2),
                        spd(rng, 1, 1), np.zeros((2, 1))), smooth=False),
)  # fmt: skip


class _Riccati(Composite):
    """The stabilising solution x for matrices a, q (n, n), b, s (n, m) and r (m, m), by an ordered
    generalised Schur form of an extended pencil: Van Dooren (1981), SIAM J. Sci. Stat. Comput.
    2(2).

    The derivative is that of the equation at the solution, for symmetric q and r.
    """

    samples = _OPERANDS

    def infer(self, *types: TensorType) -> TensorType:
        if any(t.dtype != "float64" for t in types):
            raise TypeError("needs float64")
        a, b, q, r, s = (t.shape for t in types)
        long = {n for n in (*a[-2:], *q[-2:], b[-2], s[-2]) if isinstance(n, int)}
        short = {n for n in (*r[-2:], b[-1], s[-1]) if isinstance(n, int)}
        if len(long) > 1 or len(short) > 1:
            raise ShapeError(
                f"a and q are square and r is, b and s have their sizes, not shapes "
                f"{', '.join(map(shape_text, (a, b, q, r, s)))}"
            )
        leading = broadcast_shapes(*(t[:-2] for t in (a, b, q, r, s)))
        return TensorType("float64", (*leading, *q[-2:]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        a, b, q, r, s = (x.type.shape for x in node.inputs)
        for n in (a[-1], *q[-2:], b[-2], s[-2]):
            yield equal(a[-2], n)
        for m in (r[-1], b[-1], s[-1]):
            yield equal(r[-2], m)
        yield from aligned([x[:-2] for x in (a, b, q, r, s)])

    def numpy(self, *operands):
        from scipy import linalg

        solver = getattr(linalg, self.twin)
        batch = np.broadcast_shapes(*(x.shape[:-2] for x in operands))
        operands = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in operands]
        out = np.full((*batch, *operands[0].shape[-2:]), np.nan)
        for item in np.ndindex(batch):
            a, b, q, r, s = (x[item] for x in operands)
            try:
                out[item] = solver(a, b, q, r, s=s)
            except (np.linalg.LinAlgError, ValueError):
                continue
        return out

    def expand(self, *operands):
        batch = broadcast_shapes(*(x.shape[:-2] for x in operands))
        a, b, q, r, s = (ops.broadcast_to(x, (*batch, *x.shape[-2:])) for x in operands)
        n, m = b.shape[-2:]
        first, second = self.pencil(a, b, q, r, s, ops.broadcast_to(ops.eye(n), a.shape))
        basis = parts(FullQR()(first[..., 2 * n :]))[0][..., m:]
        short = [ops.matrix_transpose(basis) @ x[..., : 2 * n] for x in (first, second)]
        z = parts(QZ().apply(*short, as_tensor_of(SORTS[self.order], "int64")))[-1]
        top, bottom = z[..., :n, :n], z[..., n:, :n]
        found = make(Solve(True), (top, ops.matrix_transpose(bottom)))
        return (found + ops.matrix_transpose(found)) / 2.0

    def _by_gain(self, weight: Node, out: Node, closed: Node, gain: Node) -> tuple[Node, ...]:
        """The gradients, from the solution of the adjoint equation: `closed` is the matrix that
        changes of a and b are multiplied with."""
        ga = 2.0 * closed @ weight
        gain_t = ops.matrix_transpose(gain)
        gr = gain @ weight @ gain_t
        return ga, -ga @ gain_t, weight, gr, -2.0 * weight @ gain_t


@op
class ContinuousRiccati(_Riccati):
    """The stabilising x with a.mT @ x + x @ a - (x @ b + s) @ inv(r) @ (x @ b + s).mT + q == 0."""

    name = "continuous_riccati"
    twin, order = "solve_continuous_are", "lhp"

    def pencil(self, a, b, q, r, s, unit):
        a_t, b_t, s_t = map(ops.matrix_transpose, (a, b, s))
        empty = ops.zeros_like(a)
        first = _rows([[a, empty, b], [-q, -a_t, -s], [s_t, b_t, r]])
        narrow, wide = ops.zeros_like(b), ops.zeros_like(b_t)
        corner = ops.zeros_like(r)
        return first, _rows([[unit, empty, narrow], [empty, unit, narrow], [wide, wide, corner]])

    def vjp(self, g, out, a, b, q, r, s):
        gain = make(Solve(), (r, ops.matrix_transpose(out @ b + s)))
        loop = a - b @ gain
        weight = (g + ops.matrix_transpose(g)) / 2.0
        weight = Sylvester().apply(loop, ops.matrix_transpose(loop), -weight)
        return self._by_gain(weight, out, out, gain)


@op
class DiscreteRiccati(_Riccati):
    """The stabilising x with a.mT @ x @ a - x + q - (a.mT @ x @ b + s) @ inv(r + b.mT @ x @ b) @
    (a.mT @ x @ b + s).mT == 0."""

    name = "discrete_riccati"
    twin, order = "solve_discrete_are", "iuc"

    def pencil(self, a, b, q, r, s, unit):
        a_t, b_t, s_t = map(ops.matrix_transpose, (a, b, s))
        empty, wide = ops.zeros_like(a), ops.zeros_like(b_t)
        narrow, corner = ops.zeros_like(b), ops.zeros_like(r)
        first = _rows([[a, empty, b], [-q, unit, -s], [s_t, wide, r]])
        return first, _rows([[unit, empty, narrow], [empty, a_t, narrow], [wide, -b_t, corner]])

    def vjp(self, g, out, a, b, q, r, s):
        a_t, b_t = ops.matrix_transpose(a), ops.matrix_transpose(b)
        gain = make(Solve(), (r + b_t @ out @ b, ops.matrix_transpose(a_t @ out @ b + s)))
        loop = a - b @ gain
        weight = (g + ops.matrix_transpose(g)) / 2.0
        weight = make(DiscreteLyapunov(), (loop, weight))
        return self._by_gain(weight, out, out @ loop, gain)


def _rows(blocks: list[list[Node]]) -> Node:
    return ops.concatenate([ops.concatenate(row, -1) for row in blocks], -2)


def _solved(what: str, riccati: _Riccati, operands: list[TensorLike | None]) -> Node:
    a, b, q, r = (as_tensor_of(matrices(what, x), "float64") for x in operands[:4])
    e, s = (None if x is None else as_tensor_of(matrices(what, x), "float64") for x in operands[4:])
    s = ops.zeros_like(b) if s is None else s
    if e is not None:  # the same equation, for a @ inv(e), inv(e).mT @ q @ inv(e), inv(e).mT @ s
        inverse = ops.inv(e)
        turned = ops.matrix_transpose(inverse)
        a, q, s = a @ inverse, turned @ q @ inverse, turned @ s
    return make(riccati, (a, b, q, r, s), what=what)


@public
def solve_continuous_are(
    a: TensorLike,
    b: TensorLike,
    q: TensorLike,
    r: TensorLike,
    e: TensorLike | None = None,
    s: TensorLike | None = None,
) -> Node:
    """The stabilising x with a.mT @ x + x @ a - x @ b @ inv(r) @ b.mT @ x + q == 0: the cost of an
    optimal controller of continuous time; SciPy's signature, without balancing.

    a, q: shape (..., n, n); b: (..., n, m); r: (..., m, m), as float64; leading axes broadcast.
    With e (n, n) and s (n, m) the equation is e.mT @ x @ a + a.mT @ x @ e - (e.mT @ x @ b + s) @
    inv(r) @ (b.mT @ x @ e + s.mT) + q == 0. q and r are symmetric, and e is not singular.

    Returns a float64 tensor of shape (..., n, n), symmetric; not finite where there is no such x.
    The derivative is that of the equation, for symmetric q and r.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.
    Source: Van Dooren (1981), SIAM J. Sci. Stat. Comput. 2(2); for derivatives Kao and Hennequin
    (2020), arXiv:2011.11430.

        >>> one = [[1.0]]
        >>> pt.linalg.solve_continuous_are([[0.0]], one, one, one).eval()
        array([[1.]])
    """
    return _solved("solve_continuous_are", ContinuousRiccati(), [a, b, q, r, e, s])


@public
def solve_discrete_are(
    a: TensorLike,
    b: TensorLike,
    q: TensorLike,
    r: TensorLike,
    e: TensorLike | None = None,
    s: TensorLike | None = None,
) -> Node:
    """The stabilising x with a.mT @ x @ a - x - a.mT @ x @ b @ inv(r + b.mT @ x @ b) @ b.mT @ x @ a
    + q == 0: the cost of an optimal controller of discrete time; SciPy's signature, without
    balancing.

    a, q: shape (..., n, n); b: (..., n, m); r: (..., m, m), as float64; leading axes broadcast.
    With e (n, n) and s (n, m) x stands between e.mT and e where it is alone, and a.mT @ x @ b + s
    in place of a.mT @ x @ b. q and r are symmetric, and e is not singular.

    Returns a float64 tensor of shape (..., n, n), symmetric; not finite where there is no such x.
    The derivative is that of the equation, for symmetric q and r.
    Raises GraphError, a TypeError, for sizes that do not fit; ValueError where only a call can
    tell.
    Source: Van Dooren (1981), SIAM J. Sci. Stat. Comput. 2(2); for derivatives Kao and Hennequin
    (2020), arXiv:2011.11430.

        >>> one = [[1.0]]
        >>> pt.linalg.solve_discrete_are([[0.0]], one, one, one).eval()
        array([[1.]])
    """
    return _solved("solve_discrete_are", DiscreteRiccati(), [a, b, q, r, e, s])
