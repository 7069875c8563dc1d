"""Targets: they build plans into code. One folder for each; `compile.TARGETS` lists them.

    base.py       Target and Built: the interface of a target and its result; BuildError
    interp.py     Python over NumPy buffers: the reference, which needs no compiler
    cython/       the CPU: text, build, load, `probtensor doctor`
    cuda/         the GPU: text, build, launches
    cache.py      built modules on disk, and the command `probtensor cache`
    spell.py      expressions and indices as text, for all targets that are compiled
    declare.py    the C functions, types and constants that generated text uses

The key of a module is a hash of all it is built from (text without comments, compiler, flags,
processor, Python, Cython, library, headers), so nothing needs to be invalidated, and equal programs
are compiled once for all processes. The compilers are recorded beside the modules, so that a warm
cache works without one. Files are written to temporary names and renamed: there are no locks, and a
process killed at any time leaves no partial module. A damaged module, or one that others may have
written (`system/files.py`), is built again.

A module is Cython text, but it is loaded as a plain shared object: Python extension modules cannot
be unloaded, and each takes five of the 65,530 mappings of a process. Cython's `public` exports the
plan under its C name; the routines of `cython_ext` are called through pointers that the
loader sets. The code is unmapped when its `Library` is destroyed; reading `address` of a function
pins it.

On a GPU a launch does all that needs no grid-wide barrier: a fold over the data is finished in the
same launch, by the last block to arrive. The order of a fold depends on sizes and device alone.
Rejected there: an atomic addition for each block (the order would vary), a second launch for each
fold, and text per op: both renderers read the same statements.

Rejected: setuptools in the process (0.3 s to import, and it changes directories), a lock around
building (a killed owner blocks all others; building twice costs half a second), and removing files
in the path of an entry (they are the user's; the fallback is used until the cache is cleared).
"""
