"""Statements run by one group of threads: a warp or a block, or a single thread.

All lanes of the group run the statements together. Each loop is divided among them, scalars are
computed by all of them, single stores are done by the first, and a routine is called by all. So a
loop in order (`Scan`) is run by a group as it stands: its states are registers that have the same
value in every lane, and so has the condition that ends it, which makes barriers inside it legal.

    syncs.py    barriers between the lanes
    columns.py  sums in memory as a fold for each element, so that lanes need no atomic additions
    work.py     how much there is to divide, for the choice of the group
"""
