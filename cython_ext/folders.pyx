"""The files below a folder, with their sizes and modification times: one system call a file."""

import os

from libc.errno cimport ELOOP, ENOENT, errno

cdef extern from "dirent.h" nogil:
    ctypedef struct DIR:
        pass
    struct dirent:
        char *d_name
    DIR *fdopendir(int descriptor)
    dirent *readdir(DIR *folder)
    int closedir(DIR *folder)
    int dirfd(DIR *folder)

cdef extern from *:
    """
    #include <fcntl.h>
    #include <sys/stat.h>
    #include <unistd.h>
    #ifdef __APPLE__
    #define pt_time(status) ((status).st_mtimespec)
    #else
    #define pt_time(status) ((status).st_mtim)
    #endif
    typedef struct {int is_folder; long long size, seconds, nanoseconds;} pt_status;

    static int pt_status_of(int folder, const char *name, pt_status *found) {
        struct stat status;
        if (fstatat(folder, name, &status, 0)) return -1;
        found->is_folder = S_ISDIR(status.st_mode);
        found->size = status.st_size;
        found->seconds = pt_time(status).tv_sec;
        found->nanoseconds = pt_time(status).tv_nsec;
        return 0;
    }
    static int pt_open_folder(int folder, const char *name) {
        return openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    """
    int AT_FDCWD
    ctypedef struct pt_status:
        int is_folder
        long long size
        long long seconds
        long long nanoseconds
    int pt_status_of(int folder, const char *name, pt_status *found) nogil
    int pt_open_folder(int folder, const char *name) nogil
    int close(int descriptor) nogil


cdef enum:
    DEEPEST = 100  # folders in folders; more are links to themselves


def states_of(folder):
    """(path as bytes, size in bytes, modification time in ns) of each file below a folder, sorted,
    without those in `__pycache__` and links to nothing. Links are followed. OSError if a folder
    cannot be read, or links form a cycle.

        >>> states_of("/usr/include/linux")[0]
        (b'/usr/include/linux/a.out.h', 6808, 1700000000000000000)
    """
    found = []
    _add(AT_FDCWD, os.fsencode(folder), os.fsencode(folder), found, 0)
    found.sort()
    return found


cdef int _add(int above, bytes name, bytes path, list found, int depth) except -1:
    """Add the files of a folder, which is at `name` in the folder `above`, to those found."""
    cdef pt_status status
    cdef dirent *entry
    cdef bytes own
    cdef int descriptor = pt_open_folder(above, name)
    cdef DIR *folder = fdopendir(descriptor) if descriptor >= 0 else NULL
    cdef int code = errno
    if folder == NULL:
        if descriptor >= 0:
            close(descriptor)
        raise OSError(code, os.strerror(code), os.fsdecode(path))
    try:
        if depth == DEEPEST:
            raise OSError(ELOOP, os.strerror(ELOOP), os.fsdecode(path))
        while True:
            entry = readdir(folder)
            if entry == NULL:
                return 0
            own = entry.d_name
            if own in (b".", b"..", b"__pycache__"):
                continue
            if pt_status_of(dirfd(folder), own, &status):
                code = errno
                if code == ENOENT:  # removed since, or a link to nothing
                    continue
                raise OSError(code, os.strerror(code), os.fsdecode(b"%s/%s" % (path, own)))
            if status.is_folder:
                _add(dirfd(folder), own, b"%s/%s" % (path, own), found, depth + 1)
            else:
                changed = status.seconds * 1_000_000_000 + status.nanoseconds
                found.append((b"%s/%s" % (path, own), status.size, changed))
    finally:
        closedir(folder)
