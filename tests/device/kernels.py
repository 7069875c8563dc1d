"""Hand-written device code run by the driver of a test: arrays in, arrays out."""

import functools
import struct

import numpy as np


class Kernels:
    """The kernels of a source, with `run` to call one on host arrays."""

    def __init__(self, driver, source):
        self.driver = driver
        self.module = driver.module(driver.compile(source))
        self.functions = {}

    def run(self, name, grid, block, outputs, *arguments):
        """Launch; each argument is an array, an int (a long long) or an np.int32 (an int). Arrays
        that are also in `outputs` are downloaded, in place."""
        allocations, format_, values = [], "@", []
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                allocation = self.driver.alloc(argument.nbytes)
                self.driver.upload(allocation.address, argument)
                allocations.append((argument, allocation))
                format_ += "P"
                values.append(allocation.address)
            else:
                format_ += "i" if isinstance(argument, np.int32) else "q"
                values.append(int(argument))
        if name not in self.functions:
            self.functions[name] = self.module.function(name)
        packed = struct.pack(format_, *values)
        self.driver.launch(self.functions[name], grid, block, 0, packed)
        self.driver.synchronize()
        for argument, allocation in allocations:
            if any(argument is out for out in outputs):
                self.driver.download(allocation.address, argument)


@functools.cache
def compiled(driver, source):
    """The kernels of a source, built once for each driver."""
    return Kernels(driver, source)
