/* Random draws as pure functions of a key and an index, equal on CPU and GPU.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011) hashes the counter (index, attempt,
 * purpose) under a 64-bit key.  There is no state: element i of a stream is a function of
 * (key, i), so any thread may draw any element; rejection loops count attempts in a
 * separate word.  Draws of two kinds under one key and index share their bits: independent
 * streams need different keys, by pt_key_fold.
 * Draws are doubles; counts too.  A parameter outside its domain gives nan.
 */
#ifndef PT_RANDOM_H
#define PT_RANDOM_H

#include "pt_special.h"

typedef struct {
    uint32_t word[4];
} pt_philox_block;

/* Values of the counter's last word. */
#define PT_PURPOSE_DRAW 0u
#define PT_PURPOSE_BOOST 1u
#define PT_PURPOSE_FOLD 2u

#define PT_ATTEMPTS 10000u      /* to bound the loops; the acceptance rate is above 0.7 */

PT_FN pt_philox_block pt_philox(pt_philox_block counter, uint32_t key0, uint32_t key1) {
    uint32_t a = counter.word[0];
    uint32_t b = counter.word[1];
    uint32_t c = counter.word[2];
    uint32_t d = counter.word[3];
    for (int round = 0; round < 10; ++round) {
        uint64_t left = (uint64_t)a * 0xd2511f53u;
        uint64_t right = (uint64_t)c * 0xcd9e8d57u;
        a = (uint32_t)(right >> 32) ^ b ^ key0;
        b = (uint32_t)right;
        c = (uint32_t)(left >> 32) ^ d ^ key1;
        d = (uint32_t)left;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    pt_philox_block result = {{a, b, c, d}};
    return result;
}

PT_FN pt_philox_block pt__block(uint64_t key, uint64_t i, uint32_t attempt, uint32_t purpose) {
    pt_philox_block counter = {{(uint32_t)i, (uint32_t)(i >> 32), attempt, purpose}};
    return pt_philox(counter, (uint32_t)key, (uint32_t)(key >> 32));
}

/* Odd multiples of 2^-53: exact, symmetric about 1/2, never 0 or 1. */
PT_FN double pt__unit(uint32_t high, uint32_t low) {
    uint64_t fraction = ((uint64_t)high << 20) | (low >> 12);
    return pt__from_bits(fraction | 0x3ff0000000000000u) - (1.0 - 1.1102230246251565e-16);
}

/* ---- keys and raw bits ---- */

PT_FN uint64_t pt_key_fold(uint64_t key, uint64_t data) {
    pt_philox_block block = pt__block(key, data, 0u, PT_PURPOSE_FOLD);
    return ((uint64_t)block.word[1] << 32) | block.word[0];
}

PT_FN uint64_t pt_draw_bits(uint64_t key, uint64_t i) {
    pt_philox_block block = pt__block(key, i, 0u, PT_PURPOSE_DRAW);
    return ((uint64_t)block.word[1] << 32) | block.word[0];
}

/* ---- continuous draws ---- */

PT_FN double pt_draw_uniform(uint64_t key, uint64_t i) {
    pt_philox_block block = pt__block(key, i, 0u, PT_PURPOSE_DRAW);
    return pt__unit(block.word[0], block.word[1]);
}

/* By inversion: monotone in the uniform, and without branches. */
PT_FN double pt_draw_normal(uint64_t key, uint64_t i) {
    return pt_ndtri(pt_draw_uniform(key, i));
}

PT_FN double pt_draw_exponential(uint64_t key, uint64_t i) {
    return -pt_log(pt_draw_uniform(key, i));
}

/* Gamma(alpha) for alpha >= 1 by Marsaglia and Tsang (2000, ACM TOMS 26:363). */
PT_FN double pt__gamma_at_least_one(uint64_t key, uint64_t i, double alpha) {
    double d = alpha - 1.0 / 3.0;
    double c = 1.0 / PT_SQRT(9.0 * d);
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt_philox_block block = pt__block(key, i, attempt, PT_PURPOSE_DRAW);
        double z = pt_ndtri(pt__unit(block.word[0], block.word[1]));
        double u = pt__unit(block.word[2], block.word[3]);
        double root = PT_MA(c, z, 1.0);
        double v = root * root * root;
        if (root > 0.0 && u < PT_MA(-0.0331 * (z * z), z * z, 1.0)) {
            return d * v;
        }
        if (root > 0.0 && pt_log(u) < PT_MA(0.5 * z, z, d * (1.0 - v + pt_log(v)))) {
            return d * v;
        }
    }
    return d;
}

/* The log of a Gamma(alpha) draw, finite even where the draw underflows. */
PT_FN double pt_draw_log_gamma(uint64_t key, uint64_t i, double alpha) {
    if (!(alpha > 0.0 && alpha < PT_INF)) {
        return PT_NAN;
    }
    if (alpha >= 1.0) {
        return pt_log(pt__gamma_at_least_one(key, i, alpha));
    }
    pt_philox_block block = pt__block(key, i, 0u, PT_PURPOSE_BOOST);
    double boost = pt_log(pt__unit(block.word[0], block.word[1])) / alpha;
    return pt_log(pt__gamma_at_least_one(key, i, alpha + 1.0)) + boost;
}

PT_FN double pt_draw_gamma(uint64_t key, uint64_t i, double alpha) {
    if (alpha >= 1.0 && alpha < PT_INF) {
        return pt__gamma_at_least_one(key, i, alpha);
    }
    return pt_exp(pt_draw_log_gamma(key, i, alpha));
}

/* ---- counts ---- */

/* log(k!) - (k + 1/2) log k + k - log(2 pi)/2, for k >= 1 (Loader 2000). */
PT_FN double pt__stirling_error(double k) {
    if (k >= 8.0) {
        return pt__stirling(1.0 / (k * k)) / k;
    }
    return PT_MA(-(k + 0.5), pt_log(k), pt_lgamma(k + 1.0) + k) - 0.9189385332046727;
}

/* rest - (k log(k / mean) + mean - k), whose error grows as the square root of the mean. */
PT_FN double pt__less_deviance(double k, double mean, double rest) {
    double excess = (k - mean) / mean;
    return PT_MA(-mean, PT_MA(1.0 + excess, pt_log1p(excess), -excess), rest);
}

PT_FN double pt__poisson_log_pmf(double k, double mu) {
    if (k < 1.0) {
        return -mu;
    }
    double root = 0.5 * pt_log(6.283185307179586 * k);
    return pt__less_deviance(k, mu, -pt__stirling_error(k) - root);
}

/* n log p or n log(1 - p) at the ends, Loader's saddle point form between. */
PT_FN double pt__binomial_log_pmf(double k, double n, double p) {
    if (k < 1.0) {
        return n * pt_log1p(-p);
    }
    if (k >= n) {
        return n * pt_log(p);
    }
    double rest = n - k;
    double errors = pt__stirling_error(n) - pt__stirling_error(k) - pt__stirling_error(rest);
    double root = 0.5 * pt_log(6.283185307179586 * k * (rest / n));
    double value = pt__less_deviance(k, n * p, errors - root);
    return pt__less_deviance(rest, n * (1.0 - p), value);
}

/* mu < 10: inversion by sequential search of the distribution function. */
PT_FN double pt__poisson_by_search(double u, double mu) {
    double probability = pt_exp(-mu);
    double k = 0.0;
    while (u > probability && k < 200.0) {
        u -= probability;
        k += 1.0;
        probability *= mu / k;
    }
    return k;
}

/* Transformed rejection PTRS (Hoermann 1993, Insurance: Mathematics and Economics 12:39). */
PT_FN double pt__poisson_by_rejection(uint64_t key, uint64_t i, double mu) {
    double b = PT_MA(2.53, PT_SQRT(mu), 0.931);
    double a = PT_MA(0.02483, b, -0.059);
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double squeeze = 0.9277 - 3.6224 / (b - 2.0);
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt_philox_block block = pt__block(key, i, attempt, PT_PURPOSE_DRAW);
        double u = pt__unit(block.word[0], block.word[1]) - 0.5;
        double v = pt__unit(block.word[2], block.word[3]);
        double us = 0.5 - PT_ABS(u);
        double k = PT_FLOOR(PT_MA(2.0 * a / us + b, u, mu) + 0.43);
        if (us >= 0.07 && v <= squeeze) {
            return k;
        }
        if (k < 0.0 || (us < 0.013 && v > us)) {
            continue;
        }
        double height = pt_log(v * inverse_alpha / (a / (us * us) + b));
        if (height <= pt__poisson_log_pmf(k, mu)) {
            return k;
        }
    }
    return PT_FLOOR(mu);
}

PT_FN double pt_draw_poisson(uint64_t key, uint64_t i, double mu) {
    if (!(mu >= 0.0 && mu < PT_INF)) {
        return PT_NAN;
    }
    if (mu < 10.0) {
        return pt__poisson_by_search(pt_draw_uniform(key, i), mu);
    }
    return pt__poisson_by_rejection(key, i, mu);
}

/* n p < 10 and p <= 1/2: as for Poisson. */
PT_FN double pt__binomial_by_search(double u, double n, double p) {
    double odds = p / (1.0 - p);
    double probability = pt_exp(n * pt_log1p(-p));
    double k = 0.0;
    while (u > probability && k < n && k < 300.0) {
        u -= probability;
        probability *= odds * ((n - k) / (k + 1.0));
        k += 1.0;
    }
    return k;
}

/* Transformed rejection BTRS for p <= 1/2 (Hoermann 1993, J. Stat. Comput. Simul. 46:101). */
PT_FN double pt__binomial_by_rejection(uint64_t key, uint64_t i, double n, double p) {
    double spread = PT_SQRT(n * p * (1.0 - p));
    double b = PT_MA(2.53, spread, 1.15);
    double a = PT_MA(0.0248, b, PT_MA(0.01, p, -0.0873));
    double alpha = (2.83 + 5.1 / b) * spread;
    double squeeze = 0.92 - 4.2 / b;
    double top = pt__binomial_log_pmf(PT_FLOOR((n + 1.0) * p), n, p);
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt_philox_block block = pt__block(key, i, attempt, PT_PURPOSE_DRAW);
        double u = pt__unit(block.word[0], block.word[1]) - 0.5;
        double v = pt__unit(block.word[2], block.word[3]);
        double us = 0.5 - PT_ABS(u);
        double k = PT_FLOOR(PT_MA(2.0 * a / us + b, u, PT_MA(n, p, 0.5)));
        if (us >= 0.07 && v <= squeeze) {
            return k;
        }
        if (k < 0.0 || k > n) {
            continue;
        }
        double height = pt_log(v * alpha / (a / (us * us) + b));
        if (height <= pt__binomial_log_pmf(k, n, p) - top) {
            return k;
        }
    }
    return PT_FLOOR(n * p);
}

/* Successes in n trials; n is integral. */
PT_FN double pt_draw_binomial(uint64_t key, uint64_t i, double n, double p) {
    if (!(p >= 0.0 && p <= 1.0 && n >= 0.0 && n < PT_INF && n == PT_FLOOR(n))) {
        return PT_NAN;
    }
    double rare = p <= 0.5 ? p : 1.0 - p;
    double k;
    if (n * rare < 10.0) {
        k = pt__binomial_by_search(pt_draw_uniform(key, i), n, rare);
    } else {
        k = pt__binomial_by_rejection(key, i, n, rare);
    }
    return p <= 0.5 ? k : n - k;
}

/* log of the mass of k of `few` marked ones among m of n, up to a constant: the product of two
 * binomial masses of probability m / n. */
PT_FN double pt__hypergeometric_log_pmf(double k, double few, double n, double m) {
    double p = m / n;
    return pt__binomial_log_pmf(k, few, p) + pt__binomial_log_pmf(m - k, n - few, p);
}

/* Ratio of uniforms HRUA (Stadlober 1990, J. Comput. Appl. Math. 31:181), for few <= n / 2 and
 * m <= n / 2. */
PT_FN double pt__hypergeometric_by_rejection(
    uint64_t key, uint64_t i, double few, double n, double m
) {
    double share = few / n;
    double middle = PT_MA(m, share, 0.5);
    double spread = PT_SQRT(PT_MA((n - m) / (n - 1.0) * m, share * (1.0 - share), 0.5));
    double width = PT_MA(1.7155277699214135, spread, 0.8989161620588988);
    double most = PT_FLOOR((m + 1.0) * ((few + 1.0) / (n + 2.0)));
    most = most <= few ? most : few;
    most = most <= m ? most : m;
    double top = pt__hypergeometric_log_pmf(most, few, n, m);
    double end = PT_FLOOR(PT_MA(16.0, spread, middle));
    end = end <= few + 1.0 ? end : few + 1.0;
    end = end <= m + 1.0 ? end : m + 1.0;
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt_philox_block block = pt__block(key, i, attempt, PT_PURPOSE_DRAW);
        double u = pt__unit(block.word[0], block.word[1]);
        double v = pt__unit(block.word[2], block.word[3]);
        double place = PT_MA(width, (v - 0.5) / u, middle);
        if (!(place >= 0.0 && place < end)) {
            continue;
        }
        double k = PT_FLOOR(place);
        double height = pt__hypergeometric_log_pmf(k, few, n, m) - top;
        if (u * (4.0 - u) - 3.0 <= height || 2.0 * pt_log(u) <= height) {
            return k;
        }
    }
    return most;
}

/* The marked ones among m that are taken from n, of which k are marked; all are integral. */
PT_FN double pt_draw_hypergeometric(uint64_t key, uint64_t i, double n, double k, double m) {
    if (!(k >= 0.0 && m >= 0.0 && k <= n && m <= n && n < PT_INF)) {
        return PT_NAN;
    }
    if (!(n == PT_FLOOR(n) && k == PT_FLOOR(k) && m == PT_FLOOR(m))) {
        return PT_NAN;
    }
    double few = k <= n - k ? k : n - k;
    double taken = m <= n - m ? m : n - m;
    double found = 0.0;
    if (few > 0.0 && taken > 0.0) {
        found = pt__hypergeometric_by_rejection(key, i, few, n, taken);
    }
    found = k <= n - k ? found : taken - found;
    return m <= n - m ? found : k - found;
}

/* ---- angles ---- */

/* Von Mises about 0 with concentration kappa, by rejection from a wrapped Cauchy distribution
 * (Best and Fisher 1979, Applied Statistics 28:152), in a form without cancellation. */
PT_FN double pt_draw_von_mises(uint64_t key, uint64_t i, double kappa) {
    if (!(kappa >= 0.0 && kappa < 1e300)) {
        return PT_NAN;
    }
    double root = kappa < 1e150 ? PT_SQRT(PT_MA(4.0 * kappa, kappa, 1.0)) : 2.0 * kappa;
    double twice = PT_SQRT(2.0 * (1.0 + root));
    double quotient = 0.5 * (1.0 + root + twice);
    double rho = kappa / quotient;
    /* 1 - rho, and kappa (r - 1) with r = (1 + rho^2) / (2 rho). */
    double rest = 1.0 - rho;
    if (kappa >= 1.0) {
        rest = (twice - 1.0 - 1.0 / (root + 2.0 * kappa)) / (2.0 * kappa);
    }
    double excess = 0.5 * rest * rest * quotient;
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt_philox_block block = pt__block(key, i, attempt, PT_PURPOSE_DRAW);
        double half = 1.5707963267948966 * pt__unit(block.word[0], block.word[1]);
        double u = pt__unit(block.word[2], block.word[3]);
        double y = rest * pt_sin(half);
        double x = (1.0 + rho) * pt_cos(half);
        /* The angle is 2 atan(y / x), and 1 minus its cosine is 2 y^2 / (x^2 + y^2). */
        double c = PT_MA(kappa, 2.0 * y * y / PT_MA(x, x, y * y), excess);
        if (c * (2.0 - c) > u || pt_log(c / u) + 1.0 - c >= 0.0) {
            double angle = 2.0 * pt_atan2(y, x);
            return (block.word[1] & 1u) ? angle : -angle;
        }
    }
    return 0.0;
}

/* ---- Polya-gamma ---- */

#define PT_PG_CUT 0.64          /* between the two series of the density */
#define PT_PG_MOST 1024.0

/* The uniform numbers of one draw, two in each block. */
typedef struct {
    uint64_t key;
    uint64_t place;
    uint32_t count;
} pt_uniforms;

PT_FN void pt__next_two(pt_uniforms *from, double *u, double *v) {
    pt_philox_block block = pt__block(from->key, from->place, from->count, PT_PURPOSE_DRAW);
    *u = pt__unit(block.word[0], block.word[1]);
    *v = pt__unit(block.word[2], block.word[3]);
    from->count += 1u;
}

/* Inverse Gaussian with mean 1 / z and shape 1, given that it is at most the cut: from the limit
 * z = 0 with a weight, or by the roots of Michael, Schucany and Haas (1976, American Statistician
 * 30:88) where the mean is below the cut. */
PT_FN double pt__small_inverse_gaussian(pt_uniforms *from, double z) {
    double u, v;
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt__next_two(from, &u, &v);
        if (z * PT_PG_CUT < 1.0) {
            double e = -pt_log(u);
            if (e * e > -2.0 / PT_PG_CUT * pt_log(v)) {
                continue;
            }
            double root = PT_MA(PT_PG_CUT, e, 1.0);
            double x = PT_PG_CUT / (root * root);
            pt__next_two(from, &u, &v);
            if (u <= pt_exp(-0.5 * z * z * x)) {
                return x;
            }
        } else {
            double normal = pt_ndtri(u);
            double w = 0.5 * normal * normal / z;
            double share = 1.0 / (1.0 + w + PT_SQRT(PT_MA(w, w, 2.0 * w)));
            share = v * (1.0 + share) > 1.0 ? 1.0 / share : share;
            if (share <= PT_PG_CUT * z) {
                return share / z;
            }
        }
    }
    return PT_PG_CUT;
}

/* 4 times a draw for h = 1, by Devroye's method (Polson, Scott and Windle 2013, J. American
 * Statistical Association 108:1339, supplement): the density is an alternating series of terms
 * that fall, whose first one is drawn from. `right` is the probability that it is above the cut. */
PT_FN double pt__polya_gamma_one(pt_uniforms *from, double z, double rate, double right) {
    double u, v;
    for (uint32_t attempt = 0; attempt < PT_ATTEMPTS; ++attempt) {
        pt__next_two(from, &u, &v);
        double x;
        double fall;
        if (u < right) {
            x = PT_PG_CUT - pt_log(v) / rate;
            fall = 4.934802200544679 * x;
        } else {
            x = pt__small_inverse_gaussian(from, z);
            fall = 2.0 / x;
        }
        pt__next_two(from, &u, &v);
        double sum = 1.0;
        for (double n = 1.0; n < 100.0; n += 1.0) {
            double term = (2.0 * n + 1.0) * pt_exp(-n * (n + 1.0) * fall);
            sum -= term;
            if (u <= sum) {
                return x;
            }
            n += 1.0;
            sum += (2.0 * n + 1.0) * pt_exp(-n * (n + 1.0) * fall);
            if (u > sum) {
                break;
            }
        }
    }
    return PT_PG_CUT;
}

/* Shape h, a whole number up to PT_PG_MOST, and tilt z, as a sum. */
PT_FN double pt_draw_polya_gamma(uint64_t key, uint64_t i, double h, double z) {
    if (!(h >= 1.0 && h <= PT_PG_MOST && h == PT_FLOOR(h) && PT_ABS(z) < PT_INF)) {
        return PT_NAN;
    }
    double half = 0.5 * PT_ABS(z);
    double rate = PT_MA(0.5 * half, half, 1.2337005501361697);
    double right = 0.0;
    if (half < 40.0) {
        double above = 1.5707963267948966 / rate * pt_exp(-PT_PG_CUT * rate);
        double end = PT_PG_CUT * half;
        double below = pt_exp(-half) * pt_ndtr((end - 1.0) / 0.8);
        below = 2.0 * PT_MA(pt_exp(half), pt_ndtr(-(end + 1.0) / 0.8), below);
        right = above / (above + below);
    }
    pt_uniforms from = {key, i, 0u};
    double total = 0.0;
    for (double k = 0.0; k < h; k += 1.0) {
        total += pt__polya_gamma_one(&from, half, rate, right);
    }
    return 0.25 * total;
}

#endif
