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
    double pt_ma(double, double, double)
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    void pt_scatter_add_int64(int64_t, const int64_t*, const double*, double*)

cdef void k0(pt_in_int64 x2, pt_in_float64 x1, pt_in_float64 x3, pt_in_float64 x4,
        pt_in_float64 x0, pt_out_float64 w22, pt_out_float64 w27, pt_in_float64 x5,
        pt_out_float64 w22s, pt_out_float64 w27s, pt_out_float64 y0, pt_out_float64 w18,
        pt_out_float64 y3, const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, l1, i3, w22sk, w27sk, m1, s1, k4, k6
    cdef double[64] t8, u1_i3, a11_l
    cdef double* w22sp
    cdef double* w27sp
    cdef double[2] a11_s
    cdef double a11, t12, t13
    for i1 in range(n[3]):
        w22[i1] = 0.0
    for i2 in range(n[4]):
        w27[i2] = 0.0
    for l1 in range(64):
        a11_l[l1] = 0.0
    w22sp = w22
    w22sk = -(n[0])
    if n[0] > 64 * n[3] + 2048:
        w22sp = w22s
        w22sk = 0
        pt_open_sums(2 * (n[3]), w22s)
    w27sp = w27
    w27sk = -(n[0])
    if n[0] > 64 * n[4] + 2048:
        w27sp = w27s
        w27sk = 0
        pt_open_sums(2 * (n[4]), w27s)
    a11_s[0] = a11_s[1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i3 = s1 + l1
            k4 = x2[i3]
            k6 = x2[i3]
            t8[l1] = (x1[i3] - x3[k4]) - (x4[k6] * x0[i3])
            u1_i3[l1] = t8[l1] * x0[i3]
            a11_l[l1] = pt_ma(t8[l1], t8[l1], a11_l[l1])
        pt_scatter_add_int64(m1, x2 + s1, t8, w22sp)
        pt_scatter_add_int64(m1, x2 + s1, u1_i3, w27sp)
        if s1 & 2047 == 1984:
            pt_end_block(a11_l, 64, a11_s)
        w22sk += m1
        if w22sk >= 16 * n[3] + 512:
            pt_add_sums(n[3], w22s, w22)
            w22sk = 0
        w27sk += m1
        if w27sk >= 16 * n[4] + 512:
            pt_add_sums(n[4], w27s, w27)
            w27sk = 0
    a11 = pt_end_sum(a11_l, 64, a11_s, n[0])
    if n[0] > 64 * n[3] + 2048:
        pt_close_sums_float64(n[3], w22s, w22)
    if n[0] > 64 * n[4] + 2048:
        pt_close_sums_float64(n[4], w27s, w27)
    t12 = x5[0] * x5[0]
    t13 = a11 / t12
    y0[0] = ((-0.5) * t13)
    w18[0] = (1.0 / t12)
    y3[0] = (t13 / x5[0])


cdef void k1(pt_in_float64 w18, pt_in_float64 w22, pt_out_float64 y1,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[3]):
        y1[i1] = (w18[0] * w22[i1])


cdef void k2(pt_in_float64 w18, pt_in_float64 w27, pt_out_float64 y2,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1
    for i1 in range(n[4]):
        y2[i1] = (w18[0] * w27[i1])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_int64> b[2], <pt_in_float64> b[1], <pt_in_float64> b[3], <pt_in_float64> b[4], <pt_in_float64> b[0], <pt_out_float64> b[11], <pt_out_float64> b[12], <pt_in_float64> b[5], <pt_out_float64> b[13], <pt_out_float64> b[14], <pt_out_float64> b[6], <pt_out_float64> b[10], <pt_out_float64> b[9], n)
    k1(<pt_in_float64> b[10], <pt_in_float64> b[11], <pt_out_float64> b[7], n)
    k2(<pt_in_float64> b[10], <pt_in_float64> b[12], <pt_out_float64> b[8], n)
    return status


address = <size_t> &pt_plan
