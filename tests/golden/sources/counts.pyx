# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double fabs(double)
    double pt_digamma_difference(double, double)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_log_multiset_coefficient(double, double)
    double pt_log_share(double, double)
    double pt_ma(double, double, double)
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x2, pt_in_float64 x0, pt_in_float64 x1, pt_out_float64 y1,
        pt_out_float64 y0, pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef int64_t t2, l1, i6, m1, s1
    cdef double t3, t5, t8, t14, t18, t13, a25, a26, a27, a28, a29
    cdef double[64] a25_l, a26_l, a27_l, a28_l, a29_l
    cdef double[2] a25_s, a26_s, a27_s, a28_s, a29_s
    t2 = fabs(x2[0]) < 2.2250738585072014e-308
    t3 = 9007199254740992.0 if t2 else 1.0
    t5 = (1.1102230246251565e-16 if t2 else 1.0) / x2[0]
    for l1 in range(64):
        a25_l[l1] = 0.0
        a26_l[l1] = 0.0
        a27_l[l1] = 0.0
        a28_l[l1] = 0.0
        a29_l[l1] = 0.0
    a25_s[0] = a25_s[1] = 0.0
    a26_s[0] = a26_s[1] = 0.0
    a27_s[0] = a27_s[1] = 0.0
    a28_s[0] = a28_s[1] = 0.0
    a29_s[0] = a29_s[1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i6 = s1 + l1
            t8 = pt_log_share(x2[0], x1[i6])
            t14 = x1[i6] + x2[0]
            t18 = x2[0] + x1[i6]
            t13 = (pt_log_multiset_coefficient(x2[0], x0[i6]) + (x2[0] * t8)) + (x0[i6] * pt_log_share(x1[i6], x2[0]))
            y1[i6] = ((x0[i6] * ((x2[0] / t14) / x1[i6])) - (x2[0] / t18))
            a25_l[l1] = a25_l[l1] + t13
            a26_l[l1] = a26_l[l1] + t8
            a27_l[l1] = a27_l[l1] + (x0[i6] / t14)
            a28_l[l1] = pt_ma(x1[i6] / t18, t5, a28_l[l1])
            a29_l[l1] = a29_l[l1] + pt_digamma_difference(x2[0], x0[i6])
        if s1 & 2047 == 1984:
            pt_end_block(a25_l, 64, a25_s)
            pt_end_block(a26_l, 64, a26_s)
            pt_end_block(a27_l, 64, a27_s)
            pt_end_block(a28_l, 64, a28_s)
            pt_end_block(a29_l, 64, a29_s)
    a25 = pt_end_sum(a25_l, 64, a25_s, n[1])
    a26 = pt_end_sum(a26_l, 64, a26_s, n[1])
    a27 = pt_end_sum(a27_l, 64, a27_s, n[1])
    a28 = pt_end_sum(a28_l, 64, a28_s, n[1])
    a29 = pt_end_sum(a29_l, 64, a29_s, n[1])
    y0[0] = a25
    y2[0] = (((a26 - a27) + (x2[0] * (t3 * a28))) + a29)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
