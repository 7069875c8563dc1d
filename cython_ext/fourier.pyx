"""Discrete Fourier, cosine and sine transforms for compiled plans, by SciPy's module of them: ducc
since SciPy 1.18, pocketfft before, which have the same functions.

The transforms are not scaled. Complex numbers are pairs of doubles. SciPy's module has no interface
in C: a call takes the GIL for the few hundred nanoseconds that it needs to make arrays of the
pointers, and SciPy releases it while it computes. A transform that fails is nan.
"""

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int64_t

try:
    from scipy.fft._duccfft import pyduccfft as transforms
except ImportError:
    from scipy.fft._pocketfft import pypocketfft as transforms

cnp.import_array()

c2c, r2c, c2r = transforms.c2c, transforms.r2c, transforms.c2r
dct, dst = transforms.dct, transforms.dst
ROWS, PLANES = (1,), (1, 2)  # the axes of items of one axis and of two


cdef object array_of(void* data, int64_t batch, int64_t m, int64_t n, int ndim, int kind):
    """An array of items in memory; of rows of n, or of planes of m by n."""
    cdef cnp.npy_intp shape[3]
    shape[0], shape[1], shape[2] = batch, m if ndim == 3 else n, n
    return cnp.PyArray_SimpleNewFromData(ndim, shape, kind, data)


cdef void fail(double* out, int64_t count) noexcept:
    cdef int64_t i
    for i in range(count):
        out[i] = NAN


cdef void complex_to_complex(
    const double* x, double* out, int64_t batch, int64_t m, int64_t n, int ndim, int kind,
    bint forward
) noexcept nogil:
    """Transforms of complex numbers, or of reals (`kind`) to complex numbers at all frequencies."""
    if batch * m * n == 0:
        return
    with gil:
        try:
            given = array_of(<void*> x, batch, m, n, ndim, kind)
            found = array_of(out, batch, m, n, ndim, cnp.NPY_CDOUBLE)
            c2c(given, ROWS if ndim == 2 else PLANES, forward, 0, found, 1)
        except BaseException:
            fail(out, 2 * batch * m * n)


cdef void real_to_half(
    const double* x, double* out, int64_t batch, int64_t m, int64_t n, int ndim
) noexcept nogil:
    """Transforms of n reals to the n // 2 + 1 frequencies from 0 on."""
    if batch * m * n == 0:
        return
    with gil:
        try:
            given = array_of(<void*> x, batch, m, n, ndim, cnp.NPY_DOUBLE)
            found = array_of(out, batch, m, n // 2 + 1, ndim, cnp.NPY_CDOUBLE)
            r2c(given, ROWS if ndim == 2 else PLANES, True, 0, found, 1)
        except BaseException:
            fail(out, 2 * batch * m * (n // 2 + 1))


cdef void half_to_real(
    const double* x, double* out, int64_t batch, int64_t m, int64_t half, int64_t n, int ndim
) noexcept nogil:
    """Backward transforms of the frequencies from 0 on to n reals."""
    if batch * m * n <= 0:
        return
    with gil:
        try:
            given = array_of(<void*> x, batch, m, half, ndim, cnp.NPY_CDOUBLE)
            found = array_of(out, batch, m, n, ndim, cnp.NPY_DOUBLE)
            c2r(given, ROWS if ndim == 2 else PLANES, n, False, 0, found, 1)
        except BaseException:
            fail(out, batch * m * n)


cdef void real_to_real(
    const double* x, double* out, int64_t batch, int64_t n, int kind, bint sines
) noexcept nogil:
    """Cosine and sine transforms of types 1 to 4."""
    if batch * n == 0:
        return
    with gil:
        try:
            given = array_of(<void*> x, batch, 1, n, 2, cnp.NPY_DOUBLE)
            found = array_of(out, batch, 1, n, 2, cnp.NPY_DOUBLE)
            (dst if sines else dct)(given, kind, ROWS, 0, found, 1)
        except BaseException:
            fail(out, batch * n)


cdef void pt_fft(const double* x, double* out, int64_t batch,
                 int64_t n, int64_t pair) noexcept nogil:
    complex_to_complex(x, out, batch, 1, n, 2, cnp.NPY_CDOUBLE, True)

cdef void pt_ifft(const double* x, double* out, int64_t batch,
                  int64_t n, int64_t pair) noexcept nogil:
    complex_to_complex(x, out, batch, 1, n, 2, cnp.NPY_CDOUBLE, False)

cdef void pt_fft_real(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    complex_to_complex(x, out, batch, 1, n, 2, cnp.NPY_DOUBLE, True)

cdef void pt_rfft(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_half(x, out, batch, 1, n, 2)

cdef void pt_irfft_even(const double* x, double* out, int64_t batch,
                        int64_t n, int64_t pair) noexcept nogil:
    half_to_real(x, out, batch, 1, n, 2 * n - 2, 2)

cdef void pt_irfft_odd(const double* x, double* out, int64_t batch,
                       int64_t n, int64_t pair) noexcept nogil:
    half_to_real(x, out, batch, 1, n, 2 * n - 1, 2)

cdef void pt_fft2(const double* x, double* out, int64_t batch,
                  int64_t m, int64_t n, int64_t pair) noexcept nogil:
    complex_to_complex(x, out, batch, m, n, 3, cnp.NPY_CDOUBLE, True)

cdef void pt_ifft2(const double* x, double* out, int64_t batch,
                   int64_t m, int64_t n, int64_t pair) noexcept nogil:
    complex_to_complex(x, out, batch, m, n, 3, cnp.NPY_CDOUBLE, False)

cdef void pt_fft_real2(const double* x, double* out, int64_t batch,
                       int64_t m, int64_t n) noexcept nogil:
    complex_to_complex(x, out, batch, m, n, 3, cnp.NPY_DOUBLE, True)

cdef void pt_rfft2(const double* x, double* out, int64_t batch,
                   int64_t m, int64_t n) noexcept nogil:
    real_to_half(x, out, batch, m, n, 3)

cdef void pt_irfft_even2(const double* x, double* out, int64_t batch,
                         int64_t m, int64_t n, int64_t pair) noexcept nogil:
    half_to_real(x, out, batch, m, n, 2 * n - 2, 3)

cdef void pt_irfft_odd2(const double* x, double* out, int64_t batch,
                        int64_t m, int64_t n, int64_t pair) noexcept nogil:
    half_to_real(x, out, batch, m, n, 2 * n - 1, 3)

cdef void pt_dct1(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 1, False)

cdef void pt_dst1(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 1, True)

cdef void pt_dct2(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 2, False)

cdef void pt_dst2(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 2, True)

cdef void pt_dct3(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 3, False)

cdef void pt_dst3(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 3, True)

cdef void pt_dct4(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 4, False)

cdef void pt_dst4(const double* x, double* out, int64_t batch, int64_t n) noexcept nogil:
    real_to_real(x, out, batch, n, 4, True)
