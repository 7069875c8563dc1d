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

cdef void k0(pt_in_float64 x0, pt_in_float64 x2, pt_in_float64 x1, pt_out_float64 w3,
        pt_out_float64 w8, pt_out_float64 w14, pt_out_float64 w18, pt_out_float64 w22,
        pt_out_float64 w27, pt_out_float64 w30, pt_out_float64 w4, pt_out_float64 w25,
        pt_out_float64 y2, const int64_t* n) noexcept nogil:
    cdef int64_t l1, i1, m1, s1
    cdef double[64] a20_l, a21_l, a22_l, a23_l, a24_l
    cdef double t2, t6, t8, t10, t13, t15, t16, t18, a20, a21, a22, a23, a24, t26, t27, t37
    for l1 in range(64):
        a20_l[l1] = 0.0
        a21_l[l1] = 0.0
        a22_l[l1] = 0.0
        a23_l[l1] = 0.0
        a24_l[l1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i1 = s1 + l1
            t2 = x0[i1] + x2[0]
            w3[i1] = pt_lgamma(t2)
            w8[i1] = pt_lgamma((x0[i1] + 1.0))
            t6 = x1[i1] + x2[0]
            t8 = pt_log((x2[0] / t6))
            w14[i1] = (x2[0] * t8)
            t10 = x1[i1] / t6
            w18[i1] = (x0[i1] * pt_log(t10))
            t13 = x0[i1] / t10
            w22[i1] = (t13 / t6)
            t15 = t6 / t6
            t16 = t15 / t6
            w27[i1] = t16
            t18 = (t13 * t10) / t6
            w30[i1] = t18
            a20_l[l1] = a20_l[l1] + t8
            a21_l[l1] = a21_l[l1] + t15
            a22_l[l1] = a22_l[l1] + t16
            a23_l[l1] = a23_l[l1] + t18
            a24_l[l1] = a24_l[l1] + pt_digamma(t2)
    a20 = pt_fold_add(a20_l, 64)
    a21 = pt_fold_add(a21_l, 64)
    a22 = pt_fold_add(a22_l, 64)
    a23 = pt_fold_add(a23_l, 64)
    a24 = pt_fold_add(a24_l, 64)
    w4[0] = pt_lgamma(x2[0])
    t26 = x2[0] / x2[0]
    t27 = t26 * x2[0]
    w25[0] = (-t27)
    t37 = ((a20 + (t26 * a21)) - ((t27 * a22) + a23)) - ((<double> n[1]) * pt_digamma(x2[0]))
    y2[0] = (t37 + a24)


cdef void k1(pt_in_float64 w3, pt_in_float64 w4, pt_in_float64 w8, pt_in_float64 w14,
        pt_in_float64 w18, pt_in_float64 w22, pt_in_float64 w25, pt_in_float64 w27,
        pt_in_float64 w30, pt_out_float64 y1, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t l1, i1, m1, s1
    cdef double[64] a9_l
    cdef double t5, a9
    for l1 in range(64):
        a9_l[l1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i1 = s1 + l1
            t5 = (((w3[i1] - w4[0]) - w8[i1]) + w14[i1]) + w18[i1]
            y1[i1] = (w22[i1] + ((w25[0] * w27[i1]) - w30[i1]))
            a9_l[l1] = a9_l[l1] + t5
    a9 = pt_fold_add(a9_l, 64)
    y0[0] = a9


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_in_float64> b[2], <pt_in_float64> b[1], <pt_out_float64> b[6], <pt_out_float64> b[8], <pt_out_float64> b[9], <pt_out_float64> b[10], <pt_out_float64> b[11], <pt_out_float64> b[13], <pt_out_float64> b[14], <pt_out_float64> b[7], <pt_out_float64> b[12], <pt_out_float64> b[5], n)
    k1(<pt_in_float64> b[6], <pt_in_float64> b[7], <pt_in_float64> b[8], <pt_in_float64> b[9], <pt_in_float64> b[10], <pt_in_float64> b[11], <pt_in_float64> b[12], <pt_in_float64> b[13], <pt_in_float64> b[14], <pt_out_float64> b[4], <pt_out_float64> b[3], n)
    return status


address = <size_t> &pt_plan
