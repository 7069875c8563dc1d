"""Values on their way through compiled code: printed, handed to a function, checked.

    effects.py  what happens with a value: print, callback, breakpoint; and the text that is printed
    watch.py    Watch, the op of which an effect is the parameter; Along, which keeps one alive
    check.py    check: a condition that a call must meet, with a message of its own

The one idea: such an op is its first input to all that read it. It is lowered to a statement that
reads buffers, beside the loops and not in them, so values that are looked at are computed by the
same kernels as before.

Rejected: a `printf` of the target's language, which knows one number at a time and no label that is
made at run time, and would be another thing on each target; effects as statements beside the
outputs of a function, which loops and branches could not have.
"""
