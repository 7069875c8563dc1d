"""Calls of compiled plans: arguments are checked once, then passed as pointers.

An `Entry` is made of a `Wiring` of plain values, so it is independent of graphs and plans. A call
with arrays of the right dtype that are C-contiguous and aligned copies nothing and allocates only
its results. Sizes are read from the arrays; the layout is reused while they do not change. Each
call has a workspace of its own, from a free list, so that one entry may be called from many
threads; the GIL is released while the plan runs.

A plan whose sizes data decide runs stage by stage. Each stage has a layout and an arena of its own:
the values of its sizes are read when the stages before have run.
"""

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

import sys

import numpy as np

from cython_ext.cell cimport Cell, KeySequence, acquire_locks, release_locks
from cython_ext.cell import lock_order
from cython_ext.code cimport Code, pt_due, pt_load_plan, pt_now, pt_plan_fn, pt_record
from cython_ext.memory cimport (
    Workspace,
    free_workspace,
    grow,
    new_workspace,
    numbers_of,
    range_of,
    table_of,
)
from cython_ext.convert import (
    checked_indices,
    failure,
    paired,
    parts_of,
    refuse_two_bounds,
    safe_array,
)

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyArrayObject:
        pass
    int PyArray_CheckExact(PyObject *)
    int PyArray_TYPE(PyArrayObject *) nogil
    int PyArray_NDIM(PyArrayObject *) nogil
    bint PyArray_ISCARRAY_RO(PyArrayObject *) nogil
    void *PyArray_DATA(PyArrayObject *) nogil
    cnp.npy_intp *PyArray_DIMS(PyArrayObject *) nogil

cdef enum:
    ARGUMENT = 0  # given by the caller
    CELL = 1  # the current value of a shared variable
    KEY = 2  # a fresh key for random draws
    FIXED = 3  # bound when the entry is made
    CACHED_LAYOUTS = 64
    MAX_AXES = 64

KINDS = {"argument": ARGUMENT, "cell": CELL, "key": KEY, "fixed": FIXED}
# Without the GIL a call that reads two cells could see only one of their updates: it locks them.
cdef bint GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

cdef class Layout:
    """What depends on the sizes of one call: shapes of results, offsets of temporaries."""

    def __dealloc__(self):
        free(self.dims)
        free(self.sizes)
        free(self.shapes)
        free(self.offsets)
        free(self.bounds)


cdef class Entry:
    """A compiled plan as a Python callable, made of a `Wiring` (see function/wiring.py)."""

    def __init__(self, wiring):
        if self.slots != NULL:
            raise RuntimeError("an entry is made once")
        self.code = wiring.code
        self.buffer_count = wiring.buffers
        self._set_slots(wiring.slots)
        self._set_results(wiring.results)
        self.temp_count = len(wiring.temps)
        self.temp_positions = numbers_of(wiring.temps)
        self.temp_stages = numbers_of(wiring.temp_stages)
        self.stage_count = wiring.stages
        self.value_count = len(wiring.measured)
        self.value_stages = numbers_of([stage for stage, _ in wiring.measured])
        self.value_positions = numbers_of([position for _, position in wiring.measured])
        self.planner = wiring.planner
        self.check_count = len(wiring.checks)
        self.check_slots = numbers_of([check.slot for check in wiring.checks])
        self.check_messages = tuple([check.message for check in wiring.checks])
        self.failures = wiring.failures
        self.cells = wiring.cells
        for cell in self.cells:
            cell.mark_updated()
        read = [slot.payload for slot in wiring.slots if slot.kind == "cell"]
        if self.cells or (len(read) > 1 and not GIL):
            self.locked_cells = lock_order([*read, *self.cells])
        self.result_count = self.output_count - len(self.cells)
        self.build = wiring.build
        self.single = wiring.single
        self.layouts = {}

    def _set_slots(self, slots):
        cdef int k, first = 0, arguments = 0
        self.slot_count = len(slots)
        self.slots = <Slot *>calloc(self.slot_count + 1, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError()
        for k, slot in enumerate(slots):
            self.slots[k].position = slot.position
            self.slots[k].kind = KINDS[slot.kind]
            self.slots[k].typenum = np.dtype(slot.dtype).num
            self.slots[k].ndim = slot.ndim
            self.slots[k].pairs = np.dtype(slot.dtype).kind == "c"
            self.slots[k].first = first
            if self.slots[k].kind == ARGUMENT:
                self.slots[k].argument = arguments
                arguments += 1
            if self.slots[k].kind == KEY:
                self.keys = slot.payload
            if self.slots[k].kind == FIXED:
                continue
            if self.live_count < k:
                raise ValueError("fixed slots stand last")
            first += slot.ndim + self.slots[k].pairs
            self.live_count += 1
        self.dim_count = first
        self.argument_count = arguments
        self.slot_names = tuple([slot.label for slot in slots])
        self.slot_dtypes = tuple([slot.dtype for slot in slots])
        self.slot_origins = tuple([slot.line for slot in slots])
        self.payloads = tuple([slot.payload for slot in slots])

    def _set_results(self, results):
        self.output_count = len(results)
        self.output_positions = numbers_of([result.position for result in results])
        self.output_typenums = numbers_of([np.dtype(result.dtype).num for result in results])
        self.output_ndims = numbers_of([result.ndim for result in results])
        self.output_pairs = numbers_of([int(np.dtype(r.dtype).kind == "c") for r in results])
        self.output_copies = numbers_of([-1 if r.copies is None else r.copies for r in results])
        self.output_borrowed = numbers_of([int(result.borrowed) for result in results])
        self.output_stages = numbers_of([result.stage for result in results])
        self.borrows = any([result.borrowed for result in results])

    def __dealloc__(self):
        cdef Workspace *work
        while self.free_workspaces != NULL:
            work = self.free_workspaces
            self.free_workspaces = work.next
            free_workspace(work)
        free(self.slots)
        free(self.output_positions)
        free(self.output_typenums)
        free(self.output_ndims)
        free(self.output_pairs)
        free(self.output_copies)
        free(self.output_borrowed)
        free(self.output_stages)
        free(self.temp_positions)
        free(self.temp_stages)
        free(self.value_positions)
        free(self.value_stages)
        free(self.check_slots)

    def __call__(self, *args, **kwargs):
        if kwargs or PyTuple_GET_SIZE(args) != self.argument_count:
            args = self.arrange(args, kwargs)
        try:
            return self.call(args)
        except ValueError as error:
            other = self.instead(args, error)
        return other(*args)

    def instead(self, args, error):
        """What is called instead with arguments that an error refuses; raises it if nothing is."""
        raise error

    def arrange(self, args, kwargs):
        """All arguments in order, from positional and keyword ones; TypeError otherwise."""
        names = ", ".join(self.argument_names())
        raise TypeError(
            f"expected {self.argument_count} arguments ({names}), got {len(args) + len(kwargs)}"
        )

    def argument_names(self):
        """Names of the arguments in order."""
        return [name for k, name in enumerate(self.slot_names) if self.slots[k].kind == ARGUMENT]

    @property
    def address(self):
        """Address of the compiled plan, a pt_plan_fn; 0 where the target has none."""
        return self.code.address

    cdef object call(self, tuple args):
        if self.locked_cells is not None:
            return self.call_locked(args)
        return self.structured(self.run(args))

    cdef object call_locked(self, tuple args):
        """A call under the locks of its cells, which are not updated between reading and assigning.

        The arguments are converted before, and the results structured afterwards: both may run
        user code, which may call this function.
        """
        cdef int k
        if self.argument_count:
            args = tuple([self.converted_argument(k, args) for k in range(self.live_count)
                          if self.slots[k].kind == ARGUMENT])
        cdef list locks = acquire_locks(self.locked_cells)
        try:
            outputs = self.run(args)
            self.assign(outputs)
        finally:
            release_locks(locks)
        return self.structured(outputs)

    def converted_argument(self, int k, tuple args):
        """The argument of slot `k`, converted to an array of its dtype."""
        cdef Slot *slot = &self.slots[k]
        value = args[slot.argument]
        item = <PyObject *>value
        if (
            PyArray_CheckExact(item)
            and PyArray_TYPE(<PyArrayObject *>item) == slot.typenum
            and PyArray_NDIM(<PyArrayObject *>item) == slot.ndim
            and PyArray_ISCARRAY_RO(<PyArrayObject *>item)
        ):
            return value
        return self.convert(k, value)

    cdef list run(self, tuple args):
        cdef Workspace *work = self.acquire_workspace()
        try:
            return self.run_in(args, work)
        finally:
            self.release_workspace(work)

    cdef list run_in(self, tuple args, Workspace *work):
        if self.stage_count > 1:
            return self.run_stages(args, work, [], [])
        cdef list owners = []
        self.set_inputs(args, work, owners)
        cdef Layout layout = self.layout_for(work.dims)
        self.reserve(work, layout, 0)
        self.set_pointers(work, layout, 0)
        if self.check_count:
            self.check_indices(work, layout, owners)
        cdef list outputs = self.allocate(work, layout)
        self.execute(work, layout, outputs, None)
        self.finish(layout, outputs)
        return outputs

    cdef list run_stages(self, tuple args, Workspace *work, list owners, list layouts):
        """`run_in` for a plan of several stages, whose layouts are added to `layouts`. Results are
        never borrowed: their sizes differ from call to call."""
        cdef list outputs = [None] * self.output_count
        cdef list buffers = [None] * self.buffer_count if self.code.runner is not None else None
        cdef Layout layout = None
        cdef int stage, known = 0
        self.set_inputs(args, work, owners)
        for stage in range(self.stage_count):
            while known < self.value_count and self.value_stages[known] <= stage:
                position = self.value_positions[known]
                work.dims[self.dim_count + known] = (
                    (<int64_t *>work.pointers[position])[0] if buffers is None
                    else buffers[position][0]
                )
                known += 1
            layout = self.stage_layout(work, known)
            self.reserve(work, layout, stage)
            self.set_pointers(work, layout, stage)
            if stage == 0:
                self.check_indices(work, layout, owners)
            self.allocate_stage(work, layout, outputs, stage)
            self.execute(work, layout, outputs, buffers)
            layouts.append(layout)
        self.finish(None, outputs)
        return outputs

    cdef Layout stage_layout(self, Workspace *work, int known):
        """The layout of the stage for which that many sizes that data decide are known."""
        cdef int k
        cdef tuple key = tuple([work.dims[k] for k in range(self.dim_count + known)])
        cdef Layout layout = self.layouts.get(key)
        if layout is None:
            layout = self.new_layout(key)
            if len(self.layouts) >= CACHED_LAYOUTS:
                self.layouts.clear()
            self.layouts[key] = layout
        return layout

    def require_one_stage(self):
        """TypeError for a plan of several stages, which is no single call."""
        if self.stage_count > 1:
            raise TypeError("its sizes depend on values: it runs in several stages")

    cdef Workspace *acquire_workspace(self) except NULL:
        """A workspace for this call alone."""
        cdef Workspace *work
        with cython.critical_section(self):
            work = self.free_workspaces
            if work != NULL:
                self.free_workspaces = work.next
        if work == NULL:
            work = new_workspace(
                self.buffer_count, self.dim_count + self.value_count, self.stage_count, self.code
            )
        return work

    cdef void release_workspace(self, Workspace *work) noexcept:
        with cython.critical_section(self):
            work.next = self.free_workspaces
            self.free_workspaces = work

    def free(self):
        """Give back the memory that calls keep for the next call; it is taken again when needed."""
        cdef Workspace *work
        cdef Workspace *following
        with cython.critical_section(self):
            work = self.free_workspaces
            self.free_workspaces = NULL
        while work != NULL:
            following = work.next
            free_workspace(work)
            work = following

    cdef int set_inputs(self, tuple args, Workspace *work, list owners) except -1:
        """Set pointers and sizes of all live slots; `owners` gets the arrays to keep alive."""
        cdef int k, axis
        cdef Slot *slot
        cdef PyObject *item
        cdef cnp.npy_intp *dims
        for k in range(self.live_count):
            slot = &self.slots[k]
            if slot.kind == ARGUMENT:
                item = PyTuple_GET_ITEM(args, slot.argument)
                if not (
                    PyArray_CheckExact(item)
                    and PyArray_TYPE(<PyArrayObject *>item) == slot.typenum
                    and PyArray_NDIM(<PyArrayObject *>item) == slot.ndim
                    and PyArray_ISCARRAY_RO(<PyArrayObject *>item)
                ):
                    owners.append(self.convert(k, <object>item))
                    item = <PyObject *>owners[len(owners) - 1]
            elif slot.kind == CELL:
                owners.append((<Cell>self.payloads[k]).get())
                item = <PyObject *>owners[len(owners) - 1]
            else:
                work.pointers[slot.position] = &work.key
                continue
            work.pointers[slot.position] = PyArray_DATA(<PyArrayObject *>item)
            dims = PyArray_DIMS(<PyArrayObject *>item)
            for axis in range(slot.ndim):
                work.dims[slot.first + axis] = dims[axis]
            if slot.pairs:
                work.dims[slot.first + slot.ndim] = 2
        return 0

    def convert(self, int k, value):
        """The argument as an array for slot `k`; TypeError or ValueError names it."""
        cdef bint scalar = self.slots[k].ndim == 0 and self.slots[k].typenum == cnp.NPY_DOUBLE
        if scalar and isinstance(value, float):
            array = cnp.PyArray_EMPTY(0, NULL, cnp.NPY_DOUBLE, 0)
            (<double *>PyArray_DATA(<PyArrayObject *>array))[0] = value
            return array
        return safe_array(
            value, self.slot_dtypes[k], self.slots[k].ndim, self.slot_names[k], self.slot_origins[k]
        )

    cdef Layout layout_for(self, const int64_t *dims):
        cdef Layout layout
        cdef int k
        with cython.critical_section(self):
            layout = self.last
        if layout is not None:
            if memcmp(layout.dims, dims, self.dim_count * sizeof(int64_t)) == 0:
                return layout
        key = tuple([dims[k] for k in range(self.dim_count)])
        layout = self.layouts.get(key)
        if layout is None:
            layout = self.new_layout(key)
            if len(self.layouts) >= CACHED_LAYOUTS:
                self.layouts.clear()
            self.layouts[key] = layout
        with cython.critical_section(self):
            self.last = layout
        return layout

    cdef Layout new_layout(self, tuple dims):
        cdef Layout layout = Layout()
        cdef int k
        sizes, shapes, offsets, arena, bounds = self.planner(dims)
        layout.dims = table_of(dims)
        layout.sizes = table_of(sizes)
        layout.shapes = table_of([n for shape in shapes for n in shape])
        layout.offsets = table_of(offsets)
        layout.bounds = table_of(bounds)
        layout.size_count = len(sizes)
        layout.arena = arena
        layout.fixed = list(self.payloads[self.live_count:])
        checked = {}
        for k in range(self.check_count):
            slot = self.check_slots[k]
            if slot >= self.live_count:
                message = self.check_messages[k]
                array = layout.fixed[slot - self.live_count]
                refuse_two_bounds(checked, slot, bounds[k], array, message)
                layout.fixed[slot - self.live_count] = checked_indices(array, bounds[k], message)
        return layout

    cdef int reserve(self, Workspace *work, Layout layout, int stage) except -1:
        """Allocate the temporaries of this layout; the arena never shrinks."""
        return grow(&work.arenas[stage], layout.arena)

    cdef int set_pointers(self, Workspace *work, Layout layout, int stage) except -1:
        """Set pointers of fixed slots and the key, in the first stage, and of temporaries."""
        cdef int k
        if stage == 0 and self.keys is not None:  # sizes that are refused take no key
            work.key = self.keys.advance()
        for k in range(self.live_count, self.slot_count if stage == 0 else 0):
            item = layout.fixed[k - self.live_count]
            work.pointers[self.slots[k].position] = PyArray_DATA(<PyArrayObject *>item)
        for k in range(self.temp_count):
            if self.temp_stages[k] == stage:
                work.pointers[self.temp_positions[k]] = (
                    work.arenas[stage].start + layout.offsets[k]
                )
        return 0

    cdef int check_indices(self, Workspace *work, Layout layout, list owners) except -1:
        """Raise for indices out of range; replace negative ones, in a copy."""
        cdef int k, slot
        cdef int64_t low, high, count
        cdef dict checked = None
        for k in range(self.check_count):
            slot = self.check_slots[k]
            if slot >= self.live_count:
                continue
            count = self.count_of(slot, work)
            if count == 0:
                continue
            range_of(
                self.slots[slot].typenum, work.pointers[self.slots[slot].position], count,
                &low, &high,
            )
            if low >= 0 and high < layout.bounds[k] and checked is None:
                continue
            checked = {} if checked is None else checked
            array = self.array_of(slot, work)
            message = self.check_messages[k]
            refuse_two_bounds(checked, slot, layout.bounds[k], array, message)
            array = checked_indices(array, layout.bounds[k], message)
            owners.append(array)
            work.pointers[self.slots[slot].position] = PyArray_DATA(<PyArrayObject *>array)
        return 0

    cdef Py_ssize_t count_of(self, int slot, Workspace *work) noexcept:
        """Elements of a live slot."""
        cdef Py_ssize_t count = 1
        cdef int axis
        for axis in range(self.slots[slot].ndim):
            count *= work.dims[self.slots[slot].first + axis]
        return count

    cdef object array_of(self, int slot, Workspace *work):
        """A copy of the array of a slot, as the plan has it."""
        if slot >= self.live_count:
            return self.payloads[slot].copy()
        cdef Slot *source = &self.slots[slot]
        shape = [work.dims[source.first + axis] for axis in range(source.ndim)]
        array = np.empty(shape, dtype=self.slot_dtypes[slot])
        memcpy(PyArray_DATA(<PyArrayObject *>array), work.pointers[source.position], array.nbytes)
        return parts_of(array) if source.pairs else array

    cdef list allocate(self, Workspace *work, Layout layout):
        """New arrays for the outputs; those that are copies are filled after the run."""
        cdef list outputs = self.borrow(layout) if self.borrows else None
        if outputs is None:
            outputs = [None] * self.output_count
        self.allocate_stage(work, layout, outputs, 0)
        return outputs

    cdef int allocate_stage(
        self, Workspace *work, Layout layout, list outputs, int stage
    ) except -1:
        """New arrays for the outputs that a stage begins, unless `outputs` has them."""
        cdef cnp.npy_intp shape[MAX_AXES]
        cdef int k, axis, ndim, first = 0
        for k in range(self.output_count):
            ndim = self.output_ndims[k]
            if self.output_copies[k] < 0 and self.output_stages[k] == stage:
                if outputs[k] is None:
                    for axis in range(ndim):
                        shape[axis] = layout.shapes[first + axis]
                    outputs[k] = cnp.PyArray_EMPTY(ndim, shape, self.output_typenums[k], 0)
                array = <PyObject *>outputs[k]
                work.pointers[self.output_positions[k]] = PyArray_DATA(<PyArrayObject *>array)
            first += ndim + self.output_pairs[k]
        return 0

    cdef list borrow(self, Layout layout):
        """The borrowed outputs of the last call, if they are unused and of this layout, else
        None."""
        with cython.critical_section(self):
            lent = self.lent
            self.lent = None
        if lent is None or lent[0] is not layout:
            return None
        return list(lent[1])

    cdef int execute(self, Workspace *work, Layout layout, list outputs, list buffers) except -1:
        """Run the plan, or the stage of the layout. `buffers` are the arrays of earlier stages of a
        plan in Python; None where there are none."""
        cdef int k, status
        cdef int64_t began
        cdef bint wanted = False
        cdef pt_plan_fn plan = pt_load_plan(&self.code.plan)
        cdef void **pointers = work.pointers
        cdef const int64_t *sizes = layout.sizes
        if plan == NULL:
            status = self.interpret(work, layout, outputs, buffers)
        elif not pt_due(&self.pace):
            with nogil:
                status = plan(pointers, sizes)
        else:
            with nogil:
                began = pt_now()
                status = plan(pointers, sizes)
                wanted = pt_record(&self.code.meter, &self.pace, pt_now() - began)
            if wanted:
                self.code.want()
        if status:
            raise self.fault(status, [self.array_of(k, work) for k in range(self.slot_count)])
        return 0

    cdef int finish(self, Layout layout, list outputs) except -1:
        """Make the outputs that are copies, and keep those that are lent for the next call with
        this layout; None for a layout that no call has again."""
        cdef int k, first
        for k in range(self.output_count):
            first = self.output_copies[k]
            if first >= 0:
                outputs[k] = outputs[first].copy()
                if self.output_typenums[k] != self.output_typenums[first]:
                    outputs[k] = (parts_of if self.output_pairs[first] else paired)(outputs[k])
        if self.borrows and layout is not None:
            lent = [a if self.output_borrowed[k] else None for k, a in enumerate(outputs)]
            with cython.critical_section(self):
                self.lent = (layout, lent)
        return 0

    def fault(self, int status, arrays):
        """The exception for a status of the plan, given the arrays of all slots."""
        return failure(self.failures, status)

    cdef int interpret(self, Workspace *work, Layout layout, list outputs, list buffers) except -1:
        """Run the Python callable over flat arrays; temporaries are None: it makes them."""
        cdef int k
        if buffers is None:
            buffers = [None] * self.buffer_count
        for k in range(self.slot_count):
            if k >= self.live_count:
                array = layout.fixed[k - self.live_count]
            else:
                array = self.array_of(k, work)
            buffers[self.slots[k].position] = array.reshape(-1)
        for k in range(self.output_count):
            if self.output_copies[k] < 0 and outputs[k] is not None:
                array = parts_of(outputs[k]) if self.output_pairs[k] else outputs[k]
                buffers[self.output_positions[k]] = array.reshape(-1)
        return self.code.runner(buffers, [layout.sizes[k] for k in range(layout.size_count)])

    cdef int assign(self, list outputs) except -1:
        """Set the updated cells. The previous values are freed after all are set, since this may
        run user code."""
        cdef int k
        cdef list before = []
        for k in range(self.result_count, self.output_count):
            before.append((<Cell>self.cells[k - self.result_count]).swap(outputs[k]))
        return 0

    cdef object structured(self, list outputs):
        """The results in the structure of the outputs."""
        if self.single:
            return outputs[0]
        if self.output_count > self.result_count:
            del outputs[self.result_count:]
        return outputs if self.build is None else self.build(outputs)
