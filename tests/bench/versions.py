"""Two versions of this library in one interleaved run: `python -m tests.bench --base REF`.

REF is a commit, checked out into a temporary worktree and built there, or the folder of a checkout
that is built already. For each model a process of the base and one of the working tree
(`blocks.py`) take turns at blocks of some milliseconds; which goes first alternates, and the pair
is started anew several times, since where a process has its memory changes times by some per cent.
A start gives the median ratio of neighbouring blocks, and a model the median of its starts.
"""

import contextlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import harness, worker

SCRIPT = Path(__file__).with_name("blocks.py")
BLOCK_SECONDS = 0.01
STARTS = 5
PAIRS = 40
TOLERANCE = 1e-9


class Failed(Exception):
    """A version that cannot be built or measured."""


def _run(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Failed(f"{' '.join(map(str, command[:4]))}: {''.join(tail)}")


@contextlib.contextmanager
def checkout(ref, say):
    """The folder of the built version `ref`; a worktree made for it is removed afterwards."""
    if Path(ref, "probtensor").is_dir():
        yield Path(ref).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="bench-base-") as folder:
        tree = Path(folder, "tree")
        _run(["git", "worktree", "add", "--detach", tree, ref], harness.ROOT)
        try:
            say(f"building {ref}")
            _run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], tree)
            yield tree
        finally:
            _run(["git", "worktree", "remove", "--force", tree], harness.ROOT)


class Process:
    """A version at work on one model: times blocks of calls when told to.

    Parameters
    ----------
    tree : Path
        The checkout whose library is timed.
    task : dict
        `case`, a model's name, and `way`, "pointer" or "python".
    cache : str
        A folder for what is built.
    """

    def __init__(self, tree, task, cache):
        values = harness.environment(cache, "gradient") | {"PYTHONPATH": str(tree)}
        command = [sys.executable, "-P", str(SCRIPT), json.dumps(task)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=tree, env=values, **pipes)
        line = self.process.stdout.readline()
        if not line.startswith(worker.MARK):
            self.close()
            raise Failed(f"{task['case']} does not run in {tree}")
        self.answer = json.loads(line.removeprefix(worker.MARK))

    def time(self, calls):
        """Nanoseconds for each of `calls` calls."""
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed("a version ended while it was timed")
        return int(line) / calls

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def block_calls(process, seconds=BLOCK_SECONDS):
    """How many calls take about `seconds`."""
    calls = 1
    while (spent := process.time(calls) * calls * 1e-9) < seconds / 2 and calls < 1 << 24:
        calls *= 2 if spent > seconds / 8 else 4
    return calls


def paired_ratio(base, tree, pairs):
    """Median of tree / base over neighbouring blocks, and the median time of each (ns)."""
    calls = block_calls(base)
    tree.time(calls)
    times = []
    for number in range(pairs):
        if number % 2:
            after = tree.time(calls)
            times.append((base.time(calls), after))
        else:
            before = base.time(calls)
            times.append((before, tree.time(calls)))
    ratio = statistics.median(after / before for before, after in times)
    return ratio, *(statistics.median(column) for column in zip(*times, strict=True))


def _same_density(name, base, tree):
    for before, after in zip(base["gradient"], tree["gradient"], strict=True):
        if not math.isclose(before, after, rel_tol=TOLERANCE, abs_tol=1e-9):
            raise Failed(f"{name}: gradients differ between the versions: {before} and {after}")


def measure(name, trees, caches, settings):
    """(ratio, base ns, tree ns) of one model, medians over the starts, and each start's ratio."""
    task = {"case": name, "way": settings.way}
    starts = []
    for _ in range(settings.starts):
        with contextlib.ExitStack() as stack:
            pair = []
            for tree, cache in zip(trees, caches, strict=True):
                pair.append(Process(tree, task, cache))
                stack.callback(pair[-1].close)
            _same_density(name, *(process.answer for process in pair))
            starts.append(paired_ratio(*pair, settings.pairs))
    middle = [statistics.median(column) for column in zip(*starts, strict=True)]
    return middle, [start[0] for start in starts]


def table(rows):
    """The report: a line a model, then the geometric mean of the ratios and the largest."""
    lines = [f"{'model':16}{'base us':>10}{'now us':>10}{'ratio':>8}   starts"]
    for name, ((ratio, before, after), starts) in rows.items():
        spread = f"{min(starts):.3f} to {max(starts):.3f}"
        lines.append(f"{name:16}{before / 1e3:10.3f}{after / 1e3:10.3f}{ratio:8.3f}   {spread}")
    ratios = {name: row[0][0] for name, row in rows.items()}
    slowest = max(ratios, key=ratios.get)
    mean = statistics.geometric_mean(ratios.values())
    lines.append(f"geometric mean {mean:.3f}, largest {ratios[slowest]:.3f} ({slowest})")
    return lines


def compare(ref, names, settings, say):
    """Prints now / base of the gradient time of each model; 1 where a version fails, else 0."""
    rows = {}
    try:
        with checkout(ref, say) as base, contextlib.ExitStack() as stack:
            folders = [tempfile.TemporaryDirectory(prefix="bench-") for _ in range(2)]
            caches = [stack.enter_context(folder) for folder in folders]
            for name in names:
                rows[name] = measure(name, (base, harness.ROOT), caches, settings)
                say(f"{name}: {rows[name][0][0]:.3f}")
    except Failed as error:
        say(str(error))
        return 1
    print("\n".join(table(rows)))
    return 0
