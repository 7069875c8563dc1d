"""Graphs as text for people: trees, formulas, and hashes.

    tree.py         `debugprint`: one line a node, with what is asked for of it
    placement.py    where the nodes of a function are computed: kernels, buffers, views, in place
    formulas.py     `pprint` and `latex`: a graph as mathematics
    structured.py   formulas of sums, products of matrices, cases and loops
    symbols.py      infix operators, and LaTeX of functions
    names.py        names in LaTeX: Greek letters, indices
    hashing.py      `graph_hash`: equal graphs have equal hashes, in all processes
"""
