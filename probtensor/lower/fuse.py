"""Which tasks share a loop of one level.

At one level, tasks whose next loop has the same extent may share it; tasks with no loop left are
scalars of that level. A task may stand in the loop of one it depends on only if it reads, at each
turn, just what that turn has computed: not the result of a fold along this loop, and not another
element. Starting from groups made greedily in topological order, groups are merged while that
stays true, so that folds over the same data end up in one pass. `nest.py` does the same for the
next level inside each shared loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from probtensor.graph.node import Node
from probtensor.graph.parts import parts
from probtensor.lower.kinds import Task
from probtensor.types import Dim, Size


@dataclass(eq=False)
class Group:
    """Tasks that share the loop of a level. `extent` is None for scalars and for a routine, which
    is `alone`."""

    extent: Size | None
    tasks: list[Task] = field(default_factory=list)
    alone: bool = False

    def takes(self, task: Task, level: int) -> bool:
        """Whether a task has the same loop at a level."""
        return not (self.alone or task.alone) and self.extent == task.extent(level)


def fuse(tasks: Sequence[Task], level: int) -> list[Group]:
    """Groups of the tasks at a loop level, in an order in which they can run."""
    edges = _Edges(tasks, level)
    groups = _merge(_greedy(tasks, level, edges), edges)
    _sink(groups, edges)
    return _ordered([group for group in groups if group.tasks], edges)


class _Edges:
    """Who depends on whom, and whether they may share a loop."""

    def __init__(self, tasks: Sequence[Task], level: int) -> None:
        self.position = {task: k for k, task in enumerate(tasks)}
        self.before: dict[Task, dict[Task, bool]] = {task: {} for task in tasks}
        makers: dict[Node, list[Task]] = {}
        for task in tasks:
            for node, index in task.accesses:
                for maker in makers.get(node, ()):
                    together = _same_turn(maker, task, index, level)
                    known = self.before[task].get(maker, True)
                    self.before[task][maker] = known and together
            for node in parts(task.node):
                makers.setdefault(node, []).append(task)


def _same_turn(maker: Task, user: Task, index: tuple[Size, ...], level: int) -> bool:
    """Whether the user needs, at a turn of its loop, only what the maker has by then."""
    if level >= len(maker.domain) or level >= len(user.domain):
        return False
    axis = maker.finished_axis(level)
    return axis is not None and index[axis] == Dim.name(f"@{level}")


def _greedy(tasks: Iterable[Task], level: int, edges: _Edges) -> list[Group]:
    """Each task goes to the earliest group of its extent that may hold it, else to a new one.

    Scalars that wait for no loop stand before all loops, so that any loop may read them.
    """
    groups = [Group(None)]
    home: dict[Task, int] = {}
    for task in tasks:
        extent = task.extent(level)
        earliest = 0
        for maker, together in edges.before[task].items():
            shared = together or (extent is None and not task.alone)
            earliest = max(earliest, home[maker] + (0 if shared else 1))
        for k in range(earliest, len(groups)):
            if groups[k].takes(task, level):
                break
        else:
            k = len(groups)
            groups.append(Group(extent, alone=task.alone))
        groups[k].tasks.append(task)
        home[task] = k
    return [group for group in groups if group.tasks]


class _GroupGraph:
    """Dependencies between groups, kept as bit sets over group numbers."""

    def __init__(self, groups: Sequence[Group], edges: _Edges) -> None:
        home = {task: k for k, group in enumerate(groups) for task in group.tasks}
        count = len(groups)
        self.before = [0] * count
        self.apart = [0] * count  # those it may not share a loop with
        for task, makers in edges.before.items():
            k = home[task]
            for maker, together in makers.items():
                j = home[maker]
                if j == k:
                    continue
                self.before[k] |= 1 << j
                if not (together or (groups[k].extent is None and not groups[k].alone)):
                    self.apart[k] |= 1 << j
        order = self.order()
        self.earlier = [0] * count  # all groups that must run before
        for k in order:
            self.earlier[k] = self.before[k]
            for j in _bits(self.before[k]):
                self.earlier[k] |= self.earlier[j]
        self.later = [0] * count  # all groups that must run after
        for k in reversed(order):
            for j in _bits(self.before[k]):
                self.later[j] |= self.later[k] | 1 << k

    def order(self) -> list[int]:
        """A topological order that keeps to the numbering where it can."""
        waiting = [mask.bit_count() for mask in self.before]
        users: list[list[int]] = [[] for _ in self.before]
        for k, mask in enumerate(self.before):
            for j in _bits(mask):
                users[j].append(k)
        ready = [k for k, count in enumerate(waiting) if count == 0]
        order = []
        while ready:
            j = heappop(ready)
            order.append(j)
            for k in users[j]:
                waiting[k] -= 1
                if waiting[k] == 0:
                    heappush(ready, k)
        return order

    def can_merge(self, j: int, k: int) -> bool:
        """Whether groups j and k can be one: nothing forced apart, no path through a third."""
        if self.apart[j] >> k & 1 or self.apart[k] >> j & 1:
            return False
        if self.before[k] & ~(1 << j) & self.later[j]:
            return False
        return not self.before[j] & ~(1 << k) & self.later[k]

    def merge(self, j: int, k: int) -> None:
        """Group k becomes part of group j; its number is no longer used."""
        gone, both = 1 << k, 1 << j | 1 << k
        for masks in (self.before, self.apart, self.earlier, self.later):
            masks[j] = (masks[j] | masks[k]) & ~both
            masks[k] = 0
        for masks in (self.before, self.apart):
            for g, mask in enumerate(masks):
                if mask & gone:
                    masks[g] = mask & ~gone | 1 << j
        for masks, others in ((self.later, self.earlier[j]), (self.earlier, self.later[j])):
            for g in _bits(others):
                masks[g] = (masks[g] | masks[j] | 1 << j) & ~gone


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _merge(groups: Sequence[Group], edges: _Edges) -> list[Group]:
    """Merge groups of one extent until no two can be, each time the first two that can."""
    graph = _GroupGraph(groups, edges)
    alike: dict[Size | None, int] = {}
    for k, group in enumerate(groups):
        if not group.alone:
            alike[group.extent] = alike.get(group.extent, 0) | 1 << k
    refused = [0] * len(groups)
    k = 0
    while k < len(groups):
        extent = groups[k].extent
        free = groups[k].tasks and not groups[k].alone
        candidates = alike[extent] & ((1 << k) - 1) & ~refused[k] if free else 0
        j = next((j for j in _bits(candidates) if graph.can_merge(j, k)), None)
        if j is None:
            refused[k] |= candidates
            k += 1
            continue
        graph.merge(j, k)
        groups[j].tasks += groups[k].tasks
        groups[k].tasks = []
        alike[extent] &= ~(1 << k)
        # A path through one part no longer parts the other from the rest.
        refused = [mask & ~(1 << j) for mask in refused]
        refused[j] = 0
        k = j
    for group in groups:
        group.tasks.sort(key=edges.position.__getitem__)
    return [group for group in groups if group.tasks]


def _sink(groups: Sequence[Group], edges: _Edges) -> None:
    """Move a task to the one later group that reads it, where that saves its buffer and costs no
    other: greedy placement is early, but a value is best computed where it is used."""
    home = {task: group for group in groups for task in group.tasks}
    users: dict[Task, dict[Task, bool]] = {task: {} for task in home}
    for user, makers in edges.before.items():
        for maker, together in makers.items():
            users[maker][user] = together
    for task in reversed(list(edges.before)):
        target = _sole_reader(task, users[task], home)
        if target is None or target is home[task] or target.extent != home[task].extent:
            continue
        if any(_needs_buffer(maker, task, users, home) for maker in edges.before[task]):
            continue
        home[task].tasks.remove(task)
        target.tasks.append(task)
        target.tasks.sort(key=edges.position.__getitem__)
        home[task] = target


def _sole_reader(task: Task, users: dict[Task, bool], home: dict[Task, Group]) -> Group | None:
    """The group of all users of a task, if they are in one group and can share its turn."""
    if not task.movable or not users or not all(users.values()):
        return None
    readers = {id(home[user]): home[user] for user in users}
    return next(iter(readers.values())) if len(readers) == 1 else None


def _needs_buffer(maker: Task, task: Task, users: dict, home: dict[Task, Group]) -> bool:
    """Whether moving `task` away would make `maker` need a buffer that it does not need now."""
    if maker.in_place or not maker.domain:
        return False
    return all(home[user] is home[maker] for user in users[maker])


def _ordered(groups: list[Group], edges: _Edges) -> list[Group]:
    return [groups[k] for k in _GroupGraph(groups, edges).order()]
