"""The GPU target: plans as CUDA C++, run through PyCUDA.

    render.py      a plan as one module, a kernel for each phase
    group.py       statements run by a thread, a warp or a block
    stage.py       coalesced reads of a block: packs of 16 bytes, rows
    finish.py      the end of a launch: reductions across all threads
    arguments.py   the structures that launches pack and modules declare
    work.py        what the launches of a call are made of: kernels, products, steps of loops
    launches.py    plans on a device: launches cached by sizes
    host_calls.py  routines without device code, and kernels with functions of SciPy, on the host
    library.py     routines by cuSOLVER, cuBLAS and cuFFT, as recipes.py has them, which recorder.py
                   records
    batched.py     a plan as one device function, for each row of some inputs
    narrow.py      plans specialised for short sizes
"""
