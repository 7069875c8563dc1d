"""The folder of an export: its files, written at once, and the library that is built of them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from probtensor.dataclass import dataclass, field
from probtensor.export.call import CallText
from probtensor.export.model import ModelText
from probtensor.system import program
from probtensor.targets.base import BuildError
from probtensor.targets.cython import toolchain

INCLUDE = "include"
RECORD = "export.json"
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
NEEDED = (
    "pt_base.h", "pt_special.h", "pt_elementary.h", "pt_power.h", "pt_log_table.h", "pt_trig.h",
    "pt_erf.h", "pt_owens.h", "pt_links.h", "pt_gamma.h", "pt_divergence.h", "pt_rising.h",
    "pt_floats.h", "pt_pair.h", "pt_bessel_far.h", "pt_bessel.h", "pt_bessel_value.h",
    "pt_bessel_low.h", "pt_zeta.h", "pt_hyper.h", "pt_hyper_value.h", "pt_incomplete_gamma.h",
    "pt_incomplete_beta.h", "pt_incomplete_inverse.h",
    "pt_jet.h", "pt_incomplete_orders.h", "pt_operators.h",
    "pt_random.h", "probtensor.h",
    "host/pt_loops.h", "host/pt_export.h", "host/pt_linalg.h", "host/pt_sort.h",
    "host/pt_sort_wide.h", "host/pt_sort_runs.h", "host/pt_select.h", "host/pt_select_runs.h",
    "host/pt_ordering.h", "host/pt_cholesky_gradient.h", "host/pt_small.h", "host/pt_lapack.h",
    "host/pt_bands.h", "host/pt_sparse.h", "host/pt_systems.h", "host/pt_spectra.h",
    "host/pt_equations.h", "host/pt_exponential.h",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """What `export` wrote: paths of the files, and the line that builds the library.

    name     of the functions: `{name}_open` and so on
    library  the built library; None where there was no compiler, or it was not asked for
    data     the file that `{name}_open` reads; None where the data are in the source
    command  the line that builds it, to be run in the folder
    """

    name: str
    folder: Path
    source: Path
    header: Path
    data: Path | None
    library: Path | None
    command: str
    files: tuple[str, ...] = field(repr=False, default=())


class Request(NamedTuple):
    """What is to be written: the folder, the name of the functions, whether the library is built
    (None: if there is a compiler), and words by which the compiler finds a LAPACK."""

    folder: Path
    name: str
    build: bool | None = None
    lapack: tuple[str, ...] = ()

    @property
    def library(self) -> str:
        """The name of the library."""
        return f"{self.name}{SUFFIX}"

    def words(self, compiler: Sequence[str] = ("cc",), folder: str = "") -> list[str]:
        """The words of the line that builds the library, with files of the export in a folder."""
        machine = toolchain.NATIVE.get(platform.machine(), ())
        defined = ("-DPT_LAPACK",) if self.lapack else ()
        # Vectors are passed to inlined functions alone, which gcc remarks on all the same.
        flags = (*toolchain.OPTIMISE, *machine, "-Wno-psabi", "-shared", "-fPIC", *defined)
        files = (f"-I{folder}{INCLUDE}", f"{folder}{self.name}.c", "-o", self.library)
        return [*compiler, *flags, *files, *self.lapack, "-lm"]

    @property
    def command(self) -> str:
        """The line that builds the library, to be run in the folder. Without `-march=native` it
        runs on any processor of the kind, more slowly, with results that differ in the last bit."""
        return shlex.join(self.words())


def write_export(text: ModelText | CallText, request: Request) -> Export:
    """Write an export into its folder, and build its library; a warning says if there is no
    compiler. FileExistsError for a file there that is not one of an earlier export, BuildError
    where the compiler fails."""
    name, folder, headers = request.name, request.folder, toolchain.include_dir()
    pieces: dict[str, list[bytes | memoryview]] = {
        f"{INCLUDE}/{Path(header).name}": [(headers / header).read_bytes()] for header in NEEDED
    }
    source = text.c()  # before the header: it states the messages
    pieces[f"{name}.c"] = [source.encode()]
    pieces[f"{name}.h"] = [text.header().encode()]
    if text.data_file:
        pieces[text.data_file] = text.source.arrays.file(text.source.identity)
    folder.mkdir(parents=True, exist_ok=True)
    record = _record(folder)
    library = request.library
    compiler = _compiler(request.build)
    _refuse_foreign(folder, record, [*pieces, *([library] if compiler else [])])
    for file, parts in pieces.items():
        record[file] = _write(folder / file, parts)
        _save(folder, record)
    if compiler:
        record[library] = _build(request, compiler)
        _save(folder, record)
    elif request.build is None:
        warnings.warn(
            f"export: there is no C compiler here, so {folder / library} was not built; on a "
            f"machine with one, run in {folder}: {request.command}",
            UserWarning,
            stacklevel=5,
        )
    return Export(
        name=name,
        folder=folder,
        source=folder / f"{name}.c",
        header=folder / f"{name}.h",
        data=folder / text.data_file if text.data_file else None,
        library=folder / library if compiler else None,
        command=request.command,
        files=(*pieces, *([library] if compiler else []), RECORD),
    )


def _compiler(build: bool | None) -> tuple[str, ...] | None:
    """The command of the compiler; None if none is wanted, or there is none and it need not be."""
    if build is False:
        return None
    try:
        return toolchain.compiler_command()
    except BuildError:
        if build:
            raise
        return None


def _record(folder: Path) -> dict[str, str]:
    """The files of earlier exports into a folder, with the hash of each."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _save(folder: Path, record: Mapping[str, str]) -> None:
    text = json.dumps({"made by": "ProbTensor", "files": dict(record)}, indent=1)
    _write(folder / RECORD, [text.encode()])


def _refuse_foreign(folder: Path, record: Mapping[str, str], names: Iterable[str]) -> None:
    """FileExistsError for a file that no export wrote, or that was changed since."""
    if (folder / RECORD).exists() and not record:
        names = [RECORD, *names]
    for name in names:
        path = folder / name
        if path.exists() and record.get(name) != _hash_of_file(path):
            known = "was changed since it was exported" if name in record else "is not an export"
            raise FileExistsError(
                f"export: {path} {known}, and would be overwritten\n"
                "  remove it, or export to another folder"
            )


def _hash_of_file(path: Path) -> str:
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, pieces: Sequence[bytes | memoryview]) -> str:
    """Write a file under another name and rename it; gives its hash."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    digest = hashlib.sha256()
    try:
        with open(temporary, "xb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def _build(request: Request, compiler: Sequence[str]) -> str:
    """Compile the library beside its place and rename it; gives its hash."""
    folder = request.folder.absolute()
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as scratch:
        built = Path(scratch) / request.library
        words = request.words(compiler, f"{folder}{os.sep}")
        words[words.index("-o") + 1] = str(built)
        try:
            status, output = program.run(words, Path(scratch) / "log", program.limit())
        except program.TimedOut as error:
            status, output = 1, f"error: {error}; {program.LIMIT} sets that limit in seconds"
        if status or not built.exists():
            raise BuildError(toolchain.compiler_failure(compiler, output or f"ended with {status}"))
        os.replace(built, folder / request.library)
    return _hash_of_file(folder / request.library)
