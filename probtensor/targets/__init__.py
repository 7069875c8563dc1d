"""Targets: a plan to something that runs. One file a backend; `compile.TARGETS` lists them.

    base.py       Target and Built: what a backend has and gives; BuildError
    interp.py     Python over NumPy buffers: the reference, and the way on without a compiler
    spell.py      expressions and indices as text, for all targets that are compiled
    cython.py     a plan as Cython text
    native.py     that text to an address: the cache, or build and load
    toolchain.py  the machine's C compiler and the Cython translator
    cache.py      built modules on disk, and the command `probtensor cache`
    quickstart.py Cython without what generated code never needs
    loader.py     a module's file to a module
    doctor.py     the command `probtensor doctor`

A module is found by what it was built from (text without comments, compiler, flags, processor,
Python, Cython, library, headers), so nothing needs to be invalidated, and the same program is
compiled once for all processes. Files are written aside and renamed: no locks, no waiting, and a
process killed at any moment leaves nothing that another could mistake for a module.

Rejected: setuptools in the process (0.3 s to import, and it changes directories), ctypes on a bare
shared library (the text would be Cython in name only), and a lock around building (a killed owner
blocks everyone; building twice costs half a second).
"""
