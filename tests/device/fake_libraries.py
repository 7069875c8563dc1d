"""Stand-ins for cuBLAS, cuSOLVER and cuFFT over host memory, which compute by LAPACK and pocketfft.

A library has the functions of `PROTOTYPES`, written down from NVIDIA's headers, as pointers for
ctypes. Each call checks its handle, sizes, steps and workspace, and that all memory it names is
allocated; what a real library may leave there, in workspaces and in inputs it destroys, is nan
afterwards. A call that is wrong returns a status, and `wrong` says why.
"""

import ctypes
import functools
import re
from collections import Counter

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy import fft
from scipy.linalg import blas, lapack

from probtensor.device.libraries.blas import Blas
from probtensor.device.libraries.dense import Dense
from probtensor.device.libraries.fourier import Fourier

OK, INVALID_VALUE, NOT_SUPPORTED = 0, 3, 9
FORWARD, BACKWARD = -1, 1
COMPLEX, TO_HALF, TO_REAL = 0x69, 0x6A, 0x6C
MOST_JACOBI = 32
PROTOTYPES = {
    "cublas": """
cublasCreate_v2(handle *made)
cublasDestroy_v2(handle h)
cublasSetStream_v2(handle h, stream s)
cublasSetWorkspace_v2(handle h, void *workspace, size_t bytes)
cublasSetMathMode(handle h, int mode)
cublasSgemm_v2_64(handle h, int transa, int transb, int64_t m, int64_t n, int64_t k, float *alpha,
    float *A, int64_t lda, float *B, int64_t ldb, float *beta, float *C, int64_t ldc)
cublasDgemm_v2_64(handle h, int transa, int transb, int64_t m, int64_t n, int64_t k, double *alpha,
    double *A, int64_t lda, double *B, int64_t ldb, double *beta, double *C, int64_t ldc)
cublasSgemmStridedBatched_64(handle h, int transa, int transb, int64_t m, int64_t n, int64_t k,
    float *alpha, float *A, int64_t lda, int64_t strideA, float *B, int64_t ldb, int64_t strideB,
    float *beta, float *C, int64_t ldc, int64_t strideC, int64_t batchCount)
cublasDgemmStridedBatched_64(handle h, int transa, int transb, int64_t m, int64_t n, int64_t k,
    double *alpha, double *A, int64_t lda, int64_t strideA, double *B, int64_t ldb,
    int64_t strideB, double *beta, double *C, int64_t ldc, int64_t strideC, int64_t batchCount)
cublasDtrsm_v2_64(handle h, int side, int uplo, int trans, int diag, int64_t m, int64_t n,
    double *alpha, double *A, int64_t lda, double *B, int64_t ldb)
cublasDtrsmBatched_64(handle h, int side, int uplo, int trans, int diag, int64_t m, int64_t n,
    double *alpha, double **A, int64_t lda, double **B, int64_t ldb, int64_t batchCount)
cublasDtrsv_v2_64(handle h, int uplo, int trans, int diag, int64_t n, double *A, int64_t lda,
    double *x, int64_t incx)
cublasDgetrfBatched(handle h, int n, double **A, int lda, int *P, int *info, int batchSize)
cublasDgetriBatched(handle h, int n, double **A, int lda, int *P, double **C, int ldc, int *info,
    int batchSize)
""",
    "cusolver": """
cusolverDnCreate(handle *made)
cusolverDnDestroy(handle h)
cusolverDnSetStream(handle h, stream s)
cusolverDnCreateSyevjInfo(params *made)
cusolverDnDestroySyevjInfo(params p)
cusolverDnDpotrf_bufferSize(handle h, int uplo, int n, double *A, int lda, int *lwork)
cusolverDnDpotrf(handle h, int uplo, int n, double *A, int lda, double *work, int lwork,
    int *info)
cusolverDnDgetrf_bufferSize(handle h, int m, int n, double *A, int lda, int *lwork)
cusolverDnDgetrf(handle h, int m, int n, double *A, int lda, double *work, int *ipiv, int *info)
cusolverDnDgetrs(handle h, int trans, int n, int nrhs, double *A, int lda, int *ipiv, double *B,
    int ldb, int *info)
cusolverDnDgeqrf_bufferSize(handle h, int m, int n, double *A, int lda, int *lwork)
cusolverDnDgeqrf(handle h, int m, int n, double *A, int lda, double *tau, double *work, int lwork,
    int *info)
cusolverDnDorgqr_bufferSize(handle h, int m, int n, int k, double *A, int lda, double *tau,
    int *lwork)
cusolverDnDorgqr(handle h, int m, int n, int k, double *A, int lda, double *tau, double *work,
    int lwork, int *info)
cusolverDnDsyevd_bufferSize(handle h, int jobz, int uplo, int n, double *A, int lda, double *W,
    int *lwork)
cusolverDnDsyevd(handle h, int jobz, int uplo, int n, double *A, int lda, double *W, double *work,
    int lwork, int *info)
cusolverDnDsyevjBatched_bufferSize(handle h, int jobz, int uplo, int n, double *A, int lda,
    double *W, int *lwork, params p, int batchSize)
cusolverDnDsyevjBatched(handle h, int jobz, int uplo, int n, double *A, int lda, double *W,
    double *work, int lwork, int *info, params p, int batchSize)
cusolverDnDgesvd_bufferSize(handle h, int m, int n, int *lwork)
cusolverDnDgesvd(handle h, char jobu, char jobvt, int m, int n, double *A, int lda, double *S,
    double *U, int ldu, double *VT, int ldvt, double *work, int lwork, double *rwork, int *info)
""",
    "cufft": """
cufftCreate(int *made)
cufftDestroy(int plan)
cufftSetAutoAllocation(int plan, int automatic)
cufftMakePlanMany64(int plan, int rank, int64_t *n, int64_t *inembed, int64_t istride,
    int64_t idist, int64_t *onembed, int64_t ostride, int64_t odist, int type, int64_t batch,
    size_t *workSize)
cufftSetStream(int plan, stream s)
cufftSetWorkArea(int plan, void *area)
cufftExecZ2Z(int plan, double *in, double *out, int direction)
cufftExecD2Z(int plan, double *in, double *out)
cufftExecZ2D(int plan, double *in, double *out)
""",
}
TYPES = {"int": ctypes.c_int, "int64_t": ctypes.c_int64, "char": ctypes.c_byte,
         "size_t": ctypes.c_size_t}  # fmt: skip
FUNCTION = re.compile(r"^(\w+)\((.*?)\)$", re.MULTILINE | re.DOTALL)


def prototypes(library):
    """Function -> (names, types) of its parameters; all that is a pointer, or opaque, is void *."""
    found = {}
    for name, text in FUNCTION.findall(PROTOTYPES[library]):
        parts = [part.split() for part in text.split(",")] if text else []
        types = [
            ctypes.c_void_p if "*" in part[-1] else TYPES.get(part[0], ctypes.c_void_p)
            for part in parts
        ]
        found[name] = [part[-1].strip("*") for part in parts], types
    return found


class Wrong(Exception):
    """A call that the real library would refuse, or that would destroy memory."""


def insist(condition, why):
    """Raise Wrong unless the condition holds."""
    if not condition:
        raise Wrong(why)


class Library:
    """The functions of one library. `calls` counts them by name, `streams` has the stream of each
    call that computes, `wrong` what was refused. `check(address, nbytes)` raises where memory is
    not allocated."""

    name = ""

    def __init__(self, check):
        self.check = check
        self.calls, self.streams, self.wrong = Counter(), [], []
        self.handles = {}  # number -> what is known of it
        self.alive = []  # buffers whose addresses are handles
        for name, (_, types) in prototypes(self.name).items():
            function = ctypes.CFUNCTYPE(ctypes.c_int, *types)(self._guarded(name))
            setattr(self, name, function)

    def _guarded(self, name):
        work = getattr(self, f"_{name}", None)

        def call(*arguments):
            self.calls[name] += 1
            if work is None:
                return NOT_SUPPORTED
            try:
                work(*arguments)
            except Exception as error:
                self.wrong.append(f"{name}: {error}")
                return INVALID_VALUE
            return OK

        return call

    # Handles.

    def make(self, made):
        """Write a new handle."""
        token = ctypes.create_string_buffer(8)
        self.alive.append(token)
        number = ctypes.addressof(token)
        self.handles[number] = {"stream": None}
        ctypes.c_void_p.from_address(made).value = number

    def use(self, handle):
        """What is known of a handle, which must be there."""
        insist(handle in self.handles, "the handle was not created, or is destroyed")
        return self.handles[handle]

    def compute(self, handle):
        """The same, for a call that computes."""
        self.streams.append(self.use(handle)["stream"])

    # Memory.

    def vector(self, address, count, dtype=np.float64):
        """`count` elements at an address."""
        nbytes = int(count) * np.dtype(dtype).itemsize
        insist(count >= 0 and (nbytes == 0 or address), "an array that is null or has no size")
        self.check(address or 0, nbytes)
        if nbytes == 0:
            return np.empty(0, dtype)
        insist(address % np.dtype(dtype).itemsize == 0, "an address that is not aligned")
        return np.frombuffer((ctypes.c_char * nbytes).from_address(address), dtype)

    def matrix(self, address, rows, columns, step, dtype=np.float64):
        """A column-major matrix, whose columns are `step` apart."""
        insist(step >= max(rows, 1), f"a step of {step} for {rows} rows")
        count = step * (columns - 1) + rows if rows and columns else 0
        flat = self.vector(address, count, dtype)
        if not flat.size:
            return np.empty((rows, columns), dtype)
        return as_strided(flat, (rows, columns), (flat.itemsize, flat.itemsize * step))

    def spoil(self, address, size, needed):
        """A workspace is large enough, and holds nothing afterwards."""
        insist(size >= needed, f"a workspace of {size}, not of {needed}")
        self.vector(address, size)[:] = np.nan

    def write(self, address, number, type=ctypes.c_int):
        """A number for the host."""
        type.from_address(address).value = number


class Cublas(Library):
    """Products and triangular systems."""

    name = "cublas"

    def _cublasCreate_v2(self, made):
        self.make(made)

    def _cublasDestroy_v2(self, handle):
        self.use(handle)
        del self.handles[handle]

    def _cublasSetStream_v2(self, handle, stream):
        self.use(handle)["stream"] = stream

    def _cublasSetWorkspace_v2(self, handle, workspace, nbytes):
        insist(workspace % 256 == 0, "a workspace that is not aligned")
        self.use(handle)
        self.check(workspace, nbytes)

    def _cublasSetMathMode(self, handle, mode):
        self.use(handle)

    def gemm(self, dtype, handle, transa, transb, m, n, k, alpha, a, lda, step_a, b, ldb, step_b,
             beta, c, ldc, step_c, batch):  # fmt: skip
        self.compute(handle)
        insist({transa, transb} <= {0, 1}, "an enumeration has no such value")
        width, number = np.dtype(dtype).itemsize, np.ctypeslib.as_ctypes_type(dtype)
        factors = [number.from_address(x).value for x in (alpha, beta)]
        insist(factors == [1, 0], "the stand-in knows plain products alone")
        for item in range(batch):
            x = self.matrix(a + item * step_a * width, *((k, m) if transa else (m, k)), lda, dtype)
            y = self.matrix(b + item * step_b * width, *((n, k) if transb else (k, n)), ldb, dtype)
            out = self.matrix(c + item * step_c * width, m, n, ldc, dtype)
            out[...] = (x.T if transa else x) @ (y.T if transb else y)

    def one_gemm(self, dtype, handle, transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        self.gemm(dtype, handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc,
                  0, 1)  # fmt: skip

    _cublasSgemm_v2_64 = functools.partialmethod(one_gemm, np.float32)
    _cublasDgemm_v2_64 = functools.partialmethod(one_gemm, np.float64)
    _cublasSgemmStridedBatched_64 = functools.partialmethod(gemm, np.float32)
    _cublasDgemmStridedBatched_64 = functools.partialmethod(gemm, np.float64)

    def _cublasDtrsm_v2_64(self, handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb):
        self.compute(handle)
        self.trsm(side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb)

    def trsm(self, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb):
        insist({side, uplo, trans, diag} <= {0, 1}, "an enumeration has no such value")
        size = n if side else m
        t, x = self.matrix(a, size, size, lda), self.matrix(b, m, n, ldb)
        factor = ctypes.c_double.from_address(alpha).value
        x[...] = blas.dtrsm(factor, t, x, side, not uplo, trans, diag)

    def _cublasDtrsmBatched_64(
        self, handle, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb, batch
    ):
        self.compute(handle)
        pairs = zip(self.vector(a, batch, np.int64), self.vector(b, batch, np.int64), strict=True)
        for t, x in pairs:
            self.trsm(side, uplo, trans, diag, m, n, alpha, int(t), lda, int(x), ldb)

    def _cublasDtrsv_v2_64(self, handle, uplo, trans, diag, n, a, lda, x, incx):
        self.compute(handle)
        insist({uplo, trans, diag} <= {0, 1} and incx == 1, "an argument has no such value")
        found = self.vector(x, n)
        found[:] = blas.dtrsv(self.matrix(a, n, n, lda), found, 1, 0, not uplo, trans, diag)

    def _cublasDgetrfBatched(self, handle, n, a, lda, swaps, info, batch):
        self.compute(handle)
        places = self.vector(a, batch, np.int64)
        pivots, infos = self.vector(swaps, n * batch, np.int32), self.vector(info, batch, np.int32)
        for k in range(batch):
            x = self.matrix(int(places[k]), n, n, lda)
            x[...], found, infos[k] = lapack.dgetrf(x)
            pivots[k * n : (k + 1) * n] = found + 1

    def _cublasDgetriBatched(self, handle, n, a, lda, swaps, c, ldc, info, batch):
        self.compute(handle)
        places, results = self.vector(a, batch, np.int64), self.vector(c, batch, np.int64)
        pivots, infos = self.vector(swaps, n * batch, np.int32), self.vector(info, batch, np.int32)
        insist(not set(places) & set(results), "an inverse in place")
        for k in range(batch):
            x = self.matrix(int(places[k]), n, n, lda)
            out = self.matrix(int(results[k]), n, n, ldc)
            out[...], infos[k] = lapack.dgetri(x, pivots[k * n : (k + 1) * n] - 1)


class Cusolver(Library):
    """Factorisations by LAPACK."""

    name = "cusolver"

    def _cusolverDnCreate(self, made):
        self.make(made)

    def _cusolverDnDestroy(self, handle):
        self.use(handle)
        del self.handles[handle]

    def _cusolverDnSetStream(self, handle, stream):
        self.use(handle)["stream"] = stream

    def _cusolverDnCreateSyevjInfo(self, made):
        self.make(made)

    def _cusolverDnDestroySyevjInfo(self, params):
        self.use(params)
        del self.handles[params]

    def _cusolverDnDpotrf_bufferSize(self, handle, uplo, n, a, lda, lwork):
        self.use(handle)
        insist(lda >= n, "a step below the rows")
        self.write(lwork, 3 * n + 5)

    def _cusolverDnDpotrf(self, handle, uplo, n, a, lda, work, lwork, info):
        self.compute(handle)
        insist(uplo in (0, 1), "no such triangle")
        self.spoil(work, lwork, 3 * n + 5)
        x = self.matrix(a, n, n, lda)
        x[...], self.vector(info, 1, np.int32)[:] = lapack.dpotrf(x, lower=not uplo, clean=0)

    def _cusolverDnDgetrf_bufferSize(self, handle, m, n, a, lda, lwork):
        self.use(handle)
        insist(lda >= m, "a step below the rows")
        self.write(lwork, m + 2 * n)

    def _cusolverDnDgetrf(self, handle, m, n, a, lda, work, swaps, info):
        self.compute(handle)
        self.spoil(work, m + 2 * n, 0)
        x, pivots = self.matrix(a, m, n, lda), self.vector(swaps, min(m, n), np.int32)
        x[...], found, self.vector(info, 1, np.int32)[:] = lapack.dgetrf(x)
        pivots[:] = found + 1

    def _cusolverDnDgetrs(self, handle, trans, n, k, a, lda, swaps, b, ldb, info):
        self.compute(handle)
        insist(trans in (0, 1), "no such operation")
        pivots, x = self.vector(swaps, n, np.int32), self.matrix(b, n, k, ldb)
        factor = self.matrix(a, n, n, lda)
        with np.errstate(all="ignore"):
            x[...], self.vector(info, 1, np.int32)[:] = lapack.dgetrs(
                factor, pivots - 1, x, trans=trans
            )

    def _cusolverDnDgeqrf_bufferSize(self, handle, m, n, a, lda, lwork):
        self.use(handle)
        insist(lda >= m, "a step below the rows")
        self.write(lwork, 7 * n)

    def _cusolverDnDgeqrf(self, handle, m, n, a, lda, tau, work, lwork, info):
        self.compute(handle)
        self.spoil(work, lwork, 7 * n)
        x, factors = self.matrix(a, m, n, lda), self.vector(tau, min(m, n))
        x[...], factors[:], _, self.vector(info, 1, np.int32)[:] = lapack.dgeqrf(x)

    def _cusolverDnDorgqr_bufferSize(self, handle, m, n, k, a, lda, tau, lwork):
        self.use(handle)
        insist(m >= n >= k and lda >= m, "sizes that do not fit")
        self.write(lwork, 9 * n + k)

    def _cusolverDnDorgqr(self, handle, m, n, k, a, lda, tau, work, lwork, info):
        self.compute(handle)
        insist(m >= n >= k, "sizes that do not fit")
        self.spoil(work, lwork, 9 * n + k)
        x = self.matrix(a, m, n, lda)
        x[...], _, self.vector(info, 1, np.int32)[:] = lapack.dorgqr(x, self.vector(tau, k))

    def _cusolverDnDsyevd_bufferSize(self, handle, job, uplo, n, a, lda, w, lwork):
        self.use(handle)
        insist(lda >= n, "a step below the rows")
        self.write(lwork, (2 * n * n if job else n) + 4)

    def _cusolverDnDsyevd(self, handle, job, uplo, n, a, lda, w, work, lwork, info):
        self.compute(handle)
        self.spoil(work, lwork, (2 * n * n if job else n) + 4)
        self.symmetric(job, uplo, n, a, lda, w, info)

    def symmetric(self, job, uplo, n, a, lda, w, info):
        insist({job, uplo} <= {0, 1}, "an enumeration has no such value")
        x, values = self.matrix(a, n, n, lda), self.vector(w, n)
        values[:], vectors, self.vector(info, 1, np.int32)[:] = lapack.dsyevd(
            x, compute_v=job, lower=not uplo
        )
        x[...] = vectors if job else np.nan

    def _cusolverDnDsyevjBatched_bufferSize(
        self, handle, job, uplo, n, a, lda, w, lwork, params, batch
    ):
        self.use(handle)
        self.use(params)
        self.write(lwork, batch * (n + 3))

    def _cusolverDnDsyevjBatched(
        self, handle, job, uplo, n, a, lda, w, work, lwork, info, params, batch
    ):
        self.compute(handle)
        self.use(params)
        insist(n <= MOST_JACOBI, "a matrix that is too large")
        self.spoil(work, lwork, batch * (n + 3))
        for k in range(batch):
            of_matrix, of_values = a + 8 * k * lda * n, w + 8 * k * n
            self.symmetric(job, uplo, n, of_matrix, lda, of_values, info + 4 * k)

    def _cusolverDnDgesvd_bufferSize(self, handle, m, n, lwork):
        self.use(handle)
        insist(m >= n, "less rows than columns")
        self.write(lwork, 5 * m + n)

    def _cusolverDnDgesvd(
        self, handle, jobu, jobvt, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, rwork, info
    ):
        self.compute(handle)
        insist(m >= n, "less rows than columns")
        insist(jobu == jobvt and chr(jobu) in "ASN", "no such job")
        self.spoil(work, lwork, 5 * m + n)
        x, values = self.matrix(a, m, n, lda), self.vector(s, n)
        full, vectors = chr(jobu) == "A", chr(jobu) != "N"
        left, values[:], right, self.vector(info, 1, np.int32)[:] = lapack.dgesvd(
            x, compute_uv=vectors, full_matrices=full
        )
        x[...] = np.nan
        if vectors:
            self.matrix(u, m, m if full else n, ldu)[...] = left
            self.matrix(vt, n, n, ldvt)[...] = right


class Cufft(Library):
    """Transforms by pocketfft."""

    name = "cufft"

    def _cufftCreate(self, made):
        number = 1 + max(self.handles, default=6)
        self.handles[number] = {"stream": None}
        self.write(made, number)

    def _cufftDestroy(self, plan):
        self.use(plan)
        del self.handles[plan]

    def _cufftSetAutoAllocation(self, plan, automatic):
        known = self.use(plan)
        insist("type" not in known, "the plan is made already")
        known["automatic"] = automatic

    def _cufftMakePlanMany64(
        self, plan, rank, n, inembed, istride, idist, onembed, ostride, odist, type, batch, size
    ):
        known = self.use(plan)
        insist(known.get("automatic") == 0, "the plan would allocate its workspace")
        insist(not inembed and not onembed, "the stand-in knows contiguous items alone")
        insist(type in (COMPLEX, TO_HALF, TO_REAL) and 1 <= rank <= 3, "no such transform")
        sizes = list((ctypes.c_int64 * rank).from_address(n))
        insist(min(*sizes, batch) > 0, "a size that is not positive")
        nbytes = 16 * batch * int(np.prod(sizes)) + 48
        known.update(type=type, sizes=sizes, batch=batch, nbytes=nbytes)
        self.write(size, nbytes, ctypes.c_size_t)

    def _cufftSetStream(self, plan, stream):
        self.use(plan)["stream"] = stream

    def _cufftSetWorkArea(self, plan, area):
        known = self.use(plan)
        self.check(area, known["nbytes"])
        known["area"] = area

    def begin(self, plan, type):
        known = self.use(plan)
        insist(known.get("type") == type, "the plan is of another type")
        insist("area" in known, "the plan has no workspace")
        self.compute(plan)
        self.vector(known["area"], known["nbytes"] // 8)[:] = np.nan
        *outer, n = known["sizes"]
        half = (known["batch"], *outer, n // 2 + 1)
        return (known["batch"], *outer, n), half, tuple(range(1, 1 + len(known["sizes"])))

    def items(self, address, shape, dtype):
        doubles = int(np.prod(shape)) * np.dtype(dtype).itemsize // 8
        return self.vector(address, doubles).view(dtype).reshape(shape)

    def _cufftExecZ2Z(self, plan, x, out, direction):
        shape, _, axes = self.begin(plan, COMPLEX)
        insist(direction in (FORWARD, BACKWARD), "no such direction")
        found = self.items(x, shape, complex)
        if direction == FORWARD:
            result = fft.fftn(found, axes=axes)
        else:
            result = fft.ifftn(found, axes=axes, norm="forward")
        self.items(out, shape, complex)[...] = result

    def _cufftExecD2Z(self, plan, x, out):
        shape, half, axes = self.begin(plan, TO_HALF)
        self.items(out, half, complex)[...] = fft.rfftn(self.items(x, shape, float), axes=axes)

    def _cufftExecZ2D(self, plan, x, out):
        shape, half, axes = self.begin(plan, TO_REAL)
        found = self.items(x, half, complex)
        ends = found[..., [0, -1]] if shape[-1] % 2 == 0 else found[..., :1]
        mirrored = ends.conj()
        for axis in range(1, ends.ndim - 1):
            mirrored = np.roll(np.flip(mirrored, axis), 1, axis)
        same = np.allclose(ends, mirrored, rtol=1e-12, atol=1e-12, equal_nan=True)
        insist(same, "the spectrum is not that of reals")
        result = fft.irfftn(found, shape[1:], axes=axes, norm="forward")
        found[...] = np.nan
        self.items(out, shape, float)[...] = result


class Libraries:
    """All three, and our bindings over them."""

    def __init__(self, driver, check):
        self.cublas, self.cusolver, self.cufft = Cublas(check), Cusolver(check), Cufft(check)
        self.blas = Blas(driver, self.cublas)
        self.dense = Dense(driver, self.blas, self.cusolver)
        self.fourier = Fourier(driver, self.cufft)

    @property
    def calls(self):
        """How often each function was called."""
        return self.cublas.calls + self.cusolver.calls + self.cufft.calls

    @property
    def wrong(self):
        """What was refused."""
        return [*self.cublas.wrong, *self.cusolver.wrong, *self.cufft.wrong]
