"""How many CPUs this process may use."""

import math
import os
from pathlib import Path


def available_cpus(root: Path = Path("/")) -> int:
    """CPUs this process may use: its affinity, and the quota of its control group, v2 or v1."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.floor(min(count, _cgroup_quota(root))))


def _cgroup_quota(root: Path) -> float:
    """CPUs that the tightest enclosing control group grants; infinity where none limits them."""
    top = root / "sys/fs/cgroup"
    quota = _quota_v1(top / "cpu")
    for line in _words_of_lines(root / "proc/self/cgroup"):
        group = top / line[0].split(":", 2)[-1].strip("/")
        while group != top and top in group.parents:
            quota = min(quota, _quota_v2(group))
            group = group.parent
    return min(quota, _quota_v2(top))


def _quota_v2(group: Path) -> float:
    for limit, period in _words_of_lines(group / "cpu.max"):
        return math.inf if limit == "max" else int(limit) / int(period)
    return math.inf


def _quota_v1(group: Path) -> float:
    limit = _words_of_lines(group / "cpu.cfs_quota_us")
    period = _words_of_lines(group / "cpu.cfs_period_us")
    if not limit or not period or int(limit[0][0]) <= 0:
        return math.inf
    return int(limit[0][0]) / int(period[0][0])


def _words_of_lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines() if line]
    except OSError:
        return []
