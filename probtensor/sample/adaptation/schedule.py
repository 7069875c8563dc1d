"""When the warm-up learns what: one byte of flags for each of its iterations.

Every draw of the first part joins two running estimates of the metric, an older and a younger one.
At iterations 10, 20, 40, 80, ... the younger takes the older's place and a new one begins. So the
metric in use always rests on at least half of the draws so far and has forgotten those of the
approach, and no window is too short for a slow chain. It is set anew whenever the draws have grown
by a twentieth. The step size adapts throughout, without a restart, and has the last part to itself.

Stan's windows (75, 25 doubling, 50; the step size searched anew after each) were tried beside this
and gave fewer effective draws per gradient on every model (nuts.py has the figures): their first
metric comes after 100 draws, and their short last window leaves the acceptance at 0.85 to 0.94
where 0.8 was asked for.
"""

import numpy as np

from cython_ext.samplers.chain import Adapt

FIRST_SWITCH = 10
REFRESH_SHARE = 20


def warmup_schedule(tune: int) -> np.ndarray:
    """Flags of cython_ext.samplers.chain.Adapt, uint8[tune]."""
    flags = np.zeros(tune, np.uint8)
    last_part = max(int(0.15 * tune), min(50, tune // 4))
    learning = tune - last_part
    flags[:learning] = Adapt.COLLECT
    refresh = 0
    while refresh < learning:
        flags[refresh] |= Adapt.REFRESH
        refresh += max(1, refresh // REFRESH_SHARE)
    if learning > 0:
        flags[learning - 1] |= Adapt.REFRESH
    switch = FIRST_SWITCH
    while switch <= learning:
        flags[switch - 1] |= Adapt.REFRESH | Adapt.SWITCH
        switch *= 2
    return flags
