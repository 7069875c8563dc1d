/* Routines on matrices (linalg.pyx) in a compiled plan: pointers, which the loader sets.

   One line for each routine here and in routines.pxd; a test compares both with linalg.pxd. */
#ifndef PT_ROUTINES_H
#define PT_ROUTINES_H

#include <stdint.h>
#include <string.h>

#define PT_ROUTINES(X)                                                                          \
    X(pt_gemm, (const double *, const double *, double *, int64_t, int64_t, int64_t, int64_t,   \
                int64_t, int64_t))                                                              \
    X(pt_gemm_float32, (const float *, const float *, float *, int64_t, int64_t, int64_t,       \
                        int64_t, int64_t, int64_t))                                             \
    X(pt_cholesky, (const double *, double *, int64_t, int64_t))                                \
    X(pt_solve_lower, (const double *, const double *, double *, int64_t, int64_t, int64_t))    \
    X(pt_solve_upper, (const double *, const double *, double *, int64_t, int64_t, int64_t))    \
    X(pt_cumsum, (const double *, double *, int64_t, int64_t))                                  \
    X(pt_eigh, (const double *, double *, double *, double *, int64_t, int64_t))                \
    X(pt_lu, (const double *, double *, int64_t *, int64_t *, double *, int64_t, int64_t))      \
    X(pt_qr, (const double *, double *, double *, double *, int64_t, int64_t, int64_t))         \
    X(pt_sort, (const double *, double *, int64_t *, double *, int64_t, int64_t))               \
    X(pt_sort_int64, (const int64_t *, int64_t *, int64_t *, double *, int64_t, int64_t))

#define PT_POINTER(name, arguments) static void(*name) arguments;
PT_ROUTINES(PT_POINTER)
#undef PT_POINTER

#define PT_FILL(routine, arguments)                                                             \
    if (strcmp(name, #routine) == 0)                                                            \
        routine = (void(*) arguments)address;
__attribute__((visibility("default"))) void pt_link(const char *name, void *address)
{
    PT_ROUTINES(PT_FILL)
}
#undef PT_FILL

#endif
