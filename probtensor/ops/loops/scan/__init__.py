"""Loops with the arguments of Theano and PyTensor: `pt.scan`, `pt.map`, `pt.reduce`, `pt.foldl`,
`pt.foldr`, `pt.until`.

    functions.py    the public functions
    arguments.py    what they are given, checked
    sequences.py    sequences and their taps, which become slices
    recurrences.py  outputs that later steps read, which become carries
    returned.py     outputs, updates and conditions that the function of a step returns
    counts.py       numbers of steps that data decide
    stepping.py     the loop that is made of all this

The values of an output that a step may read are one carry each, shifted in each step; those of a
long memory are the rows of one carry. Shared variables that a step updates are carries, too.

Rejected: the outputs themselves as the memory of the loop, of which a step reads rows before t. A
buffer that a loop both reads and writes needs an order that no other op has, and last values alone
would need all of it.
"""
