# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double NAN
    double fabs(double)
    double floor(double)
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
    cdef int64_t t6, t4, l1, i10, m1, s1
    cdef double t7, t9, c1_0, t16, t21, t22, t26, a33, a34, a35, a36, a37
    cdef double[64] a33_l, a34_l, a35_l, a36_l, a37_l
    cdef double[2] a33_s, a34_s, a35_s, a36_s, a37_s
    t6 = fabs(x2[0]) < 2.2250738585072014e-308
    t4 = (x2[0] <= 0.0) & (floor(x2[0]) == x2[0])
    t7 = 9007199254740992.0 if t6 else 1.0
    t9 = (1.1102230246251565e-16 if t6 else 1.0) / x2[0]
    for l1 in range(64):
        a33_l[l1] = 0.0
        a34_l[l1] = 0.0
        a35_l[l1] = 0.0
        a36_l[l1] = 0.0
        a37_l[l1] = 0.0
    a33_s[0] = a33_s[1] = 0.0
    a34_s[0] = a34_s[1] = 0.0
    a35_s[0] = a35_s[1] = 0.0
    a36_s[0] = a36_s[1] = 0.0
    a37_s[0] = a37_s[1] = 0.0
    c1_0 = x2[0]
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i10 = s1 + l1
            t16 = pt_log_share(c1_0, x1[i10])
            t21 = (((NAN if (t4 & (x0[i10] == 0.0)) else 0.0) + pt_log_multiset_coefficient(c1_0, x0[i10])) + (c1_0 * t16)) + (x0[i10] * pt_log_share(x1[i10], c1_0))
            t22 = x1[i10] + c1_0
            t26 = c1_0 + x1[i10]
            y1[i10] = ((x0[i10] * ((c1_0 / t22) / x1[i10])) - (c1_0 / t26))
            a33_l[l1] = a33_l[l1] + t21
            a34_l[l1] = a34_l[l1] + t16
            a35_l[l1] = a35_l[l1] + (x0[i10] / t22)
            a36_l[l1] = pt_ma(x1[i10] / t26, t9, a36_l[l1])
            a37_l[l1] = a37_l[l1] + pt_digamma_difference(c1_0, x0[i10])
        if s1 & 2047 == 1984:
            pt_end_block(a33_l, 64, a33_s)
            pt_end_block(a34_l, 64, a34_s)
            pt_end_block(a35_l, 64, a35_s)
            pt_end_block(a36_l, 64, a36_s)
            pt_end_block(a37_l, 64, a37_s)
    a33 = pt_end_sum(a33_l, 64, a33_s, n[1])
    a34 = pt_end_sum(a34_l, 64, a34_s, n[1])
    a35 = pt_end_sum(a35_l, 64, a35_s, n[1])
    a36 = pt_end_sum(a36_l, 64, a36_s, n[1])
    a37 = pt_end_sum(a37_l, 64, a37_s, n[1])
    y0[0] = a33
    y2[0] = (((a34 - a35) + (x2[0] * (t7 * a36))) + a37)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
