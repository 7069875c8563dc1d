"""The models of `examples/` beside PyMC (numba), NumPyro (JAX) and stanli.

    python -m tests.bench.examples [names] [--rounds 5]

All libraries run in one process, on one core and one thread of BLAS, in turns. A figure is the
median over rounds of the fastest call of value and gradient from Python, in microseconds; so JAX
pays about 10 us a call for its dispatch. The log densities must have the same difference between
two points of the unconstrained space; where the libraries have other unconstrained spaces
(`OWN_SPACE`) that is not compared.

    pymc_.py, numpyro_.py   each model as its users write it: {name: function}
    stanli_.py              data of the programs in `stan/`
    data.py                 what several of them need of the examples' data
    __main__.py             the rounds
"""
