"""The files below a folder, with their sizes and times of change: one system call a file."""

import os

from libc.errno cimport ENOENT, errno

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


def states_of(folder):
    """(path, size in bytes, time of change in ns) of each file below a folder, as bytes and sorted;
    but for those in folders `__pycache__`. OSError if a folder cannot be read.

        >>> states_of("/usr/include/linux")[0]
        (b'/usr/include/linux/a.out.h', 6808, 1700000000000000000)
    """
    found = []
    _add(AT_FDCWD, os.fsencode(folder), os.fsencode(folder), found)
    found.sort()
    return found


cdef int _add(int above, bytes name, bytes path, list found) except -1:
    """Add the files of a folder, which is at `name` in another, to those found."""
    cdef pt_status status
    cdef dirent *entry
    cdef bytes own
    cdef int descriptor = pt_open_folder(above, name)
    cdef DIR *folder = fdopendir(descriptor) if descriptor >= 0 else NULL
    if folder == NULL:
        code = errno
        if descriptor >= 0:
            close(descriptor)
        raise OSError(code, os.strerror(code), os.fsdecode(path))
    try:
        while True:
            entry = readdir(folder)
            if entry == NULL:
                return 0
            own = entry.d_name
            if own in (b".", b"..", b"__pycache__"):
                continue
            if pt_status_of(dirfd(folder), own, &status):
                if errno == ENOENT:  # removed since, or a link to nothing
                    continue
                raise OSError(errno, os.strerror(errno), os.fsdecode(path))
            if status.is_folder:
                _add(dirfd(folder), own, b"%s/%s" % (path, own), found)
            else:
                changed = status.seconds * 1_000_000_000 + status.nanoseconds
                found.append((b"%s/%s" % (path, own), status.size, changed))
    finally:
        closedir(folder)
