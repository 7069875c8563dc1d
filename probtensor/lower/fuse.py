"""Which tasks share a loop of one level.

At one level, tasks whose next loop has the same extent may share it; tasks with no loop left are
scalars of that level. A consumer may share the loop of its producer only if each iteration reads
nothing but elements that the same iteration computed: no other element, and not the result of a
fold along this loop. Groups are made greedily in topological order, and then merged while that
condition holds, so that folds over the same data share one pass. `nest.py` repeats this for the
next level inside each shared loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
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


def fuse(tasks: Sequence[Task], level: int) -> list[Group]:
    """The groups of tasks at a loop level, in execution order."""
    if not any(task.alone or level < len(task.domain) for task in tasks):
        return [Group(None, list(tasks))] if tasks else []
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
        self.producers: dict[Task, dict[Task, bool]] = {}
        computed_by: dict[Node, list[Task]] = {}
        variable = Dim.name(f"@{level}")
        for task in tasks:
            found = self.producers[task] = {}
            for node, index in task.accesses:
                for producer in computed_by.get(node, ()):
                    shareable = _same_iteration(producer, task, index, level, variable)
                    found[producer] = found.get(producer, True) and shareable
            computed_by.setdefault(task.node, []).append(task)
            if isinstance(task.node.type, tuple):
                for node in parts(task.node):
                    computed_by.setdefault(node, []).append(task)


def _same_iteration(
    producer: Task, consumer: Task, index: tuple[Size, ...], level: int, variable: Dim
) -> bool:
    """Whether an iteration of the consumer reads only what the same iteration of the producer has
    computed. `variable` is that of the loop at the level."""
    if level >= len(producer.domain) or level >= len(consumer.domain):
        return False
    axis = producer.finished_axis(level)
    return axis is not None and (index[axis] is variable or index[axis] == variable)


def _greedy(tasks: Iterable[Task], level: int, edges: _Edges) -> list[Group]:
    """Put each task in the earliest possible group with its loop, else in a new group.

    Scalars that depend on no loop come before all loops, so that any loop may read them.
    """
    groups = [Group(None)]
    numbers: dict[Size | None, list[int]] = {None: [0]}  # of the groups with a loop, ascending
    group_of: dict[Task, int] = {}
    for task in tasks:
        extent = task.extent(level)
        earliest = 0
        for producer, shareable in edges.producers[task].items():
            same_group = shareable or (extent is None and not task.alone)
            earliest = max(earliest, group_of[producer] + (0 if same_group else 1))
        same = [] if task.alone else numbers.setdefault(extent, [])
        at = bisect_left(same, earliest)
        if at == len(same):
            same.append(len(groups))
            groups.append(Group(extent, alone=task.alone))
        groups[same[at]].tasks.append(task)
        group_of[task] = same[at]
    return [group for group in groups if group.tasks]


def _producers_of(groups: Sequence[Group], edges: _Edges) -> list[dict[int, bool]]:
    """For each group, the numbers of the groups it reads, and whether it may share their loop."""
    group_of = {task: k for k, group in enumerate(groups) for task in group.tasks}
    found: list[dict[int, bool]] = [{} for _ in groups]
    for task, producers in edges.producers.items():
        k = group_of[task]
        is_scalar = groups[k].extent is None and not groups[k].alone
        for producer, shareable in producers.items():
            j = group_of[producer]
            if j != k:
                found[k][j] = found[k].get(j, True) and (shareable or is_scalar)
    return found


def _order(producers: Sequence[Collection[int]]) -> list[int]:
    """The topological order of groups that is first by group number."""
    waiting = [len(numbers) for numbers in producers]
    consumers: list[list[int]] = [[] for _ in producers]
    for k, numbers in enumerate(producers):
        for j in numbers:
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


class _GroupGraph:
    """Dependencies between groups, as bit sets of group numbers.

    producers, consumers  the groups that a group reads, and those that read it
    conflicts             those of both with which it may not share a loop
    earlier, later        all groups that must run before it, and after it

    The bits of groups that were merged into others remain in the last two.
    """

    def __init__(self, groups: Sequence[Group], edges: _Edges) -> None:
        links = _producers_of(groups, edges)
        self.producers = [0] * len(groups)
        self.consumers = [0] * len(groups)
        self.conflicts = [0] * len(groups)
        for k, found in enumerate(links):
            for j, shareable in found.items():
                self.producers[k] |= 1 << j
                self.consumers[j] |= 1 << k
                if not shareable:
                    self.conflicts[k] |= 1 << j
                    self.conflicts[j] |= 1 << k
        order = _order(links)
        self.earlier = [0] * len(groups)
        for k in order:
            self.earlier[k] = self._joined(self.producers[k], self.earlier) | self.producers[k]
        self.later = [0] * len(groups)
        for k in reversed(order):
            self.later[k] = self._joined(self.consumers[k], self.later) | self.consumers[k]

    @staticmethod
    def _joined(numbers: int, masks: Sequence[int]) -> int:
        found = 0
        for k in _bits(numbers):
            found |= masks[k]
        return found

    def first_partner(self, k: int, candidates: int) -> int | None:
        """The first of the candidates that group k can be merged with: without a conflict, or a
        path through a third group. None if there is none."""
        if candidates:
            candidates &= ~self.conflicts[k]
            candidates &= ~self._joined(self.producers[k], self.earlier)
            candidates &= ~self._joined(self.consumers[k], self.later)
        return (candidates & -candidates).bit_length() - 1 if candidates else None

    def merge(self, j: int, k: int) -> None:
        """Merge group k into group j; number k is no longer used."""
        gone, both = 1 << k, 1 << j | 1 << k
        links = (self.producers, self.consumers), (self.consumers, self.producers)
        for masks, back in (*links, (self.conflicts, self.conflicts)):
            for g in _bits(masks[k]):
                back[g] = back[g] & ~gone | 1 << j
        for masks, back in ((self.earlier, self.later), (self.later, self.earlier)):
            for g in _bits(masks[k] & ~masks[j]):
                back[g] |= back[j] | 1 << j
            for g in _bits(masks[j] & ~masks[k]):
                back[g] |= back[k]
        everything = self.producers, self.consumers, self.conflicts, self.earlier, self.later
        for masks in everything:
            masks[j] = (masks[j] | masks[k]) & ~both
            masks[k] = 0


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _merge(groups: Sequence[Group], edges: _Edges) -> list[Group]:
    """Merge groups with the same extent until no two can be merged, always the first such pair."""
    same_extent: dict[Size | None, int] = {}
    for k, group in enumerate(groups):
        if not group.alone:
            same_extent[group.extent] = same_extent.get(group.extent, 0) | 1 << k
    if all(mask.bit_count() == 1 for mask in same_extent.values()):
        return list(groups)
    graph = _GroupGraph(groups, edges)

    def merged(j: int, k: int) -> int:
        graph.merge(j, k)
        groups[j].tasks += groups[k].tasks
        groups[k].tasks = []
        same_extent[groups[j].extent] &= ~(1 << k)
        return j

    for k, group in enumerate(groups):
        below = (1 << k) - 1
        same = 0 if group.alone else same_extent[group.extent] & below
        j = graph.first_partner(k, same)
        if j is not None:
            # Refusals of the merged group may no longer hold: a path between two groups that went
            # through one of its halves is now a path within it. All other refusals hold.
            top, j = k, merged(j, k)
            while True:
                same = same_extent[group.extent]
                i = graph.first_partner(j, same & ((1 << j) - 1))
                if i is not None:
                    j = merged(i, j)
                    continue
                i = graph.first_partner(j, same & ((2 << top) - 1) & -(2 << j))
                if i is None:
                    break
                merged(j, i)
    for group in groups:
        group.tasks.sort(key=edges.position.__getitem__)
    return [group for group in groups if group.tasks]


def _sink(groups: Sequence[Group], edges: _Edges) -> None:
    """Move a task into the group of its consumers if that saves its buffer and makes no producer
    need one that is as large. (The greedy groups are the earliest ones.)"""
    if len(groups) == 1:
        return
    group_of = {task: group for group in groups for task in group.tasks}
    consumers: dict[Task, dict[Task, bool]] = {task: {} for task in group_of}
    elsewhere = dict.fromkeys(group_of, 0)  # of each task: its consumers in other groups
    for consumer, producers in edges.producers.items():
        for producer, shareable in producers.items():
            consumers[producer][consumer] = shareable
            elsewhere[producer] += group_of[producer] is not group_of[consumer]
    moved = False
    for task in reversed(list(edges.producers)):
        source = group_of[task]
        target = _only_reader(task, consumers[task], group_of)
        if target is None or target is source or target.extent != source.extent:
            continue
        # A producer needs no buffer now, but would if a consumer moved to another group.
        if any(not elsewhere[p] and _is_as_large(p, task) for p in edges.producers[task]):
            continue
        group_of[task], elsewhere[task], moved = target, 0, True
        for producer in edges.producers[task]:
            elsewhere[producer] += group_of[producer] is source
            elsewhere[producer] -= group_of[producer] is target
    if moved:
        for group in groups:
            group.tasks.clear()
        for task in edges.producers:
            group_of[task].tasks.append(task)


def _is_as_large(producer: Task, task: Task) -> bool:
    """Whether a value that is a local would take as much memory as that of a task that reads it:
    that of a row does not, beside that of a matrix."""
    if not producer.domain or producer.in_memory:
        return False
    types = producer.node.type, task.node.type
    ranks = [sum(n != 1 for n in t.shape) for t in types if not isinstance(t, tuple)]
    return len(ranks) < 2 or ranks[0] >= ranks[1]


def _only_reader(
    task: Task, consumers: dict[Task, bool], group_of: dict[Task, Group]
) -> Group | None:
    """The group of all consumers of a task, if it is one group and they can share its loop."""
    if not task.movable or not consumers or not all(consumers.values()):
        return None
    readers = {id(group_of[consumer]): group_of[consumer] for consumer in consumers}
    return next(iter(readers.values())) if len(readers) == 1 else None


def _ordered(groups: list[Group], edges: _Edges) -> list[Group]:
    if len(groups) == 1:
        return groups
    return [groups[k] for k in _order(_producers_of(groups, edges))]
