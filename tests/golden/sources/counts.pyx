# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_digamma(double)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_lgamma(double)
    double pt_log(double)
    ctypedef double* pt_out_float64
cdef extern from *:
    """
    PT_ONCE_1(pt_digamma)
    PT_ONCE_1(pt_lgamma)
    """
    double pt_digamma_once(double) noexcept nogil
    double pt_lgamma_once(double) noexcept nogil

cdef void k0(pt_in_float64 x2, pt_in_float64 x0, pt_in_float64 x1, pt_out_float64 y1,
        pt_out_float64 y0, pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef double t2, t3, t1, t4, t7, t9, t15, t17, t20, t23, t24, t26, t27, t30, a34, a35, a36
    cdef double a37, a38, a39
    cdef int64_t l1, i8, m1, s1
    cdef double[64] a34_l, a35_l, a36_l, a37_l, a38_l, a39_l
    cdef double[2] a34_s, a35_s, a36_s, a37_s, a38_s, a39_s
    t2 = x2[0] / x2[0]
    t3 = t2 * x2[0]
    t1 = pt_lgamma_once(x2[0])
    t4 = -t3
    t7 = (<double> n[1]) * pt_digamma_once(x2[0])
    for l1 in range(64):
        a34_l[l1] = 0.0
        a35_l[l1] = 0.0
        a36_l[l1] = 0.0
        a37_l[l1] = 0.0
        a38_l[l1] = 0.0
        a39_l[l1] = 0.0
    a34_s[0] = a34_s[1] = 0.0
    a35_s[0] = a35_s[1] = 0.0
    a36_s[0] = a36_s[1] = 0.0
    a37_s[0] = a37_s[1] = 0.0
    a38_s[0] = a38_s[1] = 0.0
    a39_s[0] = a39_s[1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i8 = s1 + l1
            t9 = x0[i8] + x2[0]
            t15 = x1[i8] + x2[0]
            t17 = pt_log((x2[0] / t15))
            t20 = x1[i8] / t15
            t23 = (((pt_lgamma(t9) - t1) - pt_lgamma((x0[i8] + 1.0))) + (x2[0] * t17)) + (x0[i8] * pt_log(t20))
            t24 = x0[i8] / t20
            t26 = t15 / t15
            t27 = t26 / t15
            t30 = (t24 * t20) / t15
            y1[i8] = ((t24 / t15) + ((t4 * t27) - t30))
            a34_l[l1] = a34_l[l1] + t23
            a35_l[l1] = a35_l[l1] + t17
            a36_l[l1] = a36_l[l1] + t26
            a37_l[l1] = a37_l[l1] + t27
            a38_l[l1] = a38_l[l1] + t30
            a39_l[l1] = a39_l[l1] + pt_digamma(t9)
        if s1 & 2047 == 1984:
            pt_end_block(a34_l, 64, a34_s)
            pt_end_block(a35_l, 64, a35_s)
            pt_end_block(a36_l, 64, a36_s)
            pt_end_block(a37_l, 64, a37_s)
            pt_end_block(a38_l, 64, a38_s)
            pt_end_block(a39_l, 64, a39_s)
    a34 = pt_end_sum(a34_l, 64, a34_s, n[1])
    a35 = pt_end_sum(a35_l, 64, a35_s, n[1])
    a36 = pt_end_sum(a36_l, 64, a36_s, n[1])
    a37 = pt_end_sum(a37_l, 64, a37_s, n[1])
    a38 = pt_end_sum(a38_l, 64, a38_s, n[1])
    a39 = pt_end_sum(a39_l, 64, a39_s, n[1])
    y0[0] = a34
    y2[0] = ((((a35 + (t2 * a36)) - ((t3 * a37) + a38)) - t7) + a39)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
