"""`probtensor.interop.pytensor`: graphs of PyTensor as tensors of this library.

    translate.py    the walk over a graph, and the table of ops
    scalars.py      elementwise functions
    arrays.py       shapes, views, indexing, joins, reductions
    linalg.py       linear algebra, and ops over batches
    ordering.py     sorting, searching, sets, and what is left of NumPy

An op has one row: a function of the translated inputs, registered under the name of its class, so
that what one version of PyTensor lacks does no harm. Literals are widened to float64 and int64:
PyTensor keeps 1.5 as float32 and 10 as int8, and computes log(10) in single precision.
"""

from probtensor.interop.pytensor.translate import translate

__all__ = ["translate"]
