"""Derivatives and batches of loops, which are loops again.

    reverse.py   reverse mode: a loop that runs the steps the other way
    collect.py   what that loop sums and stacks; products that are computed after it
    forward.py   forward mode: a loop that carries tangents beside the carries
    forms.py     truncation, checkpoints, loops that draw or stop: differentiated in another form
    batching.py  vmap: the items of a batch go through the steps together
    effects.py   what is shown of steps is shown once
    flow.py      which carries have a tangent or a cotangent; steps as closed graphs

The one idea: a derivative of a loop is made of loops of the same op, so it can be differentiated,
batched and compiled as any other, to any order. Which carries take part is a fixed point over the
body, found before anything is made. What a loop going backward reads of the steps is decided by
walking from its results to the values that a loop going forward keeps.

Rejected: derivatives of the op on the level of kernels (no second order, no rewriting of the
bodies), masks for steps beyond the last segment of a checkpointed loop (a rest of fewer steps needs
neither copies of the sequences nor wasted steps), and storing each value that a step computes
(elementwise work takes less time than a load and a store of its result).
"""
