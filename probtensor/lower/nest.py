"""The whole fusion choice as a value: loops of all levels, and which nodes need a buffer.

It is made before any loop is written. A value computed at an iteration of a loop is a local as long
as that iteration lasts; a node gets a buffer only if it is read from outside of that iteration, by
another kernel, or as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import parts
from probtensor.lower.fuse import fuse
from probtensor.lower.kinds import Task
from probtensor.types import Dim, Size


@dataclass(eq=False)
class Nest:
    """Tasks that share a loop of one level, and what is done at each of its iterations.

    `extent` is None where there is no loop: the tasks are then scalars of the level around, or one
    routine, which is `alone`.
    """

    extent: Size | None
    tasks: tuple[Task, ...]
    inner: tuple[Nest, ...] = ()
    alone: bool = False


def nests(tasks: Sequence[Task], level: int = 0) -> tuple[Nest, ...]:
    """The loops of tasks from a level on, in an order in which they can run."""
    return tuple(
        Nest(
            group.extent,
            tuple(group.tasks),
            () if group.extent is None else nests(group.tasks, level + 1),
            group.alone,
        )
        for group in fuse(tasks, level)
    )


def launches(found: Iterable[Nest]) -> tuple[tuple[Nest, ...], ...]:
    """One loop nest a kernel; scalars go with the kernel before them, else with the first."""
    made: list[list[Nest]] = [[]]
    for nest in found:
        busy = any(other.extent is not None for other in made[-1])
        alone = nest.alone or any(other.alone for other in made[-1])
        if (nest.extent is not None and busy) or (alone and made[-1]):
            made.append([])
        made[-1].append(nest)
    return tuple(tuple(launch) for launch in made if launch)


Path = tuple[object, ...]  # the kernel of a task, then the loops around it


def buffered(kernels: Sequence[Sequence[Nest]]) -> set[Node]:
    """The computed nodes that need a buffer: what no local holds, and what is read where the local
    that holds it is out of reach."""
    paths: dict[Task, Path] = {}
    for kernel in kernels:
        paths.update(_paths(kernel, (kernel,)))
    found = {node for task in paths if task.depth is None for node in parts(task.node)}
    makers = {task.node: task for task in paths if task.depth is not None}
    for user, path in paths.items():
        for node, index in user.accesses:
            maker = makers.get(node)
            if maker is None:
                if not isinstance(node.op, (Input, Const)):
                    found.add(node)
            elif not _in_reach(maker, paths[maker], index, path):
                found.add(node)
    return found


def _paths(found: Iterable[Nest], path: Path) -> Iterator[tuple[Task, Path]]:
    for nest in found:
        if nest.extent is None:
            for task in nest.tasks:
                yield task, path
        else:
            yield from _paths(nest.inner, (*path, nest))


def _in_reach(maker: Task, made: Path, index: tuple[Size, ...], path: Path) -> bool:
    """Whether a task in the loops of `path` that reads an element finds it in the maker's local."""
    depth = maker.depth
    if made[: depth + 1] != path[: depth + 1]:
        return False
    return index == maker.local_index([Dim.name(f"@{k}") for k in range(depth)])
