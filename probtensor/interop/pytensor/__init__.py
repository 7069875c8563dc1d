"""`probtensor.interop.pytensor`: graphs of PyTensor as tensors of this library.

    translate.py    the walk over a graph, and the table of ops
    rows/           what each op is here
    sparse.py       products with sparse matrices of data
    xtensors.py     tensors with named dimensions, which PyTensor lowers
    absent.py       the ops that have no row, each with the reason
    linker.py       mode="PROBTENSOR", which importing this package makes known to PyTensor

An op has one row: a function of the translated inputs, registered under the name of its class, so
that what one version of PyTensor lacks does no harm. Literals are widened to float64 and int64:
PyTensor keeps 1.5 as float32 and 10 as int8, and computes log(10) in single precision.

Rejected: rows by `functools.singledispatch` (it needs all classes, which versions lack), and
translating the rewritten graph by default: PyTensor's rewrites take as long as the compiler here,
fold constants in single precision, and hide the sums that a density is made of.
"""

from probtensor.interop.pytensor.linker import register
from probtensor.interop.pytensor.translate import translate

register()

__all__ = ["translate"]
