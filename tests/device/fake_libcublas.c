/* A libcublas without a GPU: the products that the bindings call, over host memory, with three
 * loops and column-major, so that wrong leading dimensions or transpositions are detected.
 *
 * fake_cublas_last gives arguments of the last product: stream and math mode.
 */
#include <stdint.h>
#include <stdlib.h>

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7 };

typedef struct {
    void *stream;
    void *workspace;
    size_t workspace_bytes;
    int math;
} handle_t;

typedef struct {
    void *stream;
    int64_t math;
    int64_t workspace_bytes;
    int64_t handles;
} last_t;

last_t fake_cublas_last;

int cublasCreate_v2(handle_t **handle)
{
    *handle = calloc(1, sizeof(handle_t));
    fake_cublas_last.handles++;
    return OK;
}

int cublasDestroy_v2(handle_t *handle)
{
    free(handle);
    return OK;
}

/* As in the real one, this resets the workspace. */
int cublasSetStream_v2(handle_t *handle, void *stream)
{
    handle->stream = stream;
    handle->workspace = NULL;
    handle->workspace_bytes = 0;
    return OK;
}

int cublasSetWorkspace_v2(handle_t *handle, void *workspace, size_t bytes)
{
    if ((uintptr_t) workspace % 256)
        return INVALID_VALUE;
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return OK;
}

int cublasSetMathMode(handle_t *handle, int math)
{
    handle->math = math;
    return OK;
}

static int check(handle_t *handle, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                 int64_t lda, int64_t ldb, int64_t ldc)
{
    if (!handle)
        return NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || trans_a > 1 || trans_b > 1)
        return INVALID_VALUE;
    if (lda < (trans_a ? k : m) || ldb < (trans_b ? n : k) || ldc < m || lda < 1 || ldb < 1)
        return INVALID_VALUE;
    fake_cublas_last.stream = handle->stream;
    fake_cublas_last.math = handle->math;
    fake_cublas_last.workspace_bytes = (int64_t) handle->workspace_bytes;
    return OK;
}

#define PRODUCTS(letter, type) \
    int cublas##letter##gemmStridedBatched_64( \
        handle_t *handle, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, \
        const type *alpha, const type *a, int64_t lda, int64_t step_a, const type *b, \
        int64_t ldb, int64_t step_b, const type *beta, type *c, int64_t ldc, int64_t step_c, \
        int64_t batch) \
    { \
        const int wrong = check(handle, trans_a, trans_b, m, n, k, lda, ldb, ldc); \
        if (wrong) \
            return wrong; \
        for (int64_t item = 0; item < batch; item++) \
            for (int64_t j = 0; j < n; j++) \
                for (int64_t i = 0; i < m; i++) { \
                    const type *x = a + item * step_a, *y = b + item * step_b; \
                    type *out = c + item * step_c + i + j * ldc; \
                    double sum = 0; \
                    for (int64_t p = 0; p < k; p++) \
                        sum += (double) (trans_a ? x[p + i * lda] : x[i + p * lda]) * \
                               (trans_b ? y[j + p * ldb] : y[p + j * ldb]); \
                    *out = (type) (*alpha * sum + (*beta == 0 ? 0 : *beta * *out)); \
                } \
        return OK; \
    } \
    int cublas##letter##gemm_v2_64( \
        handle_t *handle, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, \
        const type *alpha, const type *a, int64_t lda, const type *b, int64_t ldb, \
        const type *beta, type *c, int64_t ldc) \
    { \
        return cublas##letter##gemmStridedBatched_64(handle, trans_a, trans_b, m, n, k, alpha, a, \
                                                     lda, 0, b, ldb, 0, beta, c, ldc, 0, 1); \
    }
PRODUCTS(S, float)
PRODUCTS(D, double)
