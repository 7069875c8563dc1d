/* BLAS and LAPACK as the headers of routines call them, PT_CALL(dgetrf)(...), and what these share.
 *
 * In exported functions they are symbols, with -DPT_LAPACK and -llapack -lblas (or -lopenblas)
 * after the source; PT_FORTRAN(name) is how the library spells them, name##_ by default. In the
 * modules of Python (PT_POINTERS) they are read from a table of pointers, which lapack.pyx fills.
 * With neither, PT_HAS_LAPACK is not defined, and headers have what is plain C. They are
 * column-major: they see the transpose of a matrix.
 */
#ifndef PT_LAPACK_H
#define PT_LAPACK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "pt_base.h"

#if defined(__GNUC__) || defined(__clang__)
#define PT_UNUSED __attribute__((unused))
#define PT_ROUTINE static __attribute__((noinline, unused))
#else
#define PT_UNUSED
#define PT_ROUTINE static
#endif

typedef const char *pt_way;   /* "N", "T" and the like */
typedef const int *pt_count;  /* a size or a step */
typedef double *pt_reals;
typedef const double *pt_given;
typedef int (*pt_chooser)(double *, double *);
typedef int (*pt_pair_chooser)(double *, double *, double *);

/* All of them, with the module of SciPy that has each. */
#define PT_ALL_OF_LAPACK(USE) \
    USE(cython_blas, dgemm, (pt_way, pt_way, pt_count, pt_count, pt_count, pt_given, pt_given, \
                             pt_count, pt_given, pt_count, pt_given, pt_reals, pt_count)) \
    USE(cython_blas, sgemm, (pt_way, pt_way, pt_count, pt_count, pt_count, const float *, \
                             const float *, pt_count, const float *, pt_count, const float *, \
                             float *, pt_count)) \
    USE(cython_blas, dsyrk, (pt_way, pt_way, pt_count, pt_count, pt_given, pt_given, pt_count, \
                             pt_given, pt_reals, pt_count)) \
    USE(cython_blas, ssyrk, (pt_way, pt_way, pt_count, pt_count, const float *, const float *, \
                             pt_count, const float *, float *, pt_count)) \
    USE(cython_blas, dtrsm, (pt_way, pt_way, pt_way, pt_way, pt_count, pt_count, pt_given, \
                             pt_given, pt_count, pt_reals, pt_count)) \
    USE(cython_blas, dtrsv, (pt_way, pt_way, pt_way, pt_count, pt_given, pt_count, pt_reals, \
                             pt_count)) \
    USE(cython_lapack, dpotrf, (pt_way, pt_count, pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgetrf, (pt_count, pt_count, pt_reals, pt_count, int *, int *)) \
    USE(cython_lapack, dgetri, (pt_count, pt_reals, pt_count, int *, pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgetrs, (pt_way, pt_count, pt_count, pt_given, pt_count, pt_count, \
                                pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgbsv, (pt_count, pt_count, pt_count, pt_count, pt_reals, pt_count, int *, \
                               pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgeqrf, (pt_count, pt_count, pt_reals, pt_count, pt_reals, pt_reals, \
                                pt_count, int *)) \
    USE(cython_lapack, dorgqr, (pt_count, pt_count, pt_count, pt_reals, pt_count, pt_given, \
                                pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgeqp3, (pt_count, pt_count, pt_reals, pt_count, int *, pt_reals, pt_reals, \
                                pt_count, int *)) \
    USE(cython_lapack, dgesdd, (pt_way, pt_count, pt_count, pt_reals, pt_count, pt_reals, \
                                pt_reals, pt_count, pt_reals, pt_count, pt_reals, pt_count, int *, \
                                int *)) \
    USE(cython_lapack, dsyevd, (pt_way, pt_way, pt_count, pt_reals, pt_count, pt_reals, pt_reals, \
                                pt_count, int *, pt_count, int *)) \
    USE(cython_lapack, dsbevd, (pt_way, pt_way, pt_count, pt_count, pt_reals, pt_count, pt_reals, \
                                pt_reals, pt_count, pt_reals, pt_count, int *, pt_count, int *)) \
    USE(cython_lapack, dstevd, (pt_way, pt_count, pt_reals, pt_reals, pt_reals, pt_count, \
                                pt_reals, pt_count, int *, pt_count, int *)) \
    USE(cython_lapack, dgeev, (pt_way, pt_way, pt_count, pt_reals, pt_count, pt_reals, pt_reals, \
                               pt_reals, pt_count, pt_reals, pt_count, pt_reals, pt_count, int *)) \
    USE(cython_lapack, dgees, (pt_way, pt_way, pt_chooser, pt_count, pt_reals, pt_count, int *, \
                               pt_reals, pt_reals, pt_reals, pt_count, pt_reals, pt_count, int *, \
                               int *)) \
    USE(cython_lapack, dgges, (pt_way, pt_way, pt_way, pt_pair_chooser, pt_count, pt_reals, \
                               pt_count, pt_reals, pt_count, int *, pt_reals, pt_reals, pt_reals, \
                               pt_reals, pt_count, pt_reals, pt_count, pt_reals, pt_count, int *, \
                               int *)) \
    USE(cython_lapack, dgehrd, (pt_count, pt_count, pt_count, pt_reals, pt_count, pt_reals, \
                                pt_reals, pt_count, int *)) \
    USE(cython_lapack, dorghr, (pt_count, pt_count, pt_count, pt_reals, pt_count, pt_given, \
                                pt_reals, pt_count, int *)) \
    USE(cython_lapack, dtrsyl, (pt_way, pt_way, pt_count, pt_count, pt_count, pt_given, pt_count, \
                                pt_given, pt_count, pt_reals, pt_count, pt_reals, int *))

/* A piece of a call: an item of a context. Pieces may run on several threads. */
typedef void (*pt_piece)(void *, int64_t);

/* Multiplications of a call that several threads share: see lapack.pyx. */
#define PT_LARGE 268435456.0

#if defined(PT_POINTERS)

#define PT_HAS_LAPACK
#define PT_MEMBER(module, name, parameters) void (*name) parameters;
typedef struct {
    void (*run)(int, pt_piece, void *, int64_t);
    PT_ALL_OF_LAPACK(PT_MEMBER)
} pt_lapack_table;
#define PT_ENTRY(module, name, parameters) {#module, #name, offsetof(pt_lapack_table, name)},
typedef struct {
    const char *module, *name;
    size_t place;
} pt_lapack_name;
PT_UNUSED static const pt_lapack_name pt_lapack_names[] = {PT_ALL_OF_LAPACK(PT_ENTRY)};
enum { PT_LAPACK_COUNT = sizeof pt_lapack_names / sizeof *pt_lapack_names };
PT_UNUSED static const pt_lapack_table *pt_lapack;
#define PT_CALL(name) pt_lapack->name

PT_UNUSED static void pt_bind(const void *table)
{
    pt_lapack = (const pt_lapack_table *) table;
}

/* Put an address, which is none of a function in C, into a table. */
PT_UNUSED static void pt_enter(pt_lapack_table *table, size_t place, void *address)
{
    memcpy((char *) table + place, &address, sizeof address);
}

PT_UNUSED static void pt_run(int large, pt_piece piece, void *context, int64_t count)
{
    pt_lapack->run(large, piece, context, count);
}

#else

#ifdef PT_LAPACK
#define PT_HAS_LAPACK
#ifndef PT_FORTRAN
#define PT_FORTRAN(name) name##_
#endif
#define PT_SYMBOL(module, name, parameters) void PT_FORTRAN(name) parameters;
PT_ALL_OF_LAPACK(PT_SYMBOL)
#define PT_CALL(name) PT_FORTRAN(name)
#endif

/* All on the calling thread but for threads of the library. */
PT_ROUTINE void pt_run(int large, pt_piece piece, void *context, int64_t count)
{
    (void) large;
    for (int64_t item = 0; item < count; item++)
        piece(context, item);
}

#endif

/* Routines of LAPACK may not terminate for nan or infinity. */
PT_ROUTINE int pt_all_finite(const double *x, int64_t count)
{
    double zero = 0.0;
    for (int64_t i = 0; i < count; i++)
        zero += x[i] - x[i];
    return zero == 0.0;
}

/* out: the transpose of a, which is m x n; between row-major and column-major. */
PT_ROUTINE void pt_transpose(const double *a, double *out, int64_t m, int64_t n)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            out[j * m + i] = a[i * n + j];
}

PT_ROUTINE void pt_fill(double *x, int64_t count, double value)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = value;
}

#endif
