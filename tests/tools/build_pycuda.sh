#!/usr/bin/env bash
# Build a PyCUDA wheel where there is neither a GPU, nor a driver, nor a CUDA toolkit.
#
#   build_pycuda.sh PYTHON OUT
#
# PYTHON is an interpreter of the version to build for, with pip, setuptools >= 77 and NumPy.
# The wheel appears in OUT whole or not at all. Its cuda.h comes from NVIDIA's wheel of headers,
# and it is linked to a stand-in for libcuda.so.1, the driver's own library.
# PYCUDA_FLAGS are gcc's flags: "-O2" for a wheel to be used, "-O0" for one to be tested with.
set -euo pipefail

python=${1:?usage: build_pycuda.sh PYTHON OUT}
out=${2:?usage: build_pycuda.sh PYTHON OUT}
version=2026.1
pip() { "$python" -m pip "$@" -q --disable-pip-version-check; }

# Below the folder changes; a virtual environment's python must not be resolved further.
python=$(cd "$(dirname "$(command -v "$python")")" && pwd)/$(basename "$python")
mkdir -p "$out"
out=$(cd "$out" && pwd)
find "$out" -maxdepth 1 -name 'building.*' -mmin +60 -exec rm -rf {} + # what was killed
tmp=$(mktemp -d "$out/building.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

pip download --no-deps --only-binary :all: -d headers 'nvidia-cuda-runtime==13.0.*'
"$python" -m zipfile -e headers/*.whl headers
include=$tmp/headers/nvidia/cu13/include
[ -f "$include/cuda.h" ] || { echo "NVIDIA's wheel of headers has no cuda.h" >&2; exit 1; }
# That wheel leaves this one out; PyCUDA calls three functions of it.
[ -f "$include/cudaProfiler.h" ] || cat >"$include/cudaProfiler.h" <<'HEADER'
#include <cuda.h>
typedef enum CUoutput_mode_enum { CU_OUT_KEY_VALUE_PAIR = 0, CU_OUT_CSV = 1 } CUoutput_mode;
extern "C" CUresult cuProfilerInitialize(const char *, const char *, CUoutput_mode);
extern "C" CUresult cuProfilerStart(void);
extern "C" CUresult cuProfilerStop(void);
HEADER

# The stand-in exports every function of the headers: of an empty one the linker would keep no
# trace, and the wheel would not ask for libcuda.so.1 where there is one.
mkdir stub
cat "$include/cuda.h" "$include/cudaProfiler.h" |
    grep -oE '\bcu[A-Z][A-Za-z0-9_]*' | sort -u | sed 's/.*/int &(void) { return 100; }/' >stub/stub.c
gcc -shared -fPIC -w -Wl,-soname,libcuda.so.1 -o stub/libcuda.so stub/stub.c

# pip cannot tell PyCUDA's setup.py anything; a file siteconf.py in its tree can.
pip download --no-deps --no-build-isolation --no-binary pycuda -d source "pycuda==$version"
tar xf source/*.tar.gz
tree=$(echo "$tmp"/pycuda-*/)
cat >"$tree/side_by_side.py" <<'MODULE'
"""Compile the sources of an extension side by side: one after the other takes minutes."""

import os
from concurrent.futures import ThreadPoolExecutor
import setuptools  # whose distutils this is

from distutils.ccompiler import CCompiler


def compile(self, sources, output_dir=None, macros=None, include_dirs=None, debug=0,
            extra_preargs=None, extra_postargs=None, depends=None):
    macros, objects, extra_postargs, options, build = self._setup_compile(
        output_dir, macros, include_dirs, sources, depends, extra_postargs)
    arguments = self._get_cc_args(options, debug, extra_preargs)

    def one(target):
        self._compile(target, *build[target], arguments, extra_postargs, options)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, [target for target in objects if target in build]))
    return objects


CCompiler.compile = compile
MODULE
cat >"$tree/siteconf.py" <<SITE
CUDA_ROOT = "$tmp/headers/nvidia/cu13"
CUDA_INC_DIR = ["$include"]
CUDADRV_LIB_DIR = ["$tmp/stub"]
CUDA_ENABLE_CURAND = False
CXXFLAGS = [*"${PYCUDA_FLAGS:--O2}".split(), "-g0", "-w"]
LDFLAGS = ["-Wl,-s"]
__import__("side_by_side")
SITE
# Some Pythons' own link commands bake in a folder of the machine that they were built on.
LDSHARED="gcc -shared" LDCXXSHARED="g++ -shared" \
    pip wheel --no-deps --no-build-isolation -w wheel "$tree"

"$python" -m zipfile -e wheel/*.whl check
readelf -d check/pycuda/_driver*.so | grep -q 'NEEDED.*libcuda\.so\.1' ||
    { echo "the wheel does not ask for libcuda.so.1" >&2; exit 1; }
mv wheel/*.whl "$out/"
