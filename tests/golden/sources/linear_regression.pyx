# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    void pt_add_sums(int64_t, double*, double*)
    void pt_close_sums_float64(int64_t, double*, double*)
    double pt_dot(const double*, const double*, int64_t)
    ctypedef const double* pt_in_float64
    void pt_keep(double*, double)
    double pt_kept(const double*)
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
cdef extern from *:
    """
    PT_ONCE_1(pt_exp)
    """
    double pt_exp_once(double) noexcept nogil

cdef void k0(pt_in_float64 x3, pt_in_float64 x0, pt_in_float64 x2, pt_in_float64 x1,
        pt_out_float64 y1, pt_out_float64 y1s, pt_out_float64 y0, pt_out_float64 y2,
        const int64_t* n) noexcept nogil:
    cdef double t2, t3, t4, a14, a8, t10, t11, t12
    cdef int64_t i5, i6, s1, e1, i13
    cdef double[2] a14_s
    t2 = pt_exp_once((-x3[0]))
    t3 = <double> n[0]
    t4 = x3[0] * t3
    for i5 in range(n[3]):
        y1[i5] = 0.0
    a14 = 0.0
    pt_open_sums(2 * (n[3]), y1s)
    a14_s[0] = a14_s[1] = 0.0
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        for i6 in range(s1, e1):
            a8 = pt_dot(x0 + i6 * n[3], x2, n[3])
            t10 = (x1[i6] - a8) * t2
            t11 = t10 * t10
            t12 = t10 * t2
            for i13 in range(n[3]):
                y1s[i13] += (t12 * x0[i6 * n[3] + i13])
            a14 = a14 + t11
        pt_add_sums(n[3], y1s, y1)
        if n[0] > 128:
            pt_keep(a14_s, a14)
            a14 = 0.0
    if n[0] > 128:
        a14 = pt_kept(a14_s)
    pt_close_sums_float64(n[3], y1s, y1)
    y0[0] = (((-0.5) * a14) - t4)
    y2[0] = (a14 - t3)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[3], <pt_in_float64> b[0], <pt_in_float64> b[2], <pt_in_float64> b[1], <pt_out_float64> b[5], <pt_out_float64> b[7], <pt_out_float64> b[4], <pt_out_float64> b[6], n)
    return status


address = <size_t> &pt_plan
