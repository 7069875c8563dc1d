"""Loops and branches, whose bodies are closed graphs.

    op.py          the op `Scan`
    structured.py  loops with the signatures of JAX, which `pt.loop` has
    trace.py       bodies from functions of Python
    trees.py       nested tuples, lists and dicts of tensors
"""
