# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double INFINITY
    double fabs(double)
    double pt_digamma_difference(double, double)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_lbeta(double, double)
    double pt_lgamma(double)
    double pt_log(double)
    double pt_log_rising_factorial(double, double)
    double pt_log_share(double, double)
    double pt_ma(double, double, double)
    ctypedef double* pt_out_float64
    double pt_sign(double)

cdef void k0(pt_in_float64 x2, pt_in_float64 x0, pt_in_float64 x1, pt_out_float64 y1,
        pt_out_float64 y0, pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef int64_t t3, t1, l1, i7, m1, s1, t11
    cdef double t4, t6, t8, t12, t18, t19, t27, t31, t16, t21, t26, t36, t39, t41, a45, a46, a47
    cdef double a48, a49, a50, a51
    cdef double[64] a45_l, a46_l, a47_l, a48_l, a49_l, a50_l, a51_l
    cdef double[2] a45_s, a46_s, a47_s, a48_s, a49_s, a50_s, a51_s
    t3 = fabs(x2[0]) < 2.2250738585072014e-308
    t1 = fabs(x2[0]) == INFINITY
    t4 = 9007199254740992.0 if t3 else 1.0
    t6 = (1.1102230246251565e-16 if t3 else 1.0) / x2[0]
    for l1 in range(64):
        a45_l[l1] = 0.0
        a46_l[l1] = 0.0
        a47_l[l1] = 0.0
        a48_l[l1] = 0.0
        a49_l[l1] = 0.0
        a50_l[l1] = 0.0
        a51_l[l1] = 0.0
    a45_s[0] = a45_s[1] = 0.0
    a46_s[0] = a46_s[1] = 0.0
    a47_s[0] = a47_s[1] = 0.0
    a48_s[0] = a48_s[1] = 0.0
    a49_s[0] = a49_s[1] = 0.0
    a50_s[0] = a50_s[1] = 0.0
    a51_s[0] = a51_s[1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i7 = s1 + l1
            t8 = pt_log_share(x2[0], x1[i7])
            t11 = (x0[i7] < 1.0) | t1
            t12 = x0[i7] + 1.0
            t18 = x2[0] + x0[i7]
            t19 = fabs(t18)
            t27 = x1[i7] + x2[0]
            t31 = x2[0] + x1[i7]
            t16 = pt_lgamma((t12 if t11 else 1.0)) - pt_log_rising_factorial(x2[0], x0[i7])
            t21 = pt_lbeta(x2[0], t12) + pt_log(t19)
            t26 = ((x2[0] * t8) - (t16 if t11 else t21)) + (x0[i7] * pt_log_share(x1[i7], x2[0]))
            y1[i7] = ((x0[i7] * ((x2[0] / t27) / x1[i7])) - (x2[0] / t31))
            t36 = ((-1.0) / t19) * pt_sign(t18)
            t39 = pt_digamma_difference(x2[0], t12)
            t41 = pt_digamma_difference(x2[0], x0[i7])
            a45_l[l1] = a45_l[l1] + t26
            a46_l[l1] = a46_l[l1] + (0.0 if t11 else t36)
            a47_l[l1] = a47_l[l1] + (x0[i7] / t27)
            a48_l[l1] = a48_l[l1] + (0.0 if t11 else t39)
            a49_l[l1] = a49_l[l1] + (t41 if t11 else 0.0)
            a50_l[l1] = a50_l[l1] + t8
            a51_l[l1] = pt_ma(x1[i7] / t31, t6, a51_l[l1])
        if s1 & 2047 == 1984:
            pt_end_block(a45_l, 64, a45_s)
            pt_end_block(a46_l, 64, a46_s)
            pt_end_block(a47_l, 64, a47_s)
            pt_end_block(a48_l, 64, a48_s)
            pt_end_block(a49_l, 64, a49_s)
            pt_end_block(a50_l, 64, a50_s)
            pt_end_block(a51_l, 64, a51_s)
    a45 = pt_end_sum(a45_l, 64, a45_s, n[1])
    a46 = pt_end_sum(a46_l, 64, a46_s, n[1])
    a47 = pt_end_sum(a47_l, 64, a47_s, n[1])
    a48 = pt_end_sum(a48_l, 64, a48_s, n[1])
    a49 = pt_end_sum(a49_l, 64, a49_s, n[1])
    a50 = pt_end_sum(a50_l, 64, a50_s, n[1])
    a51 = pt_end_sum(a51_l, 64, a51_s, n[1])
    y0[0] = a45
    y2[0] = (((((a46 - a47) + a48) + a49) + a50) + (x2[0] * (t4 * a51)))


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
