"""One plan of an export as C: its kernels, its table of buffers, its sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.export.arrays import Arrays
from probtensor.export.cython_text import Translated, translated
from probtensor.kernel.ir import Call, walk
from probtensor.lower.plan import Plan
from probtensor.process import computed_once
from probtensor.targets.base import BuildError, scipy_function
from probtensor.targets.cython.render import render
from probtensor.targets.cython.routines import modules
from probtensor.targets.spell import Speller
from probtensor.types import Size, size_product

# The routines that have a form in C, by the header that has it: those that are plain C, and those
# that need LAPACK.
IN_PLAIN_C = {
    "linalg": (
        "pt_gemm", "pt_gemm_float32", "pt_add_product", "pt_add_product_float32", "pt_cholesky",
        "pt_cholesky_gradient", "pt_solve_lower",
        "pt_solve_upper", "pt_solve_lower_transposed", "pt_solve_upper_transposed", "pt_lu",
        "pt_solve_factored", "pt_solve_factored_transposed", "pt_cumsum", "pt_true_places",
    ),
    "ordering": (
        "pt_sort", "pt_sort_int64", "pt_argsort", "pt_argsort_int64", "pt_argsort_rows",
        "pt_argsort_rows_int64", "pt_select", "pt_select_int64", "pt_search_left",
        "pt_search_right", "pt_search_left_int64", "pt_search_right_int64", "pt_cumsum_int64",
        "pt_cumprod", "pt_cumprod_int64", "pt_cummax", "pt_cummax_int64", "pt_recurrence",
        "pt_sort_float32", "pt_sort_int32", "pt_partition", "pt_partition_int64",
        "pt_partitioned", "pt_partitioned_float32", "pt_partitioned_int64",
        "pt_partitioned_int32", "pt_cumsum_columns", "pt_cumsum_columns_int64",
    ),
    "bands": (
        "pt_solve_tridiagonal", "pt_solve_banded", "pt_cholesky_banded",
        "pt_cholesky_banded_tangent", "pt_cholesky_banded_cotangent", "pt_solve_lower_band",
        "pt_solve_lower_band_transposed", "pt_solve_toeplitz",
    ),
    "sparse": (
        "pt_sparse_cholesky", "pt_sparse_cholesky_tangent", "pt_sparse_cholesky_cotangent",
        "pt_sparse_outer", "pt_sparse_symmetric_product", "pt_solve_sparse_lower",
        "pt_solve_sparse_lower_transposed",
    ),
    "systems": ("pt_inv", "pt_adjugate", "pt_pivot_order"),
    "equations": ("pt_cholesky_update",),
    "exponential": ("pt_expm", "pt_expm_frechet"),
}  # fmt: skip
BY_LAPACK = {
    "linalg": ("pt_eigh", "pt_qr"),
    "bands": (
        "pt_eig_banded", "pt_eigvals_banded", "pt_eigh_tridiagonal", "pt_eigvalsh_tridiagonal",
    ),
    "systems": ("pt_qr_full", "pt_qr_raw", "pt_qr_order"),
    "spectra": (
        "pt_svd", "pt_svd_full", "pt_svdvals", "pt_eigvalsh", "pt_eig", "pt_eigvals", "pt_schur",
        "pt_qz", "pt_hessenberg",
    ),
    "equations": ("pt_sylvester", "pt_sqrtm", "pt_logm"),
}  # fmt: skip
ROUTINES = tuple(name for names in IN_PLAIN_C.values() for name in names)
OF_LAPACK = tuple(name for names in BY_LAPACK.values() for name in names)
HEADER_OF = {
    name: f"pt_{header}.h"
    for table in (IN_PLAIN_C, BY_LAPACK)
    for header, names in table.items()
    for name in names
}


class Argument(NamedTuple):
    """A buffer that the caller gives: its position in the table, and what it is called in C. A
    `key` is the key of random draws, a number."""

    position: int
    name: str
    label: str
    line: str
    is_key: bool = False


class Known(NamedTuple):
    """What depends on sizes, where all of them are known: values of the plan's sizes, offsets of
    its temporaries by position, and the bytes of these."""

    sizes: Sequence[int]
    offsets: dict[int, int]
    room: int


@dataclass(frozen=True)
class Part:
    """A plan with its arrays bound, under a name.

    bound    arrays by position in the table of buffers
    results  positions of the results; one buffer may be several
    known    None where sizes are known only in a call
    lapack   whether it is linked with LAPACK
    """

    name: str
    plan: Plan
    arguments: tuple[Argument, ...]
    bound: dict[int, np.ndarray]
    results: tuple[int, ...]
    known: Known | None = None
    lapack: bool = False

    @property
    def prefix(self) -> str:
        """What the names of its static functions begin with."""
        return f"pt_{self.name}_"

    @computed_once
    def translated(self) -> Translated:
        """Its kernels as C. BuildError for one that calls a routine without a C form."""
        refuse_routines(self.plan, self.name, (*ROUTINES, *(OF_LAPACK if self.lapack else ())))
        return translated(render(self.plan), self.prefix)

    @computed_once
    def speller(self) -> Speller:
        """Writes sizes."""
        return Speller(self.plan)

    def size(self, size: Size) -> str:
        """A size as C, in terms of the table `n`."""
        return self.speller._index(size)

    def count(self, position: int) -> Size:
        """The number of elements of a buffer."""
        return size_product(self.plan.buffers[position].shape)

    def definitions(self, arrays: Arrays) -> Iterator[str]:
        """The functions of the part."""
        yield f"/* ---- {self.name} ---- */"
        yield ""
        yield self.translated.text
        if self.known is not None:
            values = ", ".join(map(str, self.known.sizes)) or "0"
            yield f"static const int64_t {self.prefix}n[] = {{{values}}};"
        yield f"enum {{ {self.prefix}BUFFERS = {max(1, len(self.plan.buffers))} }};"
        yield ""
        yield "/* Fill the table of buffers but for what a call gives. */"
        at = "" if self.known is not None else ", const int64_t *at"
        yield f"static void {self.prefix}wire("
        yield f"        void **b, const pt_data *data, const char *room{at})"
        yield "{"
        yield "    (void) data;"
        yield from self._wires(arrays)
        yield "}"
        yield ""

    def _wires(self, arrays: Arrays) -> Iterator[str]:
        for position, array in self.bound.items():
            yield f"    b[{position}] = {arrays.pointer(arrays.add(array))};"
        if self.known is None:
            for k, position in enumerate(self.plan.lifetimes):
                yield f"    b[{position}] = (void *) (room + at[{k}]);"
            return
        if not self.known.offsets:
            yield "    (void) room;"
        for position, offset in self.known.offsets.items():
            yield f"    b[{position}] = (void *) (room + {offset});"

    def copies(self) -> Iterator[tuple[int, int]]:
        """Pairs of results of one buffer: a result, and the first one with its buffer."""
        first: dict[int, int] = {}
        for k, position in enumerate(self.results):
            if position in first:
                yield k, first[position]
            first.setdefault(position, k)


def refuse_routines(plan: Plan, name: str, known: Sequence[str]) -> None:
    """BuildError for a routine or function that has no C form, with the line that needs it."""
    for kernel in plan.kernels:
        called = scipy_function(kernel)
        if called is not None:
            raise BuildError(
                f"export: {name} needs {called[0]}, which SciPy computes and C has not\n"
                f"  at {called[1]}\n  compute it outside, and pass its values to the function"
            )
        for stmt in walk(kernel.body):
            if isinstance(stmt, Call) and stmt.routine not in known:
                routine = stmt.routine.removeprefix("pt_")
                raise BuildError(
                    f"export: {name} needs the routine {routine}, which has no form in "
                    f"{'plain C' if stmt.routine in OF_LAPACK else 'C'}\n  at {stmt.origin}\n"
                    f"  {_way_out(stmt.routine)}"
                )


def _way_out(routine: str) -> str:
    """What to do where a routine has no form in an export."""
    if routine in OF_LAPACK:
        return 'give lapack="-llapack -lblas", or what links LAPACK on the machine that builds it'
    if modules().get(routine) == "fourier":
        return (
            "discrete transforms are computed by a library of C++ in SciPy, which an export does "
            "without: compute them outside, and pass their values to the function"
        )
    return "compute it outside, and pass its values to the function"
