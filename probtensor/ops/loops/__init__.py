"""Loops, whose bodies are closed graphs.

    op.py          the op `Scan`
    scan/          loops with the arguments of Theano and PyTensor: `pt.scan`, `pt.map`, ...
    structured.py  loops over sequences with the signatures of JAX, which `pt.loop` has
    whiles.py      the others of JAX: `while_loop`, `fori_loop`
    prefix.py      prefix sums of any associative function
    trace.py       bodies from functions of Python
    trees.py       nested tuples, lists and dicts of tensors
    transforms/    derivatives and batches of loops
"""
