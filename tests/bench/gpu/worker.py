"""One step in a process of its own: `python -m tests.bench.gpu.worker '<JSON>'`.

Every record is written as a line of its own, `RESULT` and a JSON object, as soon as it is there.
"""

import importlib
import importlib.util
import json
import sys
import traceback

from tests.bench.gpu.setting import Setting

MARK = "RESULT "
ABOUT = ("TITLE", "COLUMNS", "CELL", "NOTE")


def say(record):
    """Hand one record to the parent."""
    print(MARK + json.dumps(record), flush=True)


def stand_in():
    """The host in the device's place, for this process: under PyCUDA where that is installed."""
    device = importlib.import_module("probtensor.device")
    if importlib.util.find_spec("pycuda"):
        fake = importlib.import_module("tests.device.fake_driver")
        device.use(fake.open_driver())
        fake.give_libraries(device.driver())
    else:
        device.use(importlib.import_module("tests.device.host").HostDriver())


def main(task):
    """Runs the step; what it raises becomes a record."""
    setting = Setting(dry=task["dry"], limit_s=task["limit_s"])
    module = importlib.import_module(f"tests.bench.gpu.{task['module']}")
    if setting.dry:
        stand_in()
    about = {name.lower(): getattr(module, name, "") for name in ABOUT}
    say({"about": about})
    try:
        for record in module.measure(setting, *task["arguments"]):
            say(record)
    except Exception as error:
        traceback.print_exc()
        say({"error": f"{type(error).__name__}: {error}"[:500]})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
