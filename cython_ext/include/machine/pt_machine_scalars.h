/* Instructions of the machine on scalars and on vectors: operators, conversions, functions. */
#ifndef PT_MACHINE_SCALARS_H
#define PT_MACHINE_SCALARS_H

#include "pt_loops.h"
#include "pt_random.h"
#include "pt_machine.h"

#define PT_APART static __attribute__((noinline, unused))
#define OP(name) static int op_##name(pt_cell *f, const pt_instr *pc, int64_t len, double top)
#define NEXT(k) return pc[k].op(f, pc + (k), len, top)
/* A short instruction is a step, which gives the next `top`. GIVE sets the cell a. */
#define STEP(name) \
    static inline __attribute__((always_inline, unused)) double step_##name( \
        pt_cell *f, const pt_instr *pc, double top)
#define RUN(name) \
    OP(name) \
    { \
        top = step_##name(f, pc, top); \
        NEXT(1); \
    }
#define GIVE(out, value) GIVE_##out(value)
#define GIVE_f(value) return f[pc->a].f = value
#define GIVE_i(value) \
    f[pc->a].i = value; \
    return top
#define GIVE_u(value) \
    f[pc->a].u = value; \
    return top
#define PADDED ((len + 7) & ~(int64_t)7)
/* Over whole groups of eight elements: the compiler is told that `n` is a multiple of eight, and
 * makes no loop for others. Results may replace an operand, which `ivdep` declares harmless. */
#define BY_EIGHTS(body) \
    PT_IS_WHOLE(n) \
    _Pragma("GCC ivdep") for (int64_t k = 0; k < n; k++) { body; }
#ifdef __GNUC__
#define PT_IS_WHOLE(n) \
    if (n & 7) \
        __builtin_unreachable();
#else
#define PT_IS_WHOLE(n)
#endif

#define pt_type_f double
#define pt_type_i int64_t
#define pt_type_u uint64_t

/* X(name, result field, operand field, value) for an operand x */
#define PT_UNARY(X) \
    X(neg_f, f, f, -x) X(abs_f, f, f, PT_ABS(x)) X(square_f, f, f, x * x) \
    X(sqrt_f, f, f, PT_SQRT(x)) X(floor_f, f, f, PT_FLOOR(x)) X(ceil_f, f, f, ceil(x)) \
    X(trunc_f, f, f, trunc(x)) X(round_f, f, f, pt_round(x)) X(sign_f, f, f, pt_sign(x)) \
    X(isnan_f, i, f, x != x) X(isinf_f, i, f, PT_ABS(x) == PT_INF) X(bool_f, i, f, x != 0) \
    X(float32_f, f, f, (float)x) \
    X(int8_f, i, f, (int8_t)x) X(int16_f, i, f, (int16_t)x) X(int32_f, i, f, (int32_t)x) \
    X(int64_f, i, f, (int64_t)x) X(uint8_f, i, f, (uint8_t)x) X(uint16_f, i, f, (uint16_t)x) \
    X(uint32_f, i, f, (uint32_t)x) X(uint64_f, u, f, (uint64_t)x) \
    X(neg_i, i, i, -(uint64_t)x) X(inv_i, i, i, ~x) X(not_i, i, i, !x) X(abs_i, i, i, pt_iabs(x)) \
    X(square_i, i, i, (uint64_t)x * (uint64_t)x) X(sign_i, i, i, pt_isign(x)) \
    X(sign_u, u, u, pt_usign(x)) X(bool_i, i, i, x != 0) \
    X(float64_i, f, i, (double)x) X(float64_u, f, u, (double)x) \
    X(float32_i, f, i, (float)x) X(float32_u, f, u, (float)x) \
    X(int8_i, i, i, (int8_t)x) X(int16_i, i, i, (int16_t)x) X(int32_i, i, i, (int32_t)x) \
    X(uint8_i, i, i, (uint8_t)x) X(uint16_i, i, i, (uint16_t)x) X(uint32_i, i, i, (uint32_t)x)

/* X(name, result field, operand field, value) for operands x, y */
#define PT_BINARY(X) \
    X(add_f, f, f, x + y) X(sub_f, f, f, x - y) X(mul_f, f, f, x * y) X(div_f, f, f, x / y) \
    X(max_f, f, f, pt_maximum(x, y)) X(min_f, f, f, pt_minimum(x, y)) \
    X(lt_f, i, f, x < y) X(le_f, i, f, x <= y) X(gt_f, i, f, x > y) X(ge_f, i, f, x >= y) \
    X(eq_f, i, f, x == y) X(ne_f, i, f, x != y) \
    X(add_i, u, u, x + y) X(sub_i, u, u, x - y) X(mul_i, u, u, x * y) \
    X(max_i, i, i, pt_imaximum(x, y)) X(min_i, i, i, pt_iminimum(x, y)) \
    X(lt_i, i, i, x < y) X(le_i, i, i, x <= y) X(gt_i, i, i, x > y) X(ge_i, i, i, x >= y) \
    X(eq_i, i, i, x == y) X(ne_i, i, i, x != y) \
    X(and_i, i, i, x & y) X(or_i, i, i, x | y) X(xor_i, i, i, x ^ y) \
    X(floordiv_i, i, i, pt_ifloordiv(x, y)) X(mod_i, i, i, pt_imod(x, y)) \
    X(pow_i, i, i, pt_ipow(x, y)) X(gcd_i, i, i, pt_igcd(x, y)) \
    X(shl_i, i, i, pt_ishl(x, y)) X(shr_i, i, i, pt_ishr(x, y)) \
    X(max_u, u, u, pt_umaximum(x, y)) X(min_u, u, u, pt_uminimum(x, y)) \
    X(lt_u, i, u, x < y) X(le_u, i, u, x <= y) X(gt_u, i, u, x > y) X(ge_u, i, u, x >= y) \
    X(floordiv_u, u, u, pt_ufloordiv(x, y)) X(mod_u, u, u, pt_umod(x, y)) \
    X(pow_u, u, u, pt_upow(x, y)) X(gcd_u, u, u, pt_ugcd(x, y)) \
    X(shl_u, u, u, pt_ushl(x, y)) X(shr_u, u, u, pt_ushr(x, y))

#define PT_DEFINE(name, out, in, value) \
    STEP(name) \
    { \
        const pt_type_##in x = f[pc->b].in; \
        GIVE(out, value); \
    } \
    RUN(name) \
    PT_APART void name##_v(pt_type_##out *d, const pt_type_##in *a, int64_t n) \
    { \
        BY_EIGHTS(const pt_type_##in x = a[k]; d[k] = value) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, PADDED); \
        NEXT(1); \
    }
PT_UNARY(PT_DEFINE)
#undef PT_DEFINE

#define PT_DEFINE(name, out, in, value) \
    STEP(name) \
    { \
        const pt_type_##in x = f[pc->b].in, y = f[pc->c].in; \
        GIVE(out, value); \
    } \
    RUN(name) \
    PT_APART void name##_vv(pt_type_##out *d, const pt_type_##in *a, const pt_type_##in *b, \
                            int64_t n) \
    { \
        BY_EIGHTS(const pt_type_##in x = a[k]; const pt_type_##in y = b[k]; d[k] = value) \
    } \
    PT_APART void name##_vs(pt_type_##out *d, const pt_type_##in *a, const pt_type_##in y, \
                            int64_t n) \
    { \
        BY_EIGHTS(const pt_type_##in x = a[k]; d[k] = value) \
    } \
    PT_APART void name##_sv(pt_type_##out *d, const pt_type_##in x, const pt_type_##in *b, \
                            int64_t n) \
    { \
        BY_EIGHTS(const pt_type_##in y = b[k]; d[k] = value) \
    } \
    OP(name##_vv) \
    { \
        name##_vv(f[pc->a].p, f[pc->b].p, f[pc->c].p, PADDED); \
        NEXT(1); \
    } \
    OP(name##_vs) \
    { \
        name##_vs(f[pc->a].p, f[pc->b].p, f[pc->c].in, PADDED); \
        NEXT(1); \
    } \
    OP(name##_sv) \
    { \
        name##_sv(f[pc->a].p, f[pc->b].in, f[pc->c].p, PADDED); \
        NEXT(1); \
    }
PT_BINARY(PT_DEFINE)
#undef PT_DEFINE

/* X(name, value): operators in chains. name_t has x from the instruction before, name_u has y. */
#define PT_CHAINED(X) \
    X(add_f, x + y) X(sub_f, x - y) X(mul_f, x * y) X(div_f, x / y) \
    X(max_f, pt_maximum(x, y)) X(min_f, pt_minimum(x, y))
#define PT_DEFINE(name, value) \
    STEP(name##_t) \
    { \
        const double x = top, y = f[pc->c].f; \
        GIVE(f, value); \
    } \
    RUN(name##_t) \
    STEP(name##_u) \
    { \
        const double x = f[pc->b].f, y = top; \
        GIVE(f, value); \
    } \
    RUN(name##_u)
PT_CHAINED(PT_DEFINE)
#undef PT_DEFINE

/* X(name, value) for operands x, y, z: the product is rounded. */
#define PT_TERNARY(X) X(mul_add, x * y + z) X(mul_sub, x * y - z) X(sub_mul, z - x * y)
#define PT_DEFINE(name, value) \
    STEP(name) \
    { \
        const double x = f[pc->b].f, y = f[pc->c].f, z = f[pc->d].f; \
        GIVE(f, value); \
    } \
    RUN(name) \
    STEP(name##_t) \
    { \
        const double x = top, y = f[pc->c].f, z = f[pc->d].f; \
        GIVE(f, value); \
    } \
    RUN(name##_t) \
    STEP(name##_u) \
    { \
        const double x = f[pc->b].f, y = f[pc->c].f, z = top; \
        GIVE(f, value); \
    } \
    RUN(name##_u) \
    PT_APART void name##_v(double *d, const double *a, const double *b, const double *c, \
                           int64_t n) \
    { \
        BY_EIGHTS(const double x = a[k]; const double y = b[k]; const double z = c[k]; \
                  d[k] = value) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, f[pc->c].p, f[pc->d].p, PADDED); \
        NEXT(1); \
    }
PT_TERNARY(PT_DEFINE)
#undef PT_DEFINE

/* X(function) of one to five doubles. Scalars are computed by a copy that is not inlined, so that
 * the instruction has no variables of its own in memory, which would prevent the tail call. */
#define PT_FUNCTIONS_1(X) \
    X(pt_exp) X(pt_exp2) X(pt_expm1) X(pt_log) X(pt_log2) X(pt_log10) X(pt_log1p) X(pt_cbrt) \
    X(pt_sin) X(pt_cos) X(pt_tan) X(pt_asin) X(pt_acos) X(pt_atan) X(pt_sinh) X(pt_cosh) \
    X(pt_tanh) X(pt_asinh) X(pt_acosh) X(pt_atanh) X(pt_sigmoid) X(pt_logit) X(pt_softplus) \
    X(pt_log_sigmoid) X(pt_log1mexp) X(pt_erf) X(pt_erfc) X(pt_erfcx) X(pt_erfinv) \
    X(pt_erfcinv) X(pt_ndtr) X(pt_log_ndtr) X(pt_ndtri) X(pt_gamma) X(pt_lgamma) X(pt_digamma) \
    X(pt_trigamma) X(pt_log1pmx) X(pt_expm1mx) X(pt_log_cexpexp) X(pt_log_cexpexp_slope) \
    X(pt_log_softplus) X(pt_inverse_mills) X(pt_lgamma_rest) X(pt_digamma_rest) \
    X(pt_trigamma_rest) X(pt_log_cosh) X(pt_mantissa) X(pt_exponent) \
    X(pt_lambertw) X(pt_lambertw_below) X(pt_j0) X(pt_j1) X(pt_y0) X(pt_y1)
#define PT_FUNCTIONS_2(X) \
    X(pt_pow) X(pt_mod) X(pt_floor_div) X(pt_atan2) X(pt_logaddexp) X(pt_xlogy) X(pt_xlog1py) \
    X(pt_log_share) X(pt_kl_div_exp) X(pt_poisson_divergence) X(pt_poisson_slope) X(pt_xtimes) \
    X(pt_xexpy) X(pt_log_rising_factorial) X(pt_digamma_difference) X(pt_trigamma_difference) \
    X(pt_lgamma_rest_change) X(pt_digamma_rest_change) X(pt_trigamma_rest_change) X(pt_lbeta) \
    X(pt_log_multiset_coefficient) X(pt_log1p_square) X(pt_after) X(pt_copysign) X(pt_ldexp) \
    X(pt_nextafter) X(pt_nextafter_single) X(pt_logaddexp2) X(pt_gammainc) X(pt_gammaincc) \
    X(pt_gammainc_x) X(pt_gammainc_a) X(pt_gammainc_aa) X(pt_log_gammainc) X(pt_log_gammainc_x) \
    X(pt_log_gammainc_a) X(pt_log_gammainc_aa) X(pt_log_gammaincc) X(pt_log_gammaincc_x) \
    X(pt_log_gammaincc_a) X(pt_log_gammaincc_aa) X(pt_gammal) X(pt_gammau) X(pt_gammaincinv) \
    X(pt_gammainccinv) X(pt_owens_t) X(pt_jv) X(pt_yv) X(pt_iv) X(pt_ive) X(pt_kv) X(pt_kve)
#define PT_FUNCTIONS_3(X) \
    X(pt_kl_div) X(pt_power_divergence) X(pt_beta_divergence) X(pt_inverse_divergence) \
    X(pt_log_ratio) X(pt_surplus) X(pt_binomial_divergence) X(pt_share_divergence) \
    X(pt_share_slope) X(pt_share_drift) X(pt_student_kernel) X(pt_student_slope) \
    X(pt_student_drift) X(pt_jv_order) X(pt_yv_order) X(pt_iv_order) X(pt_kv_order) \
    X(pt_zeta) X(pt_gammainc_orders) X(pt_log_gammainc_orders) X(pt_log_gammaincc_orders)
#define PT_FUNCTIONS_4(X) \
    X(pt_log_share_ratio) X(pt_lbeta_change) X(pt_hyp1f1) X(pt_hyper_gauss) X(pt_beta_mass) \
    X(pt_beta_mass_x) X(pt_beta_mass_a) X(pt_beta_mass_b) X(pt_beta_mass_aa) X(pt_beta_mass_ab) \
    X(pt_beta_mass_bb) X(pt_log_beta_mass) X(pt_log_beta_mass_x) X(pt_log_beta_mass_a) \
    X(pt_log_beta_mass_b) X(pt_log_beta_mass_aa) X(pt_log_beta_mass_ab) X(pt_log_beta_mass_bb) \
    X(pt_beta_quantile) X(pt_ive_order) X(pt_kve_order)
#define PT_FUNCTIONS_5(X) X(pt_hyp2f1) X(pt_beta_mass_orders) X(pt_log_beta_mass_orders)

#define PT_DEFINE(name) \
    PT_ONCE_1(name) \
    STEP(name) \
    { \
        GIVE(f, name##_once(f[pc->b].f)); \
    } \
    RUN(name) \
    PT_APART void name##_v(double *d, const double *a, int64_t n) \
    { \
        BY_EIGHTS(d[k] = name(a[k])) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, PADDED); \
        NEXT(1); \
    }
PT_FUNCTIONS_1(PT_DEFINE)
#undef PT_DEFINE

#define PT_DEFINE(name) \
    PT_ONCE_2(name) \
    STEP(name) \
    { \
        GIVE(f, name##_once(f[pc->b].f, f[pc->c].f)); \
    } \
    RUN(name) \
    PT_APART void name##_v(double *d, const double *a, const double *b, int64_t n) \
    { \
        BY_EIGHTS(d[k] = name(a[k], b[k])) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, f[pc->c].p, PADDED); \
        NEXT(1); \
    }
PT_FUNCTIONS_2(PT_DEFINE)
#undef PT_DEFINE

#define PT_DEFINE(name) \
    PT_ONCE_3(name) \
    STEP(name) \
    { \
        GIVE(f, name##_once(f[pc->b].f, f[pc->c].f, f[pc->d].f)); \
    } \
    RUN(name) \
    PT_APART void name##_v(double *e, const double *a, const double *b, const double *c, \
                           int64_t n) \
    { \
        BY_EIGHTS(e[k] = name(a[k], b[k], c[k])) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, f[pc->c].p, f[pc->d].p, PADDED); \
        NEXT(1); \
    }
PT_FUNCTIONS_3(PT_DEFINE)
#undef PT_DEFINE

#define PT_DEFINE(name) \
    PT_ONCE_4(name) \
    OP(name) \
    { \
        f[pc->a].f = name##_once(f[pc->b].f, f[pc->c].f, f[pc->d].f, f[pc[1].a].f); \
        NEXT(2); \
    } \
    PT_APART void name##_v(double *e, const double *a, const double *b, const double *c, \
                           const double *d, int64_t n) \
    { \
        BY_EIGHTS(e[k] = name(a[k], b[k], c[k], d[k])) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, f[pc->c].p, f[pc->d].p, f[pc[1].a].p, PADDED); \
        NEXT(2); \
    }
PT_FUNCTIONS_4(PT_DEFINE)
#undef PT_DEFINE

#define PT_DEFINE(name) \
    PT_ONCE_5(name) \
    OP(name) \
    { \
        f[pc->a].f = name##_once(f[pc->b].f, f[pc->c].f, f[pc->d].f, f[pc[1].a].f, f[pc[1].b].f); \
        NEXT(2); \
    } \
    PT_APART void name##_v(double *g, const double *a, const double *b, const double *c, \
                           const double *d, const double *e, int64_t n) \
    { \
        BY_EIGHTS(g[k] = name(a[k], b[k], c[k], d[k], e[k])) \
    } \
    OP(name##_v) \
    { \
        name##_v(f[pc->a].p, f[pc->b].p, f[pc->c].p, f[pc->d].p, f[pc[1].a].p, f[pc[1].b].p, \
                 PADDED); \
        NEXT(2); \
    }
PT_FUNCTIONS_5(PT_DEFINE)
#undef PT_DEFINE

/* X(name, types, scalars, elements): a function of SciPy of one to four doubles, whose address is
 * in the first cell of the next instruction. A vector instruction computes `len` elements. */
#define PT_SCIPY(X) \
    X(scipy_1, (double, int), (f[pc->b].f, 0), (f[pc->b].pf[k], 0)) \
    X(scipy_2, (double, double, int), (f[pc->b].f, f[pc->c].f, 0), \
      (f[pc->b].pf[k], f[pc->c].pf[k], 0)) \
    X(scipy_3, (double, double, double, int), (f[pc->b].f, f[pc->c].f, f[pc->d].f, 0), \
      (f[pc->b].pf[k], f[pc->c].pf[k], f[pc->d].pf[k], 0)) \
    X(scipy_4, (double, double, double, double, int), \
      (f[pc->b].f, f[pc->c].f, f[pc->d].f, f[pc[1].b].f, 0), \
      (f[pc->b].pf[k], f[pc->c].pf[k], f[pc->d].pf[k], f[pc[1].b].pf[k], 0))
#define PT_DEFINE(name, types, scalars, elements) \
    PT_APART void name##_at(pt_cell *f, const pt_instr *pc) \
    { \
        f[pc->a].f = ((double (*) types)f[pc[1].a].p)scalars; \
    } \
    OP(name) \
    { \
        name##_at(f, pc); \
        NEXT(2); \
    } \
    PT_APART void name##_at_v(pt_cell *f, const pt_instr *pc, int64_t n) \
    { \
        double *d = f[pc->a].p; \
        double (*const function) types = (double (*) types)f[pc[1].a].p; \
        for (int64_t k = 0; k < n; k++) \
            d[k] = function elements; \
    } \
    OP(name##_v) \
    { \
        name##_at_v(f, pc, len); \
        NEXT(2); \
    }
PT_SCIPY(PT_DEFINE)
#undef PT_DEFINE

/* X(function, result field, other arguments of a scalar, and of an element) for draws by key and
 * index. A vector instruction draws `len` elements, none of those behind them. */
#define PT_DRAWS(X) \
    X(pt_key_fold, u, (f[pc->b].u, f[pc->c].u), (key[k], index[k])) \
    X(pt_draw_bits, u, (f[pc->b].u, f[pc->c].u), (key[k], index[k])) \
    X(pt_draw_uniform, f, (f[pc->b].u, f[pc->c].u), (key[k], index[k])) \
    X(pt_draw_normal, f, (f[pc->b].u, f[pc->c].u), (key[k], index[k])) \
    X(pt_draw_exponential, f, (f[pc->b].u, f[pc->c].u), (key[k], index[k])) \
    X(pt_draw_gamma, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f), \
      (key[k], index[k], f[pc->d].pf[k])) \
    X(pt_draw_log_gamma, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f), \
      (key[k], index[k], f[pc->d].pf[k])) \
    X(pt_draw_poisson, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f), \
      (key[k], index[k], f[pc->d].pf[k])) \
    X(pt_draw_binomial, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f, f[pc[1].a].f), \
      (key[k], index[k], f[pc->d].pf[k], f[pc[1].a].pf[k])) \
    X(pt_draw_hypergeometric, f, \
      (f[pc->b].u, f[pc->c].u, f[pc->d].f, f[pc[1].a].f, f[pc[1].b].f), \
      (key[k], index[k], f[pc->d].pf[k], f[pc[1].a].pf[k], f[pc[1].b].pf[k])) \
    X(pt_draw_von_mises, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f), \
      (key[k], index[k], f[pc->d].pf[k])) \
    X(pt_draw_polya_gamma, f, (f[pc->b].u, f[pc->c].u, f[pc->d].f, f[pc[1].a].f), \
      (key[k], index[k], f[pc->d].pf[k], f[pc[1].a].pf[k]))
#define PT_DEFINE(name, out, scalars, elements) \
    PT_APART void name##_at(pt_cell *f, const pt_instr *pc) { f[pc->a].out = name scalars; } \
    OP(name) \
    { \
        name##_at(f, pc); \
        NEXT(2); \
    } \
    PT_APART void name##_at_v(pt_cell *f, const pt_instr *pc, int64_t n) \
    { \
        pt_type_##out *d = f[pc->a].p; \
        const uint64_t *key = f[pc->b].p, *index = f[pc->c].p; \
        for (int64_t k = 0; k < n; k++) \
            d[k] = name elements; \
    } \
    OP(name##_v) \
    { \
        name##_at_v(f, pc, len); \
        NEXT(2); \
    }
PT_DRAWS(PT_DEFINE)
#undef PT_DEFINE

#endif
