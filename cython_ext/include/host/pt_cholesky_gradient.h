/* Reverse mode of a Cholesky factorisation, by blocks: what a = l l' gets of a cotangent of l.
 *
 * Murray (2016), arXiv:1602.07527, the blocked algorithm. Its matrix is symmetric here and halved,
 * so that the part below and right of a block is an operand of products as it stands. All is
 * row-major; BLAS, which is column-major, sees transposes.
 */
#ifndef PT_CHOLESKY_GRADIENT_H
#define PT_CHOLESKY_GRADIENT_H

#include <stdint.h>

#define PT_TILE 8 /* rows transposed together */

#if defined(__GNUC__)
#define PT_REVERSE static __attribute__((noinline, unused))
#else
#define PT_REVERSE static
#endif

typedef void pt_dgemm_fn(const char *, const char *, const int *, const int *, const int *,
                         const double *, const double *, const int *, const double *, const int *,
                         const double *, double *, const int *);
typedef void pt_dtrsm_fn(const char *, const char *, const char *, const char *, const int *,
                         const int *, const double *, const double *, const int *, double *,
                         const int *);

/* One block of rows and columns on the diagonal, column by column from the last one: in s, on and
 * below the diagonal, half of the cotangent of l, which is replaced by that of a, symmetric. */
PT_REVERSE void pt_reverse_block(const double *l, double *s, int64_t size, int64_t n)
{
    for (int64_t k = size - 1; k >= 0; k--) {
        double *column = s + k * n; /* row k, which is not used yet, holds column k */
        const double pivot = l[k * n + k];
        double sum = column[k];
        for (int64_t i = k + 1; i < size; i++)
            column[i] = s[i * n + k];
        for (int64_t j = k + 1; j < size; j++) {
            const double factor = l[j * n + k];
            for (int64_t i = k + 1; i < size; i++)
                column[i] -= s[j * n + i] * factor;
        }
        for (int64_t i = k + 1; i < size; i++)
            column[i] /= pivot;
        for (int64_t i = k + 1; i < size; i++) {
            sum -= column[i] * l[i * n + k];
            s[i * n + k] = column[i];
        }
        column[k] = sum / pivot;
    }
}

/* s: the symmetric cotangent of a, n x n, given that of its factor l; of g the part above the
 * diagonal is not read. Without the routines of BLAS (NULL) all of it is one block. */
PT_REVERSE void pt_reverse_cholesky(const double *l, const double *g, double *s, int64_t n,
                                    pt_dgemm_fn *gemm, pt_dtrsm_fn *trsm)
{
    const int64_t most = !gemm ? n : n < 512 ? 32 : 64;
    const double one = 1.0, minus = -1.0;
    const int step = (int) n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            s[i * n + j] = 0.5 * g[i * n + j];
    for (int64_t last = n; last > 0;) {
        const int64_t size = last > most ? most : last, first = last - size;
        const int width = (int) size, rest = (int) (n - last);
        const double *block = l + first * n + first, *below = l + last * n + first;
        double *s_block = s + first * n + first, *s_below = s + last * n + first;
        if (rest) {
            gemm("N", "N", &width, &rest, &rest, &minus, below, &step, s + last * n + last, &step,
                 &one, s_below, &step);
            trsm("L", "U", "N", "N", &width, &rest, &one, block, &step, s_below, &step);
            gemm("N", "T", &width, &width, &rest, &minus, below, &step, s_below, &step, &one,
                 s_block, &step);
        }
        pt_reverse_block(block, s_block, size, n);
        for (int64_t tile = last; tile < n; tile += PT_TILE)
            for (int64_t i = first; i < last; i++)
                for (int64_t j = tile; j < n && j < tile + PT_TILE; j++)
                    s[i * n + j] = s[j * n + i];
        last = first;
    }
}

#endif
