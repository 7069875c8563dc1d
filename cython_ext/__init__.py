"""Native code written by hand and built at install: entry checks, the chain loop, BLAS glue, the
core of graphs.

Rejected: the library's own Python, translated by Cython as it is. Of the 34 modules in which
compilations spend the most time, with -O2, it took 19 % off the first gradient of a typical model
and 25 % off that of 10,000 operations, but 10 % off that of a small model: most of that time is in
look-ups of attributes and in dicts, which translated code does as well. It costs 106 s of gcc and
7 MB, and all 137 modules of graphs, transforms, kernels and lowering gain hardly more for 207 s and
22 MB. A function that is called for every node is better written here.
"""
