"""Which tasks share a loop of one level.

At one level, tasks whose next loop has the same extent may share it; tasks with no loop left are
scalars of that level. A consumer may share the loop of its producer only if each iteration reads
nothing but elements that the same iteration computed: no other element, and not the result of a
fold along this loop. Groups are made greedily in topological order, and then merged while that
condition holds, so that folds over the same data share one pass. `nest.py` repeats this for the
next level inside each shared loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Node
from probtensor.graph.parts import parts
from probtensor.lower.kinds import Task
from probtensor.types import Dim, Size


@dataclass(eq=False)
class Group:
    """Tasks that share the loop of a level. `extent` is None for scalars and for a routine; the
    latter is `alone`: it shares nothing."""

    extent: Size | None
    tasks: list[Task] = field(default_factory=list)
    alone: bool = False

    def matches(self, task: Task, level: int) -> bool:
        """Whether the loop of a task at this level is that of the group."""
        return not (self.alone or task.alone) and self.extent == task.extent(level)


def fuse(tasks: Sequence[Task], level: int) -> list[Group]:
    """The groups of tasks at a loop level, in execution order."""
    edges = _Edges(tasks, level)
    groups = _merge(_greedy(tasks, level, edges), edges)
    _sink(groups, edges)
    return _ordered([group for group in groups if group.tasks], edges)


class _Edges:
    """Dependencies between tasks, and whether each allows a shared loop.

    `producers[consumer][producer]` is True if the consumer may be in the producer's loop.
    """

    def __init__(self, tasks: Sequence[Task], level: int) -> None:
        self.position = {task: k for k, task in enumerate(tasks)}
        self.producers: dict[Task, dict[Task, bool]] = {task: {} for task in tasks}
        computed_by: dict[Node, list[Task]] = {}
        for task in tasks:
            for node, index in task.accesses:
                for producer in computed_by.get(node, ()):
                    shareable = _same_iteration(producer, task, index, level)
                    so_far = self.producers[task].get(producer, True)
                    self.producers[task][producer] = so_far and shareable
            for node in parts(task.node):
                computed_by.setdefault(node, []).append(task)


def _same_iteration(producer: Task, consumer: Task, index: tuple[Size, ...], level: int) -> bool:
    """Whether an iteration of the consumer reads only what the same iteration of the producer has
    computed."""
    if level >= len(producer.domain) or level >= len(consumer.domain):
        return False
    axis = producer.finished_axis(level)
    return axis is not None and index[axis] == Dim.name(f"@{level}")


def _greedy(tasks: Iterable[Task], level: int, edges: _Edges) -> list[Group]:
    """Put each task in the earliest possible group with its loop, else in a new group.

    Scalars that depend on no loop come before all loops, so that any loop may read them.
    """
    groups = [Group(None)]
    group_of: dict[Task, int] = {}
    for task in tasks:
        extent = task.extent(level)
        earliest = 0
        for producer, shareable in edges.producers[task].items():
            same_group = shareable or (extent is None and not task.alone)
            earliest = max(earliest, group_of[producer] + (0 if same_group else 1))
        for k in range(earliest, len(groups)):
            if groups[k].matches(task, level):
                break
        else:
            k = len(groups)
            groups.append(Group(extent, alone=task.alone))
        groups[k].tasks.append(task)
        group_of[task] = k
    return [group for group in groups if group.tasks]


class _GroupGraph:
    """Dependencies between groups, as bit sets of group numbers.

    producers  direct dependencies of each group
    conflicts  those of them with which it may not share a loop
    earlier    all groups that must run before it
    later      all groups that must run after it
    """

    def __init__(self, groups: Sequence[Group], edges: _Edges) -> None:
        group_of = {task: k for k, group in enumerate(groups) for task in group.tasks}
        count = len(groups)
        self.producers = [0] * count
        self.conflicts = [0] * count
        for task, producers in edges.producers.items():
            k = group_of[task]
            for producer, shareable in producers.items():
                j = group_of[producer]
                if j == k:
                    continue
                self.producers[k] |= 1 << j
                if not (shareable or (groups[k].extent is None and not groups[k].alone)):
                    self.conflicts[k] |= 1 << j
        order = self.order()
        self.earlier = [0] * count
        for k in order:
            self.earlier[k] = self.producers[k]
            for j in _bits(self.producers[k]):
                self.earlier[k] |= self.earlier[j]
        self.later = [0] * count
        for k in reversed(order):
            for j in _bits(self.producers[k]):
                self.later[j] |= self.later[k] | 1 << k

    def order(self) -> list[int]:
        """The topological order that is first by group number."""
        waiting = [mask.bit_count() for mask in self.producers]
        consumers: list[list[int]] = [[] for _ in self.producers]
        for k, mask in enumerate(self.producers):
            for j in _bits(mask):
                consumers[j].append(k)
        ready = [k for k, count in enumerate(waiting) if count == 0]
        order = []
        while ready:
            j = heappop(ready)
            order.append(j)
            for k in consumers[j]:
                waiting[k] -= 1
                if waiting[k] == 0:
                    heappush(ready, k)
        return order

    def can_merge(self, j: int, k: int) -> bool:
        """Whether groups j and k can be merged: no conflict, and no path through a third group."""
        if self.conflicts[j] >> k & 1 or self.conflicts[k] >> j & 1:
            return False
        if self.producers[k] & ~(1 << j) & self.later[j]:
            return False
        return not self.producers[j] & ~(1 << k) & self.later[k]

    def merge(self, j: int, k: int) -> None:
        """Merge group k into group j; number k is no longer used."""
        gone, both = 1 << k, 1 << j | 1 << k
        for masks in (self.producers, self.conflicts, self.earlier, self.later):
            masks[j] = (masks[j] | masks[k]) & ~both
            masks[k] = 0
        for masks in (self.producers, self.conflicts):
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
    """Merge groups with the same extent until no two can be merged, always the first such pair."""
    graph = _GroupGraph(groups, edges)
    same_extent: dict[Size | None, int] = {}
    for k, group in enumerate(groups):
        if not group.alone:
            same_extent[group.extent] = same_extent.get(group.extent, 0) | 1 << k
    refused = [0] * len(groups)  # by group: those it could not be merged with
    k = 0
    while k < len(groups):
        extent = groups[k].extent
        mergeable = groups[k].tasks and not groups[k].alone
        candidates = same_extent[extent] & ((1 << k) - 1) & ~refused[k] if mergeable else 0
        j = next((j for j in _bits(candidates) if graph.can_merge(j, k)), None)
        if j is None:
            refused[k] |= candidates
            k += 1
            continue
        graph.merge(j, k)
        groups[j].tasks += groups[k].tasks
        groups[k].tasks = []
        same_extent[extent] &= ~(1 << k)
        # Earlier refusals of the merged group may no longer hold: a path between two groups that
        # went through one of its halves is now a path within it.
        refused = [mask & ~(1 << j) for mask in refused]
        refused[j] = 0
        k = j
    for group in groups:
        group.tasks.sort(key=edges.position.__getitem__)
    return [group for group in groups if group.tasks]


def _sink(groups: Sequence[Group], edges: _Edges) -> None:
    """Move a task into the group of its consumers if that saves its buffer and makes no producer
    need one. (The greedy groups are the earliest ones.)"""
    group_of = {task: group for group in groups for task in group.tasks}
    consumers: dict[Task, dict[Task, bool]] = {task: {} for task in group_of}
    for consumer, producers in edges.producers.items():
        for producer, shareable in producers.items():
            consumers[producer][consumer] = shareable
    for task in reversed(list(edges.producers)):
        target = _only_reader(task, consumers[task], group_of)
        if target is None or target is group_of[task] or target.extent != group_of[task].extent:
            continue
        if any(_would_need_buffer(p, consumers, group_of) for p in edges.producers[task]):
            continue
        group_of[task].tasks.remove(task)
        target.tasks.append(task)
        target.tasks.sort(key=edges.position.__getitem__)
        group_of[task] = target


def _only_reader(
    task: Task, consumers: dict[Task, bool], group_of: dict[Task, Group]
) -> Group | None:
    """The group of all consumers of a task, if it is one group and they can share its loop."""
    if not task.movable or not consumers or not all(consumers.values()):
        return None
    readers = {id(group_of[consumer]): group_of[consumer] for consumer in consumers}
    return next(iter(readers.values())) if len(readers) == 1 else None


def _would_need_buffer(producer: Task, consumers: dict, group_of: dict[Task, Group]) -> bool:
    """Whether a producer needs no buffer now, but would if a consumer moved to another group."""
    if producer.in_memory or not producer.domain:
        return False
    return all(group_of[consumer] is group_of[producer] for consumer in consumers[producer])


def _ordered(groups: list[Group], edges: _Edges) -> list[Group]:
    return [groups[k] for k in _GroupGraph(groups, edges).order()]
