"""`pt.sparse.linalg`: Cholesky factors of sparse symmetric matrices.

    order.py    where the entries of a factor are, after an ordering with little fill
    ops.py      the factor, its derivatives of any order, and systems by it
    cholesky.py what users call: factors, systems, log determinants, variances
"""

from probtensor.calls import absent
from probtensor.sparse.factor.cholesky import Factor, cholesky, logdet, spsolve

__all__ = ["Factor", "cholesky", "logdet", "spsolve"]

__getattr__ = absent("pt.sparse.linalg", dict.fromkeys(__all__))
