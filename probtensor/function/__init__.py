"""The callable: from the program a user asked for and its plan to checked calls.

    program.py  what was asked for: inputs with names and defaults, outputs in their structure
    request.py  the checks of what was asked for: options, givens, inputs that nothing needs
    implicit.py inputs that nobody passes: shared variables, data with values, the key of draws
    shared.py   shared variables: inputs that carry a value from call to call
    wiring.py   where each buffer of a plan comes from: what Entry and DeviceFunction are made of
    call.py     Function: the plan's entry with names, defaults, binding, pickling
    fault.py    which value a failed call refused
    explain.py  every stage of a function as text
    profile.py  seconds for each kernel of a function
    recall.py   finished functions on disk, by the graph they were made of
    device/     functions whose plan runs on a device

The one idea: a `Function` is the compiled `Entry` of `cython_ext` with Python around it, not a
Python object that calls one: a plain call goes from the caller's arrays to the plan's pointer
without a line of Python. Python runs for keywords, for conversions, and when sizes change.

On a device a call is queued launches, so Python around them costs little beside: DeviceFunction
decides once for given sizes (a Layout: memory, copies, launches) and repeats that as a CUDA graph.
Arrays are used where they lie; only `transfer` says that a result stays there.

Rejected: functions that hold the arrays of their inputs between calls (containers): a call would
depend on the calls before it, and could not be made from two threads.
"""

from probtensor.function.call import Compilation, Function, Lowered
from probtensor.function.device.batched import DeviceDensity
from probtensor.function.device.call import DeviceFunction, function_of
from probtensor.function.device.streams import Stream, stream, transfer
from probtensor.function.program import In, Out, Program
from probtensor.function.shared import Shared, shared

__all__ = [
    "Compilation",
    "DeviceDensity",
    "DeviceFunction",
    "Function",
    "In",
    "Lowered",
    "Out",
    "Program",
    "Shared",
    "Stream",
    "function_of",
    "shared",
    "stream",
    "transfer",
]
