"""Shared objects with a compiled plan, unmapped when they are no longer used.

They are not Python modules: an extension module is never unloaded, and a program that compiles
thousands of functions would run out of memory mappings. One lock excludes loading, unloading and
forks from each other, so that a child never inherits a half-updated state of the loader.
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
    static int pt_loading_register_atfork(void) {
        return pthread_atfork(pt_loading_lock, pt_loading_unlock, pt_loading_unlock);
    }
    """
    void pt_loading_lock() noexcept nogil
    void pt_loading_unlock() noexcept nogil
    int pt_loading_register_atfork() noexcept nogil

ctypedef void (*pt_link_fn)(const char *name, void *routine) noexcept nogil

if pt_loading_register_atfork():
    raise MemoryError()


cdef class Library:
    """A shared object, by its path: `address` is that of its plan, a pt_plan_fn.

    `path` is that of its file, and is updated when the file is moved. It is unmapped when this
    object is destroyed, unless `pin` was called, which keeps its addresses valid. `link` sets the
    pointers through which the plan calls routines of a module. ImportError if it cannot be loaded,
    or has no plan.
    """

    cdef object __weakref__
    cdef void *handle
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
            # Take the GIL only after unlocking: a forking thread holds it while waiting for this
            # lock.
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

    cdef pt_link_fn linker(self, str module):
        cdef bytes name = f"pt_link_{module}".encode()
        cdef const char *text = name
        cdef void *found
        with nogil:
            pt_loading_lock()
            found = dlsym(self.handle, text)
            pt_loading_unlock()
        return <pt_link_fn>found

    def needs_routines(self, str module):
        """Whether its plan calls routines of a module, which have to be linked first."""
        return self.linker(module) != NULL

    def link(self, str module, addresses):
        """Set the addresses of the routines of a module, by name."""
        cdef const char *text
        cdef uintptr_t address
        cdef pt_link_fn setter = self.linker(module)
        if setter == NULL:
            return
        for name, address in addresses.items():
            encoded = name.encode()
            text = encoded
            setter(text, <void *>address)

    def pin(self):
        """Keep it mapped for the life of the process."""
        self.pinned = True
