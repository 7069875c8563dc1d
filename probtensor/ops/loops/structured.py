"""Loops over sequences with the signatures of JAX, which carry nested tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor.calls import line_text, public
from probtensor.graph.closed import StepInput
from probtensor.graph.node import GraphError, Node, as_tensor, new_input
from probtensor.graph.origin import stands_for
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of, check_same_type, settled
from probtensor.ops.loops.trees import Tree, filled, leaves, mapped, structure
from probtensor.ops.reductions.folds import flag
from probtensor.process import new_uid
from probtensor.types import Size, TensorType, is_size


@public(name="loop.scan")
def scan(
    f: Callable[[Tree, Tree], tuple[Tree, Tree]],
    init: Tree,
    xs: Tree = None,
    length: Size | None = None,
    reverse: bool = False,
    *,
    checkpoint: str | None = None,
) -> tuple[Tree, Tree]:
    """Apply `f(carry, x) -> (carry, y)` to the elements of `xs` along axis 0, one after the other.

    f           a function of tensors, called to make the graph of a step; it may read tensors from
                outside
    init        the first carry: a tensor, or tuples, lists and dicts of them, nested at will; a
                step gives a carry of the same structure, shapes and dtypes
    xs          tensors, in such a structure, all of one size along axis 0; None for none
    length      the number of steps, where `xs` does not give it
    reverse     go from the last element to the first
    checkpoint  None: the derivative in reverse mode stores what it reads of each step; "sqrt":
                it stores the carry of every sqrt(n)-th step, and runs the steps between twice

    Returns the last carry, and the `y` of all steps stacked along a new axis 0, each in the
    structure that `f` gives.
    Raises GraphError, a TypeError, for a carry whose type changes in a step, sequences of different
    lengths, and a number of steps that nothing gives.

        >>> def step(total, x):
        ...     return total + x, total
        >>> last, before = pt.loop.scan(step, 0.0, pt.as_tensor([1.0, 2.0, 3.0]))
        >>> last.eval(), before.eval()
        (array(6.), array([0., 1., 3.]))
    """
    sequences = [as_tensor(x) for x in leaves(xs)]
    steps = _steps_of("loop.scan", sequences, length)
    slices = [new_input(x.name or "x", x.dtype, x.shape[1:], StepInput) for x in sequences]
    for own, x in zip(slices, sequences, strict=True):
        stands_for(own, x, -1 if reverse else 0)

    def step(carry: Tree) -> tuple[Tree, Tree]:
        found = f(carry, filled(xs, slices))
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise refusal(
                f"loop.scan: f gives {found!r:.60}, not a pair", "it returns the next carry and y"
            )
        return found

    since = new_uid()
    first, own, after, y = traced_step("loop.scan", init, step)
    body, outside = body_of([*own, *slices], [*after, *map(as_tensor, leaves(y))], since)
    checkpoint = checked_checkpoint("loop.scan", checkpoint)
    options = {"backwards": flag(reverse, "loop.scan: reverse"), "checkpoint": checkpoint}
    found = run(body, steps, first, sequences, outside, **options)
    count = len(first)
    return filled(init, found[:count]), filled(y, found[count:])


@public(name="loop.map")
def map_(f: Callable[[Tree], Tree], xs: Tree) -> Tree:
    """`f` of each element of `xs` along axis 0, one after the other.

    xs is a tensor, or a structure of tensors of one size along axis 0, whose elements `f` takes in
    the same structure. `pt.vmap` gives the same values, and computes all elements at once.

    Returns the results of `f` stacked along a new axis 0, in the structure that `f` gives.
    Raises GraphError, a TypeError, for sequences of different lengths, and for none.

        >>> pt.loop.map(lambda x: x ** 2, pt.as_tensor([1.0, 2.0, 3.0])).eval()
        array([1., 4., 9.])
    """
    return scan(lambda carry, x: (None, f(x)), None, xs)[1]


@public(name="loop.foldl")
def foldl(f: Callable[[Tree, Tree], Tree], init: Tree, xs: Tree) -> Tree:
    """The last carry `f(carry, x)`, from `init` on, over the elements of `xs` along axis 0.

    As `pt.loop.scan`, whose arguments and errors it has, with nothing stacked.

    Returns the last carry, in the structure of `init`. Raises GraphError as `pt.loop.scan`.

        >>> pt.loop.foldl(lambda r, c: 10 * r + c, 0.0, pt.as_tensor([1.0, 2.0, 3.0])).eval()
        array(123.)
    """
    return scan(lambda carry, x: (f(carry, x), None), init, xs)[0]


@public(name="loop.foldr")
def foldr(f: Callable[[Tree, Tree], Tree], init: Tree, xs: Tree) -> Tree:
    """As `pt.loop.foldl`, from the last element of `xs` to the first.

    Returns the last carry, in the structure of `init`. Raises GraphError as `pt.loop.scan`.

        >>> pt.loop.foldr(lambda r, c: 10 * r + c, 0.0, pt.as_tensor([1.0, 2.0, 3.0])).eval()
        array(321.)
    """
    return scan(lambda carry, x: (f(carry, x), None), init, xs, reverse=True)[0]


@public(name="loop.reduce")
def reduce(f: Callable[[Tree, Tree], Tree], xs: Tree, init: Tree = None) -> Tree:
    """`f(f(f(init, x[0]), x[1]), ...)` over the elements of `xs` along axis 0, as
    `functools.reduce`; without `init` it begins with `x[0]`.

    Returns a tensor, in the structure of `init` or `xs`. Raises GraphError as `pt.loop.scan`, and
    without `init` for sequences that have no elements.

        >>> pt.loop.reduce(lambda a, b: a * b, pt.as_tensor([2.0, 3.0, 4.0])).eval()
        array(24.)
    """
    if init is None:
        _steps_of("loop.reduce", [as_tensor(x) for x in leaves(xs)], None)
        init = mapped(xs, lambda x: as_tensor(x)[0])
        xs = mapped(xs, lambda x: as_tensor(x)[1:])
    return scan(lambda carry, x: (f(carry, x), None), init, xs)[0]


@public(name="loop.filter")
def filter_(f: Callable[[Tree], Node], xs: Tree) -> Tree:
    """The elements of `xs` along axis 0 for which `f` is true, in their order.

    xs is a tensor, or a structure of tensors of one size along axis 0, whose elements `f` takes in
    the same structure.

    Returns tensors in the structure of `xs`, whose size along axis 0 data decide. Raises
    GraphError, a TypeError, as `pt.loop.map`, and where `f` does not give a bool scalar.

        >>> pt.loop.filter(lambda x: x > 1, pt.as_tensor([1.0, 2.0, 3.0])).eval()
        array([2., 3.])
    """
    found = leaves(map_(f, xs))
    if len(found) != 1 or found[0].dtype != "bool" or found[0].ndim != 1:
        kinds = ", ".join(str(TensorType(x.dtype, x.shape[1:])) for x in found) or "nothing"
        raise refusal(f"loop.filter: f gives {kinds}, not a bool scalar", kind=GraphError)
    return mapped(xs, lambda x: as_tensor(x)[found[0]])


def traced_step(
    what: str, init: Tree, step: Callable[[Tree], tuple[Tree, Tree]]
) -> tuple[list[Node], list[Node], list[Node], Tree]:
    """One step of a loop: the initial carries, the inputs that stand for carries, and what `step`
    gives for these: the next carries, and the rest. See `settled`."""

    def flat_step(own: list[Node]) -> tuple[list[Node], Tree]:
        carry, rest = step(filled(init, own))
        if structure(carry) != structure(init):
            raise refusal(
                f"{what}: the carry is {structure(carry)} after a step, but {structure(init)} "
                "before it",
                "a step gives a carry of the structure of the first one",
                kind=GraphError,
            )
        return [as_tensor(x) for x in leaves(carry)], rest

    given = leaves(init)
    unnamed = ["carry"] if len(given) == 1 else [f"carry{k}" for k in range(len(given))]
    names = [getattr(x, "name", None) or name for x, name in zip(given, unnamed, strict=True)]
    first, own, after, rest = settled(given, names, flat_step)
    for k, (a, b) in enumerate(zip(first, after, strict=True)):
        named = f"{what}: carry {k}" if len(first) > 1 else f"{what}: the carry"
        check_same_type(named, b, a.type, "start it with that type, or cast it in the step")
    return first, own, after, rest


def checked_checkpoint(what: str, checkpoint: str | None) -> str | None:
    """The option, checked."""
    if checkpoint not in (None, "sqrt"):
        raise refusal(f'{what}: checkpoint is None or "sqrt", not {checkpoint!r:.60}',
                      kind=GraphError)  # fmt: skip
    return checkpoint


def _steps_of(what: str, sequences: Sequence[Node], length: Size | None) -> Size:
    """The number of steps; GraphError where nothing gives one, or two differ."""
    for x in sequences:
        if not x.ndim:
            raise refusal(
                f"{what}: {x.described} is a scalar, which has no elements", x.birthplace,
                kind=GraphError,
            )  # fmt: skip
    if length is not None and not is_size(length):
        raise refusal(
            f"{what}: length is a size, not {length!r:.60}",
            "pt.loop.fori_loop takes a number of steps that is a tensor",
            kind=GraphError,
        )
    if isinstance(length, (int, np.integer)) and length < 0:
        raise refusal(f"{what}: length is {length}, but a number of steps is not negative",
                      kind=GraphError)  # fmt: skip
    sizes = [x.shape[0] for x in sequences] + ([] if length is None else [length])
    if not sizes:
        raise refusal(f"{what}: nothing gives the number of steps", "give xs, or length=",
                      kind=GraphError)  # fmt: skip
    fixed = {n for n in sizes if isinstance(n, int)}
    if len(fixed) > 1:
        named = [f"{x.described} has {x.shape[0]} elements" for x in sequences]
        named += [] if length is None else [f"length is {length}"]
        raise GraphError(f"{what}: {', '.join(named)}\n  at {line_text()}")
    return next(iter(fixed), sizes[0])
