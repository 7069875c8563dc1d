"""`pt.scan`: loops with the arguments of Theano and PyTensor."""

from __future__ import annotations

from collections.abc import Callable

from probtensor.calls import public
from probtensor.graph.node import GraphError, Node
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.scan.arguments import Outputs, one_or_all, read_arguments
from probtensor.ops.loops.scan.stepping import stepped
from probtensor.types import Size


@public(lacks=("mode", "profile", "allow_gc"))
def scan(
    fn: Callable,
    sequences: object = None,
    outputs_info: object = None,
    non_sequences: object = None,
    n_steps: Size | Node | None = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: None = None,
    name: str | None = None,
    profile: bool = False,
    allow_gc: None = None,
    strict: bool = False,
    return_list: bool = False,
    return_updates: bool = True,
    *,
    checkpoint: str | None = None,
) -> tuple[Outputs, dict[Node, Node]]:
    """Apply `fn` step by step to elements of sequences and to results of earlier steps.

    fn             called with tensors to make the graph of a step: the taps of each sequence and of
                   each output, then `non_sequences`. It returns outputs, {shared: new value},
                   `pt.until(condition)`, or a tuple of these
    sequences      tensors, or {"input": x, "taps": [-1, 0, 2]}: step t reads x[t-1], x[t], x[t+2]
    outputs_info   for each output None (not read), a value before the first step, or {"initial":
                   rows, "taps": [-2, -1]}: step t reads y[t-2], y[t-1]; the oldest row comes first
    non_sequences  what `fn` is given as it is; it may also read tensors from outside
    n_steps        an integer, size or integer tensor; by default the shortest sequence decides.
                   If negative, the sequences are read the other way round
    truncate_gradient, go_backwards  the derivative is of this many last steps (-1: of all);
                   sequences are read from their ends
    name, strict   not used; refuse tensors that `fn` reads beside `non_sequences`
    return_list, return_updates  outputs are a list even if there is one; return them alone
    checkpoint     "sqrt": derivatives store every sqrt(n)-th step, and run those between again

    Returns (outputs, updates): each output stacked along a new axis 0, and {shared: last value} for
    `updates=` of `pt.function`. Raises GraphError, a TypeError, for arguments and results that do
    not fit, as results whose type changes from step to step.

        >>> powers, updates = pt.scan(lambda p, x: p * x, None, 1.0, pt.as_tensor(2.0), n_steps=4)
        >>> powers.eval()
        array([ 2.,  4.,  8., 16.])
    """
    options = {"truncate": truncate_gradient, "strict": strict, "checkpoint": checkpoint}
    data = (sequences, outputs_info, non_sequences)
    found = stepped(read_arguments(fn, *data, n_steps, go_backwards, **options))
    if return_updates:
        return one_or_all(found.outputs, return_list), found.updates
    if found.updates:
        raise refusal("scan: return_updates=False, but fn returns updates", kind=GraphError)
    return one_or_all(found.outputs, return_list)


@public(lacks=("mode",))
def map(
    fn: Callable,
    sequences: object,
    non_sequences: object = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: None = None,
    name: str | None = None,
) -> tuple[Outputs, dict[Node, Node]]:
    """`fn` of the elements of sequences along axis 0, as `pt.scan` without earlier results.

    `pt.loop.map` has the signature of JAX; `pt.vmap` computes all elements at once.

    Returns (outputs, updates) as `pt.scan`, whose arguments and errors it has. Raises GraphError.

        >>> squares, updates = pt.map(lambda x: x * x, pt.as_tensor([1.0, 2.0, 3.0]))
        >>> squares.eval()
        array([1., 4., 9.])
    """
    given = read_arguments(fn, sequences, None, non_sequences, None, go_backwards,
                           truncate=truncate_gradient)  # fmt: skip
    found = stepped(given)
    return one_or_all(found.outputs), found.updates


@public(lacks=("mode",))
def reduce(
    fn: Callable,
    sequences: object,
    outputs_info: object,
    non_sequences: object = None,
    go_backwards: bool = False,
    mode: None = None,
    name: str | None = None,
) -> tuple[Outputs, dict[Node, Node]]:
    """The last of the results that `pt.scan` gives with these arguments.

    `fn` takes the elements of the sequences, then the results of the step before. Sequences without
    elements give `outputs_info`.

    Returns (outputs, updates), the outputs without the axis of the steps. Raises GraphError as
    `pt.scan`.

        >>> total, updates = pt.reduce(lambda x, total: total + x, pt.as_tensor([1.0, 2.0]), 0.0)
        >>> total.eval()
        array(3.)
    """
    given = read_arguments(fn, sequences, outputs_info, non_sequences, None, go_backwards)
    found = stepped(given, stacked=False)
    return one_or_all(found.outputs), found.updates


@public(lacks=("mode",))
def foldl(
    fn: Callable,
    sequences: object,
    outputs_info: object,
    non_sequences: object = None,
    mode: None = None,
    name: str | None = None,
) -> tuple[Outputs, dict[Node, Node]]:
    """`pt.reduce` from the first elements to the last.

    Returns (outputs, updates) as `pt.reduce`. Raises GraphError as `pt.scan`.

        >>> number, updates = pt.foldl(lambda c, r: 10 * r + c, pt.as_tensor([1.0, 2.0]), 0.0)
        >>> number.eval()
        array(12.)
    """
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


@public(lacks=("mode",))
def foldr(
    fn: Callable,
    sequences: object,
    outputs_info: object,
    non_sequences: object = None,
    mode: None = None,
    name: str | None = None,
) -> tuple[Outputs, dict[Node, Node]]:
    """`pt.reduce` from the last elements to the first.

    Returns (outputs, updates) as `pt.reduce`. Raises GraphError as `pt.scan`.

        >>> number, updates = pt.foldr(lambda c, r: 10 * r + c, pt.as_tensor([1.0, 2.0]), 0.0)
        >>> number.eval()
        array(21.)
    """
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)
