"""The device, the driver and the versions of everything measured."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from probtensor import device
from tests.bench.gpu import peers

TITLE = "The machine"
COLUMNS = (("fact", "{}"), ("value", "{}"))
NOTE = ""
QUERY = "name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit,compute_mode"


def output(*command):
    """What a command prints, or None where it is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def of_the_device():
    """(fact, value) as NVIDIA's own tool tells them."""
    answer = output("nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader")
    values = answer.splitlines()[0].split(", ") if answer else []
    yield from zip(QUERY.replace(".", " ").replace("_", " ").split(","), values)
    header = output("nvidia-smi") or ""
    at = header.find("CUDA Version:")
    if at >= 0:
        yield "CUDA of the driver", header[at:].split()[2]
    nvcc = output("nvcc", "--version")
    if nvcc:
        yield "nvcc", nvcc.splitlines()[-2].split(", ")[-1]


def of_the_host():
    """(fact, value) of processor, system and Python."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            yield "processor", line.split(":", 1)[1].strip()
            break
    yield "cores", str(len(os.sched_getaffinity(0)))
    yield "system", f"{platform.system()} {platform.release()}"
    yield "Python", platform.python_version()
    compiler = output("gcc", "--version")
    if compiler:
        yield "gcc", compiler.splitlines()[0]


def of_our_driver():
    """(fact, value) as our own runtime sees them."""
    driver = device.driver()
    free, total = driver.memory()
    yield "our driver", f"{driver.name}, {driver.arch}, {driver.multiprocessors} multiprocessors"
    yield "memory free", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB"
    yield "our compiler", driver.identity
    for name in ("blas", "dense", "fourier"):
        found = getattr(driver, name)
        yield f"our library, {name}", "none" if found is None else type(found).__name__


def measure(setting):
    """Yields one record for each fact."""
    sources = (of_the_host,) if setting.dry else (of_the_device, of_the_host)
    for source in (*sources, of_our_driver):
        for fact, value in source():
            yield {"fact": fact, "value": value}
    for name in peers.DISTRIBUTIONS:
        yield {"fact": name, "value": peers.version(name) or "not installed"}
