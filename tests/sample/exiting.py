"""A process that exits while one of its threads samples.

    python exiting.py LIBRARY WHO

WHO is "thread", "late thread", which begins to sample when the main thread is over, or "daemon".
ArviZ, which takes longer to import than all this takes, and xarray are replaced by something that
holds arrays.
"""

import ctypes
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))

from conftest import HandWritten, Schools

from probtensor.sample import sample


def main():
    warnings.simplefilter("ignore")
    sys.modules["arviz"] = SimpleNamespace(
        __version__="0.23",
        from_dict=lambda **groups: SimpleNamespace(**groups, add_groups=lambda groups: None),
        dict_to_dataset=lambda arrays, **labels: arrays,
    )
    sys.modules["xarray"] = SimpleNamespace(Dataset=lambda *arrays: arrays)
    library, who = ctypes.CDLL(sys.argv[1]), sys.argv[2]
    posterior = HandWritten(library, "slow", 3) if who == "daemon" else Schools(library)
    draws = 10**6 if who == "daemon" else 30_000
    begun = threading.Event()

    def watch(states):
        begun.set()

    def work():
        if who == "late thread":
            threading.main_thread().join()
        idata = sample(posterior, draws=draws, tune=100, chains=4, seed=1, progress=watch)
        print("has", idata.posterior["mu"].shape[1], flush=True)

    threading.Thread(target=work, daemon=who == "daemon").start()
    if who != "late thread":
        begun.wait()
    print("exits", flush=True)


if __name__ == "__main__":
    main()
