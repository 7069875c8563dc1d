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

cdef void k0(pt_in_float64 x0, pt_in_float64 x2, pt_in_float64 x1, pt_out_float64 w18,
        pt_in_float64 x3, pt_out_float64 w18s, pt_out_float64 w4, pt_out_float64 y0,
        pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, s1, e1, i7
    cdef double a8, a4, t5, t6, t10, t11, t14
    cdef double[2] a8_s
    for i1 in range(n[3]):
        w18[i1] = 0.0
    a8 = 0.0
    pt_open_sums(2 * (n[3]), w18s)
    a8_s[0] = a8_s[1] = 0.0
    for s1 in range(0, n[0], 128):
        e1 = s1 + (128 if (n[0]) - s1 > 128 else (n[0]) - s1)
        for i2 in range(s1, e1):
            a4 = pt_dot(x0 + i2 * n[3], x2, n[3])
            t5 = x1[i2] - a4
            t6 = t5 * t5
            for i7 in range(n[3]):
                w18s[i7] += (t5 * x0[i2 * n[3] + i7])
            a8 = a8 + t6
        pt_add_sums(n[3], w18s, w18)
        if n[0] > 128:
            pt_keep(a8_s, a8)
            a8 = 0.0
    if n[0] > 128:
        a8 = pt_kept(a8_s)
    pt_close_sums_float64(n[3], w18s, w18)
    t10 = pt_exp_once((-x3[0]))
    t11 = t10 * t10
    w4[0] = t11
    t14 = <double> n[0]
    y0[0] = (((-0.5) * (t11 * a8)) - (x3[0] * t14))
    y2[0] = (((a8 * t10) * t10) - t14)


cdef void k1(pt_in_float64 w4, pt_in_float64 w18, pt_out_float64 y1,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[3]):
        y1[i1] = (w4[0] * w18[i1])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_in_float64> b[2], <pt_in_float64> b[1], <pt_out_float64> b[8], <pt_in_float64> b[3], <pt_out_float64> b[9], <pt_out_float64> b[7], <pt_out_float64> b[4], <pt_out_float64> b[6], n)
    k1(<pt_in_float64> b[7], <pt_in_float64> b[8], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
