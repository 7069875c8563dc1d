"""The number of threads of BLAS libraries: one, while a plan runs; and splitting large calls.

See include/host/pt_blas.h for reasons and method. A `Library` is found from the extension module
that calls it: the dynamic linker looks a name up in that module and its dependencies, which gives
the library in use, whatever else is loaded. SciPy's and NumPy's wheels have one each.
"""

import functools
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

from numpy._core import _multiarray_umath

from cython_ext.cpus import available_cpus

cdef extern from "dlfcn.h" nogil:
    void* dlopen(const char* path, int flags)
    void* dlsym(void* handle, const char* name)
    int RTLD_LAZY

cdef extern from "pt_blas.h" nogil:
    ctypedef struct pt_bound:
        int (*get)()
        void* set
        void* set_here
    int pt_forks
    pt_bound* pt_bound_of(void* get, void* set, void* set_here)
    int pt_enter(pt_bound* b, int* token)
    void pt_leave(pt_bound* b, int token)
    void pt_restore_all()
    void pt_share_out(pt_bound* b, piece_fn work, void* context, int64_t pieces, int64_t threads)

# (get, set, whether set is thread-local) of known libraries. Builds of OpenBLAS for SciPy and for
# 64-bit integers add prefixes and suffixes to its names.
CONTROLS = [
    *((f"{name}_get_num_threads{suffix}", f"{name}_set_num_threads{suffix}", False)
      for name in ("scipy_openblas", "openblas") for suffix in ("", "64_", "_64")),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads_Local", True),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads", False),
    ("flexiblas_get_num_threads", "flexiblas_set_num_threads", False),
]
# Its functions are those of Fortran with 32-bit integers, which SciPy calls by this prefix.
OF_SCIPY = "scipy_openblas_set_num_threads"


cdef int enter(void* bound, int* token) noexcept nogil:
    """Set the library to one thread until `leave`; gives how many threads its caller may use."""
    return pt_enter(<pt_bound*> bound, token)


cdef void leave(void* bound, int token) noexcept nogil:
    """Undo an `enter`, with its token."""
    pt_leave(<pt_bound*> bound, token)


cdef void share_out(void* bound, piece_fn work, void* context, int64_t pieces,
                    int64_t threads) noexcept nogil:
    """work(context, piece) for 0 <= piece < pieces, each once, on up to `threads` threads."""
    pt_share_out(<pt_bound*> bound, work, context, pieces, threads)


cdef class Library:
    """The BLAS that the extension module at `path` calls.

    control  the name of the function that sets its threads; "" if it has none of the known ones
    cpus     CPUs that this process may use
    """

    def __init__(self, path: str):
        cdef void* handle = dlopen(os.fsencode(path), RTLD_LAZY)
        cdef void* get
        self.handle = handle
        cdef void* put
        self.control = ""
        self.cpus = available_cpus()
        for getter, setter, thread_local in CONTROLS if handle != NULL else ():
            get, put = dlsym(handle, getter.encode()), dlsym(handle, setter.encode())
            if get != NULL and put != NULL:
                self.control = setter
                self.bound = pt_bound_of(
                    get, NULL if thread_local else put, put if thread_local else NULL
                )
                break
        else:
            self.bound = pt_bound_of(NULL, NULL, NULL)
        if self.bound == NULL:
            raise MemoryError

    cdef void* routine(self, str name):
        """The address of a routine of BLAS or LAPACK; NULL where its name in the library or the
        width of its integers is not known."""
        if self.control != OF_SCIPY:
            return NULL
        return dlsym(self.handle, f"scipy_{name}_".encode())

    def threads(self) -> int:
        """Threads that the library uses for a call; 0 if unknown."""
        cdef pt_bound* bound = <pt_bound*> self.bound
        return bound.get() if bound.get != NULL else 0


cdef class OneThread:
    """A context in which libraries use one thread. It may be nested and may overlap with those of
    other threads; each instance is entered once.

    Where the setting is thread-local (MKL), it applies to calls of this thread; compiled plans set
    it themselves.
    """

    cdef tuple libraries
    cdef list tokens
    cdef int forks

    def __init__(self, *libraries):
        self.libraries = libraries

    def __enter__(self):
        cdef int token = 0
        self.forks = pt_forks
        self.tokens = []
        for library in self.libraries:
            enter((<Library?> library).bound, &token)
            self.tokens.append(token)
        return self

    def __exit__(self, *error):
        # In a child forked within the context the counts start at zero.
        if self.forks != pt_forks:
            return
        for library, token in zip(self.libraries, self.tokens):
            leave((<Library> library).bound, token)


@functools.cache
def of_numpy() -> Library:
    """The BLAS of NumPy's products and numpy.linalg."""
    return Library(_multiarray_umath.__file__)


@functools.cache
def of_scipy() -> Library:
    """The BLAS of SciPy, which compiled plans call."""
    return Library(_calls_of_scipy())


def _calls_of_scipy() -> str:
    """The file of scipy.linalg.cython_blas. It is not imported where it is found: SciPy would take
    a hundred times as long as the library."""
    spec = find_spec("scipy")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = os.path.join(folder, "linalg", f"cython_blas{EXTENSION_SUFFIXES[0]}")
        if os.path.isfile(path):
            return path
    from scipy.linalg import cython_blas

    return cython_blas.__file__


def loaded() -> tuple[Library, ...]:
    """Those of the two that are loaded; does not import SciPy."""
    users = ("cython_ext.lapack", "scipy.linalg.cython_blas")
    return (of_numpy(), *([of_scipy()] if any(name in sys.modules for name in users) else []))


def _restore_all():
    pt_restore_all()


os.register_at_fork(after_in_child=_restore_all)
