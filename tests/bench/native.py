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
# Linked apart: with -ffast-math gcc would link a start-up file that makes subnormals zero in the
# whole process, for whatever runs there afterwards.
LINK = ("-shared", "-lmvec", "-lm")


def library(name, flags=PLAIN):
    """`c/<name>.c` as a loaded shared library; $BENCH_CACHE keeps the built file."""
    source = SOURCES / f"{name}.c"
    key = hashlib.sha256(source.read_bytes() + " ".join([*flags, *LINK]).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("BENCH_CACHE") or tempfile.gettempdir()) / "probtensor-bench-c"
    target = folder / f"{name}-{key}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        built = target.with_suffix(f".{os.getpid()}")
        part = built.with_name(f"{built.name}.o")
        for command in (
            ["gcc", *flags, "-fPIC", "-c", "-o", part, source],
            ["gcc", "-o", built, part, *LINK],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        part.unlink()
        built.rename(target)
    return ctypes.CDLL(str(target))
