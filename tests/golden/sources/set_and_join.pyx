# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    int64_t pt_imaximum(int64_t, int64_t)
    ctypedef const double* pt_in_float64
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x0, pt_out_float64 w8, const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(pt_imaximum((0), (n[0] - 1))):
        w8[i1] = (x0[i1 + 1] + 2.0)


cdef void k1(pt_in_float64 x0, pt_in_float64 w8, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[0]):
        y0[i1] = (1.0 if (i1 < 1) else x0[i1])
        y0[i1 + n[0] + n[1]] = (w8[i1 - 1] if (((i1 - 1) >= 0) & ((i1 - 1) < (pt_imaximum((0), (n[0] - 1))))) else x0[i1])


cdef void k2(pt_in_float64 x1, pt_out_float64 y0, const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        y0[i1 + n[0]] = x1[-i1 + n[1] - 1]


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_out_float64> b[3], n)
    k1(<pt_in_float64> b[0], <pt_in_float64> b[3], <pt_out_float64> b[2], n)
    k2(<pt_in_float64> b[1], <pt_out_float64> b[2], n)
    return status


address = <size_t> &pt_plan
