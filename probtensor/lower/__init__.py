"""Lowering: a graph to a plan of kernels, with the fusion choice written down first.

The one idea: a node is not a loop. Views are index expressions, elementwise values are locals, and
only what is read out of turn gets memory. `tasks.py` says for each computed node its loops and what
it reads at which index; `fuse.py` decides from that alone which tasks share a loop, level by level;
`loops.py` writes the loops; `planner.py` names the buffers and puts the plan together.

    sizes.py    canonical names of sizes; the size laws of a graph as checks of a call
    tasks.py    nodes to tasks; views composed into index expressions
    fuse.py     tasks to groups that share a loop
    loops.py    groups to kernel statements
    large.py    large constant sizes become named ones
    memory.py   lifetimes to offsets in one arena
    plan.py     the plan, as a value
    planner.py  graph to plan

One pass over N data yields the log density and all its partial derivatives: folds along the data,
gathers, scatter-adds and short matrix-vector products share the loop over the data, whatever else
they do inside it. Rejected: fusing by patterns (each new op needs one), and text at this stage.
"""

from probtensor.lower.memory import layout
from probtensor.lower.plan import Plan
from probtensor.lower.planner import kernel_count, lower

__all__ = ["Plan", "kernel_count", "layout", "lower"]
