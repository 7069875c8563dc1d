"""Functions whose plan runs on a device.

    call.py        DeviceFunction: the interface of `Function`
    layout.py      DeviceLayout: memory, copies, launches and graphs for given sizes
    streams.py     streams, and arrays of other libraries
    batched.py     one launch for many rows of arguments
    profile.py     seconds for each kernel
"""
