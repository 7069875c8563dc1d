# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    void pt_add_sums(int64_t, double*, double*)
    void pt_close_sums_float64(int64_t, double*, double*)
    ctypedef const double* pt_in_float64
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    double sqrt(double)

cdef void k0(pt_in_float64 x0, pt_out_float64 w5, pt_out_float64 w4, pt_out_float64 w5s,
        const int64_t* n) noexcept nogil:
    cdef int64_t i3, i4, s1, e1, i5
    w4[0] = (1.0 / (<double> n[0]))
    for i3 in range(n[1]):
        w5[i3] = 0.0
    pt_open_sums(2 * (n[1]), w5s)
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        for i4 in range(s1, e1):
            for i5 in range(n[1]):
                w5s[i5] += x0[i4 * n[1] + i5]
        pt_add_sums(n[1], w5s, w5)
    pt_close_sums_float64(n[1], w5s, w5)


cdef void k1(pt_in_float64 w4, pt_in_float64 w5, pt_out_float64 w6,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w6[i1] = (w4[0] * w5[i1])


cdef void k2(pt_in_float64 x0, pt_in_float64 w6, pt_out_float64 w9, pt_out_float64 w9s,
        pt_out_float64 w7, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, s1, e1, i3
    cdef double t4
    for i1 in range(n[1]):
        w9[i1] = 0.0
    pt_open_sums(2 * (n[1]), w9s)
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        for i2 in range(s1, e1):
            for i3 in range(n[1]):
                t4 = x0[i2 * n[1] + i3] - w6[i3]
                w7[i2 * n[1] + i3] = t4
                w9s[i3] += (t4 * t4)
        pt_add_sums(n[1], w9s, w9)
    pt_close_sums_float64(n[1], w9s, w9)


cdef void k3(pt_in_float64 w4, pt_in_float64 w9, pt_out_float64 w13,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w13[i1] = sqrt(((w4[0] * w9[i1]) + 1e-09))


cdef void k4(pt_in_float64 w7, pt_in_float64 w13, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2
    for i1 in range(n[0]):
        for i2 in range(n[1]):
            y0[i1 * n[1] + i2] = (w7[i1 * n[1] + i2] / w13[i2])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_out_float64> b[3], <pt_out_float64> b[2], <pt_out_float64> b[8], n)
    k1(<pt_in_float64> b[2], <pt_in_float64> b[3], <pt_out_float64> b[4], n)
    k2(<pt_in_float64> b[0], <pt_in_float64> b[4], <pt_out_float64> b[6], <pt_out_float64> b[9], <pt_out_float64> b[5], n)
    k3(<pt_in_float64> b[2], <pt_in_float64> b[6], <pt_out_float64> b[7], n)
    k4(<pt_in_float64> b[5], <pt_in_float64> b[7], <pt_out_float64> b[1], n)
    return status


address = <size_t> &pt_plan
