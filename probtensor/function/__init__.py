"""The callable: from the program a user asked for and its plan to checked calls.

    program.py  the function before compilation: inputs with names and defaults, nested outputs
    request.py  checks of the arguments of `function`: options, unused inputs
    replacing.py  graphs with tensors replaced: givens, `graph_replace`; calls that broadcast
    implicit.py inputs that are not arguments: shared variables, data with values, the random key
    shared.py   shared variables: inputs that carry a value from call to call
    wiring.py   where each buffer of a plan comes from, for Entry and DeviceFunction
    call.py     Function: an Entry with names, defaults, binding, pickling
    fault.py    which value made a call fail
    verbose.py  functions whose errors say more
    inspected.py  methods that call the tools of `inspect`: explain, profile
    numbers/    what the tools of `inspect/numbers` need: what a call was given, checked functions
    recall.py   compiled functions on disk, by the fingerprint of the graph
    device/     functions whose plan runs on a device

The one idea: a `Function` is the compiled `Entry` of `cython_ext` with Python around it, not a
Python object that calls one: a plain call goes from the caller's arrays to the plan's pointer
without a line of Python. Python runs for keywords, for conversions, and when sizes change.

A plan in which data decide sizes runs in stages: the sizes of a stage are values that the stages
before have computed. Each has a layout, an arena and results of its own, and is one call of the
plan's pointer. Such a plan has no bare address. Rejected: running all of it for an upper bound of
each size (products of bounds fit in no memory), and a callback by which native code allocates
(every target would need one, and the laws of sizes would be checked in C).

On a device a call queues launches, so the cost of Python is small: for given sizes DeviceFunction
makes a DeviceLayout (memory, copies, launches) once, and repeats it as a CUDA graph. Arrays on the
device are used in place; a result stays on the device only if `transfer` asks for it.

Rejected: functions that hold the arrays of their inputs between calls (containers): a call would
depend on earlier calls, and could not be made from two threads.
"""

from probtensor.function.call import Compilation, Function, Lowered, Lowering, function_of
from probtensor.function.device.streams import Stream, stream, transfer
from probtensor.function.program import In, Out, Program
from probtensor.function.replacing import clone_replace, equal_computations, graph_replace
from probtensor.function.shared import Shared, shared

__all__ = [
    "Compilation",
    "Function",
    "In",
    "Lowered",
    "Lowering",
    "Out",
    "Program",
    "Shared",
    "Stream",
    "clone_replace",
    "equal_computations",
    "function_of",
    "graph_replace",
    "shared",
    "stream",
    "transfer",
]
