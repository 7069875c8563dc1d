"""The script in a dump that makes the function again. It uses nothing but the public names."""

SCRIPT = '''\
"""Makes the function of this bug report again, runs it, and compares with what was recorded.

    python bug.zip          or, from the unpacked files,  python reproduce.py

Exits with 0 if the same bits, or the same error, come out, and with 1 otherwise. The function is
`made`: in an interactive session, `python -i reproduce.py`, it can be looked into with
made.dprint(print_storage=True), made.report(witness=True), made.explain("kernels"), ...
"""

import io
import json
import os
import sys
import zipfile

import numpy as np

import probtensor as pt

HERE = os.path.dirname(os.path.abspath(__file__))


def read(name):
    """The bytes of a file of this report; None if it has none of that name."""
    if zipfile.is_zipfile(HERE):
        with zipfile.ZipFile(HERE) as archive:
            return archive.read(name) if name in archive.namelist() else None
    path = os.path.join(HERE, name)
    return open(path, "rb").read() if os.path.exists(path) else None


def arrays(name):
    """The arrays of a file, in order."""
    data = read(name)
    if data is None:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return [found[f"a{k}"] for k in range(len(found.files))]


about = json.loads(read("function.json"))


def target():
    """The target that the function was compiled for, if there is such a one here."""
    name = os.environ.get("PROBTENSOR_TARGET") or about["target"]
    return "interp" if name not in ("auto", "cython", "machine", "interp", "cuda") else name


def make():
    """The function: all its inputs are arguments, its outputs and updates a flat list."""
    graph = read("graph.json") or read("compiled.json")
    if graph is None:
        sys.exit("the graph has no text, so it cannot be made again: " + about["why_no_graph"])
    nodes = pt.from_json(graph.decode())
    count = len(about["inputs"])
    return pt.function(nodes[:count], nodes[count:], target=target(), on_unused_input="ignore",
                       name=about["name"])


def outcome(function, values):
    """(results, None), or (None, the error as text)."""
    try:
        return function(*values), None
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def first_line(text):
    return text.split("\\\\n")[0]


def report(name, right, found):
    """Whether an output is what was recorded; prints what differs."""
    if right.dtype == found.dtype and right.shape == found.shape:
        if right.tobytes() == found.tobytes():
            return True
        same = (right == found) | ((right != right) & (found != found))
        wrong = np.argwhere(np.atleast_1d(~same))
        at = tuple(map(int, wrong[0])) if len(wrong) and right.ndim else (0,) * right.ndim
        print(f"{name}{list(at)}: recorded {right[at]!r}, here {found[at]!r}")
    else:
        print(f"{name}: recorded {right.dtype}{right.shape}, here {found.dtype}{found.shape}")
    return False


print(f"recorded with probtensor {about['version']}, here {pt.__version__}; target {target()}")
made = make()
values = arrays("inputs.npz")
if values is None:
    sys.exit("there are no inputs in this report: call made(...) with your own")
if about["sampled"]:
    print("the inputs are random, not those of the report")
results, error = outcome(made, values)
recorded, recorded_error = arrays("results.npz"), about["error"]
if recorded_error is not None or error is not None:
    print(f"recorded: {recorded_error}\\\\nhere:     {error}")
    alike = None not in (error, recorded_error) and first_line(error) == first_line(recorded_error)
else:
    names = about["outputs"]
    alike = all([report(*parts) for parts in zip(names, recorded, map(np.asarray, results))])
print("the same" if alike else "NOT the same")
if not getattr(sys.flags, "interactive", 0):
    sys.exit(0 if alike else 1)
'''.replace("\\\\n", "\\n")
