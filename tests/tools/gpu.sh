#!/usr/bin/env bash
# The tests and benchmarks that need an NVIDIA device, without a network, in under eight minutes.
#
#   run.sh [--dry] [--steps a,b] [--out PATH]      see `python -m tests.bench.gpu --help`
#
# Results go to tests/bench/results/gpu.json and gpu.md, or to PATH.json and PATH.md. All else happens
# in a copy of the tree under a temporary folder. --dry rehearses on the host, with no device, and
# then needs --out.
#
# Environment: PYTHON   the CPython to run with, and to find the peers in (default python3)
#              WHEELS   what wheels.sh prepared (default .gpu-wheels); what is missing is installed
#                       from there, for this run alone
#              SECONDS_ALLOWED  for everything together (default 470)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
python=$(command -v "${PYTHON:-python3}")
wheels=${WHEELS:-$root/.gpu-wheels}
allowed=${SECONDS_ALLOWED:-470}

dry= out=$root/tests/bench/results/gpu rest=()
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=$(realpath -m "${2:?run.sh: --out needs a path}"); shift ;;
        --dry) dry=1; rest+=(--dry) ;;
        *) rest+=("$1") ;;
    esac
    shift
done
if [ -n "$dry" ] && [ "$out" = "$root/tests/bench/results/gpu" ]; then
    echo "run.sh: a rehearsal has no results to keep: give it --out PATH" >&2
    exit 2
fi
if [ -z "$dry" ] && ! nvidia-smi -L >/dev/null 2>&1; then
    echo "run.sh: no NVIDIA device here (nvidia-smi finds none); --dry --out PATH rehearses" >&2
    exit 2
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tree" "$tmp/site"
(cd "$root" && tar -cf - --exclude=__pycache__ --exclude='*.so' --exclude='cython_ext/*.c' \
    probtensor cython_ext cuda tests examples setup.py pyproject.toml README.md LICENSE) |
    tar -xf - -C "$tmp/tree"

if ls "$wheels"/*.whl >/dev/null 2>&1; then
    mapfile -t chosen < <("$python" - "$wheels" <<'CHOOSE'
"""The wheels that fit this Python, of packages that it has not got."""
import importlib.metadata
import pathlib
import sys

from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import parse_wheel_filename

supported = set(sys_tags())
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.whl")):
    name, _, _, tags = parse_wheel_filename(path.name)
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if tags & supported:
            print(path)
CHOOSE
    )
    [ ${#chosen[@]} -eq 0 ] ||
        "$python" -m pip install -q --disable-pip-version-check --no-index --no-deps --no-compile \
            --no-cache-dir --target "$tmp/site" "${chosen[@]}"
else
    echo "run.sh: no wheels in $wheels: run tests/tools/wheels.sh where there is a network" >&2
fi
export PYTHONPATH=$tmp/tree:$tmp/site PYTHONDONTWRITEBYTECODE=1
export PROBTENSOR_CACHE=$tmp/cache TMPDIR=$tmp
if [ -z "${POSTERIORDB:-}" ] && [ -d "$wheels/posteriordb" ]; then
    export POSTERIORDB=$(cd "$wheels/posteriordb" && pwd)
fi
unset PROBTENSOR_TARGET

cd "$tmp/tree"
if ! "$python" setup.py -q build_ext --inplace >"$tmp/build.log" 2>&1; then
    tail -20 "$tmp/build.log" >&2
    exit 1
fi
echo "run.sh: installed and built in $SECONDS s"
timeout --kill-after=5 "$allowed" "$python" -m tests.bench.gpu --seconds $((allowed - SECONDS - 5)) \
    --out "$out" "${rest[@]}"
