"""Generated CUDA is accepted by NVIDIA's compiler, and text does not change unseen."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from probtensor.lower import lower
from probtensor.targets.cuda.render import render
from tests.device.host import ROOT
from tests.models.programs import MODELS, plan_of
from tests.targets.test_ops import GROUPS, all_cases

NVCC = shutil.which("nvcc")
FLAGS = ("-arch=sm_90", "-diag-suppress", "177", f"-I{ROOT}/cuda", f"-I{ROOT}/cython_ext/include")
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")


def compile_all(sources, kind, folder):
    """What nvcc says against each source, by name."""

    def compiled(item):
        name, source = item
        path = folder / f"{name}.cu"
        path.write_text(source, encoding="utf-8")
        command = [NVCC, *FLAGS, kind, "-o", str(path.with_suffix(".out")), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        return name, done.stderr if done.returncode else ""

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(compiled, sources.items()))


@needs_nvcc
@pytest.mark.slow
def test_golden_models_compile_for_a_device(tmp_path):
    sources = {model.__name__: render(plan_of(model)).source for model in MODELS}
    sources |= {name: f'#include "{name}.cuh"\n' for name in ("pt_gemm", "pt_library")}
    said = compile_all(sources, "-cubin", tmp_path)
    assert not any(said.values()), "\n".join(said.values())


@needs_nvcc
@pytest.mark.slow
def test_every_op_compiles_for_a_device(tmp_path):
    sources = {}
    for k, names in enumerate(GROUPS):
        cases = list(all_cases(names))
        inputs = [x for case in cases for x in case.inputs]
        sources[f"ops{k}"] = render(lower(inputs, [case.output for case in cases])).source
    said = compile_all(sources, "-ptx", tmp_path)
    assert not any(said.values()), "\n".join(said.values())
