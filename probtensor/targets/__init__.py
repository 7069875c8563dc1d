"""Targets: a plan to something that runs. One folder a backend; `compile.TARGETS` lists them.

    base.py       Target and Built: what a backend has and gives; BuildError
    interp.py     Python over NumPy buffers: the reference, and the way on without a compiler
    cython/       the CPU: text, build, load, `probtensor doctor`
    cuda/         the GPU: text, build, launches
    cache.py      built modules on disk, and the command `probtensor cache`
    spell.py      expressions and indices as text, for all targets that are compiled
    declare.py    the C functions, types and constants that generated text uses

A module is found by what it was built from (text without comments, compiler, flags, processor,
Python, Cython, library, headers), so nothing needs to be invalidated, and the same program is
compiled once for all processes. Which compilers were used is noted beside the modules, so that a
warm cache works where there is none. Files are written aside and renamed: no locks, no waiting, and
a process killed at any moment leaves nothing that another could mistake for a module. What is
damaged, or may be the work of others (`system/files.py`), is built again.

A module is Cython text, translated as such, but it is loaded as a bare shared object: extension
modules of Python can never be unloaded, and each took five mappings of the 65,530 a process has.
Cython's `public` gives the plan its name in C; the routines of `cython_ext/linalg.pyx` are called
through pointers that the loader fills. The code is unmapped when the last `Library` that stands for
it goes; who reads `address` from a function pins it.

On a GPU a launch does as much as can be done without waiting for all threads: a fold over the data
ends in the same launch, by the last block to arrive. Folds join values in an order that depends on
sizes and device alone. Rejected there: an atomic addition for each block (the order would vary), a
second launch for each fold, and text per op: both renderers read the same statements.

Rejected: setuptools in the process (0.3 s to import, and it changes directories), a lock around
building (a killed owner blocks everyone; building twice costs half a second), and removing what
lies in the way of an entry (it is the user's; the fallback serves until he clears the cache).
"""
