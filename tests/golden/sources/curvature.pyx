# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_cos(double)
    ctypedef const double* pt_in_float64
    double pt_log1p(double)
    ctypedef double* pt_out_float64
    double pt_sin(double)

cdef void k0(pt_in_float64 x1, pt_in_float64 x0, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    cdef double t3, t4, t5, t7, t9, t16, t24
    for i1 in range(n[0]):
        t3 = (2.0 * x1[i1]) * x0[i1]
        t4 = x0[i1] * x0[i1]
        t5 = 1.0 + t4
        t7 = pt_cos(x0[i1])
        t9 = pt_sin(x0[i1])
        t16 = t9 / t5
        t24 = ((2.0 * (((x1[i1] * t7) / t5) - ((t3 * t16) / t5))) * x0[i1]) + (x1[i1] * (2.0 * t16))
        y0[i1] = ((((t3 / t5) * t7) - ((x1[i1] * t9) * pt_log1p(t4))) + t24)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[1], <pt_in_float64> b[0], <pt_out_float64> b[2], n)
    return status


address = <size_t> &pt_plan
