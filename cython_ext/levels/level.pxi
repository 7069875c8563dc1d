"""The text of every level; see __init__.py."""

from libc.stdint cimport int64_t, uintptr_t

cdef extern from "machine/pt_machine_pairs.h":
    ctypedef struct pt_op_entry:
        pass
    ctypedef struct pt_pairs:
        pass
    const pt_op_entry *pt_ops
    const pt_pairs pt_linked
    int pt_run_program(void **buffers, const int64_t *sizes) noexcept nogil

table = <uintptr_t>pt_ops
pairs = <uintptr_t>&pt_linked
run = <uintptr_t>&pt_run_program
