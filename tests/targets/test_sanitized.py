"""The entry and generated modules have no memory errors and no undefined behaviour."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.device.host import ROOT, sanitizer_environment

FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"


@pytest.fixture
def instrumented(tmp_path):
    """Variables for a process with sanitized C code of the library, and its folder."""
    extra = sanitizer_environment()
    compiler = shutil.which("gcc")
    if not extra or not compiler:
        pytest.skip("the sanitizers' libraries are not installed")
    folder = tmp_path / "tree"
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "cython_ext", folder / "cython_ext", ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "probtensor", "tests", "cuda"):
        (folder / name).symlink_to(ROOT / name)
    built = {**os.environ, "CC": f"{compiler} {FLAGS}", "PYTHONPATH": str(folder)}
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=folder, env=built, check=True, timeout=900, capture_output=True,
    )  # fmt: skip
    return folder, {**built, **extra, "PROBTENSOR_CACHE": str(tmp_path / "cache")}


@pytest.mark.slow
def test_the_cpu_stays_within_its_memory(instrumented):
    folder, environment = instrumented
    done = subprocess.run(
        [sys.executable, "-m", "tests.targets.sanitized", os.environ.get("COUNT", "100")],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert "sanitized: ok" in done.stdout, done.stdout[-3000:] + done.stderr[-6000:]
