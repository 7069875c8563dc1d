# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_digamma(double)
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
    cdef double t1, t4, t6, t12, t13, t14, t17, t20, t21, t25, t28, a32, a33, a34, a35, a36
    cdef int64_t l1, i5, m1, s1
    cdef double[64] a32_l, a33_l, a34_l, a35_l, a36_l
    t1 = pt_lgamma_once(x2[0])
    t4 = (<double> n[1]) * pt_digamma_once(x2[0])
    for l1 in range(64):
        a32_l[l1] = 0.0
        a33_l[l1] = 0.0
        a34_l[l1] = 0.0
        a35_l[l1] = 0.0
        a36_l[l1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i5 = s1 + l1
            t6 = x0[i5] + x2[0]
            t12 = x1[i5] + x2[0]
            t13 = x2[0] / t12
            t14 = pt_log(t13)
            t17 = x1[i5] / t12
            t20 = (((pt_lgamma(t6) - t1) - pt_lgamma((x0[i5] + 1.0))) + (x2[0] * t14)) + (x0[i5] * pt_log(t17))
            t21 = x0[i5] / t17
            t25 = x2[0] / t13
            t28 = ((t21 * t17) / t12) + ((t25 * t13) / t12)
            y1[i5] = ((t21 / t12) - t28)
            a32_l[l1] = a32_l[l1] + t20
            a33_l[l1] = a33_l[l1] + t14
            a34_l[l1] = a34_l[l1] + (t25 / t12)
            a35_l[l1] = a35_l[l1] + t28
            a36_l[l1] = a36_l[l1] + pt_digamma(t6)
    a32 = pt_fold_add(a32_l, 64)
    a33 = pt_fold_add(a33_l, 64)
    a34 = pt_fold_add(a34_l, 64)
    a35 = pt_fold_add(a35_l, 64)
    a36 = pt_fold_add(a36_l, 64)
    y0[0] = a32
    y2[0] = ((((a33 + a34) - a35) - t4) + a36)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[3], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
