"""NVIDIA's libraries, called by ctypes: where they are found, and a table of functions for each.

    loading.py  where libraries are found, and binding a table of functions
    blas.py     matrix products by cuBLAS
    dense.py    factorisations and systems by cuSOLVER and cuBLAS
    fourier.py  Fourier transforms by cuFFT

Each is loaded at its first use, and None where it is not installed. cuBLAS is called with 64-bit
sizes, in float32 without TF32 unless asked for. Each stream has a handle and a workspace, since a
captured stream may not allocate. cuSOLVER and cuFFT are given their workspace by who calls them,
since its size depends on that of the call.
"""
