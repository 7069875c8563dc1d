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
    void pt_open_sums(int64_t, double*)
    ctypedef double* pt_out_float64
    void pt_rows_add(int64_t, int64_t, const double*, int64_t, const double*, double*)
    void pt_rows_dot(int64_t, int64_t, const double*, int64_t, const double*, double*)
    double pt_sigmoid(double)
    double pt_softplus(double)

cdef void k0(pt_in_float64 x0, pt_in_float64 x2, pt_in_float64 x1, pt_out_float64 y1,
        pt_out_float64 y1s, pt_out_float64 y0, const int64_t* n) noexcept nogil:
    cdef int64_t i1, l1, i2, m1, s1
    cdef double[64] a4, t9, a11_l
    cdef double[2] a11_s
    cdef double t7, a11
    for i1 in range(n[3]):
        y1[i1] = 0.0
    for l1 in range(64):
        a11_l[l1] = 0.0
    pt_open_sums(2 * (n[3]), y1s)
    a11_s[0] = a11_s[1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        pt_rows_dot(m1, n[3], x0 + n[3] * s1, n[3], x2, a4)
        for l1 in range(m1):
            i2 = s1 + l1
            t7 = (x1[i2] * a4[l1]) - pt_softplus(a4[l1])
            t9[l1] = x1[i2] - pt_sigmoid(a4[l1])
            a11_l[l1] = a11_l[l1] + t7
        pt_rows_add(m1, n[3], x0 + n[3] * s1, n[3], t9, y1s)
        if s1 & 2047 == 1984:
            pt_end_block(a11_l, 64, a11_s)
        if s1 & 255 == 192:
            pt_add_sums(n[3], y1s, y1)
    a11 = pt_end_sum(a11_l, 64, a11_s, n[0])
    pt_close_sums_float64(n[3], y1s, y1)
    y0[0] = a11


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_in_float64> b[2], <pt_in_float64> b[1], <pt_out_float64> b[4], <pt_out_float64> b[5], <pt_out_float64> b[3], n)
    return status


address = <size_t> &pt_plan
