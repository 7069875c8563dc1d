"""DeviceFunction: a function whose plan runs on a device, called as any other."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cython_ext.cell import Alone
from cython_ext.convert import failure
from probtensor.device import DeviceArray, DeviceError, device_array
from probtensor.function.call import Compilation, Function, rebuild
from probtensor.function.device.batched import BatchedCalls, DeviceDensity
from probtensor.function.device.layout import Layout, nonnegative
from probtensor.function.device.profile import Work, seconds_of_calls, timed
from probtensor.function.device.streams import (
    Stream,
    copied,
    current_stream,
    lies_on_device,
    taken_over,
)
from probtensor.function.profile import Profile
from probtensor.function.program import Program
from probtensor.function.shared import Shared
from probtensor.function.wiring import Check, Result, Slot
from probtensor.graph.node import Node, line_of
from probtensor.process import new_lock
from probtensor.targets.cuda.launches import Deferred

CACHED_LAYOUTS = 8
CACHED_INDICES = 16

Value = np.ndarray | DeviceArray  # an array, where it lies


class DeviceFunction(Function):
    """A compiled function on a device; see `Function` for what a call takes and gives.

    NumPy arrays go over at each call. Arrays that lie on the device already (`DeviceArray`, CuPy,
    PyTorch, JAX) are used in place, shared variables live there, bound arrays and constants go over
    once. Results are NumPy arrays, but `y.transfer("cuda")` gives a `DeviceArray` without waiting
    for it. A call repeated with the same sizes allocates nothing new and is one CUDA graph.

    Index arrays are checked on the host: those that come from there at each call, those on the
    device when they are first seen, so they must not be written to afterwards. Calls from several
    threads wait for each other; different functions may run side by side, in `pt.stream()`.
    """

    on_device = True

    def __init__(
        self,
        program: Program,
        compilation: Compilation,
        bound: Mapping[Node, Value] | None = None,
        cells: Mapping[Node, Shared] | None = None,
    ) -> None:
        self._runner: Deferred = compilation.built.run
        self._driver = self._runner.driver
        self._main = Stream(self._driver, None)
        self._lock = new_lock()
        self._layouts: OrderedDict[tuple, Layout] = OrderedDict()
        self._indices: OrderedDict[tuple, tuple] = OrderedDict()
        self._resident: list[DeviceArray] | None = None
        self._rows: BatchedCalls | None = None
        self._stream_before = self._main
        super().__init__(program, compilation, bound, cells)

    def _accepted(
        self, value: object, node: Node, label: str, copy: bool = False
    ) -> Value:
        if lies_on_device(value):
            there = taken_over(value, node.dtype, node.ndim, label, line_of(node))
            return copied(there) if copy else there
        return super()._accepted(value, node, label, copy)

    def __call__(self, *args: object, **kwargs: object) -> object:
        if kwargs or len(args) != self.argument_count:
            args = self.arrange(args, kwargs)
        args = self._ready(args)
        stream = current_stream(self._main)
        with self._lock:
            if self.guarded is None:
                return self._run(args, stream)
            with Alone(self.guarded):
                return self._run(args, stream)

    def _ready(self, args: tuple) -> tuple:
        """The arguments as arrays here or there, converted before any lock is taken: that may run
        code of the user's, which may call this very function."""
        slots = [slot for slot in self._wiring.live if slot.kind == "argument"]
        return tuple(
            value
            if type(value) is not np.ndarray and lies_on_device(value)
            else self.ready(slot.number, args)
            for slot, value in zip(slots, args, strict=True)
        )

    def _run(self, args: tuple, stream: Stream) -> object:
        layout, table, made, _used = self._prepared(args, stream)
        layout.launch(table, stream)
        if self._runner.may_fail:
            status = layout.status(stream.queue)
            stream.waited()
            if status:
                layout.fresh = True
                raise failure(self._wiring.failures, status)
        return self._finish(layout, made, stream)

    def _prepared(
        self, args: tuple, stream: Stream
    ) -> tuple[Layout, list[int], dict[int, DeviceArray], list[Value]]:
        """All that comes before the launches: (layout, addresses, results that stay on the device
        by number, values that must outlive the launches: indices made for this call may have no
        other owner)."""
        values = [self._value(slot, args) for slot in self._wiring.live]
        layout = self._layout_for(values)
        for k, checks in self._wiring.checks_of.items():
            if k < len(values):
                values[k] = self._checked(k, values[k], args, checks, layout.bounds)
        self._begin(layout, values, stream)
        table, made = self._table(layout, values, stream)
        layout.inputs.upload(layout.sent, values, stream.queue)
        return layout, table, made, values

    def rows(self, columns: Sequence[object]) -> list[Value]:
        """Each output for many rows of the arguments, as one launch where memory allows: columns
        and results have one more axis in front. See `BatchedCalls`. A function of which a routine
        runs on the host is called once for each row."""
        if self._runner.on_host:
            return self._one_by_one(columns)
        stream = current_stream(self._main)
        with self._lock:
            return self._all_rows()(columns, stream)

    def _one_by_one(self, columns: Sequence[object]) -> list[Value]:
        there = all(isinstance(column, DeviceArray) for column in columns)
        hosted = [x.get() if isinstance(x, DeviceArray) else np.asarray(x) for x in columns]
        found = super().rows(hosted)
        return [device_array(x, self._driver) for x in found] if there else found

    def device_code(self, tail: str) -> DeviceDensity:
        """A function (q) -> (logp, gradient) as device code for many chains."""
        with self._lock:
            return self._all_rows().device_code(tail)

    def _all_rows(self) -> BatchedCalls:
        if self._rows is None:
            self._rows = BatchedCalls(self._wiring, self._residents(), self._runner)
        return self._rows

    def _residents(self) -> list[DeviceArray]:
        """Bound arrays and constants, on the device from their first use on."""
        if self._resident is None:
            self._resident = [self._uploaded(slot.payload) for slot in self._wiring.fixed]
        return self._resident

    def _uploaded(self, value: Value) -> DeviceArray:
        """A bound array on the device, where other functions over it may have put it."""
        if isinstance(value, DeviceArray):
            return value
        known = self.compilation.uploads
        found = known.get(id(value))
        if found is None:
            known[id(value)] = found = device_array(value, self._driver)
        return found

    # What a call brings.

    def _value(self, slot: Slot, args: tuple) -> Value:
        """The array of a live slot, where it lies."""
        if slot.kind == "cell":
            return slot.payload.put(device_array)
        if slot.kind == "stream":
            return np.array(slot.payload.next(), np.uint64)
        value = args[slot.argument]
        if type(value) is not np.ndarray and lies_on_device(value):
            return taken_over(value, slot.dtype, slot.ndim, slot.label, slot.line)
        return self.convert(slot.number, value)

    def _layout_for(self, values: Sequence[Value]) -> Layout:
        dims = tuple(n for value in values for n in value.shape)
        hosted = tuple(k for k, value in enumerate(values) if type(value) is np.ndarray)
        layout = self._layouts.get((dims, hosted))
        if layout is None:
            try:
                layout = self._new_layout(dims, hosted)
            except DeviceError:  # out of memory, as far as anything can be done about it
                self._layouts.clear()
                layout = self._last_layout(values, dims, hosted)
            self._layouts[dims, hosted] = layout
            if len(self._layouts) > CACHED_LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end((dims, hosted))
        return layout

    def _last_layout(
        self, values: Sequence[Value], dims: tuple[int, ...], hosted: tuple[int, ...]
    ) -> Layout:
        """The same when no more memory can be freed. DeviceError says what is too large."""
        try:
            return self._new_layout(dims, hosted)
        except DeviceError as error:
            slots = zip(self._wiring.live, values, strict=True)
            given = ", ".join(f"{slot.label} {value.shape}" for slot, value in slots)
            raise DeviceError(f"{self.label}: {error}\n  called with {given}") from None

    def _new_layout(self, dims: tuple[int, ...], hosted: tuple[int, ...]) -> Layout:
        wiring = self._wiring
        fixed = list(self._residents())
        layout = Layout(wiring, self._runner, dims, hosted)
        for k, checks in wiring.checks_of.items():
            at = k - len(wiring.live)
            if at >= 0:
                array = here(wiring.fixed[at].payload)
                good = nonnegative(array, checks, layout.bounds)
                if good is not array:
                    fixed[at] = device_array(good)
        layout.fix(fixed)
        return layout

    def _checked(
        self, k: int, value: Value, args: tuple, checks: Sequence[Check], bounds: Sequence[int]
    ) -> Value:
        """The indices of slot k, negative ones replaced. Those on the device are brought here when
        they are first seen; the answer is kept as long as their owner lives."""
        if type(value) is np.ndarray:
            return nonnegative(value, checks, bounds)
        slot = self._wiring.live[k]
        owner = value if slot.kind == "cell" else args[slot.argument]
        numbers = (bounds[check.number] for check in checks)
        key = (k, id(owner), value.address, value.shape, *numbers)
        known, good = self._indices.get(key, (None, None))
        if known is None or known() is not owner:
            array = value.get()
            checked = nonnegative(array, checks, bounds)
            good = None if checked is array else device_array(checked)
            if type(owner).__weakrefoffset__:
                self._indices[key] = weakref.ref(owner), good
            if len(self._indices) > CACHED_INDICES:
                self._indices.popitem(last=False)
        return value if good is None else good

    def _begin(self, layout: Layout, values: Sequence[Value], stream: Stream) -> None:
        """What comes next is queued on `stream`, after all that it depends on."""
        before = self._stream_before
        self._stream_before = stream
        if not before.is_main and before is not stream:
            before.synchronize()
        stream.begin([x for x in values if type(x) is not np.ndarray])
        stream.hold(layout)

    # What it gives.

    def _table(
        self, layout: Layout, values: Sequence[Value], stream: Stream
    ) -> tuple[list[int], dict[int, DeviceArray]]:
        """The addresses of this call, and the new arrays among them, by number of the output."""
        table = list(layout.pointers)
        given = []
        for slot, value in zip(self._wiring.live, values, strict=True):
            if type(value) is not np.ndarray:
                table[slot.position] = value.address
                given.append(value)
        made = {}
        for k, result in enumerate(self._wiring.results):
            if result.own and result.place != "cpu":
                made[k] = self._result(k, layout, given, stream)
                table[result.position] = made[k].address
        return table, made

    def _result(
        self, k: int, layout: Layout, given: Sequence[DeviceArray], stream: Stream
    ) -> DeviceArray:
        """The array of output k, which stays on the device: a new one, or the one that is lent,
        unless it is an argument now: threads would read what others have overwritten."""
        kept = layout.kept.get(k)
        if kept is not None and not any(overlap(kept, array) for array in given):
            return kept
        result = self._wiring.results[k]
        made = stream.empty(layout.shapes[k], result.dtype, layout.homes[k])
        if result.borrowed:
            layout.kept[k] = made
        return made

    def _finish(self, layout: Layout, made: Mapping[int, DeviceArray], stream: Stream) -> object:
        """Set the shared variables; the results in their structure."""
        found = layout.receive(stream.queue)
        if found:
            stream.waited()
        found.update(made)
        outputs: list[Value] = []
        for k, result in enumerate(self._wiring.results):
            if result.own:
                outputs.append(found[k])
            else:
                outputs.append(self._copied(outputs[result.copies], result, stream))
        wiring = self._wiring
        count = len(outputs) - len(wiring.cells)
        for cell, value in zip(wiring.cells, outputs[count:], strict=True):
            cell.device = value
        if wiring.single:
            return outputs[0]
        del outputs[count:]
        return outputs if wiring.build is None else wiring.build(outputs)

    def _copied(self, origin: Value, result: Result, stream: Stream) -> Value:
        """Another array of the same value, where it is wanted."""
        if type(origin) is np.ndarray:
            return origin.copy() if result.place == "cpu" else device_array(origin)
        if result.place == "cpu":
            return origin.get()
        return stream.copy(origin)

    @property
    def source(self) -> str:
        """The generated text."""
        return self._runner.built.source

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each stage so far: kernels are built at the first call."""
        return super().timings | self._runner.timings

    def profile(self, *args: object, n: int | None = None, **kwargs: object) -> Profile:
        """Seconds a call of each kernel for these arguments, over n calls (or about half a second
        in all). Print it, or read its rows. Kernels are timed one by one, each queued again and
        again, so that one of less than a few microseconds shows the cost of a launch."""
        args = self.arrange(args, kwargs)
        stream = current_stream(self._main)
        with self._lock:
            layout, table, *_kept = self._prepared(args, stream)  # kept while it is timed
            work = Work(self.plan, self._runner, layout, table, stream)
            found = timed(work, n)
        return replace(found, call=seconds_of_calls(self, args, found.count))

    def __reduce__(self) -> tuple:
        bound = {node: here(value) for node, value in self.bound.items()}
        return rebuild, (self.program, bound, self._cells)


def function_of(
    program: Program,
    compilation: Compilation,
    bound: Mapping[Node, Value] | None = None,
    cells: Mapping[Node, Shared] | None = None,
) -> Function:
    """The function of a program, of the kind that its target's plans run as."""
    kind = DeviceFunction if compilation.built.on_device else Function
    return kind(program, compilation, bound, cells)


def overlap(one: DeviceArray, other: DeviceArray) -> bool:
    """Do two arrays share memory?"""
    return (
        one.address < other.address + other.nbytes and other.address < one.address + one.nbytes
    )


def here(value: Value) -> np.ndarray:
    """An array on the host."""
    return value.get() if isinstance(value, DeviceArray) else value
