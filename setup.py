"""Build the hand-written Cython modules; everything declarative stands in pyproject.toml.

Every .pyx file below `cython_ext/` becomes one extension module. `PROBTENSOR_NATIVE=1` adds
-march=native for a build that stays on this machine; wheels leave it out, to run on any machine of
the kind.
"""

import os
import platform
import subprocess
import tempfile
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
INCLUDE = "cython_ext/include"
HOST_INCLUDE = f"{INCLUDE}/host"  # headers that a device has no use for
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}
# Products are rounded before they are added, on every machine; for that the vectoriser of
# straight-line code is off, see targets/cython/toolchain.py. The other flags change no value: they
# drop errno and floating-point traps, which nothing here reads.
UNIX_FLAGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
              "-fwrapv", "-fno-tree-slp-vectorize"]  # fmt: skip


# The machine of tier 0 is compiled for several levels of processors; one is chosen when it is
# loaded. A build that stays on this machine has one level. Compilers that do not know a level by
# name (gcc before 11, clang before 12) get the features that cython_ext/machine.pyx looks for; a
# level of which they do not know those either is left out.
LEVELS = "cython_ext.levels."
WIDE = "-mprefer-vector-width=512"
V3 = "-mavx2 -mfma -mbmi -mbmi2"
LEVEL_FLAGS = {
    "baseline": ["-march=x86-64-v2", "-msse4.2 -mpopcnt", ""],
    "x86_64_v3": ["-march=x86-64-v3", V3],
    "x86_64_v4": [f"-march=x86-64-v4 {WIDE}",
                  f"{V3} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl {WIDE}"],
}  # fmt: skip
X86 = platform.machine() in ("x86_64", "AMD64")
NATIVE = os.environ.get("PROBTENSOR_NATIVE") == "1"


def found(pattern):
    """Paths below the root, as setuptools wants them: relative, with forward slashes, sorted."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def extensions():
    """One extension for each .pyx file; a change in any header or .pxd rebuilds them all."""
    shared = found(f"{INCLUDE}/**/*.h") + found("cython_ext/**/*.pxd")
    made = [
        Extension(source.removesuffix(".pyx").replace("/", "."), [source], depends=shared)
        for source in found("cython_ext/**/*.pyx")
    ]
    one_level = NATIVE or not X86
    left_out = {LEVELS + level for level in LEVEL_FLAGS if one_level and level != "baseline"}
    return [extension for extension in made if extension.name not in left_out]


def level_flags(name, compiler):
    """The flags of an extension for the level of processors that it is compiled for; None where
    the compiler, a command, has none for it."""
    is_level = X86 and name.startswith(LEVELS)
    if NATIVE:
        return ["-march=native", WIDE] if is_level else ["-march=native"]
    tried = LEVEL_FLAGS[name.removeprefix(LEVELS)] if is_level else [""]
    return next((flags.split() for flags in tried if accepts(compiler, flags.split())), None)


def accepts(compiler, flags):
    """Whether a compiler knows these flags."""
    if not flags:
        return True
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "empty.c")
        source.write_text("int pt_empty;\n")
        command = [*compiler, *flags, "-Werror", "-c", str(source), "-o", f"{source}.o"]
        return not subprocess.run(command, capture_output=True, check=False).returncode


class BuildExtensions(build_ext):
    """Cython and NumPy are imported here, so that commands that build nothing need neither."""

    def build_extensions(self):
        import numpy as np
        from Cython.Build import cythonize

        self.choose_flags()
        for extension in self.extensions:
            extension.include_dirs += [INCLUDE, HOST_INCLUDE, np.get_include()]
            extension.define_macros += [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
        translated = cythonize(
            list(self.extensions),
            build_dir=self.build_temp,
            compiler_directives=DIRECTIVES,
            include_path=[str(ROOT)],
            force=self.force,
        )
        # Only the sources are taken over: setuptools has put its own marks on its extensions.
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()

    def copy_extensions_to_source(self):
        """Also removes levels of an older build, which would be chosen before the one of this."""
        super().copy_extensions_to_source()
        for old in found("cython_ext/levels/x86_64_*.so") if NATIVE else []:
            ROOT.joinpath(old).unlink()

    def choose_flags(self):
        """Flags for all extensions; levels that the compiler does not know are left out."""
        if self.compiler.compiler_type != "unix":
            return
        for extension in list(self.extensions):
            level = level_flags(extension.name, self.compiler.compiler_so)
            if level is None:
                print(f"{extension.name} is left out: {self.compiler.compiler_so[0]} is too old")
                self.extensions.remove(extension)
            else:
                extension.extra_compile_args += UNIX_FLAGS + level


class BuildPython(build_py):
    """Puts cuda/ into wheels as probtensor/cuda_sources: NVIDIA owns the top-level name `cuda`."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "probtensor", "cuda_sources")
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("*.cu", "*.cuh", "*.h", "README.md"):
            for source in found(f"cuda/{pattern}"):
                self.copy_file(source, str(folder / Path(source).name))


setup(
    packages=[
        *find_packages(include=["probtensor", "probtensor.*", "cython_ext", "cython_ext.*"]),
        "cython_ext.include",
        "cython_ext.include.host",
        "cython_ext.include.machine",
    ],
    package_dir={"": "."},  # said aloud, so that an editable install is a path, not an import hook
    package_data={
        "cython_ext": ["*.pxd"],
        "cython_ext.samplers": ["*.pxd"],
        "cython_ext.include": ["*.h"],
        "cython_ext.include.host": ["*.h"],
        "cython_ext.include.machine": ["*.h"],
        "probtensor.inspect.explore": ["assets/*", "vendor/*"],
    },
    include_package_data=False,
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExtensions, "build_py": BuildPython},
)
