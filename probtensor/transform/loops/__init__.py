"""Loops rewritten as wholes: what they need not do goes, what need not be inside moves out.

    opened.py    a loop as lists of what it carries, reads and gives
    unused.py    what nothing reads
    single.py    one loop: equal values are one, invariant work moves out
    merge.py     loops over the same steps that do not depend on each other become one
    lasts.py     stacks of which only the last row is read
    simplify.py  the pass `simplify_loops`: all of these, to a fixed point
    parts.py     loops replaced in a graph, result by result
    delays.py    carries that hold what an earlier step computed, as sequences
    split.py     work that is not part of the recurrence, done for all steps at once

The one idea of `simplify_loops`: it rewrites graphs without arithmetic, so no rounding changes, and
what is written as several loops (a forward run, and the same with saved states for a derivative)
ends as one. Rules see the result.
"""
