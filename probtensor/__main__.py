"""The command line: `probtensor cache | doctor | rules`, also as `python -m probtensor`."""

import sys

from probtensor.version import __version__

USAGE = """\
usage: probtensor COMMAND [OPTIONS]

  cache    list, measure or clear the compiled modules kept on this machine
  doctor   compile and time a probe, and say what is missing if it fails
  rules    list the rewriting rules, each with its reason

  --version, --help"""
COMMANDS = ("cache", "doctor", "rules")


def main(argv=None):
    """Run one command and return its exit status; `argv` is without the program's name."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(USAGE)
        return 0 if arguments else 2
    if name == "--version":
        print(f"probtensor {__version__}")
        return 0
    if name not in COMMANDS:
        print(f"probtensor: no command {name!r}\n\n{USAGE}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
