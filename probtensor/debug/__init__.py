"""Values of compiled code while it runs: `pt.debug.print`, `callback` and `breakpoint`.

Each is its argument in the graph, and something happens whenever compiled code computes it: in
kernels of all targets, in each step of a loop, in the branch that is taken. What a graph does not
need is not computed, and nothing happens then: use what these functions return.

`pt.debug.check` is a block in which functions look at their results: see
`function/numbers/checked.py`.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable

import numpy as np

from probtensor.calls import public
from probtensor.function.numbers.checked import NonFiniteError, check
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.values.effects import Called
from probtensor.ops.values.watch import watched

__all__ = ["NonFiniteError", "breakpoint", "callback", "check", "print"]


@public
def print(
    x: TensorLike,
    label: str | None = None,
    *,
    summary: bool = False,
    when: TensorLike | None = None,
    gradient: bool = False,
) -> Node:
    """`x` itself, which is printed each time that compiled code computes it.

    label     what stands before the value; by default the name of x, or the call that makes it
    summary   print dtype, shape, bounds, mean and the numbers of nan and infinity in place of the
              elements
    when      a bool scalar: print only where it is true
    gradient  print the gradient that arrives at x in reverse mode as well, or the tangent in
              forward mode

    In a loop the step is printed too, under `vmap` each item by itself. Values are printed to
    `sys.stdout` under NumPy's print options, in the order in which the calls of this function were
    made, as far as the graph allows it. Loops before and after still fuse; each print waits for
    Python.

    Returns a tensor of the type and value of x, with its derivatives.
    Raises GraphError, a TypeError, for a `when` that is no bool scalar and a label that is no text.

        >>> x = pt.vector("x")
        >>> f = pt.function([x], pt.sum(pt.debug.print(x * 2, "twice")))
        >>> f([1.0, 2.0])
        twice = [2. 4.]
        array(6.)
    """
    node = as_tensor(x)
    if label is not None and not isinstance(label, str):
        raise refusal(f"pt.debug.print: the label is no text: {label!r:.60}", kind=GraphError)
    name = node.described if label is None else label
    return watched("print", [node], [name], _condition("print", when),
                   summary=bool(summary), gradient=bool(gradient))  # fmt: skip


@public
def callback(
    function: Callable[..., object],
    x: TensorLike,
    *values: TensorLike,
    when: TensorLike | None = None,
    gradient: bool = False,
) -> Node:
    """`x` itself; `function(x, *values)` is called with NumPy arrays each time that compiled code
    computes it.

    when      a bool scalar: call only where it is true
    gradient  call `function(g)` with the gradient g that arrives at x in reverse mode as well, or
              the tangent in forward mode

    The arrays are copies. What the function returns is ignored; an exception that it raises ends
    the call, which raises it with a note of this line. Under `vmap` it is called for each item. It
    runs in the thread of the call, which for `pt.sample` is one of several. A function with
    callbacks is compiled anew in each process.

    Returns a tensor of the type and value of x, with its derivatives.
    Raises GraphError, a TypeError, for a `when` that is no bool scalar, TypeError for what cannot
    be called, ValueError for more than 8 arrays.

        >>> seen = []
        >>> x = pt.vector("x")
        >>> f = pt.function([x], pt.sum(pt.debug.callback(seen.append, x * 2)))
        >>> f([1.0, 2.0]), seen
        (array(6.), [array([2., 4.])])
    """
    if not callable(function):
        raise refusal(f"pt.debug.callback: {function!r:.60} cannot be called")
    nodes = [as_tensor(value) for value in (x, *values)]
    names = [node.described for node in nodes]
    return watched("callback", nodes, names, _condition("callback", when),
                   gradient=bool(gradient), function=Called(function))  # fmt: skip


@public
def breakpoint(x: TensorLike, *values: TensorLike, when: TensorLike | None = None) -> Node:
    """`x` itself; Python's `breakpoint()` is called each time that compiled code computes it, with
    the values of the tensors as local variables.

    values  further tensors to look at; one has its name as a variable, or `value1`, `value2`
    when    a bool scalar: stop only where it is true

    `c` in the debugger goes on with the call, `q` ends it with `bdb.BdbQuit`. Which debugger it is
    says `PYTHONBREAKPOINT`, as for any `breakpoint()`.

    Returns a tensor of the type and value of x, with its derivatives.
    Raises GraphError, a TypeError, for a `when` that is no bool scalar, ValueError for more than 8
    arrays.

        >>> x = pt.vector("x")
        >>> y = pt.debug.breakpoint(pt.log(x), x, when=pt.any(x <= 0))
        >>> pt.function([x], y)([1.0])
        array([0.])
    """
    nodes = [as_tensor(value) for value in (x, *values)]
    names: list[str] = []
    for k, node in enumerate(nodes):
        own = node.name or ""
        usable = own.isidentifier() and not keyword.iskeyword(own) and own not in names
        names.append(own if usable else f"value{k}" if k else "x")
    return watched("breakpoint", nodes, names, _condition("breakpoint", when))


def _condition(what: str, when: TensorLike | None) -> Node | None:
    """The condition of an effect; GraphError if it is no bool scalar."""
    if when is None:
        return None
    if isinstance(when, (builtins.bool, np.bool_)):
        when = np.asarray(when)
    node = as_tensor(when)
    if node.dtype != "bool" or node.ndim:
        raise refusal(
            f"pt.debug.{what}: when= is a bool scalar, and {node.described} is {node.type}",
            node.birthplace,
            "reduce it, as in when=pt.any(x > 3)",
            kind=GraphError,
        )
    return node
