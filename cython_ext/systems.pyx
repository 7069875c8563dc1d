"""Inverses, adjugates, orders of pivots and forms of QR for compiled plans: what host/pt_systems.h
has, under names that a plan is linked with."""

from libc.stdint cimport int64_t

from cython_ext.lapack cimport pt_bind, table

cdef extern from "pt_systems.h" nogil:
    void pt_inv_in_c "pt_inv"(const double* a, double* out, double* work, int64_t batch, int64_t n)
    void pt_adjugate_in_c "pt_adjugate"(const double* a, double* out, double* work, int64_t batch,
                                        int64_t n)
    void pt_pivot_order_in_c "pt_pivot_order"(const int64_t* pivots, int64_t* out, int64_t batch,
                                              int64_t n)
    void pt_qr_full_in_c "pt_qr_full"(const double* a, double* q, double* r, double* work,
                                      int64_t batch, int64_t m, int64_t n)
    void pt_qr_raw_in_c "pt_qr_raw"(const double* a, double* h, double* tau, double* work,
                                    int64_t batch, int64_t m, int64_t n)
    void pt_qr_order_in_c "pt_qr_order"(const double* a, int64_t* order, double* work,
                                        int64_t batch, int64_t m, int64_t n)

pt_bind(table())


cdef void pt_inv(const double* a, double* out, double* work, int64_t batch,
                 int64_t n) noexcept nogil:
    pt_inv_in_c(a, out, work, batch, n)


cdef void pt_adjugate(const double* a, double* out, double* work, int64_t batch,
                      int64_t n) noexcept nogil:
    pt_adjugate_in_c(a, out, work, batch, n)


cdef void pt_pivot_order(const int64_t* pivots, int64_t* out, int64_t batch,
                         int64_t n) noexcept nogil:
    pt_pivot_order_in_c(pivots, out, batch, n)


cdef void pt_qr_full(const double* a, double* q, double* r, double* work, int64_t batch, int64_t m,
                     int64_t n) noexcept nogil:
    pt_qr_full_in_c(a, q, r, work, batch, m, n)


cdef void pt_qr_raw(const double* a, double* h, double* tau, double* work, int64_t batch, int64_t m,
                    int64_t n) noexcept nogil:
    pt_qr_raw_in_c(a, h, tau, work, batch, m, n)


cdef void pt_qr_order(const double* a, int64_t* order, double* work, int64_t batch, int64_t m,
                      int64_t n) noexcept nogil:
    pt_qr_order_in_c(a, order, work, batch, m, n)
