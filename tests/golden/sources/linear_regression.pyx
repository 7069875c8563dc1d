# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_dot(const double*, const double*, int64_t)
    ctypedef const double* pt_in_float64
    ctypedef double* pt_out_float64
cdef extern from *:
    """
    PT_ONCE_1(pt_exp)
    """
    double pt_exp_once(double) noexcept nogil

cdef void k0(pt_in_float64 x3, pt_in_float64 x0, pt_in_float64 x2, pt_in_float64 x1,
        pt_out_float64 y1, pt_out_float64 y0, pt_out_float64 y2,
        const int64_t* n) noexcept nogil:
    cdef double t2, t3, t4, a15, a16, a8, t9, t10, t11, t12, t13
    cdef int64_t i5, i6, i14
    t2 = pt_exp_once((-x3[0]))
    t3 = <double> n[0]
    t4 = x3[0] * t3
    for i5 in range(n[3]):
        y1[i5] = 0.0
    a15 = 0.0
    a16 = 0.0
    for i6 in range(n[0]):
        a8 = pt_dot(x0 + i6 * n[3], x2, n[3])
        t9 = x1[i6] - a8
        t10 = t9 * t2
        t11 = t10 * t10
        t12 = t10 * t2
        t13 = t10 * t9
        for i14 in range(n[3]):
            y1[i14] += (t12 * x0[i6 * n[3] + i14])
        a15 = a15 + t11
        a16 = a16 + t13
    y0[0] = (((-0.5) * a15) - t4)
    y2[0] = ((a16 * t2) - t3)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[3], <pt_in_float64> b[0], <pt_in_float64> b[2], <pt_in_float64> b[1], <pt_out_float64> b[5], <pt_out_float64> b[4], <pt_out_float64> b[6], n)
    return status


address = <size_t> &pt_plan
