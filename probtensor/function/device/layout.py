"""What a call on the device needs for given sizes: memory, copies, launches, graphs."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from cython_ext.convert import checked_indices, refuse_two_bounds
from probtensor.device import DeviceArray, Driver, Graph, LaunchQueue
from probtensor.function.device.streams import Stream
from probtensor.function.wiring import IndexCheck, Result, Slot, Wiring
from probtensor.targets.cuda.launches import Deferred

MAX_PACKED_BYTES = 1 << 15  # smaller copies cost only latency, so they are packed
ALIGNMENT_BYTES = 256
CACHED_GRAPHS = 16
MAX_POOLED_BLOCKS = 4  # of each result on the device


class PackedTransfer:
    """Arrays in one allocation of device memory. Small ones are packed at its start and copied at
    once, through a block of host memory; each large one is copied directly."""

    def __init__(self, driver: Driver, parts: Mapping[int, tuple[tuple[int, ...], str]]) -> None:
        self.driver = driver
        self.parts = {k: (shape, np.dtype(dtype)) for k, (shape, dtype) in parts.items()}
        sizes = {k: dtype.itemsize * prod(shape) for k, (shape, dtype) in self.parts.items()}
        self.small = [k for k in sizes if sizes[k] <= MAX_PACKED_BYTES]
        self.large = [k for k in sizes if sizes[k] > MAX_PACKED_BYTES]
        self.offsets: dict[int, int] = {}
        end = 0
        for k in self.small:
            self.offsets[k] = end
            end = round_up(end + sizes[k], 16)
        self.packed = end
        for k in self.large:
            end = round_up(end, ALIGNMENT_BYTES)
            self.offsets[k] = end
            end += sizes[k]
        self.nbytes = round_up(end, ALIGNMENT_BYTES)
        self.block = np.empty(self.packed, np.uint8)
        self.views = self.views_of(self.block)

    def views_of(self, block: np.ndarray) -> dict[int, np.ndarray]:
        """The small arrays in a block."""
        return {
            k: np.ndarray(*self.parts[k], buffer=block, offset=self.offsets[k]) for k in self.small
        }

    def upload(
        self, address: int, arrays: Mapping[int, np.ndarray], stream: LaunchQueue | None
    ) -> None:
        """Copy the arrays to the device."""
        if self.packed:
            for k in self.small:
                self.views[k][...] = arrays[k]
            self.driver.upload(address, self.block, stream)
        for k in self.large:
            self.driver.upload(address + self.offsets[k], arrays[k], stream)

    def download(
        self, address: int, into: Mapping[int, np.ndarray], stream: LaunchQueue | None
    ) -> dict[int, np.ndarray]:
        """All arrays on the host: those in `into` are filled, the others are new (small ones are
        views of one block)."""
        block = np.empty(self.packed, np.uint8)
        if self.packed:
            self.driver.download(address, block, stream)
        found = self.views_of(block)
        for k in self.large:
            found[k] = into[k] if k in into else np.empty(*self.parts[k])
            self.driver.download(address + self.offsets[k], found[k], stream)
        for k in self.small:
            if k in into:
                into[k][...] = found[k]
                found[k] = into[k]
        return found


class DeviceLayout:
    """A function or a stage of one for given sizes, with some live slots on the host and others on
    the device.

    Its memory has fixed addresses, so that repeated calls are the same launches over the same
    addresses, and from the second one on a CUDA graph.
    """

    def __init__(
        self,
        wiring: Wiring,
        runner: Deferred,
        dims: tuple[int, ...],
        host_slots: Sequence[int],
        stage: int = 0,
    ) -> None:
        self.wiring = wiring
        self.stage = stage
        self.driver = runner.driver
        self.sizes, shapes, offsets, arena, self.bounds = wiring.planner(dims)
        self.shapes = [y.shape_of(s) for y, s in zip(wiring.results, shapes, strict=True)]
        self.sequence = runner.sequence(self.sizes)
        shapes = shapes_of(wiring.live, dims)
        self.inputs = PackedTransfer(
            self.driver,
            {k: (shapes[k], wiring.live[k].dtype) for k in host_slots if stage == 0},
        )
        self.outputs = PackedTransfer(
            self.driver,
            {
                k: (self.shapes[k], y.dtype)
                for k, y in enumerate(wiring.results)
                if y.own and y.memory == "cpu" and y.stage == stage
            },
        )
        starts, size = [], 0
        for part in (self.inputs.nbytes, self.outputs.nbytes, arena, self.sequence.scratch):
            starts.append(size)
            size += round_up(part, ALIGNMENT_BYTES)
        self.memory = self.driver.alloc(max(size, ALIGNMENT_BYTES))
        self.input_address, self.output_address, temps, self.scratch = (
            self.memory.address + start for start in starts
        )
        self.scratch_bytes = self.sequence.scratch
        self.scratch_dirty = True
        self.pointers = self._template(offsets, temps)
        self.fixed: list[DeviceArray] = []
        self.lent = {
            k: np.empty(*part)
            for k, part in self.outputs.parts.items()
            if wiring.results[k].borrowed
        }
        self.lent_on_device: dict[int, DeviceArray] = {}  # borrowed results
        self.pools = {
            k: deque(maxlen=MAX_POOLED_BLOCKS)
            for k, y in enumerate(wiring.results)
            if y.own and y.memory != "cpu" and y.stage == stage
        }
        self.graphs: OrderedDict[tuple[int, ...], Graph | None] = OrderedDict()

    def _template(self, offsets: Sequence[int], temps: int) -> list[int]:
        """The table of addresses; zero for those of each call."""
        wiring = self.wiring
        table = [0] * wiring.buffers
        temporaries = zip(wiring.temps, offsets, wiring.temp_stages, strict=True)
        for position, offset, stage in temporaries:
            if stage == self.stage:
                table[position] = temps + offset
        for k, offset in self.inputs.offsets.items():
            table[wiring.live[k].position] = self.input_address + offset
        for k, offset in self.outputs.offsets.items():
            table[wiring.results[k].position] = self.output_address + offset
        return table

    def set_fixed(self, arrays: list[DeviceArray]) -> None:
        """Set the arrays of the fixed slots, and keep them alive."""
        self.fixed = arrays
        for slot, array in zip(self.wiring.fixed, arrays, strict=True):
            self.pointers[slot.position] = array.address

    def clear_scratch(self, stream: LaunchQueue | None) -> None:
        """Zero the scratch memory, as the launches expect."""
        if self.scratch_bytes:
            self.driver.fill(self.scratch, 0, self.scratch_bytes, stream)

    def launch(self, table: Sequence[int], stream: Stream) -> None:
        """Queue the work over these addresses; as a graph from the second time on."""
        if self.scratch_dirty:
            self.clear_scratch(stream.queue)
            self.scratch_dirty = False
        key = (stream.handle, *table)
        graph = self.graphs.get(key)
        if graph is None:
            if key in self.graphs and self.sequence.may_be_captured:
                with stream.capture() as (graph, queue):
                    self.sequence.enqueue(table, self.scratch, queue)
            else:
                self.sequence.enqueue(table, self.scratch, stream.queue)
            self.graphs[key] = graph
            if len(self.graphs) > CACHED_GRAPHS:
                self.graphs.popitem(last=False)
        if graph is not None:
            self.graphs.move_to_end(key)
            graph.launch(stream.queue)

    def status(self, stream: LaunchQueue | None) -> int:
        """The status of the launches; 0 if no check failed."""
        found = np.empty(1, np.int32)
        self.driver.download(self.sequence.status_address(self.scratch), found, stream)
        return int(found[0])

    def download_outputs(self, stream: LaunchQueue | None) -> dict[int, np.ndarray]:
        """The outputs in host memory, by index."""
        if not self.outputs.parts:
            return {}
        return self.outputs.download(self.output_address, self.lent, stream)


def as_result(
    array: np.ndarray | DeviceArray, result: Result
) -> np.ndarray | DeviceArray:
    """A new array of the buffer of a result as that result: complex numbers, or their parts."""
    dtype = np.dtype(result.dtype)
    if array.dtype == dtype:
        return array
    shape = array.shape[:-1] if dtype.kind == "c" else (*array.shape, 2)
    if type(array) is np.ndarray:
        return array.reshape(-1).view(dtype).reshape(shape)
    return DeviceArray(array.driver, array.owner, array.address, shape, dtype)


def nonnegative(
    array: np.ndarray, checks: Sequence[IndexCheck], bounds: Sequence[int]
) -> np.ndarray:
    """Indices, negative ones replaced: the array itself, or a copy.

    `checks` are those of all axes that it indexes. IndexError where a value is out of range.
    """
    seen: dict[int, tuple[int, bool]] = {}
    for check in checks:
        bound = bounds[check.number]
        refuse_two_bounds(seen, check.slot, bound, array, check.message)
        array = checked_indices(array, bound, check.message)
    return array


def shapes_of(slots: Sequence[Slot], dims: Sequence[int]) -> list[tuple[int, ...]]:
    """The concatenated sizes of all slots, as shapes."""
    shapes, at = [], 0
    for slot in slots:
        shapes.append(tuple(dims[at : at + slot.ndim]))
        at += slot.ndim + len(slot.parts)
    return shapes


def round_up(size: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-size // step) * step
