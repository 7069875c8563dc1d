"""The exponential of a matrix and its derivative; powers of matrices."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, make
from probtensor.late import late
from probtensor.ops.kinds import Core, op
from probtensor.ops.linalg.factors import by_item
from probtensor.ops.linalg.products import matrices
from probtensor.ops.reductions.folds import described
from probtensor.ops.samples import Sample

_linear = late("probtensor.ops.complexes.linear")


@op
class Expm(Core):
    """The exponential of a matrix; all nan where it is not finite."""

    core, routine = "(n,n)->(n,n)", "pt_expm"
    rounding = 30.0
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 3)),)),
        Sample(lambda rng: (2 * rng.normal(size=(2, 4, 4)),)),
        Sample(lambda rng: (np.stack([np.eye(2) * 1e-3, np.eye(2) * 30, np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 8 * n * n + 2 * n

    def numpy(self, a):
        from scipy.linalg import expm

        return by_item(a, (np.empty(a.shape),), lambda x: (expm(x),))[0]

    def vjp(self, g, out, a):
        """The derivative of the exponential of the transpose, in the direction of g: Higham (2008),
        "Functions of Matrices", 3.2."""
        return (make(ExpmFrechet(), (ops.matrix_transpose(a), g)),)


@op
class ExpmFrechet(Core):
    """The derivative of the exponential of a in the direction of e, which is the upper right block
    of the exponential of [[a, e], [0, a]]; all nan where a or e is not finite."""

    name = "expm_frechet"
    core, routine = "(n,n),(n,n)->(n,n)", "pt_expm_frechet"
    rounding = 100.0
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 3)), rng.normal(size=(3, 3)))),
        Sample(lambda rng: (3 * rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 2, 2)))),
        Sample(lambda rng: (np.stack([np.eye(2), np.full((2, 2), np.nan)]), np.ones((2, 2, 2))),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 16 * n * n + 2 * n

    def numpy(self, a, e):
        from scipy.linalg import expm_frechet

        out = np.full(a.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[item]).all() and np.isfinite(e[item]).all():
                out[item] = expm_frechet(a[item], e[item], compute_expm=False)
        return out

    def vjp(self, g, out, a, e):
        """By e that in the direction of g, of the transpose; by a that of a block of twice the
        size."""
        turned, n = ops.matrix_transpose(a), a.shape[-1]
        zeros = ops.zeros_like(a)
        whole = _blocks(a, e, zeros)
        inner = _blocks(zeros, g, zeros)
        gradient = make(ExpmFrechet(), (ops.matrix_transpose(whole), inner))
        return gradient[..., :n, :n] + gradient[..., n:, n:], make(self, (turned, g))


def _blocks(diagonal: Node, upper: Node, lower: Node) -> Node:
    """[[diagonal, upper], [lower, diagonal]]."""
    rows = [ops.concatenate([diagonal, upper], -1), ops.concatenate([lower, diagonal], -1)]
    return ops.concatenate(rows, -2)


@public
def expm(A: TensorLike) -> Node:
    """The exponential of square matrices on the last two axes; SciPy's signature.

    A: shape (..., n, n), as float64. By scaling and squaring, whose error is about that of rounding
    A. The gradient costs about three exponentials, a second derivative about eight times as much.

    Returns a float64 tensor of the shape of `A`, complex128 for complex matrices; nan where it is
    not finite.
    Raises GraphError, a TypeError, for matrices that are not square; ValueError where only a call
    can tell.
    Source: Higham (2005), SIAM J. Matrix Anal. Appl. 26(4); Al-Mohy and Higham (2009), same journal
    31(3), and 30(4) for the derivative.

        >>> pt.linalg.expm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[1., 1.],
               [0., 1.]])
    """
    a = matrices("expm", A)
    return _linear.expm(a) if a.is_complex else Expm().apply(a, what="expm")


@public
def matrix_power(a: TensorLike, n: int) -> Node:
    """The product of n square matrices `a`; for negative n of their inverses; NumPy's signature.

    a: shape (..., m, m). n: a whole number. By repeated squares, with about log2(n) products.

    Returns a tensor of the shape of `a`, in its dtype for n >= 0, else float64.
    Raises GraphError, a TypeError, for matrices that are not square and other n.

        >>> pt.linalg.matrix_power([[1, 1], [0, 1]], 5).eval()
        array([[1, 5],
               [0, 1]])
    """
    a = matrices("matrix_power", a)
    rows, columns = a.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise GraphError(f"matrix_power: needs square matrices{described(a)}")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise GraphError(f"matrix_power: n is a whole number, not {n!r:.60}")
    if n == 0:
        unit = ops.eye(columns, dtype=a.dtype)
        return ops.broadcast_to(unit, (*a.shape[:-1], columns))
    power = ops.inv(a) if n < 0 else a
    found = None
    for place, bit in enumerate(reversed(f"{abs(n):b}")):
        power = power @ power if place else power
        if bit == "1":
            found = power if found is None else found @ power
    return found
