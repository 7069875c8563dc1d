/* Instructions of the machine for loops, branches, sums in blocks and routines; the table of all
 * instructions, and the function that runs a program. */
#ifndef PT_MACHINE_CONTROL_H
#define PT_MACHINE_CONTROL_H

#include "pt_machine_memory.h"

#define JUMP return pc[pc->d].op(f, pc + pc->d, len, top)

OP(end)
{
    (void)pc;
    (void)len;
    (void)top;
    return (int)f[PT_STATUS].i;
}
OP(jump)
{
    JUMP;
}
OP(jump_if)
{
    if (f[pc->a].i)
        JUMP;
    NEXT(1);
}
OP(jump_unless)
{
    if (!f[pc->a].i)
        JUMP;
    NEXT(1);
}
/* The status becomes b unless a holds. */
OP(check)
{
    if (!f[pc->a].i)
        f[PT_STATUS].i = pc->b;
    NEXT(1);
}
/* for a in range(b, c), from the jump behind the loop to the one at its end, by steps of b. */
OP(loop_open)
{
    f[pc->a].i = f[pc->b].i;
    if (f[pc->b].i >= f[pc->c].i)
        JUMP;
    NEXT(1);
}
OP(loop_next)
{
    const int64_t next = f[pc->a].i + f[pc->b].i;
    f[pc->a].i = next;
    if (next < f[pc->c].i)
        JUMP;
    NEXT(1);
}
/* Strips of c iterations, a is the first of each, of b iterations. */
OP(strip_open)
{
    f[pc->a].i = 0;
    if (f[pc->b].i <= 0)
        JUMP;
    len = f[pc->b].i < pc->c ? f[pc->b].i : pc->c;
    NEXT(1);
}
OP(strip_next)
{
    const int64_t first = f[pc->a].i + pc->c, rest = f[pc->b].i - first;
    f[pc->a].i = first;
    if (rest > 0) {
        len = rest < pc->c ? rest : pc->c;
        JUMP;
    }
    NEXT(1);
}
/* Jump unless a strip from a on contains the last strip of c iterations in a block of b. */
OP(strip_ends)
{
    const int64_t last = f[pc->a].i + (len - 1) / pc->c * pc->c;
    if ((last & (pc->b - 1)) != pc->b - pc->c)
        JUMP;
    NEXT(1);
}
OP(get_length)
{
    f[pc->a].i = len;
    NEXT(1);
}
OP(set_length)
{
    len = f[pc->a].i;
    NEXT(1);
}

/* Sums in blocks, and routines; their pointers are in cells. */
PT_APART void sums_open(int64_t n, double *part) { pt_open_sums(n, part); }
PT_APART void sums_add(int64_t n, double *part, double *out) { pt_add_sums(n, part, out); }
PT_APART void sums_close_float64(int64_t n, double *part, double *out)
{
    pt_close_sums_float64(n, part, out);
}
PT_APART void sums_close_float32(int64_t n, double *part, float *out)
{
    pt_close_sums_float32(n, part, out);
}
OP(sums_open)
{
    sums_open(f[pc->a].i, f[pc->b].p);
    NEXT(1);
}
OP(sums_add)
{
    sums_add(f[pc->a].i, f[pc->b].p, f[pc->c].p);
    NEXT(1);
}
OP(sums_close_float64)
{
    sums_close_float64(f[pc->a].i, f[pc->b].p, f[pc->c].p);
    NEXT(1);
}
OP(sums_close_float32)
{
    sums_close_float32(f[pc->a].i, f[pc->b].p, f[pc->c].p);
    NEXT(1);
}
/* A sum and its rounding error are two cells. */
PT_APART void keep(pt_cell *sum, double x)
{
    double both[2] = {sum[0].f, sum[1].f};
    pt_keep(both, x);
    sum[0].f = both[0];
    sum[1].f = both[1];
}
PT_APART double kept(const pt_cell *sum)
{
    const double both[2] = {sum[0].f, sum[1].f};
    return pt_kept(both);
}
PT_APART void block_end(double *lanes, int64_t count, pt_cell *sum)
{
    pt_end_block(lanes, count, &sum->f);
}
PT_APART double sum_end(double *lanes, int64_t count, pt_cell *sum, int64_t turns)
{
    return pt_end_sum(lanes, count, &sum->f, turns);
}
OP(keep)
{
    keep(f + pc->a, f[pc->b].f);
    NEXT(1);
}
OP(kept)
{
    f[pc->a].f = kept(f + pc->b);
    NEXT(1);
}
OP(block_end)
{
    block_end(f[pc->a].p, pc->b, f + pc->c);
    NEXT(1);
}
OP(sum_end)
{
    f[pc->a].f = sum_end(f[pc->b].p, f[pc->c].i, f + pc->d, f[pc[1].a].i);
    NEXT(2);
}
OP(by_fours)
{
    f[pc->a].i = pt_by_fours(f[pc->b].i);
    NEXT(1);
}
OP(block_turns)
{
    f[pc->a].i = pt_block_turns(f[pc->b].i, f[pc->c].i);
    NEXT(1);
}
PT_APART double sum_of(const double *a, int64_t n) { return pt_sum(a, n); }
PT_APART double sum_of_float32(const float *a, int64_t n) { return pt_sum_float32(a, n); }
PT_APART double dot_of(const double *a, const double *b, int64_t n) { return pt_dot(a, b, n); }
PT_APART void rows_dot(pt_cell *f, const pt_instr *pc)
{
    pt_rows_dot(f[pc->a].i, f[pc->b].i, f[pc->c].p, f[pc->d].i, f[pc[1].a].p, f[pc[1].b].p);
}
PT_APART void rows_add(pt_cell *f, const pt_instr *pc)
{
    pt_rows_add(f[pc->a].i, f[pc->b].i, f[pc->c].p, f[pc->d].i, f[pc[1].a].p, f[pc[1].b].p);
}
/* Row after row: out[i] = a[i] . x, and g += r[i] a[i]. */
PT_APART void rows_dot_each(int64_t m, int64_t n, const double *a, int64_t step, const double *x,
                            double *out)
{
    switch (n) {
#define PT_ROWS(n) \
    case n: \
        for (int64_t i = 0; i < m; i++, a += step) { \
            double sum = 0.0; \
            for (int j = 0; j < n; j++) \
                sum += a[j] * x[j]; \
            out[i] = sum; \
        } \
        return;
        PT_ROWS(1) PT_ROWS(2) PT_ROWS(3) PT_ROWS(4) PT_ROWS(5) PT_ROWS(6) PT_ROWS(7)
#undef PT_ROWS
    }
    for (int64_t i = 0; i < m; i++)
        out[i] = dot_of(a + i * step, x, n);
}
PT_APART void rows_add_each(int64_t m, int64_t n, const double *PT_RESTRICT a, int64_t step,
                            const double *PT_RESTRICT r, double *PT_RESTRICT g)
{
    if (n <= 4) {
        double s[4] = {0.0, 0.0, 0.0, 0.0};
        for (int64_t j = 0; j < n; j++)
            s[j] = g[j];
        switch (n) {
#define PT_ROWS(n) \
    case n: \
        for (int64_t i = 0; i < m; i++, a += step) \
            for (int j = 0; j < n; j++) \
                s[j] += r[i] * a[j]; \
        break;
            PT_ROWS(1) PT_ROWS(2) PT_ROWS(3) PT_ROWS(4)
#undef PT_ROWS
        }
        for (int64_t j = 0; j < n; j++)
            g[j] = s[j];
        return;
    }
    for (int64_t i = 0; i < m; i++) {
        const double *PT_RESTRICT row = a + i * step;
        const double factor = r[i];
        for (int64_t j = 0; j < n; j++)
            g[j] += factor * row[j];
    }
}
OP(rows_dot_each)
{
    rows_dot_each(f[pc->a].i, f[pc->b].i, f[pc->c].p, f[pc->d].i, f[pc[1].a].p, f[pc[1].b].p);
    NEXT(2);
}
OP(rows_add_each)
{
    rows_add_each(f[pc->a].i, f[pc->b].i, f[pc->c].p, f[pc->d].i, f[pc[1].a].p, f[pc[1].b].p);
    NEXT(2);
}
PT_APART void scatter_each_int64(int64_t m, const int64_t *k, const double *v, double *g)
{
    for (int64_t i = 0; i < m; i++)
        g[k[i]] += v[i];
}
PT_APART void scatter_each_int32(int64_t m, const int32_t *k, const double *v, double *g)
{
    for (int64_t i = 0; i < m; i++)
        g[k[i]] += v[i];
}
OP(scatter_each_int64)
{
    scatter_each_int64(f[pc->a].i, f[pc->b].p, f[pc->c].p, f[pc->d].p);
    NEXT(1);
}
OP(scatter_each_int32)
{
    scatter_each_int32(f[pc->a].i, f[pc->b].p, f[pc->c].p, f[pc->d].p);
    NEXT(1);
}
PT_APART void scatter_add_int64(int64_t m, const int64_t *k, const double *v, double *g)
{
    pt_scatter_add_int64(m, k, v, g);
}
PT_APART void scatter_add_int32(int64_t m, const int32_t *k, const double *v, double *g)
{
    pt_scatter_add_int32(m, k, v, g);
}
OP(sum)
{
    f[pc->a].f = sum_of(f[pc->b].p, f[pc->c].i);
    NEXT(1);
}
OP(sum_float32)
{
    f[pc->a].f = sum_of_float32(f[pc->b].p, f[pc->c].i);
    NEXT(1);
}
OP(dot)
{
    f[pc->a].f = dot_of(f[pc->b].p, f[pc->c].p, f[pc->d].i);
    NEXT(1);
}
OP(rows_dot)
{
    rows_dot(f, pc);
    NEXT(2);
}
OP(rows_add)
{
    rows_add(f, pc);
    NEXT(2);
}
OP(scatter_add_int64)
{
    scatter_add_int64(f[pc->a].i, f[pc->b].p, f[pc->c].p, f[pc->d].p);
    NEXT(1);
}
OP(scatter_add_int32)
{
    scatter_add_int32(f[pc->a].i, f[pc->b].p, f[pc->c].p, f[pc->d].p);
    NEXT(1);
}

/* A routine of b pointers and integers, which the cells from c on hold; a is its address. They are
 * all passed as 64-bit integers. */
typedef int64_t I;
PT_APART void call_routine(void *routine, int64_t count, const pt_cell *x)
{
    switch (count) {
    case 4:
        ((void (*)(I, I, I, I))routine)(x[0].i, x[1].i, x[2].i, x[3].i);
        return;
    case 5:
        ((void (*)(I, I, I, I, I))routine)(x[0].i, x[1].i, x[2].i, x[3].i, x[4].i);
        return;
    case 6:
        ((void (*)(I, I, I, I, I, I))routine)(x[0].i, x[1].i, x[2].i, x[3].i, x[4].i, x[5].i);
        return;
    default: /* arguments behind those of a routine are not read */
        ((void (*)(I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I))routine)(
            x[0].i, x[1].i, x[2].i, x[3].i, x[4].i, x[5].i, x[6].i, x[7].i, x[8].i, x[9].i,
            x[10].i, x[11].i, x[12].i, x[13].i, x[14].i, x[15].i);
    }
}
OP(call)
{
    call_routine(f[pc->a].p, pc->b, f + pc->c);
    NEXT(1);
}

#define PT_ENTRY(name) {#name, op_##name},
#define PT_ENTRY_1(name, out, in, value) PT_ENTRY(name) {#name "_v", op_##name##_v},
#define PT_ENTRY_2(name, out, in, value) \
    PT_ENTRY(name) {#name "_vv", op_##name##_vv}, {#name "_vs", op_##name##_vs}, \
    {#name "_sv", op_##name##_sv},
#define PT_ENTRY_C(name, value) {#name "_t", op_##name##_t}, {#name "_u", op_##name##_u},
#define PT_ENTRY_3(name, value) PT_ENTRY(name) {#name "_v", op_##name##_v},
#define PT_ENTRY_F(name) PT_ENTRY(name) {#name "_v", op_##name##_v},
#define PT_ENTRY_D(name, out, scalars, elements) PT_ENTRY(name) {#name "_v", op_##name##_v},
#define PT_ENTRY_M(name, type, field, whole) \
    {"load_" #name, op_load_##name}, {"load_if_" #name, op_load_if_##name}, \
    {"load_v_" #name, op_load_v_##name}, {"load_copy_" #name, op_load_copy_##name}, \
    {"load_step_" #name, op_load_step_##name}, {"load_at_" #name, op_load_at_##name}, \
    {"load_at_if_" #name, op_load_at_if_##name}, {"store_" #name, op_store_##name}, \
    {"store_v_" #name, op_store_v_##name}, {"store_fill_" #name, op_store_fill_##name}, \
    {"store_at_" #name, op_store_at_##name}, {"store_step_" #name, op_store_step_##name}, \
    {"address_" #name, op_address_##name},
#define PT_ENTRY_L(name, field, value) \
    {"lanes_" #name, op_lanes_##name}, PT_ENTRY_T(name, field, value)
#define PT_ENTRY_T(name, field, value) {"turns_" #name, op_turns_##name},
#define PT_ENTRY_R(name, field) {"fold_" #name, op_fold_##name},

static const pt_op_entry pt_ops[] = {
    PT_UNARY(PT_ENTRY_1) PT_BINARY(PT_ENTRY_2) PT_TERNARY(PT_ENTRY_3)
    PT_CHAINED(PT_ENTRY_C) PT_TERNARY(PT_ENTRY_C)
    PT_FUNCTIONS_1(PT_ENTRY_F) PT_FUNCTIONS_2(PT_ENTRY_F) PT_FUNCTIONS_3(PT_ENTRY_F)
    PT_FUNCTIONS_4(PT_ENTRY_F) PT_FUNCTIONS_5(PT_ENTRY_F) PT_DRAWS(PT_ENTRY_D) PT_SCIPY(PT_ENTRY_D)
    PT_ELEMENTS(PT_ENTRY_M) PT_FOLD_ELEMENTS(PT_ENTRY_L) PT_FOLD_FLOATS(PT_ENTRY_T)
    PT_FOLD_ROUTINES(PT_ENTRY_R)
    PT_ENTRY(move) PT_ENTRY(move_v) PT_ENTRY(splat) PT_ENTRY(splat_for) PT_ENTRY(count_up)
    PT_ENTRY(element) PT_ENTRY(set_element) PT_ENTRY(any)
    PT_ENTRY(select) PT_ENTRY(select_t) PT_ENTRY(select_u) PT_ENTRY(select_vvv)
    PT_ENTRY(select_vvs) PT_ENTRY(select_vsv) PT_ENTRY(select_vss) PT_ENTRY(recur)
    PT_ENTRY(lanes_product) PT_ENTRY(lanes_open) PT_ENTRY(lanes_count)
    PT_ENTRY(end) PT_ENTRY(jump) PT_ENTRY(jump_if) PT_ENTRY(jump_unless) PT_ENTRY(check)
    PT_ENTRY(loop_open) PT_ENTRY(loop_next) PT_ENTRY(strip_open) PT_ENTRY(strip_next)
    PT_ENTRY(strip_ends) PT_ENTRY(get_length) PT_ENTRY(set_length)
    PT_ENTRY(sums_open) PT_ENTRY(sums_add) PT_ENTRY(sums_close_float64)
    PT_ENTRY(sums_close_float32) PT_ENTRY(keep) PT_ENTRY(kept) PT_ENTRY(block_end)
    PT_ENTRY(sum_end) PT_ENTRY(by_fours) PT_ENTRY(block_turns) PT_ENTRY(sum)
    PT_ENTRY(sum_float32) PT_ENTRY(dot) PT_ENTRY(rows_dot) PT_ENTRY(rows_add)
    PT_ENTRY(rows_dot_each) PT_ENTRY(rows_add_each) PT_ENTRY(scatter_each_int64)
    PT_ENTRY(scatter_each_int32)
    PT_ENTRY(scatter_add_int64) PT_ENTRY(scatter_add_int32) PT_ENTRY(call)
    {NULL, NULL},
};

/* A pt_plan_fn: the frame stands in front of the table of buffers. */
static int pt_run_program(void **buffers, const int64_t *sizes)
{
    pt_cell *f = buffers[-1];
    const pt_program *program = f[PT_PROGRAM].p;
    pt_cell *next = f + PT_FIRST;
    for (int64_t k = 0; k < program->sizes; k++)
        (next++)->i = sizes[k];
    for (int64_t k = 0; k < program->buffers; k++)
        (next++)->p = buffers[k];
    f[PT_STATUS].i = 0;
    const pt_instr *pc = program->code;
    if (program->stages > 1)
        pc += program->starts[sizes[program->sizes]];
    return pc->op(f, pc, 0, 0.0);
}

#endif
