"""DeviceFunction: a function whose plan runs on a device, with the interface of `Function`."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cython_ext.cell import CellLocks, KeySequence
from probtensor.dataclass import replace
from probtensor.device import DeviceArray, DeviceError, device_array
from probtensor.function.call import Compilation, Function, rebuild
from probtensor.function.device.batched import BatchedCalls, DeviceDensity
from probtensor.function.device.layout import DeviceLayout, as_result, nonnegative
from probtensor.function.device.profile import Work, measure, seconds_of_calls, timed
from probtensor.function.device.stages import StagedCall
from probtensor.function.device.streams import (
    Stream,
    borrowed_array,
    current_stream,
    device_copy,
    is_on_device,
)
from probtensor.function.program import Program
from probtensor.function.shared import Shared
from probtensor.function.wiring import IndexCheck, Result, Slot
from probtensor.graph.node import Node, line_of
from probtensor.inspect.profile import Profile
from probtensor.late import late
from probtensor.ops.values.effects import quiet
from probtensor.process import new_lock
from probtensor.targets.base import host_part
from probtensor.targets.cuda.launches import Deferred

calls = late("probtensor.function.numbers.given")

CACHED_LAYOUTS = 8
CACHED_INDICES = 16
_NO_KEY = np.zeros((), np.uint64)  # in place of the key of random draws

Value = np.ndarray | DeviceArray  # in host or device memory


class DeviceFunction(Function):
    """A compiled function on a device; see `Function` for its arguments and results.

    NumPy arrays are uploaded at each call. Arrays on the device (`DeviceArray`, CuPy, PyTorch, JAX)
    are used in place, shared variables are stored there, bound arrays and constants are uploaded
    once. Results are NumPy arrays, but `y.transfer("cuda")` gives a `DeviceArray` without waiting
    for it. Repeated calls with the same sizes allocate no memory and launch one CUDA graph.

    Index arrays are checked on the host: NumPy arrays at each call, those on the device at their
    first use, so they must not be written to afterwards. Calls from several threads are serialized;
    different functions may run concurrently, in `pt.stream()`.
    """

    on_device = True

    def __init__(
        self,
        program: Program,
        compilation: Compilation,
        bound: Mapping[Node, Value] | None = None,
        cells: Mapping[Node, Shared] | None = None,
        keys: KeySequence | None = None,
    ) -> None:
        self._runner: Deferred = compilation.built.run
        self._driver = self._runner.driver
        self._main = Stream(self._driver, None)
        self._lock = new_lock()
        self._layouts: OrderedDict[tuple, DeviceLayout] = OrderedDict()
        self._indices: OrderedDict[tuple, tuple] = OrderedDict()
        self._fixed_on_device: list[DeviceArray] | None = None
        self._batched: BatchedCalls | None = None
        self._previous_stream = self._main
        super().__init__(program, compilation, bound, cells, keys)

    def _input_array(self, value: object, node: Node, label: str, copy: bool = False) -> Value:
        if is_on_device(value):
            array = borrowed_array(value, node.dtype, node.ndim, label, line_of(node))
            return device_copy(array) if copy else array
        return super()._input_array(value, node, label, copy)

    def __call__(self, *args: object, **kwargs: object) -> object:
        if kwargs or len(args) != self.argument_count:
            args = self.arrange(args, kwargs)
        args = self._converted(args)
        stream = current_stream(self._main)
        try:
            with self._lock:
                if self.locked_cells is None:
                    return self._run(args, stream)
                with CellLocks(self.locked_cells):
                    return self._run(args, stream)
        except ValueError as error:
            other = self.instead(args, error)
        return other(*args)

    unchecked = __call__

    def _converted(self, args: tuple) -> tuple:
        """The arguments as arrays on the host or the device, converted before any lock is taken:
        conversion may run user code, which may call this function."""
        slots = [slot for slot in self._wiring.live if slot.kind == "argument"]
        return tuple(
            value
            if type(value) is not np.ndarray and is_on_device(value)
            else self.converted_argument(slot.number, args)
            for slot, value in zip(slots, args, strict=True)
        )

    def _run(self, args: tuple, stream: Stream) -> object:
        if self._wiring.stages > 1:
            return self._run_stages(args, stream)
        layout, table, made, used = self._prepare(args, stream)
        layout.launch(table, stream)
        self._check_status(layout, stream, used)
        return self._finish(layout.download_outputs(stream.queue), made, stream)

    def _run_stages(self, args: tuple, stream: Stream) -> object:
        """`_run` for a plan of several stages."""
        call = StagedCall(self._wiring, stream)
        for _ in self._stages(call, args, stream):
            pass
        return self._finish(call.downloads(), call.made, stream)

    def _stages(
        self, call: StagedCall, args: tuple, stream: Stream
    ) -> Iterator[tuple[DeviceLayout, list[int]]]:
        """Queue the stages of a call, and give the layout and the addresses of each."""
        layout, table, made, used = self._prepare(args, stream)
        call.used = used
        given = [value for value in used if type(value) is not np.ndarray]
        for stage in range(self._wiring.stages):
            if stage > 0:
                layout = self._layout_for(used, call.known_at(stage), stage)
                stream.hold(layout)
                table = list(layout.pointers)
                made = self._results_there(layout, table, given, stream)
            call.run(layout, table, made, stream)
            self._check_status(layout, stream, used)
            yield layout, call.table

    def _check_status(self, layout: DeviceLayout, stream: Stream, values: Sequence[Value]) -> None:
        """Raise where a check of the launches failed, given the values of the live slots."""
        if not self._runner.may_fail:
            return
        status = layout.status(stream.queue)
        stream.waited()
        if status:
            layout.scratch_dirty = True
            fixed = [slot.payload for slot in self._wiring.fixed]
            raise self.fault(status, [calls.plain(value) for value in (*values, *fixed)])

    def _prepare(
        self, args: tuple, stream: Stream
    ) -> tuple[DeviceLayout, list[int], dict[int, DeviceArray], list[Value]]:
        """All work before the launches: (layout, addresses, results on the device by index, arrays
        that must be kept alive until the launches end, such as indices made for this call)."""
        live = self._wiring.live
        values = [_NO_KEY if x.kind == "key" else self._slot_array(x, args) for x in live]
        layout = self._layout_for(values)
        for k, slot in enumerate(live):  # sizes that are refused take no key
            if slot.kind == "key":
                values[k] = np.array(slot.payload.next(), np.uint64)
        for k, checks in self._wiring.checks_of.items():
            if k < len(values):
                values[k] = self._checked_indices(k, values[k], args, checks, layout.bounds)
        self._begin(layout, values, stream)
        table, made = self._table(layout, values, stream)
        layout.inputs.upload(layout.input_address, values, stream.queue)
        return layout, table, made, values

    def rows(self, columns: Sequence[object]) -> list[Value]:
        """The outputs for many rows of the arguments, in one launch if memory allows; arguments and
        results have one more leading axis. See `BatchedCalls`. A function of which a routine runs
        on the host, or of which data decide sizes, is called once for each row."""
        if self._runner.on_host or self._wiring.stages > 1:
            return self._one_by_one(columns)
        stream = current_stream(self._main)
        with self._lock:
            return self._batched_calls()(columns, stream)

    def _one_by_one(self, columns: Sequence[object]) -> list[Value]:
        there = all(isinstance(column, DeviceArray) for column in columns)
        hosted = [x.get() if isinstance(x, DeviceArray) else np.asarray(x) for x in columns]
        found = super().rows(hosted)
        return [device_array(x, self._driver) for x in found] if there else found

    @property
    def host_part(self) -> tuple[str, str] | None:
        """The first part of it that runs on the host, with the user's line; None if none does."""
        return host_part(self._runner.plan)

    def device_code(self, tail: str) -> DeviceDensity:
        """A function (q) -> (logp, gradient) as device code for many chains."""
        with self._lock:
            return self._batched_calls().device_code(tail)

    def _batched_calls(self) -> BatchedCalls:
        if self._batched is None:
            self._batched = BatchedCalls(self._wiring, self._fixed_arrays(), self._runner)
        return self._batched

    def _fixed_arrays(self) -> list[DeviceArray]:
        """Bound arrays and constants on the device, uploaded at their first use."""
        if self._fixed_on_device is None:
            self._fixed_on_device = [
                self._upload_fixed(slot.payload) for slot in self._wiring.fixed
            ]
        return self._fixed_on_device

    def _upload_fixed(self, value: Value) -> DeviceArray:
        """A bound array on the device; functions of one compilation share the upload."""
        if isinstance(value, DeviceArray):
            return value
        uploads = self.compilation.uploads
        found = uploads.get(id(value))
        if found is None:
            uploads[id(value)] = found = device_array(value, self._driver)
        return found

    # Inputs of a call.

    def _slot_array(self, slot: Slot, args: tuple) -> Value:
        """The array of a live slot that is no key, in host or device memory."""
        if slot.kind == "cell":
            return slot.payload.on_device(device_array)
        value = args[slot.argument]
        if type(value) is not np.ndarray and is_on_device(value):
            return borrowed_array(value, slot.dtype, slot.ndim, slot.label, slot.line)
        return self.convert(slot.number, value)

    def _layout_for(
        self, values: Sequence[Value], known: tuple[int, ...] = (), stage: int = 0
    ) -> DeviceLayout:
        """The layout of a stage, given the sizes that data decide and it may use."""
        pairs = zip(self._wiring.live, values, strict=True)
        dims = (*(n for slot, value in pairs for n in (*value.shape, *slot.parts)), *known)
        host_slots = tuple(k for k, value in enumerate(values) if type(value) is np.ndarray)
        layout = self._layouts.get((dims, host_slots))
        if layout is None:
            try:
                layout = self._new_layout(dims, host_slots, stage)
            except DeviceError:  # retry once after dropping cached layouts
                self._layouts.clear()
                layout = self._layout_or_error(values, dims, host_slots, stage)
            self._layouts[dims, host_slots] = layout
            if len(self._layouts) > CACHED_LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end((dims, host_slots))
        return layout

    def _layout_or_error(
        self,
        values: Sequence[Value],
        dims: tuple[int, ...],
        host_slots: tuple[int, ...],
        stage: int,
    ) -> DeviceLayout:
        """As `_new_layout`; DeviceError with the sizes of the arguments."""
        try:
            return self._new_layout(dims, host_slots, stage)
        except DeviceError as error:
            slots = zip(self._wiring.live, values, strict=True)
            given = ", ".join(f"{slot.label} {value.shape}" for slot, value in slots)
            raise DeviceError(f"{self.label}: {error}\n  called with {given}") from None

    def _new_layout(
        self, dims: tuple[int, ...], host_slots: tuple[int, ...], stage: int
    ) -> DeviceLayout:
        wiring = self._wiring
        layout = DeviceLayout(wiring, self._runner, dims, host_slots, stage)
        if stage > 0:
            return layout
        fixed = list(self._fixed_arrays())
        for k, checks in wiring.checks_of.items():
            at = k - len(wiring.live)
            if at >= 0:
                array = to_host(wiring.fixed[at].payload)
                good = nonnegative(array, checks, layout.bounds)
                if good is not array:
                    fixed[at] = device_array(good)
        layout.set_fixed(fixed)
        return layout

    def _checked_indices(
        self, k: int, value: Value, args: tuple, checks: Sequence[IndexCheck], bounds: Sequence[int]
    ) -> Value:
        """The indices of slot k, negative ones replaced. Those on the device are downloaded at
        their first use; the result is cached while their owner is alive."""
        if type(value) is np.ndarray:
            return nonnegative(value, checks, bounds)
        slot = self._wiring.live[k]
        owner = value if slot.kind == "cell" else args[slot.argument]
        numbers = (bounds[check.number] for check in checks)
        key = (k, id(owner), value.address, value.shape, *numbers)
        owner_ref, good = self._indices.get(key, (None, None))
        if owner_ref is None or owner_ref() is not owner:
            array = value.get()
            checked = nonnegative(array, checks, bounds)
            good = None if checked is array else device_array(checked)
            if type(owner).__weakrefoffset__:
                self._indices[key] = weakref.ref(owner), good
            if len(self._indices) > CACHED_INDICES:
                self._indices.popitem(last=False)
        return value if good is None else good

    def _begin(self, layout: DeviceLayout, values: Sequence[Value], stream: Stream) -> None:
        """Make `stream` wait for all that the next launches depend on."""
        before = self._previous_stream
        self._previous_stream = stream
        if not before.is_main and before is not stream:
            before.synchronize()
        stream.begin([x for x in values if type(x) is not np.ndarray])
        stream.hold(layout)

    # Results of a call.

    def _table(
        self, layout: DeviceLayout, values: Sequence[Value], stream: Stream
    ) -> tuple[list[int], dict[int, DeviceArray]]:
        """The addresses of this call, and its results on the device, by index of the output."""
        table = list(layout.pointers)
        given = []
        for slot, value in zip(self._wiring.live, values, strict=True):
            if type(value) is not np.ndarray:
                table[slot.position] = value.address
                given.append(value)
        return table, self._results_there(layout, table, given, stream)

    def _results_there(
        self,
        layout: DeviceLayout,
        table: list[int],
        given: Sequence[DeviceArray],
        stream: Stream,
    ) -> dict[int, DeviceArray]:
        """The results on the device that the stage of a layout begins, entered in the table."""
        made = {}
        for k, result in enumerate(self._wiring.results):
            if result.own and result.memory != "cpu" and result.stage == layout.stage:
                made[k] = self._result(k, layout, given, stream)
                table[result.position] = made[k].address
        return made

    def _result(
        self, k: int, layout: DeviceLayout, given: Sequence[DeviceArray], stream: Stream
    ) -> DeviceArray:
        """The array of output k on the device: a new one, or the borrowed one, unless it aliases an
        argument, which would be a race."""
        lent = layout.lent_on_device.get(k)
        if lent is not None and not any(overlap(lent, array) for array in given):
            return lent
        result = self._wiring.results[k]
        made = stream.empty(layout.shapes[k], result.dtype, layout.pools[k])
        if result.borrowed:
            layout.lent_on_device[k] = made
        return made

    def _finish(
        self, found: dict[int, np.ndarray], made: Mapping[int, DeviceArray], stream: Stream
    ) -> object:
        """Set the shared variables; gives the results, downloaded or on the device, in their
        structure."""
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
        """A copy in the memory of the result."""
        if type(origin) is np.ndarray:
            made = origin.copy() if result.memory == "cpu" else device_array(origin)
        else:
            made = origin.get() if result.memory == "cpu" else stream.copy(origin)
        return as_result(made, result)

    @property
    def source(self) -> str:
        """The generated text."""
        return self._runner.built.source

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each stage; kernels are built at the first call."""
        return super().timings | self._runner.timings

    @quiet()
    def profile(self, *args: object, n: int | None = None, **kwargs: object) -> Profile:
        """Seconds a call of each kernel for these arguments, over n calls (or about half a second
        in all). Print it, or read its rows. Kernels are timed one by one, each queued again and
        again, so a kernel of less than a few microseconds shows the cost of a launch."""
        n = measure.runs_of(n)
        args = self.arrange(args, kwargs)
        stream = current_stream(self._main)
        with measure.unchanged(self):
            with self._lock:
                call = StagedCall(self._wiring, stream)  # keeps what the addresses are of
                stages = [*self._stages(call, args, stream)]
                found = timed(self, Work(self.plan, self._runner, stages, stream), n)
            spent = seconds_of_calls(self, args, found.count)
        return replace(found, call=max(spent, found.total), timings=self.timings)

    def __reduce__(self) -> tuple:
        bound = {node: to_host(value) for node, value in self.bound.items()}
        return rebuild, (self.program, bound, self._cells, self.stored_lines())


def overlap(one: DeviceArray, other: DeviceArray) -> bool:
    """Whether two arrays share memory."""
    return one.address < other.address + other.nbytes and other.address < one.address + one.nbytes


def to_host(value: Value) -> np.ndarray:
    """An array on the host."""
    return value.get() if isinstance(value, DeviceArray) else value
