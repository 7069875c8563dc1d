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
    double pt_tanh(double)
from cython_ext.linalg cimport pt_add_product, pt_gemm

cdef void k0(pt_out_float64 w23, pt_out_float64 w26, pt_out_float64 w29, pt_out_float64 w46,
        const int64_t* n) noexcept nogil:
    cdef double t1
    t1 = <double> n[0]
    w23[0] = t1
    w26[0] = ((-1.0) / t1)
    w29[0] = (1.0 / t1)
    w46[0] = (-0.1)


cdef void k1(pt_in_float64 x0, pt_in_float64 x2, pt_out_float64 w2,
        const int64_t* n) noexcept nogil:
    pt_gemm(x0, x2, w2, 1, n[0], n[6], n[4], 0, 0)


cdef void k2(pt_in_float64 w2, pt_out_float64 w3, pt_out_float64 w44,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2
    cdef double t3
    for i1 in range(n[0]):
        for i2 in range(n[6]):
            t3 = pt_tanh(w2[i1 * n[6] + i2])
            w3[i1 * n[6] + i2] = t3
            w44[i1 * n[6] + i2] = (1.0 - (t3 * t3))


cdef void k3(pt_in_float64 w3, pt_in_float64 x3, pt_out_float64 w5,
        const int64_t* n) noexcept nogil:
    pt_gemm(w3, x3, w5, 1, n[0], n[7], n[6], 0, 0)


cdef void k4(pt_in_float64 w5, pt_in_float64 x1, pt_in_float64 w26, pt_in_float64 w29,
        pt_out_float64 w34, pt_in_float64 w23, pt_out_float64 w41, pt_out_float64 y0,
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
            v2 = 8 if 0 < n[7] <= 8 else 64
            for l2 in range(v2):
                a6_l[l2] = (-INFINITY)
                a7_l[l2] = 0.0
            a7_s[0] = a7_s[1] = 0.0
            for s2 in range(0, n[7], 64):
                m2 = n[7] - s2 if n[7] - s2 < 64 else 64
                for l2 in range(m2):
                    i2 = s2 + l2
                    t3 = x1[i1 * n[7] + i2] * w5[i1 * n[7] + i2]
                    w34[i1 * n[7] + i2] = (<double> (w5[i1 * n[7] + i2] == INFINITY))
                    a6_l[l2] = pt_maximum(a6_l[l2], w5[i1 * n[7] + i2])
                    a7_l[l2] = a7_l[l2] + t3
                if s2 & 2047 == 1984:
                    pt_end_block(a7_l, 64, a7_s)
            a6[l1] = pt_fold_max(a6_l, v2)
            a7[l1] = pt_end_sum(a7_l, v2, a7_s, n[7])
        for l1 in range(m1):
            i1 = s1 + l1
            t9[l1] = 0.0 if (fabs(a6[l1]) == INFINITY) else a6[l1]
        for l1 in range(m1):
            i1 = s1 + l1
            v3 = 8 if 0 < n[7] <= 8 else 64
            for l3 in range(v3):
                a13_l[l3] = 0.0
            a13_s[0] = a13_s[1] = 0.0
            c3_0 = t9[l1]
            for s3 in range(0, n[7], 64):
                m3 = n[7] - s3 if n[7] - s3 < 64 else 64
                for l3 in range(m3):
                    i10 = s3 + l3
                    a13_l[l3] = a13_l[l3] + pt_exp((w5[i1 * n[7] + i10] - c3_0))
                if s3 & 2047 == 1984:
                    pt_end_block(a13_l, 64, a13_s)
            a13[l1] = pt_end_sum(a13_l, v3, a13_s, n[7])
        for l1 in range(m1):
            i1 = s1 + l1
            t15 = pt_log(a13[l1]) + t9[l1]
            t17[l1] = fabs(t15) == INFINITY
            t16 = t15 - a7[l1]
            t18[l1] = 0.0 if t17[l1] else t15
            a26_l[l1] = a26_l[l1] + t16
        for l1 in range(m1):
            i1 = s1 + l1
            for i19 in range(n[7]):
                t22 = pt_exp((w5[i1 * n[7] + i19] - t18[l1]))
                w41[i1 * n[7] + i19] = ((w26[0] * x1[i1 * n[7] + i19]) + (w29[0] * (w34[i1 * n[7] + i19] if t17[l1] else t22)))
        if s1 & 2047 == 1984:
            pt_end_block(a26_l, 64, a26_s)
    a26 = pt_end_sum(a26_l, 64, a26_s, n[0])
    y0[0] = (a26 / w23[0])


cdef void k5(pt_in_float64 w41, pt_in_float64 x3, pt_out_float64 w42,
        const int64_t* n) noexcept nogil:
    pt_gemm(w41, x3, w42, 1, n[0], n[6], n[7], 0, 1)


cdef void k6(pt_in_float64 w42, pt_in_float64 w44, pt_out_float64 w45,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2
    for i1 in range(n[0]):
        for i2 in range(n[6]):
            w45[i1 * n[6] + i2] = (w42[i1 * n[6] + i2] * w44[i1 * n[6] + i2])


cdef void k7(pt_in_float64 x0, pt_in_float64 w45, pt_in_float64 w46, pt_in_float64 x2,
        pt_out_float64 y1, const int64_t* n) noexcept nogil:
    pt_add_product(x0, w45, w46, x2, y1, 1, n[4], n[6], n[0], 1, 0)


cdef void k8(pt_in_float64 w3, pt_in_float64 w41, pt_in_float64 w46, pt_in_float64 x3,
        pt_out_float64 y2, const int64_t* n) noexcept nogil:
    pt_add_product(w3, w41, w46, x3, y2, 1, n[6], n[7], n[0], 1, 0)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_out_float64> b[10], <pt_out_float64> b[11], <pt_out_float64> b[12], <pt_out_float64> b[18], n)
    k1(<pt_in_float64> b[0], <pt_in_float64> b[2], <pt_out_float64> b[7], n)
    k2(<pt_in_float64> b[7], <pt_out_float64> b[8], <pt_out_float64> b[16], n)
    k3(<pt_in_float64> b[8], <pt_in_float64> b[3], <pt_out_float64> b[9], n)
    k4(<pt_in_float64> b[9], <pt_in_float64> b[1], <pt_in_float64> b[11], <pt_in_float64> b[12], <pt_out_float64> b[13], <pt_in_float64> b[10], <pt_out_float64> b[14], <pt_out_float64> b[4], n)
    k5(<pt_in_float64> b[14], <pt_in_float64> b[3], <pt_out_float64> b[15], n)
    k6(<pt_in_float64> b[15], <pt_in_float64> b[16], <pt_out_float64> b[17], n)
    k7(<pt_in_float64> b[0], <pt_in_float64> b[17], <pt_in_float64> b[18], <pt_in_float64> b[2], <pt_out_float64> b[5], n)
    k8(<pt_in_float64> b[8], <pt_in_float64> b[14], <pt_in_float64> b[18], <pt_in_float64> b[3], <pt_out_float64> b[6], n)
    return status


address = <size_t> &pt_plan
