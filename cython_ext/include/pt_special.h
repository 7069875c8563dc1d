/* ProbTensor's scalar functions in C, included by generated Cython (C11) and CUDA (C++).
 *
 *   pt_base.h        PT_FN, bits, error-free sums, rounding, integer arithmetic
 *   pt_elementary.h  exp, log, hyperbolic and logistic families, cube root
 *   pt_power.h       pow, logarithm in two parts
 *   pt_log_table.h   the table of that logarithm
 *   pt_trig.h        sin, cos, tan and their inverses
 *   pt_erf.h         erf, erfc, normal distribution function and their inverses
 *   pt_owens.h       Owen's T
 *   pt_links.h       logarithms of probabilities, products with zero
 *   pt_gamma.h       lgamma, gamma, digamma, trigamma
 *   pt_divergence.h  differences of logarithms: log1pmx, kl_div, kernels of densities
 *   pt_rising.h      differences of lgamma and of its derivatives, lbeta
 *   pt_floats.h      parts and neighbours of floats
 *   pt_pair.h        pairs of doubles
 *   pt_bessel_far.h  expansions of Bessel functions for large orders or arguments
 *   pt_bessel.h      derivatives of Bessel functions in their order
 *   pt_bessel_value.h        J, Y, K and I of real order
 *   pt_bessel_low.h  J and Y of the orders 0 and 1
 *   pt_zeta.h        Hurwitz zeta function, Lambert W
 *   pt_hyper_value.h Gauss's hypergeometric function
 *   pt_hyper.h       derivatives of hypergeometric functions in their parameters
 *   pt_incomplete_gamma.h    incomplete gamma functions and their derivatives
 *   pt_incomplete_beta.h     the incomplete beta function and its derivatives
 *   pt_incomplete_inverse.h  inverses of these
 *   pt_jet.h         Taylor series in several variables
 *   pt_incomplete_orders.h   derivatives of incomplete functions of orders up to 8
 */
#ifndef PT_SPECIAL_H
#define PT_SPECIAL_H

#include "pt_base.h"
#include "pt_elementary.h"
#include "pt_power.h"
#include "pt_trig.h"
#include "pt_erf.h"
#include "pt_owens.h"
#include "pt_links.h"
#include "pt_gamma.h"
#include "pt_divergence.h"
#include "pt_rising.h"
#include "pt_incomplete_gamma.h"
#include "pt_incomplete_beta.h"
#include "pt_incomplete_inverse.h"
#include "pt_floats.h"
#include "pt_bessel.h"
#include "pt_bessel_value.h"
#include "pt_bessel_low.h"
#include "pt_zeta.h"
#include "pt_jet.h"
#include "pt_incomplete_orders.h"
#include "pt_hyper_value.h"
#include "pt_hyper.h"

#endif
