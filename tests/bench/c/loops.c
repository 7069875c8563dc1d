/* Values and gradients of two loops as one would write them by hand: the limit for a compiler. */

#include <math.h>

/* GARCH(1,1): q is mu, omega, alpha, beta; h has room for n doubles. */
double garch(const double *q, const double *y, int n, double h0, double *h, double *grad)
{
    const double mu = q[0], omega = q[1], alpha = q[2], beta = q[3];
    double total = 0.0, x = h0;
    for (int t = 0; t < n; t++) {
        const double e = y[t] - mu;
        h[t] = x;
        total -= 0.5 * (log(x) + e * e / x);
        x = omega + alpha * e * e + beta * x;
    }
    double by_mu = 0.0, by_omega = 0.0, by_alpha = 0.0, by_beta = 0.0, g = 0.0;
    for (int t = n - 1; t >= 0; t--) {
        const double e = y[t] - mu, r = 1.0 / h[t];
        by_mu += e * r - 2.0 * alpha * g * e;
        by_omega += g;
        by_alpha += g * e * e;
        by_beta += g * h[t];
        g = beta * g + 0.5 * r * (e * e * r - 1.0);
    }
    grad[0] = by_mu;
    grad[1] = by_omega;
    grad[2] = by_alpha;
    grad[3] = by_beta;
    return total;
}

/* The forward and backward recursions of a hidden Markov model with K states. `p` and `b` have room
 * for n * K doubles, `s` for n. The gradient is by initial (K), moves (K * K) and e (n * K). */
#define HMM(K)                                                                                   \
double hmm##K(const double *initial, const double *moves, const double *e, int n, double *p,     \
              double *b, double *s, double *by_initial, double *by_moves, double *by_e)          \
{                                                                                                \
    double total = 0.0, beta[K], u[K], out[K];                                                   \
    for (int t = 0; t < n; t++) {                                                                \
        double top = e[t * K];                                                                   \
        for (int j = 1; j < K; j++)                                                              \
            top = e[t * K + j] > top ? e[t * K + j] : top;                                       \
        for (int j = 0; j < K; j++)                                                              \
            b[t * K + j] = exp(e[t * K + j] - top);                                              \
        total += top;                                                                            \
    }                                                                                            \
    for (int t = 0; t < n; t++) {                                                                \
        double sum = 0.0;                                                                        \
        for (int j = 0; j < K; j++)                                                              \
            out[j] = t ? 0.0 : initial[j];                                                       \
        if (t)                                                                                   \
            for (int i = 0; i < K; i++)                                                          \
                for (int j = 0; j < K; j++)                                                      \
                    out[j] += p[(t - 1) * K + i] * moves[i * K + j];                             \
        for (int j = 0; j < K; j++)                                                              \
            sum += out[j] *= b[t * K + j];                                                       \
        for (int j = 0; j < K; j++)                                                              \
            p[t * K + j] = out[j] / sum;                                                         \
        s[t] = 1.0 / sum;                                                                        \
    }                                                                                            \
    for (int t = 0; t < n; t++)                                                                  \
        total -= log(s[t]);                                                                      \
    for (int k = 0; k < K * K; k++)                                                              \
        by_moves[k] = 0.0;                                                                       \
    for (int j = 0; j < K; j++)                                                                  \
        beta[j] = 1.0;                                                                           \
    for (int t = n - 1; t >= 0; t--) {                                                           \
        for (int j = 0; j < K; j++) {                                                            \
            by_e[t * K + j] = p[t * K + j] * beta[j];                                            \
            u[j] = b[t * K + j] * s[t] * beta[j];                                                \
        }                                                                                        \
        if (!t)                                                                                  \
            break;                                                                               \
        for (int i = 0; i < K; i++) {                                                            \
            double sum = 0.0;                                                                    \
            for (int j = 0; j < K; j++) {                                                        \
                by_moves[i * K + j] += p[(t - 1) * K + i] * u[j];                                \
                sum += moves[i * K + j] * u[j];                                                  \
            }                                                                                    \
            beta[i] = sum;                                                                       \
        }                                                                                        \
    }                                                                                            \
    for (int j = 0; j < K; j++)                                                                  \
        by_initial[j] = u[j];                                                                    \
    return total;                                                                                \
}

HMM(4)
HMM(32)
