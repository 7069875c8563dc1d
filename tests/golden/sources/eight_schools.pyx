# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    ctypedef const uint64_t* pt_in_uint64
    ctypedef double* pt_out_float64
cdef extern from "pt_random.h" nogil:
    double pt_draw_normal(uint64_t, uint64_t)
    double pt_draw_uniform(uint64_t, uint64_t)
    uint64_t pt_key_fold(uint64_t, uint64_t)
cdef extern from *:
    """
    PT_ONCE_1(pt_tan)
    """
    double pt_tan_once(double) noexcept nogil

cdef void k0(pt_in_uint64 x0, pt_out_float64 y0, const int64_t* n) noexcept nogil:
    cdef uint64_t t2, t10, t11, t13
    cdef double t4, t9
    cdef int64_t i12
    t2 = <uint64_t> 0
    t4 = 5.0 * pt_draw_normal((<uint64_t> pt_key_fold(x0[0], 0)), t2)
    t9 = 5.0 * pt_tan_once((1.5707963267948966 * pt_draw_uniform((<uint64_t> pt_key_fold(x0[0], 1)), t2)))
    t10 = <uint64_t> pt_key_fold(x0[0], 2)
    t11 = <uint64_t> pt_key_fold(x0[0], 3)
    for i12 in range(8):
        t13 = <uint64_t> i12
        y0[i12] = ((t4 + (t9 * pt_draw_normal(t10, t13))) + (10.0 * pt_draw_normal(t11, t13)))


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_uint64> b[0], <pt_out_float64> b[1], n)
    return status


address = <size_t> &pt_plan
