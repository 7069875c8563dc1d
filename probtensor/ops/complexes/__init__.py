"""Complex tensors, which are pairs of real ones.

    pair.py        the node that pairs two tensors; complex inputs and literals
    arithmetic.py  + - * / ** of pairs
    elementary.py  exp, log, sqrt, circular and hyperbolic functions of pairs
    meanings.py    the table of all ops that take complex operands
    functions.py   real, imag, conj, angle, complex
    factors.py     factors, determinants, eigenvalues and singular values, by LAPACK
    linear.py      functions of matrices, by these or by real matrices of twice the size

Kernels, rules, derivatives, batching and targets see the real tensors alone. Rejected: ops with
complex types, since each kernel, fact, rule and target would need a second meaning.
"""
