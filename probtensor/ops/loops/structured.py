"""Loops with the signatures of JAX: they carry tuples, lists and dicts of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph.node import GraphError, Node, as_tensor, new_input
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of, check_same_type
from probtensor.ops.loops.trees import Tree, filled, leaves, structure
from probtensor.types import Size, is_size


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

    f           a function of tensors, called once to make the graph of a step; it may read tensors
                from outside
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
    steps = _steps_of(sequences, length)
    slices = [new_input(x.name, x.dtype, x.shape[1:]) for x in sequences]

    def step(own: Sequence[Node]) -> tuple[Tree, Tree]:
        found = f(filled(init, own), filled(xs, slices))
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise refusal(
                f"scan: f gives {found!r:.60}, not a pair", "it returns the next carry and y"
            )
        return found

    given, carries, (carry, y) = traced_step(init, step, "scan")
    outputs = [*carry, *map(as_tensor, leaves(y))]
    body, outside = body_of([*carries, *slices], outputs)
    options = {"backwards": bool(reverse), "checkpoint": checkpoint}
    found = run(body, steps, given, sequences, outside, **options)
    count = len(given)
    return filled(init, found[:count]), filled(y, found[count:])


def traced_step(
    init: Tree, step: Callable[[Sequence[Node]], tuple[Tree, Tree]], what: str
) -> tuple[list[Node], list[Node], tuple[list[Node], Tree]]:
    """One step of a loop: the initial carries, the inputs that stand for carries, and what `step`
    gives for these (its first part flat).

    A carry that begins as a number of Python takes the dtype that a step gives it.
    """
    given = leaves(init)
    weak = [isinstance(x, (bool, int, float)) and not isinstance(x, np.generic) for x in given]
    first = [as_tensor(x) for x in given]
    for _ in range(len(given) + 1):
        own = [new_input(x.name, x.dtype, x.shape) for x in first]
        carry, rest = step(own)
        if structure(carry) != structure(init):
            raise refusal(
                f"{what}: the carry is {structure(carry)} after a step, but {structure(init)} "
                "before it",
                "a step gives a carry of the structure of init",
                kind=GraphError,
            )
        after = [as_tensor(x) for x in leaves(carry)]
        wider = [ops.astype(a, b.dtype) if w and a.dtype != b.dtype else a
                 for a, b, w in zip(first, after, weak, strict=True)]  # fmt: skip
        if all(a is b for a, b in zip(first, wider, strict=True)):
            break
        first = wider
    for k, (a, b) in enumerate(zip(first, after, strict=True)):
        named = f"{what}: carry {k}" if len(first) > 1 else f"{what}: the carry"
        check_same_type(named, b, a.type, "start it with that type, or cast it in the step")
    return first, own, (after, rest)


def _steps_of(sequences: Sequence[Node], length: Size | None) -> Size:
    """The number of steps; GraphError where nothing gives one, or two differ."""
    for x in sequences:
        if not x.ndim:
            raise refusal(
                f"scan: {x.described} is a scalar, which has no elements", x.birthplace,
                kind=GraphError,
            )  # fmt: skip
    if length is not None and not is_size(length):
        raise refusal(
            f"scan: length is a size, not {length!r:.60}",
            "pt.loop.fori_loop takes a number of steps that is a tensor",
            kind=GraphError,
        )
    sizes = [x.shape[0] for x in sequences] + ([] if length is None else [length])
    if not sizes:
        raise refusal("scan: nothing gives the number of steps", "give xs, or length=",
                      kind=GraphError)  # fmt: skip
    fixed = {n for n in sizes if isinstance(n, int)}
    if len(fixed) > 1:
        named = [f"{x.described} has {x.shape[0]} elements" for x in sequences]
        named += [] if length is None else [f"length is {length}"]
        raise GraphError(f"scan: {', '.join(named)}\n  at {line_text()}")
    return next(iter(fixed), sizes[0])

