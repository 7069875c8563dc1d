/* The floor: each model's log density and gradient as one hand-written pass over its data.
 *
 * int model(void *context, const double *q, double *gradient, double *logp)
 *
 * q holds the parameters in the order of cases.py, positive ones as logarithms, and the log density
 * includes the log Jacobian; constants are dropped. Elementwise mathematics stands in loops of its
 * own over blocks, so that a compiler which has vector exp and log1p may use them.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 128, LANES = 8, STREAMS = 4 };

typedef struct {
    int64_t rows, columns, groups;
    const double *x;      /* logistic: column-major rows x columns; radon: floor */
    const double *y;
    const double *sigma;
    const int64_t *group;
    double *work;         /* radon: 2 * (1 + STREAMS) * groups */
} Data;

static double half_cauchy(double log_value, double scale, double *gradient)
{
    double ratio = exp(log_value) / scale;
    double square = ratio * ratio;
    *gradient += 1 - 2 * square / (1 + square);
    return log_value - log1p(square);
}

static double half_normal(double log_value, double *gradient)
{
    double square = exp(2 * log_value);
    *gradient += 1 - square;
    return log_value - 0.5 * square;
}

static double normal(int64_t n, const double *value, double scale, double *gradient)
{
    double precision = 1 / (scale * scale), lanes[LANES] = {0}, total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            lanes[l] += value[i + l] * value[i + l];
            gradient[i + l] -= precision * value[i + l];
        }
    for (; i < n; i++) {
        total += value[i] * value[i];
        gradient[i] -= precision * value[i];
    }
    for (int l = 0; l < LANES; l++)
        total += lanes[l];
    return -0.5 * precision * total;
}

/* y * logit - softplus(logit) summed; residual = y - sigmoid(logit). */
static double bernoulli_logit(int n, const double *logit, const double *y, double *residual)
{
    double small[BLOCK], soft[BLOCK], total = 0;
    for (int i = 0; i < n; i++)
        small[i] = exp(-fabs(logit[i]));
    for (int i = 0; i < n; i++)
        soft[i] = log1p(small[i]);
    for (int i = 0; i < n; i++) {
        double positive = logit[i] >= 0 ? 1.0 : small[i];
        residual[i] = y[i] - positive / (1 + small[i]);
        total += y[i] * logit[i] - soft[i] - (logit[i] > 0 ? logit[i] : 0);
    }
    return total;
}

static double dot(int n, const double *a, const double *b)
{
    double lanes[LANES] = {0}, total = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += a[i + l] * b[i + l];
    for (; i < n; i++)
        total += a[i] * b[i];
    for (int l = 0; l < LANES; l++)
        total += lanes[l];
    return total;
}

int eight_schools(void *context, const double *q, double *gradient, double *logp)
{
    const Data *data = context;
    const double *trans = q + 2;
    double tau = exp(q[1]), total = 0;
    memset(gradient, 0, (2 + data->rows) * sizeof(double));
    total += normal(1, q, 5, gradient);
    total += half_cauchy(q[1], 5, gradient + 1);
    total += normal(data->rows, trans, 1, gradient + 2);
    for (int64_t i = 0; i < data->rows; i++) {
        double z = (data->y[i] - q[0] - tau * trans[i]) / data->sigma[i];
        double slope = z / data->sigma[i];
        total -= 0.5 * z * z;
        gradient[0] += slope;
        gradient[1] += slope * tau * trans[i];
        gradient[2 + i] += slope * tau;
    }
    *logp = total;
    return 0;
}

int logistic(void *context, const double *q, double *gradient, double *logp)
{
    const Data *data = context;
    double logit[BLOCK], residual[BLOCK], total;
    memset(gradient, 0, data->columns * sizeof(double));
    total = normal(data->columns, q, 2.5, gradient);
    for (int64_t start = 0; start < data->rows; start += BLOCK) {
        int n = data->rows - start < BLOCK ? (int)(data->rows - start) : BLOCK;
        memset(logit, 0, sizeof logit);
        for (int64_t d = 0; d < data->columns; d++) {
            const double *column = data->x + d * data->rows + start;
            for (int i = 0; i < n; i++)
                logit[i] += q[d] * column[i];
        }
        total += bernoulli_logit(n, logit, data->y + start, residual);
        for (int64_t d = 0; d < data->columns; d++)
            gradient[d] += dot(n, residual, data->x + d * data->rows + start);
    }
    *logp = total;
    return 0;
}

/* One home: its squared residual, and its share in the slopes of its county. */
static inline double radon_row(const Data *data, int64_t i, const double *coefficient,
                               double *slope)
{
    int64_t j = 2 * data->group[i];
    double residual = data->y[i] - coefficient[j] - coefficient[j + 1] * data->x[i];
    slope[j] += residual;
    slope[j + 1] += residual * data->x[i];
    return residual * residual;
}

/* The rows come sorted by county, so one stream of them would wait for its own last sum each time:
 * four streams, far apart and with slopes of their own, do not. */
int radon(void *context, const double *q, double *gradient, double *logp)
{
    const Data *data = context;
    int64_t groups = data->groups;
    const double *raw = q + 3, *mean = q + 3 + 2 * groups;
    double sigma[3] = {exp(q[0]), exp(q[1]), exp(q[2])};
    double *coefficient = data->work, *slope = data->work + 2 * groups;
    int64_t quarter = data->rows / STREAMS;
    double squares[STREAMS] = {0}, total = 0, precision = 1 / (sigma[0] * sigma[0]);
    memset(gradient, 0, (5 + 2 * groups) * sizeof(double));
    memset(slope, 0, 2 * STREAMS * groups * sizeof(double));
    for (int k = 0; k < 3; k++)
        total += half_normal(q[k], gradient + k);
    total += normal(2 * groups, raw, 1, gradient + 3);
    total += normal(2, mean, 10, gradient + 3 + 2 * groups);
    for (int64_t j = 0; j < groups; j++) {
        coefficient[2 * j] = mean[0] + sigma[1] * raw[j];
        coefficient[2 * j + 1] = mean[1] + sigma[2] * raw[groups + j];
    }
    for (int64_t i = 0; i < quarter; i++)
        for (int s = 0; s < STREAMS; s++)
            squares[s] += radon_row(data, s * quarter + i, coefficient, slope + 2 * s * groups);
    for (int64_t i = STREAMS * quarter; i < data->rows; i++)
        squares[0] += radon_row(data, i, coefficient, slope);
    for (int s = 1; s < STREAMS; s++) {
        squares[0] += squares[s];
        for (int64_t j = 0; j < 2 * groups; j++)
            slope[j] += slope[2 * s * groups + j];
    }
    total -= 0.5 * precision * squares[0] + data->rows * q[0];
    gradient[0] += precision * squares[0] - data->rows;
    for (int64_t j = 0; j < groups; j++)
        for (int k = 0; k < 2; k++) {
            double push = precision * slope[2 * j + k];
            gradient[1 + k] += push * sigma[1 + k] * raw[k * groups + j];
            gradient[3 + k * groups + j] += push * sigma[1 + k];
            gradient[3 + 2 * groups + k] += push;
        }
    *logp = total;
    return 0;
}

static double scaled_normal(int64_t n, const double *value, double mean, double log_scale,
                            double *gradient, double *mean_gradient, double *scale_gradient)
{
    double precision = exp(-2 * log_scale), squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double deviation = value[i] - mean;
        squares += deviation * deviation;
        gradient[i] -= precision * deviation;
        *mean_gradient += precision * deviation;
    }
    *scale_gradient += precision * squares - n;
    return -0.5 * precision * squares - n * log_scale;
}

int irt_2pl(void *context, const double *q, double *gradient, double *logp)
{
    const Data *data = context;
    int64_t persons = data->columns, items = data->rows;
    const double *theta = q + 1, *log_a = q + 2 + persons, *b = q + 4 + persons + items;
    double *g_theta = gradient + 1, *g_a = gradient + 2 + persons;
    double *g_mu = gradient + 2 + persons + items, *g_b = gradient + 4 + persons + items;
    double log_sigma_a = q[1 + persons], log_sigma_b = q[3 + persons + items];
    double logit[BLOCK], residual[BLOCK], unused = 0, total = 0;
    if (persons > BLOCK)
        return 1;
    memset(gradient, 0, (4 + persons + 2 * items) * sizeof(double));
    total += half_cauchy(q[0], 2, gradient);
    total += half_cauchy(log_sigma_a, 2, g_theta + persons);
    total += half_cauchy(log_sigma_b, 2, g_mu + 1);
    total += normal(1, q + 2 + persons + items, 5, g_mu);
    total += scaled_normal(persons, theta, 0, q[0], g_theta, &unused, gradient);
    total += scaled_normal(items, log_a, 0, log_sigma_a, g_a, &unused, g_theta + persons);
    total += scaled_normal(items, b, q[2 + persons + items], log_sigma_b, g_b, g_mu, g_mu + 1);
    for (int64_t i = 0; i < items; i++) {
        double a = exp(log_a[i]), sum = 0;
        for (int64_t j = 0; j < persons; j++)
            logit[j] = a * (theta[j] - b[i]);
        total += bernoulli_logit((int)persons, logit, data->y + i * persons, residual);
        for (int64_t j = 0; j < persons; j++) {
            g_theta[j] += a * residual[j];
            sum += residual[j];
        }
        g_a[i] += dot((int)persons, residual, logit);
        g_b[i] -= a * sum;
    }
    *logp = total;
    return 0;
}
