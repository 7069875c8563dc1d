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

cdef void k0(pt_in_int64 x2, pt_in_float64 x1, pt_in_float64 x3, pt_in_float64 x4,
        pt_in_float64 x0, pt_out_float64 w22, pt_out_float64 w27, pt_in_float64 x5,
        pt_out_float64 y0, pt_out_float64 w18, pt_out_float64 y3,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, i2, l1, i3, m1, s1, k4, k6
    cdef double[64] t8, u1_i3, a11_l
    cdef double a11, t12, t13
    for i1 in range(n[3]):
        w22[i1] = 0.0
    for i2 in range(n[4]):
        w27[i2] = 0.0
    for l1 in range(64):
        a11_l[l1] = 0.0
    for s1 in range(0, n[0], 64):
        m1 = n[0] - s1 if n[0] - s1 < 64 else 64
        for l1 in range(m1):
            i3 = s1 + l1
            k4 = x2[i3]
            k6 = x2[i3]
            t8[l1] = (x1[i3] - x3[k4]) - (x4[k6] * x0[i3])
            u1_i3[l1] = t8[l1] * x0[i3]
            a11_l[l1] = a11_l[l1] + (t8[l1] * t8[l1])
        pt_scatter_add_int64(m1, x2 + s1, t8, w22)
        pt_scatter_add_int64(m1, x2 + s1, u1_i3, w27)
    a11 = pt_fold_add(a11_l, 64)
    t12 = x5[0] * x5[0]
    t13 = a11 / t12
    y0[0] = ((-0.5) * t13)
    w18[0] = (1.0 / t12)
    y3[0] = ((t13 / t12) * x5[0])


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
    k0(<pt_in_int64> b[2], <pt_in_float64> b[1], <pt_in_float64> b[3], <pt_in_float64> b[4], <pt_in_float64> b[0], <pt_out_float64> b[11], <pt_out_float64> b[12], <pt_in_float64> b[5], <pt_out_float64> b[6], <pt_out_float64> b[10], <pt_out_float64> b[9], n)
    k1(<pt_in_float64> b[10], <pt_in_float64> b[11], <pt_out_float64> b[7], n)
    k2(<pt_in_float64> b[10], <pt_in_float64> b[12], <pt_out_float64> b[8], n)
    return status


address = <size_t> &pt_plan
