"""A process whose `sample` is interrupted again and again by another process.

    python interrupted.py LIBRARY RUNS DRAWS HANDLER

HANDLER is "python" for Python's own handler of SIGINT, or "own" for another that raises the same.
For each run it writes "go", samples, and reads a line which says that all signals were sent. Then
it writes what became of the draws: "returned 1000" or "carried 1000" (the draws of each chain),
"nothing" where there were none to lose, or "LOST".
"""

import ctypes
import signal
import sys
import warnings
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest import Schools

from probtensor.sample import run as run_module
from probtensor.sample import sample

TUNE = 500
MOST_PRESSES = 4


class Seen(run_module.HostRun):
    """Remembers the run, to ask it what was drawn."""

    last = result = None

    def __init__(self, *args):
        super().__init__(*args)
        Seen.last = self


def carried(error):
    """The draws that an exception has, or one that it came on top of."""
    while error is not None:
        draws = getattr(error, "draws", None)
        if draws is not None:
            return draws
        error = error.__context__
    return None


def verdict(error):
    """What became of the draws."""
    if Seen.result is not None:
        return f"returned {Seen.result.posterior.sizes['draw']}"
    draws = carried(error)
    if draws is not None:
        length = draws.to_arviz().posterior.sizes["draw"]
        assert length == draws.length == draws.groups()["posterior"]["mu"].shape[1]
        return f"carried {length}"
    drawn = max(Seen.last.done()) - TUNE if Seen.last is not None else 0
    return "nothing" if drawn <= 0 else f"LOST {drawn} {error!r}"


def once(posterior, draws, seed):
    """One run, interrupted somewhere. What it returns is kept where no interrupt can lose it."""
    Seen.last = Seen.result = None
    settings = {"draws": draws, "tune": TUNE, "chains": 2, "cores": 2, "progress": False}
    print("go", flush=True)
    Seen.result = sample(posterior, seed=seed, **settings)


def patiently(action):
    """Do it; the KeyboardInterrupt that came meanwhile, or None. One that comes while an earlier
    one is handled has that as its context, and is for the block around this one."""
    try:
        found = action()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return found
    except KeyboardInterrupt as late:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return late


def own_handler(number, frame):
    raise KeyboardInterrupt


def main():
    warnings.simplefilter("ignore")
    posterior = Schools(ctypes.CDLL(sys.argv[1]))
    run_module.HostRun = Seen
    handler = own_handler if sys.argv[4] == "own" else signal.default_int_handler
    for seed in range(int(sys.argv[2])):
        signal.signal(signal.SIGINT, handler)
        action = partial(once, posterior, int(sys.argv[3]), seed)
        for _ in range(MOST_PRESSES):  # a late one may come while an earlier one is being caught
            action = partial(patiently, action)
        error = patiently(action)
        assert sys.stdin.readline() == "sent\n"
        print(verdict(error), flush=True)


if __name__ == "__main__":
    main()
