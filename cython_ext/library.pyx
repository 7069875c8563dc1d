"""Shared objects with a compiled plan, mapped as long as somebody needs them.

Not modules of Python: a module of an extension is never unloaded, and a program that compiles
thousands of functions would run out of memory mappings. Loading and unloading wait for each other
and for forks, so that no child is born with the loader's lists half changed.
"""

from libc.stdint cimport uintptr_t

cdef extern from "dlfcn.h" nogil:
    int RTLD_NOW
    int RTLD_LOCAL
    void *dlopen(const char *path, int mode)
    void *dlsym(void *handle, const char *name)
    int dlclose(void *handle)
    char *dlerror()

cdef extern from *:
    """
    #include <pthread.h>
    static pthread_mutex_t pt_loading = PTHREAD_MUTEX_INITIALIZER;
    static void pt_loading_lock(void) { pthread_mutex_lock(&pt_loading); }
    static void pt_loading_unlock(void) { pthread_mutex_unlock(&pt_loading); }
    static int pt_loading_waits_for_forks(void) {
        return pthread_atfork(pt_loading_lock, pt_loading_unlock, pt_loading_unlock);
    }
    """
    void pt_loading_lock() noexcept nogil
    void pt_loading_unlock() noexcept nogil
    int pt_loading_waits_for_forks() noexcept nogil

ctypedef void (*pt_link_fn)(const char *name, void *routine) noexcept nogil

if pt_loading_waits_for_forks():
    raise MemoryError()


cdef class Library:
    """A shared object, by its path: `address` is that of its plan, a pt_plan_fn.

    `path` is where its file is, also after that was moved. It is unmapped when this object goes,
    unless `pin` was called: then addresses that were given away stay good. `link` fills the
    pointers through which the plan calls routines. ImportError if it cannot be loaded, or has no
    plan.
    """

    cdef object __weakref__
    cdef void *handle
    cdef pt_link_fn linker
    cdef bint pinned
    cdef readonly uintptr_t address
    cdef public object path

    def __init__(self, path):
        cdef bytes name
        cdef const char *text
        cdef char *reason
        cdef bytes message
        if self.handle != NULL:
            raise RuntimeError("a library is loaded once")
        self.path = path
        name = path if isinstance(path, bytes) else str(path).encode("utf-8", "surrogateescape")
        text = name
        with nogil:
            pt_loading_lock()
            self.handle = dlopen(text, RTLD_NOW | RTLD_LOCAL)
            if self.handle != NULL:
                self.address = <uintptr_t>dlsym(self.handle, "pt_plan")
                self.linker = <pt_link_fn>dlsym(self.handle, "pt_link")
            # The GIL is taken only afterwards: who forks holds it, and waits for this lock.
            pt_loading_unlock()
        if self.handle == NULL:
            reason = dlerror()
            message = b"" if reason == NULL else <bytes>reason
            raise ImportError(f"{path} cannot be loaded: {message.decode('utf-8', 'replace')}")
        if self.address == 0:
            raise ImportError(f"{path} has no plan")

    def __dealloc__(self):
        if self.handle != NULL and not self.pinned:
            with nogil:
                pt_loading_lock()
                dlclose(self.handle)
                pt_loading_unlock()

    @property
    def needs_routines(self):
        """Does its plan call routines, which have to be linked first?"""
        return self.linker != NULL

    def link(self, routines):
        """Put in the addresses of routines, by name."""
        cdef const char *text
        cdef uintptr_t address
        if self.linker == NULL:
            return
        for name, address in routines.items():
            encoded = name.encode()
            text = encoded
            self.linker(text, <void *>address)

    def pin(self):
        """Keep it mapped for the life of the process."""
        self.pinned = True
