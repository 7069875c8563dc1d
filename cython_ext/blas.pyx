"""The threads of BLAS libraries: one, while a call of ours runs; and shares of a large call.

Why, and how, is said in include/host/pt_blas.h. A `Library` is found from the extension module that
calls it: the dynamic linker looks a name up in that module and in what it was linked to, so that
this is the library in use, whatever else is loaded. SciPy's and NumPy's wheels carry one each.
"""

import functools
import os
import sys

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

# (get, set, whether set is for the calling thread alone) of the libraries that have them. Builds
# of OpenBLAS put marks before and after its names: SciPy's, and those of 64-bit integers.
CONTROLS = [
    *((f"{mark}openblas_get_num_threads{end}", f"{mark}openblas_set_num_threads{end}", False)
      for mark in ("scipy_", "") for end in ("", "64_", "_64")),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads_Local", True),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads", False),
    ("flexiblas_get_num_threads", "flexiblas_set_num_threads", False),
]


cdef int enter(void* bound, int* token) noexcept nogil:
    """Keep the library to one thread until `leave`; how many threads its caller may use instead."""
    return pt_enter(<pt_bound*> bound, token)


cdef void leave(void* bound, int token) noexcept nogil:
    """The end of what `enter` began, with its token."""
    pt_leave(<pt_bound*> bound, token)


cdef void share_out(void* bound, piece_fn work, void* context, int64_t pieces,
                    int64_t threads) noexcept nogil:
    """work(context, piece) for 0 <= piece < pieces, each once, on up to `threads` threads."""
    pt_share_out(<pt_bound*> bound, work, context, pieces, threads)


cdef class Library:
    """The BLAS that the extension module at `path` calls.

    control  the name of the function that sets its threads; "" where it has none that we know
    cpus     CPUs that this process may use
    """

    def __init__(self, path: str):
        cdef void* handle = dlopen(os.fsencode(path), RTLD_LAZY)
        cdef void* get
        cdef void* put
        self.control = ""
        self.cpus = available_cpus()
        for getter, setter, here in CONTROLS if handle != NULL else ():
            get, put = dlsym(handle, getter.encode()), dlsym(handle, setter.encode())
            if get != NULL and put != NULL:
                self.control = setter
                self.bound = pt_bound_of(get, NULL if here else put, put if here else NULL)
                break
        else:
            self.bound = pt_bound_of(NULL, NULL, NULL)
        if self.bound == NULL:
            raise MemoryError

    def threads(self) -> int:
        """Threads that the library would use for a call made now; 0 where it does not say."""
        cdef pt_bound* bound = <pt_bound*> self.bound
        return bound.get() if bound.get != NULL else 0


cdef class OneThread:
    """A context in which libraries use one thread. It nests, may overlap with those of other
    threads, and is entered once.

    Where the setting is each thread's own (MKL), it holds for calls of this thread; those of
    compiled plans see to it themselves.
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
        # A child that was forked inside counts from zero.
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
    from scipy.linalg import cython_blas

    return Library(cython_blas.__file__)


def loaded() -> tuple[Library, ...]:
    """Those of the two that something has loaded: SciPy's is not imported for this."""
    return (of_numpy(), *([of_scipy()] if "scipy.linalg.cython_blas" in sys.modules else []))


def _restore_all():
    pt_restore_all()


os.register_at_fork(after_in_child=_restore_all)
