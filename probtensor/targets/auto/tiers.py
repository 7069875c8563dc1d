"""One plan on two tiers: the program of the machine, then native code."""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from weakref import WeakValueDictionary

from cython_ext.code import Code
from probtensor.lower.plan import Plan
from probtensor.process import PROCESS, new_lock
from probtensor.system.program import Stopped
from probtensor.targets.auto.builder import BUILDER
from probtensor.targets.auto.cost import build_seconds, has_compiler
from probtensor.targets.base import BuildError, Built, Target
from probtensor.targets.cython.native import CythonTarget, code_of
from probtensor.targets.cython.render import render


class TextLock:
    """Held while the module of a text is built."""

    def __init__(self) -> None:
        self.lock = new_lock()


class Builds:
    """What all plans of a process share: the programs in use, the texts that are being built, and
    the reasons of failed builds that were told."""

    def __init__(self) -> None:
        self.lock = new_lock()
        self.programs: WeakValueDictionary[tuple, Tiers] = WeakValueDictionary()
        self.locks: WeakValueDictionary[str, TextLock] = WeakValueDictionary()
        self.told: set[str] = set()

    def in_use(self, made: Tiers) -> Tiers:
        """The tiers of an equal program that is in use, else these: equal ones are switched
        together."""
        key = (made.first.stored, made.when, type(made.machine), type(made.native_target))
        if not made.first.stored:
            return made
        with self.lock:
            return self.programs.setdefault(key, made)

    def lock_of(self, source: str) -> TextLock:
        """The lock of a text."""
        digest = hashlib.sha256(code_of(source).encode()).hexdigest()
        with self.lock:
            return self.locks.setdefault(digest, TextLock())

    def tell(self, reason: str) -> None:
        """One warning for each reason."""
        line = in_one_line(reason)
        if line in self.told:
            return
        self.told.add(line)
        text = f"probtensor could not build native code and stays on its machine: {line}"
        try:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        except Warning:  # they are errors here, and nobody catches them in this thread
            print(text, file=sys.stderr)


BUILDS = Builds()


class Tiers:
    """What `AutoTarget` makes of a plan: a `Built` that is switched to native code later.

    tier     the name of the target whose code runs now
    failure  why there is no native code, if its build failed
    """

    on_device = False
    program = None

    def __init__(
        self, native_target: CythonTarget, machine: Target, when: str = "never",
        first: Built | None = None, native: Built | None = None, plan: Plan | None = None,
    ) -> None:  # fmt: skip
        self.native_target = native_target
        self.machine = machine
        self.when = when
        self.first = first
        self.native = native
        self.failure = ""
        self.waits = False  # for the time of calls
        self.asked_in = ""  # the process in which the builder was asked
        self.code: Code = (native or first).code
        self._plan: Callable[[], Plan] | None = None if plan is None else lambda: plan
        self._saves: dict[str, Callable[[str], None]] = {}
        self._rendered = ""
        self._claim = new_lock()  # held by the thread that builds

    # As a `Built`.

    @property
    def now(self) -> Built:
        """What runs now."""
        return self.native or self.first

    @property
    def tier(self) -> str:
        """The name of the target whose code runs now."""
        return self.running.name

    @property
    def running(self) -> Target:
        """The target whose code runs now."""
        return self.machine if self.native is None else self.native_target

    @property
    def run(self) -> int:
        """The address of what runs now."""
        return self.now.run

    @property
    def source(self) -> str:
        """The text of the native module, whether it is built or not."""
        if self.native is not None:
            return self.native.source
        self._rendered = self._rendered or render(self._plan())
        return self._rendered

    @property
    def stored(self) -> str:
        """The text of a record: the program of the machine in one line, then that of the module."""
        program = self.first.stored if self.first else ""
        source = self.native.source if self.native else ""
        return f"{program}\n{source}" if program else source

    @property
    def seconds(self) -> float:
        """How long the native build takes, about."""
        return build_seconds(getattr(self.first.program, "length", 0))

    @property
    def path(self) -> str:
        """The file of the native module; empty until it is built."""
        return self.native.path if self.native else ""

    @property
    def owner(self) -> object:
        """What keeps the code valid that runs now."""
        return self.now.owner

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds of each stage so far."""
        first = self.first.timings if self.first else {}
        return {**first, **(self.native.timings if self.native else {})}

    def pinned(self) -> int:
        """The address of native code, built if necessary, which is never unloaded. BuildError."""
        return self.built_now().pinned()

    # Native code.

    def attach(self, plan: Callable[[], Plan], key: str, save: Callable[[str], None]) -> None:
        """Begin to want native code: of what `plan` gives; with it `save` is called with the text
        of the record of `key`."""
        self._plan = self._plan or plan
        self._saves[key] = save
        if self.native is not None:
            save(self.stored)
        elif self.when == "background":
            self.ask()
        elif self.when == "auto" and not self.waits:
            self.measure()

    def measure(self) -> None:
        """Build native code when calls have taken as long as the build will."""
        self.waits = True
        self.code.measure(self.seconds, partial(_ask, weakref.ref(self)))

    def measure_again(self) -> None:
        """In a forked child, where nobody builds it, or after Ctrl-C while it was asked for."""
        if self.native is None and not self.failure:
            self.measure()

    def ask(self) -> None:
        """Build native code in the background."""
        if self.asked_in != PROCESS.token:
            self.asked_in = PROCESS.token
            BUILDER.add(self)

    def built_now(self) -> Built:
        """The native code; built in this thread, unless another one is about to. BuildError."""
        while self.native is None:
            if self._claim.acquire(blocking=False):
                try:
                    if self.native is None:
                        self._build()
                finally:
                    self._claim.release()
            else:
                with self._claim:  # until the other thread is done
                    pass
                if self.failure and self.native is None:
                    raise BuildError(self.failure)
        return self.native

    def build_in_background(self) -> None:
        """Build native code, unless another thread does; a failure is told once."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            if self.native is None:
                self._build()
        except Stopped:
            return  # the process is ending
        except BaseException as error:
            self.failure = str(error) or type(error).__name__
            BUILDS.tell(self.failure)
        finally:
            self._claim.release()

    def _build(self) -> None:
        began = time.perf_counter()
        source = self.source
        rendering = time.perf_counter() - began
        shared = BUILDS.lock_of(source)  # held here, as the dictionary does not
        with shared.lock:
            native = self.native_target.load(source, rendering)
        self.code.measure(0.0, None)
        self.code.switch(native.run, native)
        self.native = native
        self._rendered = ""
        for save in list(self._saves.values()):
            save(self.stored)
        self._saves.clear()

    # Text.

    @property
    def state(self) -> str:
        """What is to be said of native code."""
        if self.native is not None:
            return "native code runs"
        if self.failure:
            return f"native code could not be built: {in_one_line(self.failure)}"
        if self.asked_in == PROCESS.token:
            return "native code is being built, or waits for it"
        if self.waits:
            return (f"native code is built after {self.seconds:.2f} s of calls; they "
                    f"have taken {self.code.spent:.3f} s")  # fmt: skip
        if not has_compiler():
            return "native code needs a C compiler, and there is none"
        return "native code is built when it is asked for"


def in_one_line(reason: str) -> str:
    """The first two lines of a message, which are what failed and how."""
    return " ".join(row.strip() for row in reason.splitlines()[:2])


def _ask(tiers: weakref.ref) -> None:
    """Ask for native code, if the plan is still in use."""
    found = tiers()
    if found is None:
        return
    try:
        found.ask()
    except KeyboardInterrupt:  # nobody may have been asked: later calls ask again
        found.asked_in = ""
        found.measure_again()
        raise
