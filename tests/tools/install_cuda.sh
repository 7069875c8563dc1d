#!/usr/bin/env bash
# Put PyCUDA and NVRTC into an environment, for the tests of the GPU runtime; no GPU is needed.
#
#   install_cuda.sh PYTHON          put them into the environment
#   install_cuda.sh PYTHON wheel    compile PyCUDA's wheel alone
#
# PyCUDA's wheel is compiled once for each version of Python and kept in the user's cache folder,
# without optimization: it is to be tested with, and this halves the time. It takes 1 to 3 minutes.
set -euo pipefail

python=${1:?usage: install_cuda.sh PYTHON}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
limit=420 # seconds, after which it is given up
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/probtensor-wheels
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
wheel() { find "$cache" -maxdepth 1 -name "pycuda-*-$tag-*.whl" | sort | tail -n 1; }

mkdir -p "$cache"
[ -n "$(wheel)" ] || PYCUDA_FLAGS=-O0 timeout "$limit" "$here/build_pycuda.sh" "$python" "$cache"
[ "${2:-}" != wheel ] || exit 0
"$python" -m pip install -q --disable-pip-version-check "$(wheel)" 'nvidia-cuda-nvrtc==13.0.*'
"$python" -c 'import pycuda' # NumPy and what it needs fit together
