/* Instructions of the machine that move values: loads, stores, selection, folds over lanes. */
#ifndef PT_MACHINE_MEMORY_H
#define PT_MACHINE_MEMORY_H

#include "pt_machine_scalars.h"

/* X(name, type in memory, field, whether elements have the form of a cell) */
#define PT_ELEMENTS(X) \
    X(float64, double, f, 1) X(float32, float, f, 0) X(int64, int64_t, i, 1) \
    X(int32, int32_t, i, 0) X(int16, int16_t, i, 0) X(int8, int8_t, i, 0) \
    X(uint64, uint64_t, u, 1) X(uint32, uint32_t, i, 0) X(uint16, uint16_t, i, 0) \
    X(uint8, uint8_t, i, 0)

/* load           a = b[c + number d]             load_if     a = b[c] where d, else 0
 * load_v         a = b[c + d + k]; may set `a` to the memory: the register's home is a + 1
 * load_copy      the same, always copied         load_step   a = b[c + k * d]
 * load_at        a = b[c of k]                   load_at_if  the same where d of k, else 0
 * store          a[b + number d] = c             store_v     a[b + d + k] = c of k
 * store_fill     a[b + d + k] = c                   store_step  a[b + k * d] = c of k
 * store_at       a[b of k] = c of k           address        a = &b[c] */
#define PT_DEFINE(name, type, field, whole) \
    STEP(load_##name) \
    { \
        GIVE(field, ((const type *)f[pc->b].p)[f[pc->c].i + pc->d]); \
    } \
    RUN(load_##name) \
    OP(load_if_##name) \
    { \
        if (f[pc->d].i) \
            f[pc->a].field = ((const type *)f[pc->b].p)[f[pc->c].i]; \
        else \
            f[pc->a].i = 0; \
        NEXT(1); \
    } \
    PT_APART void load_v_##name(pt_type_##field *d, const type *a, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[k] = a[k]; \
        for (int64_t k = n; k & 7; k++) \
            d[k] = 0; \
    } \
    OP(load_copy_##name) \
    { \
        f[pc->a].p = f[pc->a + 1].p; \
        load_v_##name(f[pc->a].p, (const type *)f[pc->b].p + f[pc->c].i + pc->d, len); \
        NEXT(1); \
    } \
    OP(load_v_##name) \
    { \
        const type *source = (const type *)f[pc->b].p + f[pc->c].i + pc->d; \
        if (whole && !(len & 7)) { \
            f[pc->a].p = (void *)source; \
        } else { \
            f[pc->a].p = f[pc->a + 1].p; \
            load_v_##name(f[pc->a].p, source, len); \
        } \
        NEXT(1); \
    } \
    PT_APART void load_step_##name(pt_type_##field *d, const type *a, int64_t step, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[k] = a[k * step]; \
        for (int64_t k = n; k & 7; k++) \
            d[k] = 0; \
    } \
    OP(load_step_##name) \
    { \
        load_step_##name(f[pc->a].p, (const type *)f[pc->b].p + f[pc->c].i, f[pc->d].i, len); \
        NEXT(1); \
    } \
    PT_APART void load_at_##name(pt_type_##field *d, const type *a, const int64_t *at, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[k] = a[at[k]]; \
        for (int64_t k = n; k & 7; k++) \
            d[k] = 0; \
    } \
    OP(load_at_##name) \
    { \
        load_at_##name(f[pc->a].p, f[pc->b].p, f[pc->c].p, len); \
        NEXT(1); \
    } \
    PT_APART void load_at_if_##name(pt_type_##field *d, const type *a, const int64_t *at, \
                                    const int64_t *mask, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) { \
            pt_type_##field x = 0; \
            if (mask[k]) \
                x = a[at[k]]; \
            d[k] = x; \
        } \
        for (int64_t k = n; k & 7; k++) \
            d[k] = 0; \
    } \
    OP(load_at_if_##name) \
    { \
        load_at_if_##name(f[pc->a].p, f[pc->b].p, f[pc->c].p, f[pc->d].p, len); \
        NEXT(1); \
    } \
    STEP(store_##name) \
    { \
        ((type *)f[pc->a].p)[f[pc->b].i + pc->d] = (type)f[pc->c].field; \
        return top; \
    } \
    RUN(store_##name) \
    PT_APART void store_v_##name(type *d, const pt_type_##field *a, int64_t n) \
    { \
        _Pragma("GCC ivdep") for (int64_t k = 0; k < n; k++) d[k] = (type)a[k]; \
    } \
    OP(store_v_##name) \
    { \
        store_v_##name((type *)f[pc->a].p + f[pc->b].i + pc->d, f[pc->c].p, len); \
        NEXT(1); \
    } \
    PT_APART void store_fill_##name(type *d, const type value, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[k] = value; \
    } \
    OP(store_fill_##name) \
    { \
        store_fill_##name((type *)f[pc->a].p + f[pc->b].i + pc->d, (type)f[pc->c].field, len); \
        NEXT(1); \
    } \
    PT_APART void store_step_##name(type *d, const pt_type_##field *a, int64_t step, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[k * step] = (type)a[k]; \
    } \
    OP(store_step_##name) \
    { \
        store_step_##name((type *)f[pc->a].p + f[pc->b].i, f[pc->c].p, f[pc->d].i, len); \
        NEXT(1); \
    } \
    PT_APART void store_at_##name(type *d, const int64_t *at, const pt_type_##field *a, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) \
            d[at[k]] = (type)a[k]; \
    } \
    OP(store_at_##name) \
    { \
        store_at_##name(f[pc->a].p, f[pc->b].p, f[pc->c].p, len); \
        NEXT(1); \
    } \
    OP(address_##name) \
    { \
        f[pc->a].p = (type *)f[pc->b].p + f[pc->c].i; \
        NEXT(1); \
    }
PT_ELEMENTS(PT_DEFINE)
#undef PT_DEFINE

/* Cells and registers, whatever they hold. */
STEP(move)
{
    GIVE(f, f[pc->b].f);
}
RUN(move)
OP(move_v)
{
    memcpy(f[pc->a].p, f[pc->b].p, PADDED * sizeof(pt_cell));
    NEXT(1);
}
PT_APART void fill(int64_t *d, int64_t value, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        d[k] = value;
}
/* a = b, for `len` elements; or for c iterations, or d if they are more. */
OP(splat)
{
    fill(f[pc->a].p, f[pc->b].i, PADDED);
    NEXT(1);
}
OP(splat_for)
{
    const int64_t turns = f[pc->c].i < pc->d ? f[pc->c].i : pc->d;
    fill(f[pc->a].p, f[pc->b].i, (turns + 7) & ~(int64_t)7);
    NEXT(1);
}
/* a of k = b + k * c */
PT_APART void count_up(int64_t *d, int64_t first, int64_t step, int64_t n)
{
    BY_EIGHTS(d[k] = first + k * step)
}
OP(count_up)
{
    count_up(f[pc->a].p, f[pc->b].i, f[pc->c].i, PADDED);
    NEXT(1);
}
/* One element of a register: a = b of c; a of b = c. */
STEP(element)
{
    GIVE(f, f[pc->b].pf[f[pc->c].i]);
}
RUN(element)
STEP(set_element)
{
    f[pc->a].pi[f[pc->b].i] = f[pc->c].i;
    return top;
}
RUN(set_element)
PT_APART int64_t any_of(const int64_t *mask, int64_t n)
{
    int64_t found = 0;
    for (int64_t k = 0; k < n; k++)
        found |= mask[k];
    return found != 0;
}
OP(any)
{
    f[pc->a].i = any_of(f[pc->b].p, len);
    NEXT(1);
}

/* a = b ? c : d */
STEP(select)
{
    GIVE(f, f[pc->b].i ? f[pc->c].f : f[pc->d].f);
}
RUN(select)
STEP(select_t)
{
    GIVE(f, f[pc->b].i ? top : f[pc->d].f);
}
RUN(select_t)
STEP(select_u)
{
    GIVE(f, f[pc->b].i ? f[pc->c].f : top);
}
RUN(select_u)
#define PT_DEFINE(form, ctype, cfield, cvalue, dtype, dfield, dvalue) \
    PT_APART void select_##form(int64_t *a, const int64_t *b, ctype c, dtype d, int64_t n) \
    { \
        BY_EIGHTS(const int64_t x = cvalue; const int64_t y = dvalue; a[k] = b[k] ? x : y) \
    } \
    OP(select_##form) \
    { \
        select_##form(f[pc->a].p, f[pc->b].p, f[pc->c].cfield, f[pc->d].dfield, PADDED); \
        NEXT(1); \
    }
PT_DEFINE(vvv, const int64_t *, pi, c[k], const int64_t *, pi, d[k])
PT_DEFINE(vvs, const int64_t *, pi, c[k], int64_t, i, d)
PT_DEFINE(vsv, int64_t, i, c, const int64_t *, pi, d[k])
PT_DEFINE(vss, int64_t, i, c, int64_t, i, d)
#undef PT_DEFINE

/* Folds: lanes a, in groups of c, of the register b. Elements behind `len` are left out. */
#define PT_FOLD_ELEMENTS(X) \
    X(add_f, f, x + y) X(mul_f, f, x * y) X(max_f, f, pt_maximum(x, y)) \
    X(min_f, f, pt_minimum(x, y)) X(add_i, u, x + y) X(mul_i, u, x * y) \
    X(max_i, i, pt_imaximum(x, y)) X(min_i, i, pt_iminimum(x, y)) X(and_i, i, x & y) \
    X(or_i, i, x | y) X(max_u, u, pt_umaximum(x, y)) X(min_u, u, pt_uminimum(x, y))
#define PT_GROUPS(width, body) \
    for (; n > 0; n -= width) { \
        const int64_t m = n < width ? n : width; \
        _Pragma("GCC ivdep") for (int64_t k = 0; k < m; k++) { body; } \
        PT_ADVANCE \
    }
#define PT_ADVANCE b += width;
#define PT_DEFINE(name, field, value) \
    PT_APART void lanes_##name(pt_type_##field *PT_RESTRICT a, \
                               const pt_type_##field *PT_RESTRICT b, int64_t width, int64_t n) \
    { \
        PT_GROUPS(width, const pt_type_##field x = a[k]; const pt_type_##field y = b[k]; \
                  a[k] = value) \
    } \
    OP(lanes_##name) \
    { \
        lanes_##name(f[pc->a].p, f[pc->b].p, pc->c, len); \
        NEXT(1); \
    }
PT_FOLD_ELEMENTS(PT_DEFINE)
#undef PT_DEFINE
#undef PT_ADVANCE
#define PT_ADVANCE b += width; c += width;
/* a = b * c + a, fused where the processor can; d is the group. */
PT_APART void lanes_product(double *PT_RESTRICT a, const double *PT_RESTRICT b,
                            const double *PT_RESTRICT c, int64_t width, int64_t n)
{
    PT_GROUPS(width, a[k] = pt_ma(b[k], c[k], a[k]))
}
#undef PT_ADVANCE
OP(lanes_product)
{
    lanes_product(f[pc->a].p, f[pc->b].p, f[pc->c].p, pc->d, len);
    NEXT(1);
}
/* Folds in order: the cell a and, one after the other, the elements of b. */
#define PT_DEFINE(name, field, value) \
    PT_APART pt_type_##field turns_##name(pt_type_##field x, const pt_type_##field *b, int64_t n) \
    { \
        for (int64_t k = 0; k < n; k++) { \
            const pt_type_##field y = b[k]; \
            x = value; \
        } \
        return x; \
    } \
    OP(turns_##name) \
    { \
        f[pc->a].field = turns_##name(f[pc->a].field, f[pc->b].p, len); \
        NEXT(1); \
    }
#define PT_FOLD_FLOATS(X) X(add_float32, f, (float)(x + y)) X(mul_float32, f, (float)(x * y))
PT_FOLD_ELEMENTS(PT_DEFINE)
PT_FOLD_FLOATS(PT_DEFINE)
#undef PT_DEFINE
/* A recurrence: d of k is the cell a, which becomes a * b + c of k; the product is rounded. */
PT_APART double recur(double x, double factor, const double *term, double *d, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        const double y = term[k];
        d[k] = x;
        x = x * factor + y;
    }
    return x;
}
OP(recur)
{
    f[pc->a].f = recur(f[pc->a].f, f[pc->b].f, f[pc->c].p, f[pc->d].p, len);
    NEXT(1);
}
/* b lanes are set to c. */
OP(lanes_open)
{
    fill(f[pc->a].p, f[pc->c].i, f[pc->b].i);
    NEXT(1);
}
/* a = 8 if 0 < b <= 8 else c */
OP(lanes_count)
{
    f[pc->a].i = f[pc->b].i > 0 && f[pc->b].i <= 8 ? 8 : pc->c;
    NEXT(1);
}
/* a = the fold of c lanes b */
#define PT_FOLD_ROUTINES(X) \
    X(add, f) X(mul, f) X(max, f) X(min, f) X(iadd, i) X(imul, i) X(imax, i) X(imin, i) \
    X(uadd, u) X(umul, u) X(umax, u) X(umin, u)
#define PT_DEFINE(name, field) \
    PT_APART pt_type_##field fold_##name(pt_type_##field *a, int64_t n) \
    { \
        return pt_fold_##name(a, n); \
    } \
    OP(fold_##name) \
    { \
        f[pc->a].field = fold_##name(f[pc->b].p, f[pc->c].i); \
        NEXT(1); \
    }
PT_FOLD_ROUTINES(PT_DEFINE)
#undef PT_DEFINE

#endif
