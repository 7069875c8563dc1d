"""Exports: functions and posteriors as C in a folder, for programs without Python.

    expressions.py  expressions of generated Cython as C
    cython_text.py  a generated module as C functions
    parts.py        one plan: its kernels, its table of buffers, its sizes
    arrays.py       bound arrays: in the source, or in a file with a check sum
    names.py        names and texts of the user in C
    source.py       what all exports have: contexts, messages, the frame of source and header
    model.py        a posterior: density, constrain, unconstrain, names
    call.py         a function: one call with arrays of the caller's sizes
    folder.py       the files, written at once, and the library built of them

The one idea: the C is the text of the CPU target, line by line, so nothing about kernels is written
twice, and the results are those of the native module bit for bit: the same headers, the same
operations in the same order, the same flags. What Python does around a plan (sizes, memory, checks
of indices, bound arrays) is written out as C here; what of it is the same in all exports is in
`cython_ext/include/host/pt_export.h`, and the routines on matrices are in the headers beside it, of
which modules of Python have all but those of `pt_linalg.h`; they call LAPACK if it is linked.

A context is the data and one workspace. All that depends on sizes is computed at export where the
sizes are known, as in every posterior; else in a call, when they change.

Rejected: the C that Cython makes (it needs Python.h and is not for people), a second renderer
(each change of the first would be made twice), and large arrays as C text (compilers take minutes).
"""
