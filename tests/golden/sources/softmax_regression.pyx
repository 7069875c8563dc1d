# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double INFINITY
    double fabs(double)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_exp(double)
    double pt_fold_add(double*, int64_t)
    double pt_fold_max(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_log(double)
    double pt_maximum(double, double)
    ctypedef double* pt_out_float64
from cython_ext.linalg cimport pt_gemm

cdef void k0(pt_out_float64 w20, pt_out_float64 w23, pt_out_float64 w26,
        const int64_t* n) noexcept nogil:
    cdef double t1
    t1 = <double> n[0]
    w20[0] = t1
    w23[0] = ((-1.0) / t1)
    w26[0] = (1.0 / t1)


cdef void k1(pt_in_float64 x0, pt_in_float64 x2, pt_out_float64 w2,
        const int64_t* n) noexcept nogil:
    pt_gemm(x0, x2, w2, 1, n[0], n[5], n[4], 0, 0)


cdef void k2(pt_in_float64 w2, pt_in_float64 x1, pt_in_float64 w23, pt_in_float64 w26,
        pt_out_float64 w31, pt_in_float64 w20, pt_out_float64 w38, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t l1, i1, m1, s1, l2, i2, v2, m2, s2, l3, i10, v3, m3, s3, i19
    cdef double[64] a6, a7, t9, a13, t18, a26_l, a6_l, a7_l, a13_l
    cdef int64_t[64] t17
    cdef double[2] a26_s, a7_s, a13_s
    cdef double t3, c3_0, t15, t16, t22, a26
    for l1 in range(64):
        a26_l[l1] = 0.0
    a26_s[0] = a26_s[1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i1 = s1 + l1
            v2 = 8 if 0 < n[5] <= 8 else 64
            for l2 in range(v2):
                a6_l[l2] = (-INFINITY)
                a7_l[l2] = 0.0
            a7_s[0] = a7_s[1] = 0.0
            for s2 in range(0, n[5], 64):
                m2 = n[5] - s2 if n[5] - s2 < 64 else 64
                for l2 in range(m2):
                    i2 = s2 + l2
                    t3 = x1[i1 * n[5] + i2] * w2[i1 * n[5] + i2]
                    w31[i1 * n[5] + i2] = (<double> (w2[i1 * n[5] + i2] == INFINITY))
                    a6_l[l2] = pt_maximum(a6_l[l2], w2[i1 * n[5] + i2])
                    a7_l[l2] = a7_l[l2] + t3
                if s2 & 2047 == 1984:
                    pt_end_block(a7_l, 64, a7_s)
            a6[l1] = pt_fold_max(a6_l, v2)
            a7[l1] = pt_end_sum(a7_l, v2, a7_s, n[5])
        for l1 in range(m1):
            i1 = s1 + l1
            t9[l1] = 0.0 if (fabs(a6[l1]) == INFINITY) else a6[l1]
        for l1 in range(m1):
            i1 = s1 + l1
            v3 = 8 if 0 < n[5] <= 8 else 64
            for l3 in range(v3):
                a13_l[l3] = 0.0
            a13_s[0] = a13_s[1] = 0.0
            c3_0 = t9[l1]
            for s3 in range(0, n[5], 64):
                m3 = n[5] - s3 if n[5] - s3 < 64 else 64
                for l3 in range(m3):
                    i10 = s3 + l3
                    a13_l[l3] = a13_l[l3] + pt_exp((w2[i1 * n[5] + i10] - c3_0))
                if s3 & 2047 == 1984:
                    pt_end_block(a13_l, 64, a13_s)
            a13[l1] = pt_end_sum(a13_l, v3, a13_s, n[5])
        for l1 in range(m1):
            i1 = s1 + l1
            t15 = pt_log(a13[l1]) + t9[l1]
            t17[l1] = fabs(t15) == INFINITY
            t16 = t15 - a7[l1]
            t18[l1] = 0.0 if t17[l1] else t15
            a26_l[l1] = a26_l[l1] + t16
        for l1 in range(m1):
            i1 = s1 + l1
            for i19 in range(n[5]):
                t22 = pt_exp((w2[i1 * n[5] + i19] - t18[l1]))
                w38[i1 * n[5] + i19] = ((w23[0] * x1[i1 * n[5] + i19]) + (w26[0] * (w31[i1 * n[5] + i19] if t17[l1] else t22)))
        if s1 & 2047 == 1984:
            pt_end_block(a26_l, 64, a26_s)
    a26 = pt_end_sum(a26_l, 64, a26_s, n[0])
    y0[0] = (a26 / w20[0])


cdef void k3(pt_in_float64 x0, pt_in_float64 w38, pt_out_float64 y1,
        const int64_t* n) noexcept nogil:
    pt_gemm(x0, w38, y1, 1, n[4], n[5], n[0], 1, 0)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_out_float64> b[6], <pt_out_float64> b[7], <pt_out_float64> b[8], n)
    k1(<pt_in_float64> b[0], <pt_in_float64> b[2], <pt_out_float64> b[5], n)
    k2(<pt_in_float64> b[5], <pt_in_float64> b[1], <pt_in_float64> b[7], <pt_in_float64> b[8], <pt_out_float64> b[9], <pt_in_float64> b[6], <pt_out_float64> b[10], <pt_out_float64> b[3], n)
    k3(<pt_in_float64> b[0], <pt_in_float64> b[10], <pt_out_float64> b[4], n)
    return status


address = <size_t> &pt_plan
