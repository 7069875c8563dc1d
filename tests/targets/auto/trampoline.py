"""A machine for tests that runs plans by calling their native code: see trampoline.c."""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from probtensor.targets.base import Built
from probtensor.targets.cython.native import CythonTarget

SOURCE = Path(__file__).with_suffix(".c")


@functools.cache
def library():
    """The C functions, compiled once for a process."""
    with tempfile.TemporaryDirectory() as folder:
        made = f"{folder}/trampoline.so"
        command = [shutil.which("cc") or "gcc", "-O1", "-shared", "-fPIC", str(SOURCE), "-o", made]
        subprocess.run(command, check=True)
        return ctypes.CDLL(made)


def address(name):
    """Where a function of the machine is."""
    return ctypes.cast(getattr(library(), name), ctypes.c_void_p).value


class Layout(ctypes.Structure):
    """`Program` in C."""

    _fields_ = [("plan", ctypes.c_void_p), ("runs", ctypes.c_int64), ("frames", ctypes.c_int64)]


class Program:
    """What a plan is to the machine. `runs` counts its calls, `frames` the frames made for it."""

    def __init__(self, plan: int, owner: object) -> None:
        self.owner = owner
        self.layout = Layout(plan, 0, 0)
        self.frame_bytes = library().frame_bytes()
        self.frame_init = address("frame_init")
        self.address = ctypes.addressof(self.layout)

    runs = property(lambda self: self.layout.runs)
    frames = property(lambda self: self.layout.frames)


class TrampolineTarget:
    """Plans for the machine; `native` builds what it calls."""

    name = "trampoline"

    def __init__(self) -> None:
        self.native = CythonTarget()
        self.natives: list[Built] = []

    def build(self, plan):
        """A plan for the machine."""
        native = self.native.build(plan)
        self.natives.append(native)
        program = Program(native.run, native.owner)
        return replace(native, run=address("run"), owner=None, program=program, path="")
