"""The steps in order, each with its module and its limit of time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`module.measure(setting, *arguments)`, stopped after `seconds`.

    usual : run it when no steps are named; the others help to mend and to tune.
    """

    name: str
    module: str
    seconds: float
    arguments: tuple = ()
    title: str = ""
    usual: bool = True


# The limits add up to more than gpu.sh has: they are for what goes wrong, not for what is usual.
STEPS = (
    Step("facts", "facts", 30),
    Step("first", "first", 45),
    Step("tests", "nets", 130),
    Step("stream", "stream", 90),
    Step("logistic", "logistic", 45),
    Step("products", "products", 30),
    Step("routines", "routines", 60),
    Step("calls", "calls", 50),
    Step("copies", "copies", 40),
    Step("eight_schools", "chains", 60, ("eight_schools",), "Many chains: eight schools"),
    Step(
        "eight_schools_float32",
        "chains",
        45,
        ("eight_schools", False),
        "Many chains: eight schools, the peers in float32",
    ),
    Step("radon", "chains", 150, ("radon",), "Many chains: radon"),
    Step("groups", "groups", 90, usual=False),
    Step("profiles", "profiles", 90, usual=False),
    Step("sanitizers", "sanitizers", 300, usual=False),
)
NAMES = tuple(step.name for step in STEPS)
USUAL = tuple(step.name for step in STEPS if step.usual)
