"""The fusion choice as a value: the loops of all levels, and which nodes need a buffer.

It is made before any loop is written. A value computed in an iteration of a loop is a local of that
iteration; a node gets a buffer only if it is read outside of the iteration, by another kernel, or
by a routine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import parts
from probtensor.lower.fuse import fuse
from probtensor.lower.kinds import Task
from probtensor.types import Dim, Size


@dataclass(eq=False)
class Nest:
    """Tasks that share a loop of one level, and the loops inside it.

    `extent` is None where there is no loop: the tasks are then scalars of the enclosing level, or a
    single routine, which is `alone`.
    """

    extent: Size | None
    tasks: tuple[Task, ...]
    inner: tuple[Nest, ...] = ()
    alone: bool = False


def nests(tasks: Sequence[Task], level: int = 0) -> tuple[Nest, ...]:
    """The loops of tasks from a level on, in execution order."""
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
    """The nests of each kernel: one loop nest or one routine; scalars join the kernel before them,
    or the first one."""
    made: list[list[Nest]] = [[]]
    for nest in found:
        has_loop = any(other.extent is not None for other in made[-1])
        alone = nest.alone or any(other.alone for other in made[-1])
        if (nest.extent is not None and has_loop) or (alone and made[-1]):
            made.append([])
        made[-1].append(nest)
    return tuple(tuple(launch) for launch in made if launch)


Path = tuple[object, ...]  # the kernel of a task, then the loops around it


def buffered(kernels: Sequence[Sequence[Nest]]) -> set[Node]:
    """The computed nodes that need a buffer: those that are no local, and those that are read
    outside the scope of their local, or at another index than it is the element of."""
    paths: dict[Task, Path] = {}
    for kernel in kernels:
        paths.update(_paths(kernel, (kernel,)))
    found: set[Node] = set()
    # The path of each local, how much of it is its scope, and its index there.
    scopes: dict[Node, tuple[Path, int, tuple[Size, ...]]] = {}
    for task, path in paths.items():
        depth = task.depth
        if depth is None:
            found.update(parts(task.node))
            continue
        index = task.local_index([Dim.name(f"@{k}") for k in range(depth)] if depth else ())
        local = path, depth + 1, index
        if isinstance(task.node.type, tuple):
            scopes |= dict.fromkeys(parts(task.node), local)
        else:
            scopes[task.node] = local
    for consumer, path in paths.items():
        for node, index in consumer.accesses:
            local = scopes.get(node)
            if local is None:
                if not isinstance(node.op, (Input, Const)):
                    found.add(node)
                continue
            scope, depth, own = local
            if own != index or (scope is not path and scope[:depth] != path[:depth]):
                found.add(node)
    return found


def _paths(found: Iterable[Nest], path: Path) -> Iterator[tuple[Task, Path]]:
    for nest in found:
        if nest.extent is None:
            for task in nest.tasks:
                yield task, path
        else:
            yield from _paths(nest.inner, (*path, nest))
