"""A log density with its data bound: the object behind a sampler's `void *context`.

`pt_context_logp_grad` has the signature of pt_logp_grad_fn (include/probtensor.h). It sets the
caller's three pointers in the table of a `Context` and runs the plan: no copy, no allocation, no
GIL. A plan in Python (target="interp") is called with the GIL, so that samplers run it too.
"""

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcpy

from cython_ext.convert import called_at, number_array
from cython_ext.code cimport (
    Code, Meter, Pace, pt_due, pt_load_plan, pt_now, pt_plan_fn, pt_record,
)
from cython_ext.entry cimport Entry, Layout
from cython_ext.memory cimport Workspace, free_workspace, new_workspace

import numpy as np

from cython_ext.convert import failure

cnp.import_array()

cdef extern from "probtensor.h":
    ctypedef int (*pt_logp_grad_fn)(
        void *context, const double *q, double *grad, double *logp
    ) noexcept nogil


cdef struct Bound:
    PyObject *code  # of the entry; it may be switched
    pt_plan_fn *plan  # that of the code
    Meter *meter
    Pace pace
    void **pointers
    const int64_t *sizes
    Py_ssize_t dim
    int q  # positions in the pointer table
    int logp
    int grad
    # Position of the buffer that an output is copied from, or -1 if it has its own.
    int logp_from
    int grad_from
    PyObject *owner


cdef int pt_context_logp_grad(
    void *context, const double *q, double *grad, double *logp
) noexcept nogil:
    cdef Bound *bound = <Bound *>context
    cdef int status
    cdef pt_plan_fn plan = pt_load_plan(bound.plan)
    if plan == NULL:
        with gil:
            return call_by_python(bound, q, grad, logp)
    bound.pointers[bound.q] = <void *>q
    if bound.logp_from < 0:
        bound.pointers[bound.logp] = logp
    if bound.grad_from < 0:
        bound.pointers[bound.grad] = grad
    if pt_due(&bound.pace):
        status = timed_run(bound)
    else:
        status = plan(bound.pointers, bound.sizes)
    if bound.logp_from >= 0:
        logp[0] = (<double *>bound.pointers[bound.logp_from])[0]
    if bound.grad_from >= 0:
        memcpy(grad, bound.pointers[bound.grad_from], bound.dim * sizeof(double))
    return status


cdef int timed_run(Bound *bound) noexcept nogil:
    """Run the plan, and measure it."""
    cdef Meter *meter = bound.meter
    cdef int64_t began = pt_now()
    cdef int status = pt_load_plan(bound.plan)(bound.pointers, bound.sizes)
    if pt_record(meter, &bound.pace, pt_now() - began):
        with gil:
            (<Code>bound.code).want()
    return status


cdef int call_by_python(Bound *bound, const double *q, double *grad, double *logp) noexcept:
    """As `pt_context_logp_grad`, by the entry's Python callable; -1 if it raises."""
    cdef Context context = <Context>bound.owner
    cdef Py_ssize_t k
    try:
        point = np.empty(bound.dim)
        memcpy(cnp.PyArray_DATA(<cnp.ndarray>point), q, bound.dim * sizeof(double))
        value, gradient = context.entry_call(point)
        logp[0] = value
        for k in range(bound.dim):
            grad[k] = gradient[k]
        return 0
    except BaseException as error:
        context.error = error
        return -1


def logp_grad_address():
    """Address of the pt_logp_grad_fn that takes the address of a Context."""
    return <uintptr_t>&pt_context_logp_grad


cdef class Context:
    """An entry of (q, data...) -> (logp, grad) with everything but q bound.

    entry    an Entry whose first two outputs are a float64 scalar and a float64 vector, with one
             argument left: `q`, a float64 vector
    dim      length of q
    Calls through `address` of one context must not overlap; `logp_and_grad` is thread-safe, and
    `clone()` makes a context for another thread.
    """

    cdef Bound bound
    cdef readonly Entry entry
    cdef Layout layout
    cdef Workspace *work
    cdef bint busy
    cdef list owners
    cdef public object error

    def __init__(self, Entry entry, Py_ssize_t dim):
        cdef int k
        if self.work != NULL:
            raise RuntimeError("a context is made once")
        self.entry = entry
        self.owners = []
        entry.require_one_stage()
        self.work = new_workspace(entry.buffer_count, entry.dim_count, 1, entry.code)
        point = np.zeros(dim)
        self.check_entry()
        entry.set_inputs((point,), self.work, self.owners)
        self.layout = entry.layout_for(self.work.dims)
        entry.reserve(self.work, self.layout, 0)
        entry.set_pointers(self.work, self.layout, 0)
        entry.check_indices(self.work, self.layout, self.owners)
        self.owners.append(entry.allocate(self.work, self.layout))
        if self.layout.shapes[0] != dim:
            raise ValueError(f"the gradient has {self.layout.shapes[0]} values, q has {dim}")
        self.bound.code = <PyObject *>entry.code
        self.bound.plan = &entry.code.plan
        self.bound.meter = &entry.code.meter
        self.bound.pointers = self.work.pointers
        self.bound.sizes = self.layout.sizes
        self.bound.dim = dim
        for k in range(entry.live_count):
            if entry.slots[k].kind == 0:
                self.bound.q = entry.slots[k].position
        self.bound.logp = entry.output_positions[0]
        self.bound.grad = entry.output_positions[1]
        self.bound.logp_from = self.source_of(0)
        self.bound.grad_from = self.source_of(1)
        self.bound.owner = <PyObject *>self

    def check_entry(self):
        """TypeError unless the entry is (q) -> (logp, grad)."""
        cdef Entry entry = self.entry
        if entry.argument_count != 1 or entry.output_count < 2:
            raise TypeError("a context needs one free argument and the outputs logp and grad")
        if entry.output_ndims[0] != 0 or entry.output_ndims[1] != 1:
            raise TypeError("the outputs of a context are a scalar and a vector")
        if entry.output_typenums[0] != cnp.NPY_DOUBLE or entry.output_typenums[1] != cnp.NPY_DOUBLE:
            raise TypeError("the outputs of a context are float64")

    def source_of(self, int output):
        """Position of the buffer that an output is copied from, or -1 if it has its own."""
        cdef int first = self.entry.output_copies[output]
        return -1 if first < 0 else self.entry.output_positions[first]

    def __dealloc__(self):
        free_workspace(self.work)

    def clone(self):
        """Another context over the same arrays, with a workspace of its own."""
        return Context(self.entry, self.bound.dim)

    @property
    def address(self):
        """Address of the C struct to pass as `context`; valid while this object lives."""
        return <uintptr_t>&self.bound

    @property
    def dim(self):
        """Length of q."""
        return self.bound.dim

    def entry_call(self, point):
        """(logp, grad) by an ordinary call of the entry."""
        outputs = self.entry.call((point,))
        return outputs[0], outputs[1]

    def logp_and_grad(self, q):
        """Log density and gradient at q: (float, fresh float64 array of q's shape).

        ValueError where q is not a vector of `dim` numbers.
        """
        cdef cnp.npy_intp shape[1]
        cdef double logp = 0
        cdef int status
        if not (
            cnp.PyArray_CheckExact(q)
            and cnp.PyArray_TYPE(<cnp.ndarray>q) == cnp.NPY_DOUBLE
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>q)
        ):
            try:
                q = np.ascontiguousarray(number_array(q, "q"), dtype=np.float64)
            except TypeError as error:
                raise TypeError(f"{error}{called_at()}") from None
        cdef cnp.ndarray point = q
        if point.ndim != 1 or point.shape[0] != self.bound.dim:
            raise ValueError(
                f"q has shape {q.shape}, it must have shape ({self.bound.dim},){called_at()}"
            )
        shape[0] = self.bound.dim
        cdef cnp.ndarray grad = cnp.PyArray_EMPTY(1, shape, cnp.NPY_DOUBLE, 0)
        if not self.acquire():
            return self.clone().logp_and_grad(q)
        cdef const double *q_at = <const double *>cnp.PyArray_DATA(point)
        cdef double *grad_at = <double *>cnp.PyArray_DATA(grad)
        with nogil:
            status = pt_context_logp_grad(&self.bound, q_at, grad_at, &logp)
        if status:
            try:
                raise self.error if status < 0 else self.entry.fault(status, self.arrays())
            finally:
                self.busy = False
        self.busy = False
        return logp, grad

    def arrays(self):
        """Copies of the arrays of all slots of the entry, as the last call had them."""
        cdef int k
        return [self.entry.array_of(k, self.work) for k in range(self.entry.slot_count)]

    cdef bint acquire(self) noexcept:
        """Mark the context as in use; False if it is already."""
        cdef bint got
        with cython.critical_section(self):
            got = not self.busy
            self.busy = True
        return got
