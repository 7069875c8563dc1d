"""Functions whose plan runs on a device.

    call.py        DeviceFunction: called as any other function
    layout.py      what follows from sizes: memory, copies, launches, graphs
    streams.py     what lies on the device, and in which order work is done there
    batched.py     one launch for many rows of arguments
    profile.py     seconds for each kernel
"""
