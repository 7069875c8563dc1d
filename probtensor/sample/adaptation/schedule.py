"""The warm-up's schedule: one byte of flags for each iteration says what is adapted.

Every draw of the first part is added to two running estimates of the metric, an older and a younger
one. At iterations 10, 20, 40, 80, ... the younger replaces the older and a new one begins. So the
metric in use is always estimated from at least half of the draws so far, without those of the
approach to the typical set, and no window is too short for a slow chain. The metric is refreshed
whenever the number of draws has grown by a twentieth. The step size is adapted throughout without a
restart; in the last part it is the only thing adapted.

Stan's windows (75, 25 doubling, 50; a new step size search after each) were compared with this and
gave fewer effective draws per gradient on every model (nuts.py has the figures): their first metric
comes after 100 draws, and with their short last window the acceptance is 0.85 to 0.94 for a target
of 0.8.
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
