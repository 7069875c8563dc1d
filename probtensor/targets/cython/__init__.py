"""The CPU target: plans as Cython modules, built once and cached on disk.

    render.py      a plan as the text of a pointer-only module
    parts.py       long kernels in functions of bounded size
    held.py        what is the same in all iterations of a strip, for the vectoriser
    copies.py      the functions that loops call, because too many copies would be inlined
    native.py      text to the address of its plan: from the cache, or built
    toolchain.py   the C compiler and the Cython translator of this machine
    bare.py        the C of a plan without the Python module around it
    routines.py    what stands for .pxd files while a plan is translated
    quickstart.py  a translator that starts with small tables
    loader.py      a module's file to the address of its plan
    doctor.py      the command `probtensor doctor`
"""
