#!/usr/bin/env bash
# Prepare what run.sh needs on a machine with a device, CPython 3.12 and no network.
#
#   wheels.sh [FOLDER]        default .gpu-wheels, which git ignores
#
# Into FOLDER go the wheel of PyCUDA, built here, and pure or manylinux wheels of what such a machine
# seldom has: ArviZ, BlackJAX and what they and PyCUDA need, NumPy, SciPy, JAX and the like left out,
# because peers can only be measured where they are installed already. With POSTERIORDB set, or the
# pack beside the clone, its data travel too. What is there already is kept.
#
# Environment: PYTHON312   a CPython 3.12 with venv, found on the path or under ~/.pyenv otherwise
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$root/.gpu-wheels}
limit_mib=60
packages=(arviz arviz-base arviz-stats arviz-plots xarray-einstats lazy-loader blackjax optax absl-py
    pytools platformdirs mako markupsafe siphash24 typing-extensions cuda-pathfinder)

find_python() {
    local found
    for found in "${PYTHON312:-}" python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python; do
        if "$found" -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null
        then echo "$found"; return; fi
    done
    echo "wheels: no CPython 3.12 with venv here; set PYTHON312" >&2
    return 1
}

python=$(find_python)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
python=$scratch/venv/bin/python
pip() { "$python" -m pip "$@" -q --disable-pip-version-check; }

if ! ls "$folder"/pycuda-*-cp312-*.whl >/dev/null 2>&1; then
    echo "wheels: building PyCUDA, which takes some minutes"
    pip install 'setuptools>=77' wheel numpy
    "$here/build_pycuda.sh" "$python" "$folder"
fi

# Into a folder of its own first: two versions of one package would stop the installation.
pip download --no-deps --only-binary :all: -d "$scratch/wheels" "${packages[@]}"
find "$folder" -maxdepth 1 -name '*.whl' ! -name 'pycuda-*' -delete
cp "$scratch"/wheels/*.whl "$folder/"

pack=${POSTERIORDB:-$root/../shared/posteriordb}
if [ -d "$pack/data" ]; then
    rm -rf "$folder/posteriordb"
    cp -r "$pack" "$folder/posteriordb"
fi

# All of it together, as run.sh will install it.
pip install --no-index --no-deps --no-compile --target "$scratch/site" "$folder"/*.whl
size=$(du -sm "$folder" | cut -f1)
echo "wheels: $(ls "$folder"/*.whl | wc -l) wheels, $size MiB, in $folder"
[ "$size" -le "$limit_mib" ] || { echo "wheels: more than $limit_mib MiB" >&2; exit 1; }
