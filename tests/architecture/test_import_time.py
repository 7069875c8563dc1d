"""`import probtensor` loads NumPy and itself; heavy packages wait until they are needed."""

import subprocess
import sys

import pytest

from tests.architecture import source

HEAVY = ("scipy", "Cython", "arviz", "matplotlib", "pycuda", "pandas", "xarray", "rich", "tqdm",
         "setuptools", "mpmath")  # fmt: skip


@pytest.mark.skipif(
    not (source.ROOT / "probtensor" / "__init__.py").exists(), reason="the face is not there yet"
)
def test_import_loads_no_heavy_package():
    # A site hook of the environment may have loaded something before: only our import counts.
    code = (
        "import sys; before = set(sys.modules); import probtensor; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.split()
    assert "probtensor" in loaded
    assert not set(loaded) & set(HEAVY)
