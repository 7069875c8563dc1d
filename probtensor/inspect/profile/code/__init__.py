"""Which operation of which line of the user an address in running code belongs to.

    marks.py    operations of kernels that keep their line and op through all passes
    twin.py     the line and op of each address in a native module
    encoded.py  the line and op of each instruction of a program of the machine
    sampled.py  samples of running code, and the part that each is in
"""
