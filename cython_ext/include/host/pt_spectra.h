/* Singular values, eigenvalues, Schur and Hessenberg forms, by LAPACK.
 *
 * LAPACK sees transposed matrices. That of a = u s vh is vh' s u', so dgesdd gives u and vh in each
 * other's place as they are wanted; other routines work on a transposed copy.
 */
#ifndef PT_SPECTRA_H
#define PT_SPECTRA_H

#include "pt_lapack.h"

#ifdef PT_HAS_LAPACK

/* Arguments of a call, of which each piece is an item; `room` is that of an item in `work`. */
typedef struct {
    char job;
    const double *a, *b;
    const int64_t *sort;
    double *out[4], *reals, *imags, *scales, *work;
    int64_t *count;
    int64_t m, n, room;
} pt_spectra;

PT_ROUTINE void pt_unit(double *x, int64_t n)
{
    pt_fill(x, n * n, 0.0);
    for (int64_t i = 0; i < n; i++)
        x[i * n + i] = 1.0;
}

/* A copy of the item, the workspace of dgesdd in blocks of 64, and 8 integers for each value. */
PT_ROUTINE int64_t pt_svd_room(int64_t m, int64_t n, char job)
{
    const int64_t most = m > n ? m : n, least = m > n ? n : m;
    int64_t own = (most > 7 * least ? most : 7 * least) + 3 * least;
    if (job != 'N')
        own = 4 * least * least + 7 * least + most;
    return m * n + own + 64 * (most + least) + 4 * least;
}

PT_ROUTINE void pt_svd_piece(void *context, int64_t item)
{
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t m = p->m, n = p->n, k = m < n ? m : n;
    const int64_t wide = p->job == 'A' ? m : k, tall = p->job == 'A' ? n : k;
    const double *a = p->a + item * m * n;
    double *s = p->out[1] + item * k, *copy = p->work + item * p->room, *work = copy + m * n;
    double *u = p->job == 'N' ? NULL : p->out[0] + item * m * wide;
    double *vh = p->job == 'N' ? NULL : p->out[2] + item * tall * n;
    const int rows = (int) n, columns = (int) m, step = (int) (wide > 1 ? wide : 1);
    const int room = (int) (p->room - m * n - 4 * k);
    int info = 1;
    if (pt_all_finite(a, m * n)) {
        memcpy(copy, a, (size_t) (m * n) * sizeof *a);
        PT_CALL(dgesdd)(&p->job, &rows, &columns, copy, &rows, s, vh, &rows, u, &step, work, &room,
                        (int *) (work + room), &info);
    }
    if (!info)
        return;
    pt_fill(s, k, PT_NAN);
    if (p->job != 'N') {
        pt_fill(u, m * wide, PT_NAN);
        pt_fill(vh, tall * n, PT_NAN);
    }
}

PT_ROUTINE void pt_svd_by(char job, const double *a, double *u, double *s, double *vh,
                          double *work, int64_t batch, int64_t m, int64_t n)
{
    pt_spectra p = {0};
    if (m == 0 || n == 0) {
        for (int64_t item = 0; job == 'A' && item < batch; item++) {
            pt_unit(u + item * m * m, m);
            pt_unit(vh + item * n * n, n);
        }
        return;
    }
    p.job = job, p.a = a, p.out[0] = u, p.out[1] = s, p.out[2] = vh, p.work = work;
    p.m = m, p.n = n, p.room = pt_svd_room(m, n, job);
    pt_run((double) batch * m * n * (m < n ? m : n) >= PT_LARGE / 8, pt_svd_piece, &p, batch);
}

/* a = u diag(s) vh for each m x n item: with k = min(m, n), u is m x k, vh k x n, and s descends;
 * all nan where a is not finite, or dgesdd does not converge. */
PT_ROUTINE void pt_svd(const double *a, double *u, double *s, double *vh, double *work,
                       int64_t batch, int64_t m, int64_t n)
{
    pt_svd_by('S', a, u, s, vh, work, batch, m, n);
}

/* As pt_svd, with square u and vh. */
PT_ROUTINE void pt_svd_full(const double *a, double *u, double *s, double *vh, double *work,
                            int64_t batch, int64_t m, int64_t n)
{
    pt_svd_by('A', a, u, s, vh, work, batch, m, n);
}

/* The singular values of each m x n item, descending, as pt_svd. */
PT_ROUTINE void pt_svdvals(const double *a, double *s, double *work, int64_t batch, int64_t m,
                           int64_t n)
{
    pt_svd_by('N', a, NULL, s, NULL, work, batch, m, n);
}

PT_ROUTINE void pt_eigvalsh_piece(void *context, int64_t item)
{
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t n = p->n;
    const double *a = p->a + item * n * n;
    double *values = p->out[0] + item * n, *copy = p->work + item * p->room;
    const int size = (int) n, reals = (int) (34 * n + 1), integers = 1;
    int info = 0;
    for (int64_t i = 0; i < n; i++) { /* its lower triangle is the upper one of what LAPACK sees */
        info |= !pt_all_finite(a + i * n, i + 1);
        memcpy(copy + i * n, a + i * n, (size_t) (i + 1) * sizeof *a);
    }
    if (!info)
        PT_CALL(dsyevd)("N", "U", &size, copy, &size, values, copy + n * n, &reals,
                        (int *) (copy + n * n + reals), &integers, &info);
    if (info)
        pt_fill(values, n, PT_NAN);
}

/* The eigenvalues of each symmetric n x n item of a, ascending; its lower triangle is read. All nan
 * where that is not finite. */
PT_ROUTINE void pt_eigvalsh(const double *a, double *values, double *work, int64_t batch,
                            int64_t n)
{
    pt_spectra p = {0};
    if (n == 0)
        return;
    p.a = a, p.out[0] = values, p.work = work, p.n = n, p.room = n * n + 34 * n + 2;
    pt_run((double) batch * n * n * n >= PT_LARGE / 2, pt_eigvalsh_piece, &p, batch);
}

/* Vectors of dgeev, in rows, as columns of real and of imaginary parts: a pair of conjugate values
 * has one real and one imaginary part. */
PT_ROUTINE void pt_eig_vectors(const double *vectors, const double *imags, double *real_vectors,
                               double *imag_vectors, int64_t n)
{
    for (int64_t j = 0; j < n; j += imags[j] == 0.0 ? 1 : 2)
        for (int64_t i = 0; i < n; i++) {
            real_vectors[i * n + j] = vectors[j * n + i];
            imag_vectors[i * n + j] = 0.0;
            if (imags[j] != 0.0) {
                real_vectors[i * n + j + 1] = vectors[j * n + i];
                imag_vectors[i * n + j] = vectors[(j + 1) * n + i];
                imag_vectors[i * n + j + 1] = -vectors[(j + 1) * n + i];
            }
        }
}

/* The power of 2 that brings the largest of n numbers to [1, 2) where it is very large or small,
 * and 1 elsewhere: LAPACK scales such matrices, and not all versions scale the eigenvalues back. */
PT_ROUTINE double pt_moderate_scale(const double *a, int64_t n)
{
    double most = 0.0;
    for (int64_t i = 0; i < n; i++)
        most = fabs(a[i]) > most ? fabs(a[i]) : most;
    if (most == 0.0 || (most > 1e-100 && most < 1e100))
        return 1.0;
    return ldexp(1.0, most < 1e-290 ? 960 : -ilogb(most));
}

PT_ROUTINE void pt_eig_piece(void *context, int64_t item)
{
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t n = p->n;
    const int with_vectors = p->job == 'V';
    const double *a = p->a + item * n * n;
    double *reals = p->out[0] + item * n, *imags = p->out[1] + item * n;
    double *copy = p->work + item * p->room, *vectors = copy + n * n;
    double *work = vectors + (with_vectors ? n * n : 0);
    const int size = (int) n, room = (int) (34 * n), one = 1;
    int info = 1;
    if (pt_all_finite(a, n * n)) {
        const double scale = pt_moderate_scale(a, n * n);
        pt_transpose(a, copy, n, n);
        for (int64_t i = 0; scale != 1.0 && i < n * n; i++)
            copy[i] *= scale;
        PT_CALL(dgeev)("N", &p->job, &size, copy, &size, reals, imags, NULL, &one, vectors, &size,
                       work, &room, &info);
        for (int64_t i = 0; scale != 1.0 && i < n; i++) {
            reals[i] /= scale;
            imags[i] /= scale;
        }
    }
    if (info) {
        pt_fill(reals, n, PT_NAN);
        pt_fill(imags, n, PT_NAN);
    }
    if (with_vectors && info) {
        pt_fill(p->out[2] + item * n * n, n * n, PT_NAN);
        pt_fill(p->out[3] + item * n * n, n * n, PT_NAN);
    } else if (with_vectors)
        pt_eig_vectors(vectors, imags, p->out[2] + item * n * n, p->out[3] + item * n * n, n);
}

PT_ROUTINE void pt_eig_by(char job, const double *a, double *reals, double *imags,
                          double *real_vectors, double *imag_vectors, double *work, int64_t batch,
                          int64_t n)
{
    pt_spectra p = {0};
    if (n == 0)
        return;
    p.job = job, p.a = a, p.work = work, p.n = n;
    p.out[0] = reals, p.out[1] = imags, p.out[2] = real_vectors, p.out[3] = imag_vectors;
    p.room = n * n * (job == 'V' ? 2 : 1) + 34 * n;
    pt_run((double) batch * n * n * n >= PT_LARGE / 16, pt_eig_piece, &p, batch);
}

/* The eigenvalues of each n x n item of a and its eigenvectors in columns, of length 1, as real and
 * imaginary parts; all nan where it is not finite, or dgeev does not converge. */
PT_ROUTINE void pt_eig(const double *a, double *reals, double *imags, double *real_vectors,
                       double *imag_vectors, double *work, int64_t batch, int64_t n)
{
    pt_eig_by('V', a, reals, imags, real_vectors, imag_vectors, work, batch, n);
}

/* The eigenvalues of pt_eig. */
PT_ROUTINE void pt_eigvals(const double *a, double *reals, double *imags, double *work,
                           int64_t batch, int64_t n)
{
    pt_eig_by('N', a, reals, imags, NULL, NULL, work, batch, n);
}

/* Which eigenvalues come first, by the number in `sort`: 0 means none. */

PT_ROUTINE int pt_left(double *real, double *imag)
{
    (void) imag;
    return real[0] < 0.0;
}

PT_ROUTINE int pt_right(double *real, double *imag)
{
    (void) imag;
    return real[0] >= 0.0;
}

PT_ROUTINE int pt_inside(double *real, double *imag)
{
    return hypot(real[0], imag[0]) <= 1.0;
}

PT_ROUTINE int pt_outside(double *real, double *imag)
{
    return hypot(real[0], imag[0]) > 1.0;
}

PT_ROUTINE void pt_schur_piece(void *context, int64_t item)
{
    static const pt_chooser selected[5] = {NULL, pt_left, pt_right, pt_inside, pt_outside};
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t n = p->n, sort = p->sort[item];
    const double *a = p->a + item * n * n;
    double *t = p->out[0] + item * n * n, *z = p->out[1] + item * n * n;
    double *copy = p->work + item * p->room, *vectors = copy + n * n, *work = vectors + n * n;
    const int size = (int) n, room = (int) (34 * n);
    int chosen = 0, info = 1;
    if (0 <= sort && sort <= 4 && pt_all_finite(a, n * n)) {
        pt_transpose(a, copy, n, n);
        PT_CALL(dgees)("V", sort ? "S" : "N", selected[sort], &size, copy, &size, &chosen, work,
                       work + n, vectors, &size, work + 2 * n, &room,
                       (int *) (work + 2 * n + room), &info);
    }
    if (info && info != n + 2) { /* then rounding has moved values that were ordered */
        pt_fill(t, n * n, PT_NAN);
        pt_fill(z, n * n, PT_NAN);
        p->count[item] = 0;
    } else {
        p->count[item] = chosen;
        pt_transpose(copy, t, n, n);
        pt_transpose(vectors, z, n, n);
    }
}

/* a = z t z' for each n x n item: z is orthogonal, t upper triangular but for blocks of two
 * conjugate eigenvalues. First are, by sort, 1: those with negative real parts, 2: the others, 3:
 * those within the unit circle or on it, 4: the others; `count` is how many. All nan, and 0, where
 * a is not finite. */
PT_ROUTINE void pt_schur(const double *a, const int64_t *sort, double *t, double *z,
                         int64_t *count, double *work, int64_t batch, int64_t n)
{
    pt_spectra p = {0};
    for (int64_t item = 0; n == 0 && item < batch; item++)
        count[item] = 0;
    if (n == 0)
        return;
    p.a = a, p.sort = sort, p.out[0] = t, p.out[1] = z, p.count = count, p.work = work, p.n = n;
    p.room = 2 * n * n + 37 * n;
    pt_run((double) batch * n * n * n >= PT_LARGE / 16, pt_schur_piece, &p, batch);
}

PT_ROUTINE int pt_left_pair(double *real, double *imag, double *scale)
{
    (void) imag;
    return scale[0] != 0.0 && real[0] / scale[0] < 0.0;
}

PT_ROUTINE int pt_right_pair(double *real, double *imag, double *scale)
{
    (void) imag;
    return scale[0] != 0.0 && real[0] / scale[0] > 0.0;
}

PT_ROUTINE int pt_inside_pair(double *real, double *imag, double *scale)
{
    return hypot(real[0], imag[0]) < PT_ABS(scale[0]);
}

PT_ROUTINE int pt_outside_pair(double *real, double *imag, double *scale)
{
    return hypot(real[0], imag[0]) > PT_ABS(scale[0]);
}

PT_ROUTINE void pt_qz_piece(void *context, int64_t item)
{
    static const pt_pair_chooser selected[5] = {NULL, pt_left_pair, pt_right_pair, pt_inside_pair,
                                               pt_outside_pair};
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t n = p->n, sort = p->sort[item], count = n * n;
    const double *a = p->a + item * count, *b = p->b + item * count;
    double *copies = p->work + item * p->room, *work = copies + 4 * count;
    double *reals = p->reals + item * n, *imags = p->imags + item * n;
    double *scales = p->scales + item * n;
    const int size = (int) n, room = (int) (40 * n + 16);
    int chosen = 0, info = 1, failed;
    if (0 <= sort && sort <= 4 && pt_all_finite(a, count) && pt_all_finite(b, count)) {
        pt_transpose(a, copies, n, n);
        pt_transpose(b, copies + count, n, n);
        PT_CALL(dgges)("V", "V", sort ? "S" : "N", selected[sort], &size, copies, &size,
                       copies + count, &size, &chosen, reals, imags, scales, copies + 2 * count,
                       &size, copies + 3 * count, &size, work, &room, (int *) (work + room),
                       &info);
    }
    failed = info && info != n + 2;
    if (failed) {
        pt_fill(reals, n, PT_NAN);
        pt_fill(imags, n, PT_NAN);
        pt_fill(scales, n, PT_NAN);
    }
    for (int64_t k = 0; k < 4; k++)
        if (failed)
            pt_fill(p->out[k] + item * count, count, PT_NAN);
        else
            pt_transpose(copies + k * count, p->out[k] + item * count, n, n);
}

/* a = q s z' and b = q t z' for each n x n item: q and z are orthogonal, t upper triangular, and s
 * but for blocks of two conjugate eigenvalues. These are (reals + i imags) / scales, and `sort`
 * orders them: first are, by 1 and 2, those with negative or positive real parts, by 3 and 4 those
 * inside or outside the unit circle. All nan where an item is not finite. */
PT_ROUTINE void pt_qz(const double *a, const double *b, const int64_t *sort, double *s, double *t,
                      double *reals, double *imags, double *scales, double *q, double *z,
                      double *work, int64_t batch, int64_t n)
{
    pt_spectra p = {0};
    if (n == 0)
        return;
    p.a = a, p.b = b, p.sort = sort, p.out[0] = s, p.out[1] = t, p.out[2] = q, p.out[3] = z;
    p.reals = reals, p.imags = imags, p.scales = scales;
    p.work = work, p.n = n, p.room = 4 * n * n + 41 * n + 17;
    pt_run((double) batch * n * n * n >= PT_LARGE / 32, pt_qz_piece, &p, batch);
}

PT_ROUTINE void pt_hessenberg_piece(void *context, int64_t item)
{
    const pt_spectra *p = (const pt_spectra *) context;
    const int64_t n = p->n;
    const double *a = p->a + item * n * n;
    double *h = p->out[0] + item * n * n, *q = p->out[1] + item * n * n;
    double *copy = p->work + item * p->room, *reflectors = copy + n * n, *work = reflectors + n;
    const int size = (int) n, first = 1, room = (int) (p->room - n * n - n);
    int info = 1;
    if (pt_all_finite(a, n * n)) {
        pt_transpose(a, copy, n, n);
        PT_CALL(dgehrd)(&size, &first, &size, copy, &size, reflectors, work, &room, &info);
    }
    for (int64_t i = 0; !info && i < n; i++)
        for (int64_t j = 0; j < n; j++)
            h[i * n + j] = i <= j + 1 ? copy[j * n + i] : 0.0;
    if (!info)
        PT_CALL(dorghr)(&size, &first, &size, copy, &size, reflectors, work, &room, &info);
    if (info) {
        pt_fill(h, n * n, PT_NAN);
        pt_fill(q, n * n, PT_NAN);
    } else
        pt_transpose(copy, q, n, n);
}

/* a = q h q' for each n x n item: q is orthogonal, h has zeros below the diagonal under the main
 * one; all nan where a is not finite. */
PT_ROUTINE void pt_hessenberg(const double *a, double *h, double *q, double *work, int64_t batch,
                              int64_t n)
{
    pt_spectra p = {0};
    if (n == 0)
        return;
    p.a = a, p.out[0] = h, p.out[1] = q, p.work = work, p.n = n, p.room = n * n + 33 * n;
    pt_run((double) batch * n * n * n >= PT_LARGE / 4, pt_hessenberg_piece, &p, batch);
}

#endif

#endif
