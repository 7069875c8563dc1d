/* Pairs of short instructions that run without a jump between them.
 *
 * When a program is linked, an instruction that can be the first of a pair becomes that pair if the
 * next one can be the second. The second keeps its own place and its operands, for jumps to it.
 */
#ifndef PT_MACHINE_PAIRS_H
#define PT_MACHINE_PAIRS_H

#include "pt_machine_control.h"

#define PT_FIRSTS(X) \
    X(load_float64) X(load_uint8) X(element) X(store_float64) X(set_element) X(move) X(select) \
    X(select_t) X(select_u) \
    X(add_f) X(add_f_t) X(add_f_u) X(sub_f) X(sub_f_t) X(sub_f_u) X(mul_f) X(mul_f_t) X(div_f) \
    X(mul_add) X(mul_add_t) X(mul_add_u) X(mul_sub) X(mul_sub_t) X(mul_sub_u) X(sub_mul) \
    X(sub_mul_t) X(sub_mul_u) X(neg_f) X(square_f) X(abs_f) X(max_f) X(max_f_t) X(gt_f) X(ne_f) \
    X(lt_f) X(and_i) X(or_i) X(not_i) X(add_i) X(mul_i)
/* The same ones, after `first`, and the end of a loop. */
#define PT_SECONDS(X, first) \
    X(first, load_float64) X(first, load_uint8) X(first, element) X(first, store_float64) \
    X(first, set_element) X(first, move) X(first, select) X(first, select_t) X(first, select_u) \
    X(first, add_f) X(first, add_f_t) \
    X(first, add_f_u) X(first, sub_f) X(first, sub_f_t) X(first, sub_f_u) X(first, mul_f) \
    X(first, mul_f_t) X(first, div_f) X(first, mul_add) X(first, mul_add_t) X(first, mul_add_u) \
    X(first, mul_sub) X(first, mul_sub_t) X(first, mul_sub_u) X(first, sub_mul) \
    X(first, sub_mul_t) X(first, sub_mul_u) X(first, neg_f) X(first, square_f) X(first, abs_f) \
    X(first, max_f) X(first, max_f_t) X(first, gt_f) X(first, ne_f) X(first, lt_f) \
    X(first, and_i) X(first, or_i) X(first, not_i) X(first, add_i) X(first, mul_i)

#define PT_PAIR(first, second) \
    static int op_##first##_and_##second( \
        pt_cell *f, const pt_instr *pc, int64_t len, double top) \
    { \
        top = step_##first(f, pc, top); \
        top = step_##second(f, pc + 1, top); \
        NEXT(2); \
    }
#define PT_DEFINE(first) \
    PT_SECONDS(PT_PAIR, first) \
    static int op_##first##_and_loop_next( \
        pt_cell *f, const pt_instr *pc, int64_t len, double top) \
    { \
        top = step_##first(f, pc, top); \
        pc++; \
        return op_loop_next(f, pc, len, top); \
    }
PT_FIRSTS(PT_DEFINE)
#undef PT_DEFINE
#undef PT_PAIR

#define PT_NAME(first) op_##first,
#define PT_PAIR(first, second) op_##first##_and_##second,
#define PT_ROW(first) PT_SECONDS(PT_PAIR, first) op_##first##_and_loop_next,
static const pt_op pt_singles[] = {PT_FIRSTS(PT_NAME) op_loop_next};
static const pt_op pt_pair_ops[] = {PT_FIRSTS(PT_ROW)};
static const pt_pairs pt_linked = {
    sizeof pt_singles / sizeof *pt_singles, pt_singles, pt_pair_ops,
};
#undef PT_NAME
#undef PT_PAIR
#undef PT_ROW

#endif
