"""The GPU target: plans as CUDA C++, run through PyCUDA.

    render.py      a plan as one module, a kernel for each phase
    group.py       statements as they are carried out by a thread, a warp or a block
    stage.py       packs of 16 bytes, whole rows: how a block reads memory together
    finish.py      the end of a launch: results of all threads are combined
    arguments.py   the structures that launches pack and modules declare
    launches.py    plans on a device: launches made once for given sizes
    host_calls.py  routines that a GPU has not, run on the host
    batched.py     a whole plan as one device function, for each row of some inputs
    narrow.py      plans over short sizes that are known
"""
