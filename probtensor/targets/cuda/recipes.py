"""How NVIDIA's libraries compute routines of `cython_ext`: one recipe for each, in `RECIPES`.

Libraries are column-major: a row-major matrix is to them its transpose. A symmetric matrix, a
triangular system and an inverse need no other order; factors of general matrices are copied. What
the host makes nan is nan here: recipes check what they copy, and read what a routine reports.

Many items are one call where the library has a routine of many, else a call for each. Sizes below
which a call costs more than kernels of our own, or than the host with its transfers, are left to
these: they are estimates, to be measured by `make gpu`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from probtensor.dataclass import dataclass
from probtensor.device.libraries.dense import ALL, NONE, PLAIN, SOME, UPPER, VALUES, VECTORS
from probtensor.targets.cuda.recorder import (
    INT_BYTES,
    KEEP_LOWER,
    KEEP_UPPER,
    Place,
    Recorder,
)

MAX_LOOPED = 16  # items that are called one after another
LEAST_KERNEL = 256  # rows of a matrix, below which our own kernels are used
LEAST_FACTOR = 64  # of LU and QR, below which few items are computed on the host
LEAST_SPECTRUM = 128  # of eigenvalues and singular values
MOST_JACOBI = 32  # rows of many symmetric matrices, a limit of the library


@dataclass(frozen=True)
class Recipe:
    """How a library computes a routine.

    record   calls a recorder for the operands of the routine and its numbers
    fits     whether the library should compute it, for these numbers, all positive
    library  the member of the driver that it needs
    """

    record: Callable[..., None]
    fits: Callable[..., bool]
    library: str = "dense"


def _items(batch: int, count: int, *places: Place) -> Iterator[tuple[Place, ...]]:
    """The places of each item, all of `count` elements."""
    for k in range(batch):
        yield tuple(place.plus(k * count) for place in places)


# Cholesky factors and triangular systems.


def _few_large(batch: int, n: int, *rest: int) -> bool:
    return batch <= MAX_LOOPED and n >= LEAST_KERNEL


def _cholesky(r: Recorder, a: Place, out: Place, batch: int, n: int) -> None:
    bad, info = r.flags(batch)
    r.take(a, out, bad, batch, n, n, keep=KEEP_LOWER)
    for k, (item,) in enumerate(_items(batch, n * n, out)):
        r.call("potrf", UPPER, n, item, n, info=info.plus(k, INT_BYTES))
    r.give(out, out, bad, info, batch, n, n)


def _cholesky_gradient(
    r: Recorder, factor: Place, g: Place, out: Place, batch: int, n: int
) -> None:
    low, cotangent = r.room(batch * n * n), r.room(batch * n * n)
    r.give(factor, low, 0, 0, batch, n, n, keep=KEEP_LOWER)
    r.give(g, cotangent, 0, 0, batch, n, n, keep=KEEP_LOWER)
    r.product(batch, n, low, cotangent, out, a_transposed=True)
    r.kernel("mirror", batch * n * n, out, batch, n, 1)
    for t, x in _items(batch, n * n, low, out):
        r.solve(t, x, n, n, lower=True, transposed=True)
        r.solve_left(t, x, n)
    r.kernel("mirror", batch * n * n, out, batch, n, 0)


def _triangular(lower: bool, transposed: bool) -> Recipe:
    def record(
        r: Recorder, t: Place, b: Place, out: Place, batch: int, n: int, k: int
    ) -> None:
        r.copy(out, b, batch * n * k)
        for item in range(batch):
            x = out.plus(item * n * k)
            r.solve(t.plus(item * n * n), x, n, k, lower, transposed=transposed)

    return Recipe(record, _few_large)


# LU.


def _factors(batch: int, n: int, *rest: int) -> bool:
    return batch > MAX_LOOPED or n >= LEAST_FACTOR


def _lu(
    r: Recorder, a: Place, factor: Place, pivots: Place, rows: Place, work: Place, batch: int,
    n: int,
) -> None:  # fmt: skip
    bad, info = r.flags(batch)
    turned, swaps = r.room(batch * n * n), r.room(batch * n, INT_BYTES)
    r.take(a, turned, bad, batch, n, n, transposed=True)
    _factorise(r, turned, swaps, info, batch, n)
    r.give(turned, factor, bad, 0, batch, n, n, strides=(n * n, 1, n))
    r.kernel("pivots", 256 * batch, swaps, bad, pivots, rows, batch, n)


def _factorise(
    r: Recorder, x: Place, swaps: Place, info: Place, batch: int, n: int
) -> Place | None:
    """LU in place of what the library sees; gives the addresses of items where there are many."""
    if batch > MAX_LOOPED:
        places = r.addresses(x, batch, n * n)
        r.call("getrf_batched", n, places, n, swaps, info=info, batch=batch)
        return places
    for k, (item,) in enumerate(_items(batch, n * n, x)):
        own = swaps.plus(k * n, INT_BYTES)
        r.call("getrf", n, n, item, n, own, info=info.plus(k, INT_BYTES))
    return None


def _solve_factored(
    r: Recorder, factor: Place, rows: Place, b: Place, out: Place, work: Place, batch: int, n: int,
    k: int,
) -> None:  # fmt: skip
    r.copy(out, b, batch * n * k)
    r.kernel("rows", batch * n * k, b, rows, out, batch, n, k, 0)
    _both(r, factor, out, batch, n, k, transposed=False)
    _give_solved(r, factor, out, batch, n, k)


def _solve_factored_transposed(
    r: Recorder, factor: Place, rows: Place, b: Place, out: Place, work: Place, batch: int, n: int,
    k: int,
) -> None:  # fmt: skip
    x = r.room(batch * n * k)
    r.copy(x, b, batch * n * k)
    _both(r, factor, x, batch, n, k, transposed=True)
    r.kernel("rows", batch * n * k, x, rows, out, batch, n, k, 1)
    _give_solved(r, factor, out, batch, n, k)


def _give_solved(r: Recorder, factor: Place, out: Place, batch: int, n: int, k: int) -> None:
    """Make all of an item's solution nan where its matrix is singular."""
    bad = r.bad(batch)
    r.kernel("singular", batch * n, factor, bad, batch, n)
    r.give(out, out, bad, 0, batch, n, k)


def _both(
    r: Recorder, factor: Place, x: Place, batch: int, n: int, k: int, transposed: bool
) -> None:
    """Systems of both triangles, in place."""
    if batch > MAX_LOOPED:
        t, of_x = r.addresses(factor, batch, n * n), r.addresses(x, batch, n * k)
        for lower in (False, True) if transposed else (True, False):
            r.solve_all(t, of_x, batch, n, k, lower, transposed=transposed, unit=lower)
        return
    for item in range(batch):
        t, own = factor.plus(item * n * n), x.plus(item * n * k)
        for lower in (False, True) if transposed else (True, False):
            r.solve(t, own, n, k, lower, transposed=transposed, unit=lower)


def _inv(r: Recorder, a: Place, out: Place, work: Place, batch: int, n: int) -> None:
    bad, info = r.flags(batch)
    x, swaps = r.room(batch * n * n), r.room(batch * n, INT_BYTES)
    other = r.room(batch, INT_BYTES)  # what the second routine reports
    r.take(a, x, bad, batch, n, n)
    places = _factorise(r, x, swaps, info, batch, n)
    if places is not None:
        found = r.addresses(out, batch, n * n)
        r.call("getri_batched", n, places, n, swaps, found, n, info=other, batch=batch)
    else:
        r.kernel("units", batch * n * n, out, batch, n)
        for k, (t, item) in enumerate(_items(batch, n * n, x, out)):
            own = swaps.plus(k * n, INT_BYTES)
            r.call("getrs", PLAIN, n, n, t, n, own, item, n, info=other)
    r.give(out, out, bad, info, batch, n, n)


# QR.


def _few_factors(batch: int, m: int, n: int) -> bool:
    return batch <= MAX_LOOPED and min(m, n) >= LEAST_FACTOR


def _reflectors(
    r: Recorder, x: Place, tau: Place, info: Place, batch: int, m: int, n: int, step: int
) -> None:
    for k in range(batch):
        own = tau.plus(k * min(m, n))
        r.call("geqrf", m, n, x.plus(k * step), m, own, info=info.plus(k, INT_BYTES))


def _qr(columns: Callable[[int, int], int]) -> Recipe:
    """QR with so many columns of q."""

    def record(
        r: Recorder, a: Place, q: Place, upper: Place, work: Place, batch: int, m: int, n: int
    ) -> None:
        least, wide = min(m, n), columns(m, n)
        step = m * max(wide, n)
        bad, info = r.flags(batch)
        x, tau = r.room(batch * step), r.room(batch * least)
        r.take(a, x, bad, batch, m, n, transposed=True, step=step)
        _reflectors(r, x, tau, info, batch, m, n, step)
        r.give(x, upper, bad, info, batch, wide, n, strides=(step, 1, m), keep=KEEP_UPPER)
        for k in range(batch):
            own = tau.plus(k * least)
            r.call("orgqr", m, wide, least, x.plus(k * step), m, own,
                   info=info.plus(k, INT_BYTES))  # fmt: skip
        r.give(x, q, bad, info, batch, m, wide, strides=(step, 1, m))

    return Recipe(record, _few_factors)


def _raw_qr(
    r: Recorder, a: Place, h: Place, tau: Place, work: Place, batch: int, m: int, n: int
) -> None:
    bad, info = r.flags(batch)
    r.take(a, h, bad, batch, m, n, transposed=True)
    _reflectors(r, h, tau, info, batch, m, n, m * n)
    r.give(h, h, bad, info, batch, n, m)
    r.give(tau, tau, bad, info, batch, 1, min(m, n))


# Eigenvalues and singular values.


def _spectra(batch: int, n: int) -> bool:
    return n >= LEAST_SPECTRUM if batch <= MAX_LOOPED else n <= MOST_JACOBI


def _symmetric(
    r: Recorder, a: Place, values: Place, job: int, batch: int, n: int
) -> tuple[Place, Place, Place]:
    """Eigenvalues; gives the flags, and the place of vectors in the columns that the library sees.
    """
    bad, info = r.flags(batch)
    x = r.room(batch * n * n)
    r.take(a, x, bad, batch, n, n, keep=KEEP_LOWER)
    if batch > MAX_LOOPED:
        r.call("syevj_batched", job, UPPER, n, x, n, values, info=info, batch=batch)
    for k in range(batch if batch <= MAX_LOOPED else 0):
        own = info.plus(k, INT_BYTES)
        r.call("syevd", job, UPPER, n, x.plus(k * n * n), n, values.plus(k * n), info=own)
    r.give(values, values, bad, info, batch, 1, n)
    return bad, info, x


def _eigh(
    r: Recorder, a: Place, values: Place, vectors: Place, work: Place, batch: int, n: int
) -> None:
    bad, info, x = _symmetric(r, a, values, VECTORS, batch, n)
    r.give(x, vectors, bad, info, batch, n, n, strides=(n * n, 1, n))


def _eigvalsh(r: Recorder, a: Place, values: Place, work: Place, batch: int, n: int) -> None:
    _symmetric(r, a, values, VALUES, batch, n)


def _few_spectra(batch: int, m: int, n: int) -> bool:
    return batch <= MAX_LOOPED and min(m, n) >= LEAST_SPECTRUM


def _svd(full: bool) -> Recipe:
    def record(
        r: Recorder, a: Place, u: Place, s: Place, vh: Place, work: Place, batch: int, m: int,
        n: int,
    ) -> None:  # fmt: skip
        # The library takes matrices of at least as many rows as columns. To it a wide matrix is a
        # tall one, whose factors are ours in each other's place.
        k, tall, job = min(m, n), m > n, ALL if full else SOME
        wide, high = (m, n) if full else (k, k)
        bad, info = r.flags(batch)
        x = r.room(batch * m * n)
        left = r.room(batch * m * wide) if tall else vh
        right = r.room(batch * high * n) if tall else u
        r.take(a, x, bad, batch, m, n, transposed=tall)
        rows, columns = (m, n) if tall else (n, m)
        for item in range(batch):
            own = left.plus(item * (m * wide if tall else high * n))
            other = right.plus(item * (high * n if tall else m * wide))
            r.call("gesvd", job, job, rows, columns, x.plus(item * m * n), rows,
                   s.plus(item * k), own, rows, other, columns,
                   info=info.plus(item, INT_BYTES))  # fmt: skip
        r.give(s, s, bad, info, batch, 1, k)
        if tall:
            r.give(left, u, bad, info, batch, m, wide, strides=(m * wide, 1, m))
            r.give(right, vh, bad, info, batch, high, n, strides=(high * n, 1, high))
        else:
            r.give(u, u, bad, info, batch, m, wide)
            r.give(vh, vh, bad, info, batch, high, n)

    return Recipe(record, _few_spectra)


def _singular_values(
    r: Recorder, a: Place, s: Place, work: Place, batch: int, m: int, n: int
) -> None:
    bad, info = r.flags(batch)
    x, k = r.room(batch * m * n), min(m, n)
    r.take(a, x, bad, batch, m, n, transposed=m > n)
    for item in range(batch):
        r.call("gesvd", NONE, NONE, max(m, n), k, x.plus(item * m * n), max(m, n),
               s.plus(item * k), 0, max(m, n), 0, k, info=info.plus(item, INT_BYTES))  # fmt: skip
    r.give(s, s, bad, info, batch, 1, k)


# Fourier transforms; complex numbers are pairs, which is the last size.


def _always(*numbers: int) -> bool:
    return True


def _fourier(record: Callable[..., None]) -> Recipe:
    return Recipe(record, _always, "fourier")


def _complex(forward: bool) -> Recipe:
    def record(r: Recorder, x: Place, out: Place, batch: int, *sizes: int) -> None:
        r.transform("complex", sizes[:-1], batch, x, out, forward)

    return _fourier(record)


def _of_reals(r: Recorder, x: Place, out: Place, batch: int, *sizes: int) -> None:
    count = batch
    for n in sizes:
        count *= n
    r.kernel("pairs", count, x, out, count)
    r.transform("complex", sizes, batch, out, out)


def _to_half(r: Recorder, x: Place, out: Place, batch: int, *sizes: int) -> None:
    r.transform("to_half", sizes, batch, x, out)


def _to_reals(even: bool) -> Recipe:
    def record(r: Recorder, x: Place, out: Place, batch: int, *sizes: int) -> None:
        *outer, half, _ = sizes
        m = outer[0] if outer else 1
        copied = r.room(2 * batch * m * half)  # the library destroys what it transforms
        r.kernel("half", batch * m * half, x, copied, batch, m, half, int(even))
        last = 2 * half - (2 if even else 1)
        r.transform("to_real", (*outer, last), batch, copied, out)

    return _fourier(record)


RECIPES = {
    "pt_cholesky": Recipe(_cholesky, _few_large),
    "pt_cholesky_gradient": Recipe(_cholesky_gradient, _few_large),
    "pt_solve_lower": _triangular(True, False),
    "pt_solve_upper": _triangular(False, False),
    "pt_solve_lower_transposed": _triangular(True, True),
    "pt_solve_upper_transposed": _triangular(False, True),
    "pt_lu": Recipe(_lu, _factors),
    "pt_solve_factored": Recipe(_solve_factored, _factors),
    "pt_solve_factored_transposed": Recipe(_solve_factored_transposed, _factors),
    "pt_inv": Recipe(_inv, _factors),
    "pt_qr": _qr(min),
    "pt_qr_full": _qr(lambda m, n: m),
    "pt_qr_raw": Recipe(_raw_qr, _few_factors),
    "pt_eigh": Recipe(_eigh, _spectra),
    "pt_eigvalsh": Recipe(_eigvalsh, _spectra),
    "pt_svd": _svd(False),
    "pt_svd_full": _svd(True),
    "pt_svdvals": Recipe(_singular_values, _few_spectra),
    "pt_fft": _complex(True),
    "pt_fft2": _complex(True),
    "pt_ifft": _complex(False),
    "pt_ifft2": _complex(False),
    "pt_fft_real": _fourier(_of_reals),
    "pt_fft_real2": _fourier(_of_reals),
    "pt_rfft": _fourier(_to_half),
    "pt_rfft2": _fourier(_to_half),
    "pt_irfft_even": _to_reals(True),
    "pt_irfft_even2": _to_reals(True),
    "pt_irfft_odd": _to_reals(False),
    "pt_irfft_odd2": _to_reals(False),
}
