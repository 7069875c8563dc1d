"""The text of every level; see __init__.py."""

from libc.stdint cimport int64_t, uintptr_t

cdef extern from "machine/pt_machine_control.h":
    ctypedef struct pt_op_entry:
        pass
    const pt_op_entry *pt_ops
    int pt_run_program(void **buffers, const int64_t *sizes) noexcept nogil

table = <uintptr_t>pt_ops
run = <uintptr_t>&pt_run_program
