"""Exports are built with all warnings as errors, where there is a compiler."""

import pytest

from probtensor.targets.base import BuildError
from probtensor.targets.cython.toolchain import compiler_command

STRICT = "-Wall -Wextra -Werror -Wno-unused"


@pytest.fixture(autouse=True, scope="session")
def needs_a_compiler():
    """Skips all of this folder without a C compiler."""
    try:
        compiler_command()
    except BuildError:
        pytest.skip("there is no C compiler")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Exports a function or a posterior, under a name, into a folder of its own."""

    def export(thing, folder, **options):
        folder = tmp_path_factory.mktemp("exports") / folder
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CC", f"{' '.join(compiler_command())} {STRICT}")
            return thing.export(folder, **options)

    return export
