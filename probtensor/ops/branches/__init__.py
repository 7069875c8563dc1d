"""Branches: one of several graphs is computed, the others are not.

    op.py          the ops `IfElse` and `Cond`, and `ifelse`
    structured.py  `cond` and `switch` with the signatures of JAX, which `pt.loop` has
"""
