"""The command line: `probtensor cache | doctor | rules`, also as `python -m probtensor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from probtensor.compile import PIPELINE
from probtensor.inspect.reports import environment
from probtensor.targets import cache
from probtensor.targets.cython import doctor
from probtensor.testing import tiers
from probtensor.transform.rewrite import Ruleset
from probtensor.version import __version__

USAGE = """\
usage: probtensor COMMAND [OPTIONS]

  cache [list | size | clear | dir]   the compiled modules kept on this machine
  doctor                              versions, BLAS, settings; build and time a probe; say
                                      what is missing
  rules [WORD ...]                    the rewriting rules, or those that mention all the words

  --version, --help"""


def rules(argv: Sequence[str]) -> int:
    """Print each rule once, with its passes, its reason and its file and line."""
    passes: dict[str, list[str]] = {}
    for step in PIPELINE:
        if isinstance(step.action, Ruleset):
            for rule in step.action:
                text = f"{rule.name}\n    {rule.why}\n    {rule.line}"
                passes.setdefault(text, []).append(step.name)
    shown = 0
    for text, names in passes.items():
        if all(word in text for word in argv):
            shown += 1
            print(f"{text}, in {', '.join(names)}")
    print(f"{shown} of {len(passes)} rules")
    return 0 if shown else 1


def examine(argv: Sequence[str]) -> int:
    """Print the environment, then the report of the doctor, with the machine and native code side
    by side."""
    if not argv:
        # The compiler and the GPU are what the doctor tries out.
        for line in environment.rows(omitted=("compiler", "gpu")):
            print(line)
    return doctor.main(argv, tiers.report)


COMMANDS = {"cache": cache.main, "doctor": examine, "rules": rules}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `argv` excludes the name of the program."""
    name, *options = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(USAGE)
        return 0
    if name == "--version":
        print(f"probtensor {__version__}")
        return 0
    if name not in COMMANDS:
        print(f"probtensor: there is no command {name!r}\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        status = COMMANDS[name](options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe; the flush at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
