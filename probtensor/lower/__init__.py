"""Lowering: a graph to a plan of kernels; all fusion is decided before any loop is written.

The one idea: a node is not a loop. Views are index expressions, elementwise values are locals, and
a node gets memory only if it is read outside the iteration that computes it. Each step makes a
value that the next one reads:

    nodes -> tasks -> nests of loops -> what is stored -> kernels -> plan

    sizes.py    canonical names of sizes; size laws as checks of a call; stages, where data decide
                sizes
    kinds/      for each kind of op: its tasks, what they read, and the statements they become
    tasks.py    nodes to tasks, each with its accesses
    reader.py   the element of a node at an index, through views; `values.py`, its expressions
    fuse.py     which tasks share a loop of one level
    nest.py     the loops of all levels, as kernels; which nodes need a buffer
    buffers.py  names of buffers, and the checks and scratch memory that statements require
    loops.py    nests to kernel statements, in one pass; `indices.py`, indices read from arrays
    large.py    large constant sizes become symbolic
    memory.py   lifetimes to offsets in one arena
    plan.py     the plan, as a value
    planner.py  graph to plan

One pass over N data yields the log density and all its partial derivatives: folds along the data,
gathers, scatter-adds and short matrix-vector products share the loop over the data, with different
loops inside it. Rejected: fusing by patterns (each new op needs one), and generating text here.
"""

from probtensor.lower.memory import layout
from probtensor.lower.plan import Plan
from probtensor.lower.planner import kernel_count, lower

__all__ = ["Plan", "kernel_count", "layout", "lower"]
