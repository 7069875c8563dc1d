# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)

cdef extern from "pt_loops.h" nogil:
    double INFINITY
    double fabs(double)
    double pt_cos(double)
    ctypedef const double* pt_in_float64
    double pt_log1p_square(double, double)
    ctypedef double* pt_out_float64
    double pt_sin(double)

cdef void k0(pt_in_float64 x0, pt_in_float64 x1, pt_out_float64 y0,
        const int64_t* n) noexcept nogil:
    cdef int64_t i1, t3, t28
    cdef double t7, t8, t4, t9, t11, t13, t25, t26, t32, t33, t23, t30, t38, t42
    for i1 in range(n[0]):
        t3 = fabs(x0[i1]) > 268435456.0
        t7 = 1.0 + (x0[i1] * x0[i1])
        t8 = x0[i1] if t3 else t7
        t4 = 2.0 * x0[i1]
        t9 = (2.0 if t3 else t4) / t8
        t11 = pt_cos(x0[i1])
        t13 = pt_sin(x0[i1])
        t25 = 2.0 * x1[i1]
        t26 = 0.0 if t3 else t25
        t28 = t8 != 0.0
        t32 = t25 * x0[i1]
        t33 = x1[i1] if t3 else t32
        t23 = (x1[i1] * t11) * t9
        t30 = t26 / t8
        t38 = -((t33 * t9) / t8)
        t42 = (t23 if ((x1[i1] != 0.0) | (fabs(t9) < INFINITY)) else 0.0) + (((t30 if ((t26 != 0.0) | t28) else 0.0) + (t38 if ((t33 != 0.0) | t28) else 0.0)) * t13)
        y0[i1] = ((((x1[i1] * t9) * t11) - ((x1[i1] * t13) * pt_log1p_square(x0[i1], 1.0))) + t42)


cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef int status = 0
    k0(<pt_in_float64> b[0], <pt_in_float64> b[1], <pt_out_float64> b[2], n)
    return status


address = <size_t> &pt_plan
