"""QR in all its forms: thin, square, as reflectors, with pivots."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Core, op
from probtensor.ops.linalg.factors import QR, QRResult, by_item
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.reductions.folds import flag
from probtensor.ops.samples import Sample
from probtensor.types import size_max, size_min

_linear = late("probtensor.ops.complexes.linear")

_FORMS = (
    Sample(lambda rng: (rng.normal(size=(4, 3)),), smooth=False),
    Sample(lambda rng: (rng.normal(size=(2, 3, 4)),), smooth=False),
    Sample(lambda rng: (np.stack([np.eye(3)[:, :2], np.full((3, 2), np.nan)]),), smooth=False),
)


@op
class FullQR(Core):
    """As QR, with square q and the rows of zeros of r. The derivative takes the columns of q that
    belong to no row of r to turn with the others alone: it is right for what depends on them by
    their span."""

    name = "full_qr"
    core, routine = "(m,n)->(m,m),(m,n)", "pt_qr_full"
    rounding = 10.0
    samples = (*_FORMS, Sample(lambda rng: (rng.normal(size=(3, 3)),)),
               Sample(lambda rng: (rng.normal(size=(2, 4)),)))  # fmt: skip

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        most = size_max(m, n)
        return m * most + size_min(m, n) + 32 * most

    def numpy(self, a):
        m = a.shape[-2]
        outs = (np.empty((*a.shape[:-2], m, m)), np.empty(a.shape))
        return by_item(a, outs, lambda x: np.linalg.qr(x, "complete"))

    def vjp(self, g, out, a):
        q, r = out
        m, n = a.shape[-2:]
        g_q, g_r = (ops.zeros_like(x) if gx is None else gx for x, gx in zip(out, g, strict=True))
        k = size_min(m, n)
        first, others = q[..., :k], q[..., k:]
        inner = adjoint(g_q[..., k:]) @ first
        return QR().vjp((g_q[..., :k] - others @ inner, g_r[..., :k, :]), (first, r[..., :k, :]), a)


@op
class RawQR(Core):
    """The reflectors of QR, transposed as NumPy has them, and their factors; nan where a is not
    finite."""

    name = "raw_qr"
    core, routine = "(m,n)->(n,m),(k)", "pt_qr_raw"
    differentiable = False
    no_derivative = "it is LAPACK's own form; that of mode=\"reduced\" has derivatives"
    rounding = 10.0
    samples = _FORMS

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        return 32 * sizes["n"]

    def numpy(self, a):
        m, n = a.shape[-2:]
        outs = (np.empty((*a.shape[:-2], n, m)), np.empty((*a.shape[:-2], min(m, n))))
        return by_item(a, outs, lambda x: np.linalg.qr(x, "raw"))


@op
class QROrder(Core):
    """The order in which QR with pivots takes the columns of a matrix: each next one has the
    largest rest; 0, 1, ... where it is not finite."""

    name = "qr_order"
    core, routine = "(m,n)->(n)", "pt_qr_order"
    gives = ("int64",)
    differentiable = False
    samples = _FORMS

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        return m * n + size_min(m, n) + 35 * n + 32

    def numpy(self, a):
        from scipy.linalg import qr

        out = np.empty((*a.shape[:-2], a.shape[-1]), "int64")
        out[...] = np.arange(a.shape[-1])
        for item in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[item]).all() and a[item].size:
                out[item] = qr(a[item], mode="r", pivoting=True)[1]
        return out


MODES = ("reduced", "economic", "complete", "full", "r", "raw")


@public
def qr(
    a: TensorLike, mode: str = "reduced", *, pivoting: bool = False
) -> QRResult | tuple[Node, ...] | Node:
    """Orthonormal columns and an upper triangular factor: (Q, R) with a == Q @ R.

    a: shape (..., m, n), as float64. With k = min(m, n), Q has shape (..., m, k) and R (..., k, n);
    the signs are those of LAPACK. `mode`: "reduced" (or "economic"); "complete" (or "full"), with Q
    of shape (..., m, m) and R (..., m, n); "r" for R of shape (..., k, n) alone; "raw" for the
    reflectors (h, tau), as NumPy has them, without a derivative. With `pivoting` there is one more
    result, P, the order of columns, int64 of shape (..., n), for which a[..., P] == Q @ R.

    Where a is not finite all are nan. The derivative exists where the first k columns are
    independent. Columns of a square Q beyond k are a basis of a subspace: derivatives are right for
    functions that depend on it alone.

        q, r = pt.linalg.qr(design)
        beta = pt.linalg.solve_triangular(r, q.mT @ y)

    Returns a pair of float64 tensors, `Q` and `R`, or as above; of complex matrices they are
    complex128, and the diagonal of R is real.
    Raises GraphError, a TypeError, for less than two axes, for another mode, and for "raw" of
    complex matrices.
    Source: Golub and Van Loan (2013), "Matrix Computations", 5.2 and 5.4; for derivatives Roberts
    and Roberts (2020), arXiv:2009.10071.

        >>> abs(pt.linalg.qr([[3.0], [4.0]], mode="r")).eval()
        array([[5.]])
    """
    if not isinstance(mode, str) or mode not in MODES:
        raise GraphError(f"qr: mode is one of {', '.join(map(repr, MODES))}, not {mode!r:.60}")
    a, order = matrices("qr", a), ()
    if flag(pivoting, "qr: pivoting"):
        if mode == "raw":
            raise GraphError("qr: mode 'raw' is without pivoting")
        order = (_linear.qr_order(a) if a.is_complex else QROrder().apply(a, what="qr"),)
        a = ops.take_along_axis(a, ops.expand_dims(order[0], -2), -1)
    if mode == "raw":
        if a.is_complex:
            raise _linear.refusal_of("qr, mode 'raw'", "mode 'reduced' does")
        return parts(RawQR().apply(a, what="qr"))
    full = mode in ("complete", "full")
    if a.is_complex:
        found = QRResult(*_linear.qr(a, full))
    else:
        found = QRResult(*parts((FullQR() if full else QR()).apply(a, what="qr")))
    if mode == "r":
        return (found.R, *order) if order else found.R
    return (*found, *order) if order else found
