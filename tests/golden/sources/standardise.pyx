# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    void pt_add_sums(int64_t, double*, double*)
    int64_t pt_by_fours(int64_t)
    void pt_close_sums_float64(int64_t, double*, double*)
    ctypedef const double* pt_in_float64
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    double sqrt(double)

cdef void k0(pt_in_float64 x0, pt_out_float64 w1, pt_out_float64 w3, pt_out_float64 w1s,
        const int64_t* n) noexcept nogil:
    cdef int64_t i2, i3, s1, e1, r2, i4
    w3[0] = (<double> n[0])
    for i2 in range(n[1]):
        w1[i2] = 0.0
    pt_open_sums(2 * (n[1]), w1s)
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        r2 = s1 + pt_by_fours(e1 - s1)
        for i3 in range(s1, r2, 4):
            for i4 in range(n[1]):
                w1s[i4] += ((x0[i3 * n[1] + i4] + x0[i3 * n[1] + i4 + n[1]]) + (x0[i3 * n[1] + i4 + 2 * n[1]] + x0[i3 * n[1] + i4 + 3 * n[1]]))
        for i3 in range(r2, e1):
            for i4 in range(n[1]):
                w1s[i4] += x0[i3 * n[1] + i4]
        pt_add_sums(n[1], w1s, w1)
    pt_close_sums_float64(n[1], w1s, w1)


cdef void k1(pt_in_float64 w1, pt_in_float64 w3, pt_out_float64 w4,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w4[i1] = (w1[i1] / w3[0])


cdef void k2(pt_in_float64 x0, pt_in_float64 w4, pt_out_float64 w7, pt_out_float64 w7s,
        pt_out_float64 w5, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, s1, e1, i3
    cdef double t4
    for i1 in range(n[1]):
        w7[i1] = 0.0
    pt_open_sums(2 * (n[1]), w7s)
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        for i2 in range(s1, e1):
            for i3 in range(n[1]):
                t4 = x0[i2 * n[1] + i3] - w4[i3]
                w5[i2 * n[1] + i3] = t4
                w7s[i3] += (t4 * t4)
        pt_add_sums(n[1], w7s, w7)
    pt_close_sums_float64(n[1], w7s, w7)


cdef void k3(pt_in_float64 w7, pt_in_float64 w3, pt_out_float64 w11,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w11[i1] = sqrt(((w7[i1] / w3[0]) + 1e-09))


cdef void k4(pt_in_float64 w5, pt_in_float64 w11, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2
    for i1 in range(n[0]):
        for i2 in range(n[1]):
            y0[i1 * n[1] + i2] = (w5[i1 * n[1] + i2] / w11[i2])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_out_float64> b[2], <pt_out_float64> b[3], <pt_out_float64> b[8], n)
    k1(<pt_in_float64> b[2], <pt_in_float64> b[3], <pt_out_float64> b[4], n)
    k2(<pt_in_float64> b[0], <pt_in_float64> b[4], <pt_out_float64> b[6], <pt_out_float64> b[9], <pt_out_float64> b[5], n)
    k3(<pt_in_float64> b[6], <pt_in_float64> b[3], <pt_out_float64> b[7], n)
    k4(<pt_in_float64> b[5], <pt_in_float64> b[7], <pt_out_float64> b[1], n)
    return status


address = <size_t> &pt_plan
