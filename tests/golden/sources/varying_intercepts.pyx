# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double fabs(double)
    void pt_add_sums(int64_t, double*, double*)
    void pt_close_sums_float64(int64_t, double*, double*)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    ctypedef const int64_t* pt_in_int64
    double pt_ma(double, double, double)
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    void pt_scatter_add_int64(int64_t, const int64_t*, const double*, double*)

cdef void k0(pt_in_float64 x5, pt_in_int64 x2, pt_in_float64 x1, pt_in_float64 x3,
        pt_in_float64 x4, pt_in_float64 x0, pt_out_float64 y1, pt_out_float64 y2,
        pt_out_float64 y1s, pt_out_float64 y2s, pt_out_float64 y0, pt_out_float64 y3,
        const int64_t* n) noexcept nogil:
    cdef int64_t t2, i7, i8, l1, i9, y1sk, y2sk, m1, s1, k10, k12
    cdef double t5, t6, t3, t15, a21, t22
    cdef double[64] t19, u1_i9, a21_l
    cdef double* y1sp
    cdef double* y2sp
    cdef double[2] a21_s
    t2 = fabs(x5[0]) < 2.2250738585072014e-308
    t5 = (1.1102230246251565e-16 if t2 else 1.0) / x5[0]
    t6 = 9007199254740992.0 if t2 else 1.0
    t3 = 8.112963841460668e+31 if t2 else 1.0
    for i7 in range(n[3]):
        y1[i7] = 0.0
    for i8 in range(n[4]):
        y2[i8] = 0.0
    for l1 in range(64):
        a21_l[l1] = 0.0
    y1sp = y1
    y1sk = -(n[0])
    if n[0] > 64 * n[3] + 2048:
        y1sp = y1s
        y1sk = 0
        pt_open_sums(2 * (n[3]), y1s)
    y2sp = y2
    y2sk = -(n[0])
    if n[0] > 64 * n[4] + 2048:
        y2sp = y2s
        y2sk = 0
        pt_open_sums(2 * (n[4]), y2s)
    a21_s[0] = a21_s[1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i9 = s1 + l1
            k10 = x2[i9]
            k12 = x2[i9]
            t15 = ((x1[i9] - x3[k10]) - (x4[k12] * x0[i9])) * t5
            t19[l1] = ((t15 * t6) * t5) * t6
            u1_i9[l1] = t19[l1] * x0[i9]
            a21_l[l1] = pt_ma(t15, t15, a21_l[l1])
        pt_scatter_add_int64(m1, x2 + s1, t19, y1sp)
        pt_scatter_add_int64(m1, x2 + s1, u1_i9, y2sp)
        if s1 & 2047 == 1984:
            pt_end_block(a21_l, 64, a21_s)
        y1sk += m1
        if y1sk >= 16 * n[3] + 512:
            pt_add_sums(n[3], y1s, y1)
            y1sk = 0
        y2sk += m1
        if y2sk >= 16 * n[4] + 512:
            pt_add_sums(n[4], y2s, y2)
            y2sk = 0
    a21 = pt_end_sum(a21_l, 64, a21_s, n[0])
    if n[0] > 64 * n[3] + 2048:
        pt_close_sums_float64(n[3], y1s, y1)
    if n[0] > 64 * n[4] + 2048:
        pt_close_sums_float64(n[4], y2s, y2)
    t22 = t3 * a21
    y0[0] = ((-0.5) * t22)
    y3[0] = (t22 / x5[0])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[5], <pt_in_int64> b[2], <pt_in_float64> b[1], <pt_in_float64> b[3], <pt_in_float64> b[4], <pt_in_float64> b[0], <pt_out_float64> b[7], <pt_out_float64> b[8], <pt_out_float64> b[10], <pt_out_float64> b[11], <pt_out_float64> b[6], <pt_out_float64> b[9], n)
    return status


address = <size_t> &pt_plan
