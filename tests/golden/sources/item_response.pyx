# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    void pt_add_sums(int64_t, double*, double*)
    void pt_close_sums_float64(int64_t, double*, double*)
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    ctypedef const int64_t* pt_in_int64
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    void pt_scatter_add_int64(int64_t, const int64_t*, const double*, double*)
    double pt_sigmoid(double)
    double pt_softplus(double)

cdef void k0(pt_in_int64 x0, pt_in_int64 x1, pt_in_float64 x3, pt_in_float64 x5,
        pt_in_float64 x4, pt_in_float64 x2, pt_out_float64 y1, pt_out_float64 y2,
        pt_out_float64 w28, pt_out_float64 y1s, pt_out_float64 y2s, pt_out_float64 w28s,
        pt_out_float64 y0, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, i3, l1, i4, y1sk, y2sk, w28sk, m1, s1, k5, k6, k8
    cdef double[64] t15, u1_i4, a17_l
    cdef double* y1sp
    cdef double* y2sp
    cdef double* w28sp
    cdef double[2] a17_s
    cdef double t7, t9, t14, t12, a17
    for i1 in range(n[3]):
        y1[i1] = 0.0
    for i2 in range(n[4]):
        y2[i2] = 0.0
    for i3 in range(n[5]):
        w28[i3] = 0.0
    for l1 in range(64):
        a17_l[l1] = 0.0
    y1sp = y1
    y1sk = -(n[1])
    if n[1] > 64 * n[3] + 2048:
        y1sp = y1s
        y1sk = 0
        pt_open_sums(2 * (n[3]), y1s)
    y2sp = y2
    y2sk = -(n[1])
    if n[1] > 64 * n[4] + 2048:
        y2sp = y2s
        y2sk = 0
        pt_open_sums(2 * (n[4]), y2s)
    w28sp = w28
    w28sk = -(n[1])
    if n[1] > 64 * n[5] + 2048:
        w28sp = w28s
        w28sk = 0
        pt_open_sums(2 * (n[5]), w28s)
    a17_s[0] = a17_s[1] = 0.0
    for s1 in range(0, n[1], 64):
        m1 = n[1] - s1 if n[1] - s1 < 64 else 64
        for l1 in range(m1):
            i4 = s1 + l1
            k5 = x0[i4]
            k6 = x1[i4]
            t7 = x3[k5] - x5[k6]
            k8 = x1[i4]
            t9 = x4[k8] * t7
            t14 = x2[i4] - pt_sigmoid(t9)
            t15[l1] = t14 * x4[k8]
            t12 = (x2[i4] * t9) - pt_softplus(t9)
            u1_i4[l1] = t14 * t7
            a17_l[l1] = a17_l[l1] + t12
        pt_scatter_add_int64(m1, x0 + s1, t15, y1sp)
        pt_scatter_add_int64(m1, x1 + s1, u1_i4, y2sp)
        pt_scatter_add_int64(m1, x1 + s1, t15, w28sp)
        if s1 & 2047 == 1984:
            pt_end_block(a17_l, 64, a17_s)
        y1sk += m1
        if y1sk >= 16 * n[3] + 512:
            pt_add_sums(n[3], y1s, y1)
            y1sk = 0
        y2sk += m1
        if y2sk >= 16 * n[4] + 512:
            pt_add_sums(n[4], y2s, y2)
            y2sk = 0
        w28sk += m1
        if w28sk >= 16 * n[5] + 512:
            pt_add_sums(n[5], w28s, w28)
            w28sk = 0
    a17 = pt_end_sum(a17_l, 64, a17_s, n[1])
    if n[1] > 64 * n[3] + 2048:
        pt_close_sums_float64(n[3], y1s, y1)
    if n[1] > 64 * n[4] + 2048:
        pt_close_sums_float64(n[4], y2s, y2)
    if n[1] > 64 * n[5] + 2048:
        pt_close_sums_float64(n[5], w28s, w28)
    y0[0] = a17


cdef void k1(pt_in_float64 w28, pt_out_float64 y3, const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[5]):
        y3[i1] = (-w28[i1])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_int64> b[0], <pt_in_int64> b[1], <pt_in_float64> b[3], <pt_in_float64> b[5], <pt_in_float64> b[4], <pt_in_float64> b[2], <pt_out_float64> b[7], <pt_out_float64> b[8], <pt_out_float64> b[10], <pt_out_float64> b[11], <pt_out_float64> b[12], <pt_out_float64> b[13], <pt_out_float64> b[6], n)
    k1(<pt_in_float64> b[10], <pt_out_float64> b[9], n)
    return status


address = <size_t> &pt_plan
