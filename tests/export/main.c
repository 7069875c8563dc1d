/* A program without Python: reads points of q, prints density and gradient as %a, from threads. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "MODEL.h"
#include "probtensor.h"

#define JOIN(a, b) a##b
#define NAME(model, what) JOIN(model, what)
#define F(what) NAME(MODEL, what)
#define ROUNDS 200

static int points;
static double *q, *logp, *grad;
static F(_context) *shared;

static void fail(const char *what, int status)
{
    fprintf(stderr, "%s: %d: %s\n", what, status, F(_error_text)(status));
    exit(1);
}

/* Thread k evaluates every point often, and writes those with number k. */
static void *work(void *number)
{
    const int k = (int) (intptr_t) number, dim = (int) F(_dim)();
    pt_logp_grad_fn density = F(_logp_grad);
    double *slope = malloc((size_t) dim * sizeof *slope), value;
    F(_context) *context;
    int status = F(_clone)(shared, &context);
    if (status)
        fail("clone", status);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < points; i++) {
            status = density(context, q + i * dim, slope, &value);
            if (status)
                fail("logp_grad", status);
            if (i % 4 != k)
                continue;
            if (round && !(value == logp[i] || value != value))
                fail("another value", 0);
            logp[i] = value;
            for (int j = 0; j < dim; j++)
                grad[i * dim + j] = slope[j];
        }
    F(_close)(context);
    free(slope);
    return NULL;
}

int main(int count, char **words)
{
    const int dim = (int) F(_dim)();
    double *values = malloc((size_t) F(_values)() * sizeof *values), *back;
    pthread_t threads[4];
    char text[100];
    int status = F(_open)(count > 1 ? words[1] : NULL, &shared);
    if (status) {
        printf("%d %s\n", status, F(_error_text)(status));
        return 2;
    }
    if (scanf("%d", &points) != 1)
        return 3;
    q = malloc((size_t) (points * dim) * sizeof *q);
    back = malloc((size_t) dim * sizeof *back);
    grad = malloc((size_t) (points * dim) * sizeof *grad);
    logp = malloc((size_t) points * sizeof *logp);
    for (int i = 0; i < points * dim; i++)
        if (scanf("%lf", q + i) != 1)
            return 3;
    for (int k = 0; k < 4; k++)
        pthread_create(&threads[k], NULL, work, (void *) (intptr_t) k);
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
    for (int i = 0; i < points; i++) {
        printf("%a", logp[i]);
        for (int j = 0; j < dim; j++)
            printf(" %a", grad[i * dim + j]);
        printf("\n");
    }
    status = F(_constrain)(shared, q, values);
    if (status)
        fail("constrain", status);
    for (int64_t i = 0; i < F(_values)(); i++) {
        F(_value_name)(i, text, sizeof text);
        printf("%s %a\n", text, values[i]);
    }
    status = F(_unconstrain)(shared, values, back);
    if (status)
        fail("unconstrain", status);
    for (int j = 0; j < dim; j++)
        printf("%s%a", j ? " " : "", back[j]);
    printf("\n");
    F(_close)(shared);
    free(q), free(back), free(grad), free(logp), free(values);
    return 0;
}
