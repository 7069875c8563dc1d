"""Which tasks share a loop, for random tasks: what groups keep, and that none could be larger."""

import random

import pytest

from probtensor.graph.node import new_input
from probtensor.lower.fuse import fuse
from probtensor.lower.kinds import Task
from probtensor.types import Dim

N, M, TURN = 5, 7, Dim.name("@0")
SEEDS = range(300)


class Fixed(Task):
    """A task that stays where it was put."""

    def reads(self, reader, variables):
        raise NotImplementedError

    def write(self, writer, variables):
        raise NotImplementedError


class Movable(Fixed):
    movable = True


class Alone(Fixed):
    alone = True


def random_tasks(rng, kind):
    """Maps and folds along two loops, scalars and routines; each reads some of those before it."""
    tasks = []
    for k in range(rng.randint(3, 14)):
        form = rng.choice(["map"] * 4 + ["fold", "scalar", "routine"])
        extent = rng.choice((N, M))
        domain = (extent,) if form in ("map", "fold") else ()
        node = new_input(f"t{k}", "float64", (extent,) if form in ("map", "routine") else ())
        make = {"map": kind, "routine": Alone}.get(form, Fixed)
        task = make(node, domain, (0,) if form == "map" else (None,) if domain else ())
        for maker in rng.choices(tasks, k=rng.randint(0, 3)) if tasks else ():
            own = domain and maker.node.type.shape == domain and rng.random() < 0.8
            index = (TURN if own else 0,) if maker.node.type.ndim else ()
            task.accesses.append((maker.node, index))
        tasks.append(task)
    return tasks


def dependencies(tasks):
    """(maker, user, whether both may stand in one loop) for each thing that is read."""
    makers = {task.node: task for task in tasks}
    for user in tasks:
        for node, index in user.accesses:
            maker = makers[node]
            beside = not user.domain and not user.alone and not maker.domain and not maker.alone
            yield maker, user, beside or (maker.outs == (0,) and index[0] is TURN)


def homes(groups):
    return {task: k for k, group in enumerate(groups) for task in group.tasks}


def joined(home, tasks, one, other):
    """The groups with two of them as one, or None where an order in which they can run is lost."""
    home = {task: one if k == other else k for task, k in home.items()}
    edges = set()
    for maker, user, together in dependencies(tasks):
        if home[maker] != home[user]:
            edges.add((home[maker], home[user]))
        elif not together:
            return None
    left = set(home.values())
    while left:
        first = {k for k in left if not any(b == k and a in left for a, b in edges)}
        if not first:
            return None
        left -= first
    return home


@pytest.mark.parametrize("kind", [Fixed, Movable])
def test_groups_can_run_in_their_order(kind):
    shared = 0
    for seed in SEEDS:
        tasks = random_tasks(random.Random(seed), kind)
        groups = fuse(tasks, 0)
        assert sorted(t.node.name for g in groups for t in g.tasks) == sorted(
            t.node.name for t in tasks
        )
        home = homes(groups)
        for group in groups:
            assert {t.extent(0) for t in group.tasks} == {group.extent}
            assert len(group.tasks) == 1 or not any(t.alone for t in group.tasks)
            assert [t for t in tasks if t in group.tasks] == group.tasks
            shared += len(group.tasks) > 1
        for maker, user, together in dependencies(tasks):
            assert home[maker] < home[user] or (home[maker] == home[user] and together)
    assert shared > 300


def test_no_two_loops_are_left_that_could_be_one():
    apart = 0
    for seed in SEEDS:
        tasks = random_tasks(random.Random(seed), Fixed)
        groups = fuse(tasks, 0)
        for k, group in enumerate(groups):
            for j, other in enumerate(groups[:k]):
                if group.extent == other.extent and not group.alone and not other.alone:
                    assert joined(homes(groups), tasks, j, k) is None, seed
                    apart += 1
    assert apart > 100


def buffers(tasks):
    """The values of maps that are read outside of the loop that computes them."""
    home = homes(fuse(tasks, 0))
    return {
        maker.node.name
        for maker, user, together in dependencies(tasks)
        if maker.outs == (0,) and not (together and home[maker] == home[user])
    }


def test_tasks_that_move_save_buffers_and_cost_none():
    saved = 0
    for seed in SEEDS:
        stays, moves = (buffers(random_tasks(random.Random(seed), k)) for k in (Fixed, Movable))
        assert len(moves) <= len(stays), seed
        saved += len(moves) < len(stays)
    assert saved > 5


def test_a_task_stays_where_moving_it_would_cost_two_buffers():
    """Both x and y are also folded where they are computed, and u waits for one of these folds."""
    x, y, t, u = (Movable(new_input(c, "float64", (N,)), (N,), (0,)) for c in "xytu")
    folds = [Fixed(new_input("s", "float64", ()), (N,), (None,)) for _ in range(2)]
    for fold, maker in zip(folds, (x, y), strict=True):
        fold.accesses.append((maker.node, (TURN,)))
    t.accesses += [(x.node, (TURN,)), (y.node, (TURN,))]
    u.accesses += [(t.node, (TURN,)), (folds[0].node, ())]
    assert buffers([x, y, t, *folds, u]) == {"t"}
    t.accesses.clear()
    assert buffers([x, y, t, *folds, u]) == set()
