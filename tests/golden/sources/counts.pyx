# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_digamma_difference(double, double)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_lbeta(double, double)
    double pt_log(double)
    double pt_log1p(double)
    double pt_ma(double, double, double)
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x1, pt_in_float64 x2, pt_in_float64 x0, pt_out_float64 y1,
        pt_out_float64 y0, pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef int64_t l1, i1, m1, s1
    cdef double[64] a27_l, a28_l, a29_l, a30_l, a31_l, a32_l
    cdef double[2] a27_s, a28_s, a29_s, a30_s, a31_s, a32_s
    cdef double t2, t4, t7, t8, t11, t16, t20, t14, a27, a28, a29, a30, a31, a32
    for l1 in range(64):
        a27_l[l1] = 0.0
        a28_l[l1] = 0.0
        a29_l[l1] = 0.0
        a30_l[l1] = 0.0
        a31_l[l1] = 0.0
        a32_l[l1] = 0.0
    a27_s[0] = a27_s[1] = 0.0
    a28_s[0] = a28_s[1] = 0.0
    a29_s[0] = a29_s[1] = 0.0
    a30_s[0] = a30_s[1] = 0.0
    a31_s[0] = a31_s[1] = 0.0
    a32_s[0] = a32_s[1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i1 = s1 + l1
            t2 = x0[i1] + 1.0
            t4 = x2[0] + x0[i1]
            t7 = x1[i1] / x2[0]
            t8 = pt_log1p(t7)
            t11 = x2[0] / x1[i1]
            t16 = x0[i1] / (1.0 + t11)
            t20 = x2[0] / (1.0 + t7)
            t14 = ((pt_lbeta(x2[0], t2) + pt_log(t4)) + (x2[0] * t8)) + (x0[i1] * pt_log1p(t11))
            y1[i1] = (((t16 * t11) / x1[i1]) - (t20 / x2[0]))
            a27_l[l1] = a27_l[l1] + t14
            a28_l[l1] = pt_ma(t20, t7, a28_l[l1])
            a29_l[l1] = a29_l[l1] + (t16 / x1[i1])
            a30_l[l1] = a30_l[l1] + t8
            a31_l[l1] = a31_l[l1] + ((-1.0) / t4)
            a32_l[l1] = a32_l[l1] + pt_digamma_difference(x2[0], t2)
        if s1 & 2047 == 1984:
            pt_end_block(a27_l, 64, a27_s)
            pt_end_block(a28_l, 64, a28_s)
            pt_end_block(a29_l, 64, a29_s)
            pt_end_block(a30_l, 64, a30_s)
            pt_end_block(a31_l, 64, a31_s)
            pt_end_block(a32_l, 64, a32_s)
    a27 = pt_end_sum(a27_l, 64, a27_s, n[1])
    a28 = pt_end_sum(a28_l, 64, a28_s, n[1])
    a29 = pt_end_sum(a29_l, 64, a29_s, n[1])
    a30 = pt_end_sum(a30_l, 64, a30_s, n[1])
    a31 = pt_end_sum(a31_l, 64, a31_s, n[1])
    a32 = pt_end_sum(a32_l, 64, a32_s, n[1])
    y0[0] = (-a27)
    y2[0] = ((((a28 / x2[0]) - (a29 + a30)) + a31) + a32)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[1], <pt_in_float64> b[2], <pt_in_float64> b[0], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
