# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double INFINITY
    double fabs(double)
    void pt_add_sums(int64_t, double*, double*)
    void pt_close_sums_float64(int64_t, double*, double*)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_exp(double)
    double pt_fold_add(double*, int64_t)
    double pt_fold_max(double*, int64_t)
    ctypedef const double* pt_in_float64
    double pt_log(double)
    double pt_maximum(double, double)
    double pt_minimum(double, double)
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x2, pt_out_float64 w1, const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[1]):
        w1[i1] = pt_log(x2[i1])


cdef void k1(pt_in_float64 x0, pt_in_float64 x1, pt_in_float64 w1, pt_out_float64 w9,
        pt_out_float64 w23, pt_in_float64 x2, pt_out_float64 w6, pt_out_float64 y1,
        pt_out_float64 y2, pt_out_float64 y1s, pt_out_float64 y2s, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, l1, i3, m1, s1, l2, i4, v2, m2, s2, l3, i13, v3, m3, s3, i20
    cdef double[64] a10, t12, a16, t18, a29_l, a10_l, a16_l
    cdef int64_t[64] t19
    cdef double[2] a29_s, a16_s
    cdef double t5, t6, t8, c3_0, t25, a29
    for i1 in range(n[1]):
        y1[i1] = 0.0
    for i2 in range(n[1]):
        y2[i2] = 0.0
    for l1 in range(64):
        a29_l[l1] = 0.0
    pt_open_sums(2 * (n[1]), y1s)
    pt_open_sums(2 * (n[1]), y2s)
    a29_s[0] = a29_s[1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i3 = s1 + l1
            v2 = 8 if 0 < n[1] <= 8 else 64
            for l2 in range(v2):
                a10_l[l2] = (-INFINITY)
            for s2 in range(0, n[1], 64):
                m2 = n[1] - s2 if n[1] - s2 < 64 else 64
                for l2 in range(m2):
                    i4 = s2 + l2
                    t5 = x0[i3] - x1[i4]
                    w6[i3 * n[1] + i4] = t5
                    t6 = t5 * t5
                    t8 = w1[i4] - (0.5 * t6)
                    w9[i3 * n[1] + i4] = t8
                    w23[i3 * n[1] + i4] = ((-0.5) * t6)
                    a10_l[l2] = pt_maximum(a10_l[l2], t8)
            a10[l1] = pt_fold_max(a10_l, v2)
        for l1 in range(m1):
            i3 = s1 + l1
            t12[l1] = 0.0 if (fabs(a10[l1]) == INFINITY) else a10[l1]
        for l1 in range(m1):
            i3 = s1 + l1
            v3 = 8 if 0 < n[1] <= 8 else 64
            for l3 in range(v3):
                a16_l[l3] = 0.0
            a16_s[0] = a16_s[1] = 0.0
            c3_0 = t12[l1]
            for s3 in range(0, n[1], 64):
                m3 = n[1] - s3 if n[1] - s3 < 64 else 64
                for l3 in range(m3):
                    i13 = s3 + l3
                    a16_l[l3] = a16_l[l3] + pt_exp((w9[i3 * n[1] + i13] - c3_0))
                if s3 & 2047 == 1984:
                    pt_end_block(a16_l, 64, a16_s)
            a16[l1] = pt_end_sum(a16_l, v3, a16_s, n[1])
        for l1 in range(m1):
            i3 = s1 + l1
            t18[l1] = pt_log(a16[l1]) + t12[l1]
            t19[l1] = t18[l1] == (-INFINITY)
            a29_l[l1] = a29_l[l1] + t18[l1]
        for l1 in range(m1):
            i3 = s1 + l1
            for i20 in range(n[1]):
                t25 = pt_exp((w23[i3 * n[1] + i20] - (0.0 if ((w23[i3 * n[1] + i20] == (-INFINITY)) & t19[l1]) else t18[l1])))
                y1s[i20] += ((x2[i20] * pt_minimum(t25, 1.7976931348623157e+308)) * w6[i3 * n[1] + i20])
                y2s[i20] += t25
        if s1 & 2047 == 1984:
            pt_end_block(a29_l, 64, a29_s)
        if s1 & 255 == 192:
            pt_add_sums(n[1], y1s, y1)
        if s1 & 255 == 192:
            pt_add_sums(n[1], y2s, y2)
    a29 = pt_end_sum(a29_l, 64, a29_s, n[0])
    pt_close_sums_float64(n[1], y1s, y1)
    pt_close_sums_float64(n[1], y2s, y2)
    y0[0] = a29


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[2], <pt_out_float64> b[6], n)
    k1(<pt_in_float64> b[0], <pt_in_float64> b[1], <pt_in_float64> b[6], <pt_out_float64> b[8], <pt_out_float64> b[9], <pt_in_float64> b[2], <pt_out_float64> b[7], <pt_out_float64> b[4], <pt_out_float64> b[5], <pt_out_float64> b[10], <pt_out_float64> b[11], <pt_out_float64> b[3], n)
    return status


address = <size_t> &pt_plan
