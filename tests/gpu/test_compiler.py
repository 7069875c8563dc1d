"""Kernels compile with NVRTC and with nvcc, and what is wrong with one is shown."""

import multiprocessing
import os
import re
import signal
import time

import pytest

from probtensor.device import DeviceError, compiler, images
from probtensor.device.libraries import loading as libraries
from tests.device.host import HostDriver

ARCH = "sm_90"
SOURCE = """\
#include "pt_group.cuh"
#include "pt_random.h"
extern "C" __global__ void total(const double *x, double *out, long long n, uint64_t key)
{
    pt_block all;
    double sum = 0;
    for (long long i = all.lane(); i < n; i += all.size())
        sum += pt_lgamma(x[i]) + pt_erf(x[i]) + pt_sin(x[i]) + pt_draw_normal(key, i);
    sum = all.add(sum);
    if (all.lane() == 0)
        *out = isfinite(sum) ? sum : PT_INF;
}
"""
WRONG = """\
extern "C" __global__ void f(double *x)
{
    x[0] = undeclared;
}
"""


def compilers():
    """What there is here, and by name what there is not."""
    found = {}
    path = libraries.find_library("nvrtc")
    found["NVRTC"] = compiler.Nvrtc(path) if path else None
    nvcc = compiler.shutil.which("nvcc")
    found["nvcc"] = compiler.Nvcc(compiler.Path(nvcc)) if nvcc else None
    return found


@pytest.fixture(params=["NVRTC", "nvcc"])
def each(request):
    one = compilers()[request.param]
    if one is None:
        pytest.skip(f"no {request.param} here")
    return one


def test_the_hand_written_headers_compile(each):
    image = each.compile(SOURCE, ARCH, compiler.include_folders())
    assert image[:4] == b"\x7fELF" and b"total" in image


def headers_of_a_device():
    folders = compiler.include_folders()
    return sorted(path.name for folder in folders for path in folder.glob("*.[hc]*"))


def test_headers_of_a_device_ask_for_nothing_that_it_lacks():
    """What needs the system or Cython is in include/host, which no kernel sees."""
    known = {*compiler.HEADERS, *headers_of_a_device()}
    for folder in compiler.include_folders():
        for path in folder.glob("*.[hc]*"):
            asked = set(re.findall(r'#\s*include\s*[<"]([^>"]+)', path.read_text()))
            assert asked <= known, path.name
    host = compiler.include_folders()[-1] / "host"
    assert {path.name for path in host.glob("*.h")}.isdisjoint(headers_of_a_device())


def test_each_header_of_ours_compiles_alone(each):
    folders = compiler.include_folders()
    headers = sorted(path.name for path in folders[-1].glob("*.h"))
    assert "pt_special.h" in headers
    kernel = 'extern "C" __global__ void f(double *x) { x[0] = 1; }'
    for lines in (headers, headers[::-1]):
        text = "\n".join(f'#include "{name}"' for name in lines)
        assert each.compile(f"{text}\n{kernel}", ARCH, folders)


def test_what_is_wrong_is_shown_with_its_line(each):
    with pytest.raises(DeviceError) as caught:
        each.compile(WRONG, ARCH, compiler.include_folders())
    text = str(caught.value)
    assert "undeclared" in text and ">    3      x[0] = undeclared;" in text


def test_the_same_source_runs_on_the_host():
    assert HostDriver().compile(SOURCE)


def test_wrong_sources_are_shown_on_the_host_too():
    with pytest.raises(DeviceError, match="undeclared"):
        HostDriver().compile(WRONG)


def test_no_compiler_at_all(monkeypatch):
    monkeypatch.setattr(compiler, "find_library", lambda *options: None)
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    with pytest.raises(DeviceError, match=r"neither NVRTC nor nvcc.*pip install"):
        compiler.find_compiler()


def test_nvcc_is_the_second_choice(monkeypatch):
    monkeypatch.setattr(compiler, "find_library", lambda *options: None)
    monkeypatch.setattr(compiler.shutil, "which", lambda name: f"/opt/{name}")
    found = compiler.find_compiler()
    assert isinstance(found, compiler.Nvcc)


def test_a_library_is_not_newer_than_the_driver(monkeypatch, tmp_path):
    folders = [tmp_path / "cuda_nvrtc", tmp_path / "cu13"]
    for folder, names in zip(folders, [["libnvrtc.so.12", "libnvrtc.so"],
                                       ["libnvrtc.so.13.0.88", "libnvrtc.alt.so.13"]]):  # fmt: skip
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    monkeypatch.setattr(libraries, "wheel_folders", lambda: folders)
    monkeypatch.setattr(libraries, "toolkit_folders", list)
    assert libraries.find_library("nvrtc").name == "libnvrtc.so.13.0.88"
    assert libraries.find_library("nvrtc", 12).name == "libnvrtc.so.12"
    assert libraries.find_library("nvrtc", 11) is None


def test_toolkits_are_found_by_their_variables(monkeypatch, tmp_path):
    (tmp_path / "lib64").mkdir()
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert tmp_path / "lib64" in list(libraries.toolkit_folders())


class Fixed:
    """A compiler with an identity and nothing else."""

    def __init__(self, identity):
        self.identity = identity


def test_a_key_holds_all_that_matters(tmp_path):
    a, b = Fixed("a"), Fixed("b")
    (tmp_path / "x.h").write_text("1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.h").write_text("2")
    keys = {
        compiler.image_key(*arguments)
        for arguments in [
            (SOURCE, ARCH, a, (tmp_path,)),
            (WRONG, ARCH, a, (tmp_path,)),
            (SOURCE, "sm_80", a, (tmp_path,)),
            (SOURCE, ARCH, b, (tmp_path,)),
            (SOURCE, ARCH, a, (other,)),
        ]
    }
    assert len(keys) == 5


def test_options_and_the_headers_of_the_toolkit_are_in_the_key(tmp_path, monkeypatch):
    arguments = (SOURCE, ARCH, Fixed("a"), (tmp_path,))
    keys = [compiler.image_key(*arguments)]
    monkeypatch.setattr(compiler, "OPTIONS", (*compiler.OPTIONS, "-another"))
    keys.append(compiler.image_key(*arguments))
    monkeypatch.setattr(compiler, "HEADERS", {**compiler.HEADERS, "another.h": ""})
    compiler.headers_digest.cache_clear()
    keys.append(compiler.image_key(*arguments))
    compiler.headers_digest.cache_clear()
    assert len(set(keys)) == 3


KEY = "ab" + "0" * 62


def test_images_are_kept(tmp_path):
    store = images.ImageStore(tmp_path)
    assert store.get(KEY) is None
    store.put(KEY, b"image")
    assert store.get(KEY) == b"image"


def test_damaged_images_count_as_none(tmp_path):
    store = images.ImageStore(tmp_path)
    store.put(KEY, b"image")
    (path,) = tmp_path.glob("*/*.function")
    for damage in (b"", b"short", path.read_bytes()[:-1], path.read_bytes() + b"x"):
        path.write_bytes(damage)
        assert store.get(KEY) is None
    store.put(KEY, b"image")
    assert store.get(KEY) == b"image"


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").touch()
    store = images.ImageStore(tmp_path / "file" / "folder")
    store.put(KEY, b"image")
    assert store.get(KEY) is None
    images.ImageStore(None).put(KEY, b"image")


def keep_forever(folder):
    store = images.ImageStore(folder)
    while True:
        store.put(KEY, b"image" * 200_000)


def test_processes_that_write_at_once_and_die(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=keep_forever, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    store = images.ImageStore(tmp_path)
    end = time.monotonic() + 20
    while store.get(KEY) is None and time.monotonic() < end:
        time.sleep(0.01)
    seen = [store.get(KEY) for _ in range(50)]
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    assert set(seen) == {b"image" * 200_000} and store.get(KEY) == seen[0]


def test_the_cache_command_knows_images(tmp_path):
    from probtensor.targets.cache import ModuleStore

    images.ImageStore(tmp_path).put(KEY, b"image")
    assert len(ModuleStore(tmp_path).entries()) == 1
    assert ModuleStore(tmp_path).clear() == 1
    assert images.ImageStore(tmp_path).get(KEY) is None
