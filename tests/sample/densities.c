/* Log densities written by hand, for tests of the samplers without a compiler of models. */
#include <math.h>
#include <stddef.h>

typedef struct {
    long dim;
    const double *data;
    long calls;
    long fail_after;
} context;

/* Independent normals of mean 0; data holds the standard deviations. */
int scaled_normal(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    double total = 0.0;
    for (long i = 0; i < c->dim; i++) {
        const double inverse = 1.0 / (c->data[i] * c->data[i]);
        grad[i] = -q[i] * inverse;
        total += q[i] * grad[i];
    }
    *logp = 0.5 * total;
    return 0;
}

/* A normal of mean 0; data holds the precision matrix. */
int correlated_normal(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    double total = 0.0;
    for (long i = 0; i < c->dim; i++) {
        double sum = 0.0;
        for (long j = 0; j < c->dim; j++)
            sum -= c->data[i * c->dim + j] * q[j];
        grad[i] = sum;
        total += q[i] * sum;
    }
    *logp = 0.5 * total;
    return 0;
}

/* Rubin's eight schools, non-centred: q = (mu, log tau, z); data holds effects, then errors. */
int eight_schools(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const double mu = q[0], tau = exp(q[1]);
    double total = -0.5 * mu * mu / 25.0 - log1p(tau * tau / 25.0) + q[1];
    double d_mu = -mu / 25.0, d_tau = -2.0 * tau / (25.0 + tau * tau);
    for (int i = 0; i < 8; i++) {
        const double z = q[2 + i], error = c->data[8 + i];
        const double residual = (c->data[i] - mu - tau * z) / error;
        const double slope = residual / error;
        total -= 0.5 * (residual * residual + z * z);
        d_mu += slope;
        d_tau += slope * z;
        grad[2 + i] = slope * tau - z;
    }
    grad[0] = d_mu;
    grad[1] = d_tau * tau + 1.0;
    *logp = total;
    return 0;
}

/* Neal's funnel: q[0] ~ normal(0, 3), the others ~ normal(0, exp(q[0] / 2)). */
int funnel(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const double precision = exp(-q[0]);
    double squares = 0.0;
    for (long i = 1; i < c->dim; i++) {
        squares += q[i] * q[i];
        grad[i] = -q[i] * precision;
    }
    grad[0] = -q[0] / 9.0 + 0.5 * squares * precision - 0.5 * (double) (c->dim - 1);
    *logp = -q[0] * q[0] / 18.0 - 0.5 * squares * precision - 0.5 * (double) (c->dim - 1) * q[0];
    return 0;
}

/* A standard normal on the points whose first coordinate is below data[0]; none elsewhere. */
int truncated(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    double total = 0.0;
    for (long i = 0; i < c->dim; i++) {
        grad[i] = -q[i];
        total -= 0.5 * q[i] * q[i];
    }
    *logp = q[0] < c->data[0] ? total : -INFINITY;
    return 0;
}

/* A density that fails with code 7 after fail_after calls. */
int failing(void *ctx, const double *q, double *grad, double *logp)
{
    context *c = ctx;
    *logp = 0.0;
    for (long i = 0; i < c->dim; i++) {
        grad[i] = -q[i];
        *logp -= 0.5 * q[i] * q[i];
    }
    c->calls++;
    return c->calls > c->fail_after ? 7 : 0;
}

/* Flat everywhere: no proper density. */
int flat(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    (void) q;
    for (long i = 0; i < c->dim; i++)
        grad[i] = 0.0;
    *logp = 0.0;
    return 0;
}

/* The standard normal, slowly: some tens of microseconds a call. */
int slow(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    double waste = 0.0, total = 0.0;
    for (int k = 1; k < 4000; k++)
        waste += sin((double) k + q[0]);
    for (long i = 0; i < c->dim; i++) {
        grad[i] = -q[i];
        total -= 0.5 * q[i] * q[i];
    }
    *logp = total + 1e-300 * waste;
    return 0;
}

/* Slope nan where the density is finite. */
int no_slope(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    for (long i = 0; i < c->dim; i++)
        grad[i] = i == 1 ? NAN : -q[i];
    *logp = 0.0;
    return 0;
}

/* A density that drops by 100 after fail_after calls, wherever it is asked. */
int cliff(void *ctx, const double *q, double *grad, double *logp)
{
    context *c = ctx;
    (void) q;
    for (long i = 0; i < c->dim; i++)
        grad[i] = 1.0;
    c->calls++;
    *logp = c->calls > c->fail_after ? -100.0 : 0.0;
    return 0;
}

/* exp(-sum |q|^k / 2); data[0] is k. */
int power(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const double k = c->data[0];
    *logp = 0.0;
    for (long i = 0; i < c->dim; i++) {
        *logp -= 0.5 * pow(fabs(q[i]), k);
        grad[i] = -0.5 * k * pow(fabs(q[i]), k - 1.0) * (q[i] < 0.0 ? -1.0 : 1.0);
    }
    return 0;
}

/* exp(-sum exp(q^2)). */
int double_exponential(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    *logp = 0.0;
    for (long i = 0; i < c->dim; i++) {
        const double e = exp(q[i] * q[i]);
        *logp -= e;
        grad[i] = -2.0 * q[i] * e;
    }
    return 0;
}

/* ARMA(1, 1) of posteriordb: q = (mu, phi, theta, log sigma); data holds the length of the series,
   then the series. */
int arma(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const double *y = c->data + 1, mu = q[0], phi = q[1], theta = q[2], sigma = exp(q[3]);
    const long n = (long) c->data[0];
    double error = y[0] - mu - phi * mu, by_mu = -1.0 - phi, by_phi = -mu, by_theta = 0.0;
    double squares = error * error, sum[3] = {error * by_mu, error * by_phi, 0.0};
    for (long t = 1; t < n; t++) {
        by_theta = -error - theta * by_theta;
        by_mu = -1.0 - theta * by_mu;
        by_phi = -y[t - 1] - theta * by_phi;
        error = y[t] - mu - phi * y[t - 1] - theta * error;
        squares += error * error;
        sum[0] += error * by_mu;
        sum[1] += error * by_phi;
        sum[2] += error * by_theta;
    }
    const double w = 1.0 / (sigma * sigma), cauchy = sigma * sigma / 6.25;
    *logp = -mu * mu / 200.0 - (phi * phi + theta * theta) / 8.0 - log1p(cauchy) + q[3]
        - (double) n * q[3] - 0.5 * w * squares;
    grad[0] = -mu / 100.0 - w * sum[0];
    grad[1] = -phi / 4.0 - w * sum[1];
    grad[2] = -theta / 4.0 - w * sum[2];
    grad[3] = 1.0 - 2.0 * cauchy / (1.0 + cauchy) - (double) n + w * squares;
    return 0;
}

/* Two normals, at -30 and at 30, the second one lower by data[0] in log density. */
int two_modes(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const double offset = q[0] < 0.0 ? q[0] + 30.0 : q[0] - 30.0;
    grad[0] = -offset;
    *logp = -0.5 * offset * offset - (q[0] < 0.0 ? 0.0 : c->data[0]);
    return 0;
}

/* A linear regression with flat priors, q = (coefficients, log sd); data holds the number of rows,
   how often each counts, and the rows: covariates, then the outcome. */
int regression(void *ctx, const double *q, double *grad, double *logp)
{
    const context *c = ctx;
    const long rows = (long) c->data[0], k = c->dim - 1;
    const double times = c->data[1], precision = exp(-2.0 * q[k]);
    double squares = 0.0;
    for (long j = 0; j < k; j++)
        grad[j] = 0.0;
    for (long i = 0; i < rows; i++) {
        const double *row = c->data + 2 + i * (k + 1);
        double residual = row[k];
        for (long j = 0; j < k; j++)
            residual -= row[j] * q[j];
        squares += times * residual * residual;
        for (long j = 0; j < k; j++)
            grad[j] += times * precision * residual * row[j];
    }
    grad[k] = squares * precision - times * (double) rows + 1.0;
    *logp = -0.5 * squares * precision + (1.0 - times * (double) rows) * q[k];
    return 0;
}
