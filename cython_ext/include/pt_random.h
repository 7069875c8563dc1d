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

#endif
