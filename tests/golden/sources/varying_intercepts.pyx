# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double pt_fold_add(double*, int64_t)
    ctypedef const double* pt_in_float64
    ctypedef const int64_t* pt_in_int64
    ctypedef double* pt_out_float64
    void pt_scatter_add_int64(int64_t, const int64_t*, const double*, double*)

cdef void k0(pt_in_float64 x5, pt_in_int64 x2, pt_in_float64 x1, pt_in_float64 x3,
        pt_in_float64 x4, pt_in_float64 x0, pt_out_float64 y1, pt_out_float64 y2,
        pt_out_float64 y0, pt_out_float64 y3, const int64_t* n) noexcept nogil:
    cdef double t1, t2, t10, a15, t16
    cdef int64_t i3, i4, l1, i5, m1, s1, k6, k8
    cdef double[64] u0_i5, u1_i5, a15_l
    t1 = x5[0] * x5[0]
    t2 = 1.0 / t1
    for i3 in range(n[3]):
        y1[i3] = 0.0
    for i4 in range(n[4]):
        y2[i4] = 0.0
    for l1 in range(64):
        a15_l[l1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i5 = s1 + l1
            k6 = x2[i5]
            k8 = x2[i5]
            t10 = (x1[i5] - x3[k6]) - (x4[k8] * x0[i5])
            u0_i5[l1] = t2 * t10
            u1_i5[l1] = t2 * (t10 * x0[i5])
            a15_l[l1] = a15_l[l1] + (t10 * t10)
        pt_scatter_add_int64(m1, x2 + s1, u0_i5, y1)
        pt_scatter_add_int64(m1, x2 + s1, u1_i5, y2)
    a15 = pt_fold_add(a15_l, 64)
    t16 = a15 / t1
    y0[0] = ((-0.5) * t16)
    y3[0] = ((t16 / t1) * x5[0])


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[5], <pt_in_int64> b[2], <pt_in_float64> b[1], <pt_in_float64> b[3], <pt_in_float64> b[4], <pt_in_float64> b[0], <pt_out_float64> b[7], <pt_out_float64> b[8], <pt_out_float64> b[6], <pt_out_float64> b[9], n)
    return status


address = <size_t> &pt_plan
