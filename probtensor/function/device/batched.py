"""A function over batches of arguments in one launch: every argument and every result has one more
leading axis, and one thread, warp or block of the device computes each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from cython_ext.convert import failure, safe_array
from probtensor.dataclass import dataclass
from probtensor.device import DeviceArray, device_array
from probtensor.function.device.layout import as_result, nonnegative, round_up
from probtensor.function.device.streams import Stream, borrowed_array, is_on_device
from probtensor.function.wiring import IndexCheck, Slot, Wiring
from probtensor.targets.cuda.batched import BatchedProgram, DensityProgram
from probtensor.targets.cuda.launches import Deferred

MAX_TRANSFER_BYTES = 1 << 28  # of the rows copied for one launch; more rows take several launches
ALIGNMENT_BYTES = 256

Column = np.ndarray | DeviceArray  # the rows of an argument or of a result


@dataclass(frozen=True)
class DeviceDensity:
    """A log density as device code for many chains at once, with a sampler's kernels behind it.

    program     the loaded module: `program.function(name)`, `group`, `threads`, `block`
    data        the packed `pt_data`, the first parameter of every kernel
    work_bytes  workspace that each chain needs, 16-byte aligned
    owner       keeps the memory that `data` points to alive
    """

    program: BatchedProgram
    data: bytes
    work_bytes: int
    owner: Batch


class BatchedCalls:
    """Batched calls of one function; programs are cached by the sizes of a row."""

    def __init__(
        self, wiring: Wiring, fixed_arrays: Sequence[DeviceArray], launches: Deferred
    ) -> None:
        self.wiring = wiring
        self.fixed_arrays = fixed_arrays
        self.launches = launches
        self.computed = [k for k, result in enumerate(wiring.results) if result.own]
        self.varying = [slot for slot in wiring.live if slot.kind == "argument"]
        if any(slot.kind == "key" for slot in wiring.live):
            raise TypeError("rows: every row would draw the same; pass a key as an argument")
        self.programs: dict[tuple[int, ...], BatchedProgram] = {}
        self.indices: dict[tuple[int, ...], DeviceArray] = {}

    def __call__(self, columns: Sequence[object], stream: Stream) -> list[Column]:
        """The rows of each output: DeviceArrays if all columns are on the device, else NumPy
        arrays. Columns are the arguments with one more leading axis, all of one length.

        Raises as a call does; the message for an index has its position in the column.
        """
        given = [self._column(slot, columns[slot.argument]) for slot in self.varying]
        counts = {column.shape[0] for column in given}
        if len(counts) != 1:
            raise ValueError(f"the columns have {sorted(counts)} rows")
        batch = Batch(self, dict(zip([s.number for s in self.varying], given)), counts.pop())
        return batch.run(stream)

    def _column(self, slot: Slot, value: object) -> Column:
        if type(value) is not np.ndarray and is_on_device(value):
            return borrowed_array(value, slot.dtype, slot.ndim + 1, slot.label, slot.line)
        return safe_array(value, slot.dtype, slot.ndim + 1, slot.label, slot.line)

    def program(
        self,
        sizes: Sequence[int],
        tail: str = "",
        density: DensityProgram | None = None,
        group: str | None = None,
    ) -> BatchedProgram:
        """The program of all rows for given sizes; `group` runs a row ("thread", "warp" or "block",
        chosen by the plan if None)."""
        positions = [slot.position for slot in self.varying]
        return self.launches.rows(positions, sizes, tail, density, group)

    def cached_program(self, sizes: Sequence[int]) -> BatchedProgram:
        """As `program`, cached."""
        key = tuple(sizes)
        if key not in self.programs:
            self.programs[key] = self.program(sizes)
        return self.programs[key]

    def device_code(self, tail: str) -> DeviceDensity:
        """The density (q) -> (logp, grad) as device code, followed by `tail`."""
        if len(self.varying) != 1 or self.computed[:2] != [0, 1]:
            raise TypeError(
                "device_code: a function (q) -> (logp, gradient) is needed, both computed"
            )
        (slot,) = self.varying
        dims = tuple(self.launches.plan.buffers[slot.position].shape)
        batch = Batch(self, {slot.number: np.empty((0, *dims))}, 0)
        results = (self.wiring.results[k].position for k in (0, 1))
        density = DensityProgram(slot.position, *results)
        program = self.program(batch.sizes, tail=tail, density=density)
        data = program.data_bytes(batch.table)
        # The arrays were uploaded on the default stream, which a sampler's stream does not wait
        # for.
        self.launches.driver.synchronize()
        return DeviceDensity(program, data, program.work_bytes, batch)


class Batch:
    """One call for many rows: columns by number of the slot, `count` rows."""

    def __init__(self, rows: BatchedCalls, columns: Mapping[int, Column], count: int) -> None:
        self.rows = rows
        self.wiring = wiring = rows.wiring
        self.columns = dict(columns)
        self.count = count
        self.shared = {
            slot.number: slot.payload.on_device(device_array)
            for slot in wiring.live
            if slot.kind == "cell"
        }
        dims: list[int] = []
        for slot in wiring.live:
            dims += columns[slot.number].shape[1:] if slot.number in columns else (
                self.shared[slot.number].shape
            )  # fmt: skip
            dims += slot.parts
        self.sizes, self.shapes, _, _, bounds = wiring.planner(tuple(dims))
        for k, array in enumerate(rows.fixed_arrays):
            self.shared[len(wiring.live) + k] = array
        self._check(bounds)
        self.table = [0] * wiring.buffers
        for number, array in self.shared.items():
            self.table[wiring.slots[number].position] = array.address

    def _check(self, bounds: Sequence[int]) -> None:
        """Check all indices and replace negative ones; fixed arrays are checked once."""
        for k, checks in self.wiring.checks_of.items():
            if k >= len(self.wiring.live):
                key = (k, *(bounds[check.number] for check in checks))
                cache = self.rows.indices
                if key not in cache:
                    cache[key] = checked_indices(self.shared[k], checks, bounds)
                self.shared[k] = cache[key]
            elif k in self.columns:
                self.columns[k] = checked_indices(self.columns[k], checks, bounds)
            else:
                self.shared[k] = checked_indices(self.shared[k], checks, bounds)

    def run(self, stream: Stream) -> list[Column]:
        """All outputs, in as many launches as `MAX_TRANSFER_BYTES` needs."""
        on_device = all(isinstance(column, DeviceArray) for column in self.columns.values())
        found = {k: self._empty(k, on_device, stream) for k in self.rows.computed}
        if self.count:
            arrays = [*self.columns.values(), *self.shared.values()]
            stream.begin([x for x in arrays if isinstance(x, DeviceArray)])
            self._run_launches(found, stream)
        outputs: list[Column] = []
        for k, result in enumerate(self.wiring.results):
            if result.own:
                outputs.append(found[k])
            else:
                outputs.append(as_result(_copied(outputs[result.copies], stream), result))
        return outputs

    def _empty(self, k: int, on_device: bool, stream: Stream) -> Column:
        result = self.wiring.results[k]
        shape, dtype = (self.count, *result.shape_of(self.shapes[k])), result.dtype
        return stream.empty(shape, dtype) if on_device else np.empty(shape, dtype)

    def _run_launches(self, found: Mapping[int, Column], stream: Stream) -> None:
        """Run every row into the arrays of `found`."""
        program = self.rows.cached_program(self.sizes)
        driver = self.rows.launches.driver
        buffers = [(self.wiring.slots[n].position, x, False) for n, x in self.columns.items()]
        buffers += [(self.wiring.results[k].position, x, True) for k, x in found.items()]
        on_host = [(p, x, out) for p, x, out in buffers if type(x) is np.ndarray]
        each = sum(row_bytes(x) for _, x, _ in on_host)
        step = min(self.count, max(1, MAX_TRANSFER_BYTES // max(each, 1)))
        needs = [program.groups(step) * program.work_bytes]
        needs += [step * row_bytes(x) for _, x, _ in on_host]
        starts, size = [], ALIGNMENT_BYTES  # the status is first
        for nbytes in needs:
            starts.append(size)
            size += round_up(nbytes, ALIGNMENT_BYTES)
        memory = driver.alloc(size)
        stream.hold(memory)
        driver.fill(memory.address, 0, ALIGNMENT_BYTES, stream.queue)
        work, *staging = (memory.address + start for start in starts)
        table = list(self.table)
        for start in range(0, self.count, step):
            rows = slice(start, min(start + step, self.count))
            for position, array, _ in buffers:
                if isinstance(array, DeviceArray):
                    table[position] = array.address + start * row_bytes(array)
            for (position, array, out), address in zip(on_host, staging, strict=True):
                table[position] = address
                if not out:
                    driver.upload(address, array[rows], stream.queue)
            count = rows.stop - rows.start
            program.enqueue(table, count, work, memory.address, stream.queue)
            for (_, array, out), address in zip(on_host, staging, strict=True):
                if out:
                    driver.download(address, array[rows], stream.queue)
        self._raise_failure(memory.address, stream)

    def _raise_failure(self, status_address: int, stream: Stream) -> None:
        """Raise the failure of any row; waits for the launches if the plan can fail."""
        if self.wiring.failures:
            status = np.zeros(1, np.int32)
            self.rows.launches.driver.download(status_address, status, stream.queue)
            if status[0]:
                raise failure(self.wiring.failures, int(status[0]))


def _copied(array: Column, stream: Stream) -> Column:
    """A copy in the same memory."""
    return stream.copy(array) if isinstance(array, DeviceArray) else array.copy()


def checked_indices(array: Column, checks: Sequence[IndexCheck], bounds: Sequence[int]) -> Column:
    """Checked indices without negative ones, in the same memory."""
    if not isinstance(array, DeviceArray):
        return nonnegative(array, checks, bounds)
    host = array.get()
    good = nonnegative(host, checks, bounds)
    return array if good is host else device_array(good)


def row_bytes(array: Column) -> int:
    """Bytes of one row."""
    return prod(array.shape[1:]) * array.dtype.itemsize
