# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double INFINITY
    double fabs(double)
    double pt_exp(double)
    double pt_fold_add(double*, int64_t)
    double pt_fold_max(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_log(double)
    double pt_maximum(double, double)
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x2, pt_out_float64 w1, const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w1[i1] = pt_log(x2[i1])


cdef void k1(pt_in_float64 x0, pt_in_float64 x1, pt_in_float64 w1, pt_out_float64 w9,
        pt_out_float64 w26, pt_out_float64 w6, pt_out_float64 y1, pt_out_float64 w34,
        pt_out_float64 y0, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, l1, i3, m1, s1, l2, i4, m2, s2, l3, i14, m3, s3, i22
    cdef double[64] a11, t13, a17, t21, a27_l, a11_l, a17_l
    cdef int64_t[64] t20
    cdef double t5, t8, t19, t24, t25, a27
    for i1 in range(n[1]):
        y1[i1] = 0.0
    for i2 in range(n[1]):
        w34[i2] = 0.0
    for l1 in range(64):
        a27_l[l1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i3 = s1 + l1
            for l2 in range(64):
                a11_l[l2] = (-INFINITY)
            for s2 in range(0, n[1], 64):
                m2 = n[1] - s2 if n[1] - s2 < 64 else 64
                for l2 in range(m2):
                    i4 = s2 + l2
                    t5 = x0[i3] - x1[i4]
                    w6[i3 * n[1] + i4] = t5
                    t8 = w1[i4] - (0.5 * (t5 * t5))
                    w9[i3 * n[1] + i4] = t8
                    w26[i3 * n[1] + i4] = (<double> (t8 == INFINITY))
                    a11_l[l2] = pt_maximum(a11_l[l2], t8)
            a11[l1] = pt_fold_max(a11_l, 64)
        for l1 in range(m1):
            i3 = s1 + l1
            t13[l1] = 0.0 if (fabs(a11[l1]) == INFINITY) else a11[l1]
        for l1 in range(m1):
            i3 = s1 + l1
            for l3 in range(64):
                a17_l[l3] = 0.0
            for s3 in range(0, n[1], 64):
                m3 = n[1] - s3 if n[1] - s3 < 64 else 64
                for l3 in range(m3):
                    i14 = s3 + l3
                    a17_l[l3] = a17_l[l3] + pt_exp((w9[i3 * n[1] + i14] - t13[l1]))
            a17[l1] = pt_fold_add(a17_l, 64)
        for l1 in range(m1):
            i3 = s1 + l1
            t19 = pt_log(a17[l1]) + t13[l1]
            t20[l1] = fabs(t19) == INFINITY
            t21[l1] = 0.0 if t20[l1] else t19
            a27_l[l1] = a27_l[l1] + t19
        for l1 in range(m1):
            i3 = s1 + l1
            for i22 in range(n[1]):
                t24 = pt_exp((w9[i3 * n[1] + i22] - t21[l1]))
                t25 = w26[i3 * n[1] + i22] if t20[l1] else t24
                y1[i22] += (t25 * w6[i3 * n[1] + i22])
                w34[i22] += t25
    a27 = pt_fold_add(a27_l, 64)
    y0[0] = a27


cdef void k2(pt_in_float64 w34, pt_in_float64 x2, pt_out_float64 y2,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        y2[i1] = (w34[i1] / x2[i1])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_out_float64> b[6], n)
    k1(<pt_in_float64> b[0], <pt_in_float64> b[1], <pt_in_float64> b[6], <pt_out_float64> b[8], <pt_out_float64> b[9], <pt_out_float64> b[7], <pt_out_float64> b[4], <pt_out_float64> b[10], <pt_out_float64> b[3], n)
    k2(<pt_in_float64> b[10], <pt_in_float64> b[2], <pt_out_float64> b[5], n)
    return status


address = <size_t> &pt_plan
