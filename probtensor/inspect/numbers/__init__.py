"""Tools that look at the numbers of a call: where they became NaN, differ, or lose their digits.

    influence.py  which elements of its operands an element of a node was computed from
    nonfinite.py  the first operation that made a NaN, an infinity or a huge number
    reasons.py    why an operation gives NaN or infinity, and what to write instead
    stored.py     what a target computes for every node, one kernel after the other
    compare.py    a target against another, node by node; the graph before and after each pass
    passes.py     the pass, and the rule in it, that changed a value
    shadow.py     a graph in longer precision; matrices.py has its routines of linear algebra
    audit.py      digits lost, by the user's lines
    remedies.py   expressions that lose digits, and those to write instead
    words.py      expressions in reports

The one idea: each tool asks two questions of a node. Is its value wrong, given the values of its
operands? Then it is to blame. If not, which element of which operand is it wrong because of? What
is asked for is computed again from the arguments of one call (`inspect/replay.py`); compiled code
has no part in it, and pays nothing.

Rejected: the first wrong value in the order of computation. It is often one that nothing reads, as
the alternative that `where` does not take; so results are traced back to their cause, element by
element.
"""
