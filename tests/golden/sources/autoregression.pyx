# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    void pt_end_block(double*, int64_t, double*)
    double pt_end_sum(double*, int64_t, double*, int64_t)
    double pt_fold_add(double*, int64_t)
    int64_t pt_imaximum(int64_t, int64_t)
    ctypedef const double* pt_in_float64
    double pt_ma(double, double, double)
    ctypedef double* pt_out_float64

cdef void k0(pt_in_float64 x0, pt_in_float64 x1, pt_out_float64 y1, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t l1, i1, m1, s1
    cdef double[64] a6_l, a7_l
    cdef double[2] a6_s, a7_s
    cdef double t3, a6, a7
    for l1 in range(64):
        a6_l[l1] = 0.0
        a7_l[l1] = 0.0
    a6_s[0] = a6_s[1] = 0.0
    a7_s[0] = a7_s[1] = 0.0
    for s1 in range(0, pt_imaximum((0), (n[0] - 1)), 64):
        m1 = pt_imaximum((0), (n[0] - 1)) - s1 if pt_imaximum((0), (n[0] - 1)) - s1 < 64 else 64
        for l1 in range(m1):
            i1 = s1 + l1
            t3 = x0[i1 + 1] - (x1[0] * x0[i1])
            a6_l[l1] = pt_ma(t3, t3, a6_l[l1])
            a7_l[l1] = pt_ma(t3, x0[i1], a7_l[l1])
        if s1 & 2047 == 1984:
            pt_end_block(a6_l, 64, a6_s)
            pt_end_block(a7_l, 64, a7_s)
    a6 = pt_end_sum(a6_l, 64, a6_s, pt_imaximum((0), (n[0] - 1)))
    a7 = pt_end_sum(a7_l, 64, a7_s, pt_imaximum((0), (n[0] - 1)))
    y1[0] = a7
    y0[0] = ((-0.5) * a6)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[3], <pt_out_float64> b[2], n)
    return status


address = <size_t> &pt_plan
