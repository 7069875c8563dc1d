"""Compiles the C files here with gcc, once per cache folder and flags."""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "c"
PLAIN = ("-O3", "-march=native")
FAST = (*PLAIN, "-ffast-math")


def library(name, flags=PLAIN):
    """`c/<name>.c` as a loaded shared library; $BENCH_CACHE keeps the built file."""
    source = SOURCES / f"{name}.c"
    key = hashlib.sha256(source.read_bytes() + " ".join(flags).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("BENCH_CACHE") or tempfile.gettempdir()) / "probtensor-bench-c"
    target = folder / f"{name}-{key}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        built = target.with_suffix(f".{os.getpid()}")
        command = ["gcc", *flags, "-shared", "-fPIC", "-o", built, source, "-lmvec", "-lm"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        built.rename(target)
    return ctypes.CDLL(str(target))
