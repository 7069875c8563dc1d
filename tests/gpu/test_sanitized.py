"""Generated kernels stay within their memory."""

import os
import subprocess
import sys

import pytest

from tests.device.host import ROOT, sanitizer_environment
from tests.models.programs import MODELS


@pytest.mark.slow
def test_kernels_stay_within_their_memory():
    extra = sanitizer_environment()
    if not extra:
        pytest.skip("the sanitizers' libraries are not installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.sanitized"],
        env={**os.environ, **extra, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert f"sanitized: {len(MODELS)}" in done.stdout, done.stdout[-2000:] + done.stderr[-4000:]
