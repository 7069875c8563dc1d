"""Loops rewritten as wholes: work moved out of them.

    parts.py  loops replaced in a graph, result by result
    split.py  work that is not part of the recurrence, done for all steps at once
"""
