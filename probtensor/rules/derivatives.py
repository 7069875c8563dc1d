"""The public derivative functions: derivatives of the stable form of the outputs.

The derivative of log(1 + exp(x)) as written is exp(x) / (1 + exp(x)), which is inf / inf at 800; of
its stable form, softplus(x), it is sigmoid(x). So the outputs are simplified and stabilised before
they are differentiated. The `wrt` nodes are opaque to the rules, which neither change them nor
match their inputs. `transform.autodiff` differentiates a graph exactly as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, as_tensor, made_by, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace, toposort
from probtensor.late import late
from probtensor.ops.arrays.require import keep_laws
from probtensor.ops.complexes.pair import holds_complex
from probtensor.rules.sets import STABLE
from probtensor.rules.structure.picks import PICKS
from probtensor.transform import autodiff
from probtensor.transform.autodiff import Nodes, listed
from probtensor.transform.jacobians import stacked_jacobian
from probtensor.transform.rewrite import Findings, apply_rules

complexes = late("probtensor.rules.complexes")


def stabilized(outputs: Sequence[Node], fixed: Sequence[Node] = ()) -> list[Node]:
    """The outputs in their simplified, stable form, with the nodes `fixed` unchanged. The size laws
    of the outputs as written hold for this form as well."""
    inner = {x: _stand_in(x) for x in fixed if x.inputs}
    opened = replace(outputs, inner)
    back = {stand_in: x for x, stand_in in inner.items()}
    findings = Findings()
    found = apply_rules(opened, STABLE, findings=findings)
    picked = apply_rules(found, PICKS, findings=findings)
    if any(new is not old for new, old in zip(picked, found, strict=True)):
        found = apply_rules(picked, STABLE, findings=findings)
    return keep_laws(replace(found, back), outputs)


def _stand_in(x: Node) -> Node:
    with made_by(x):
        return new_input(x.name, x.dtype, x.shape)


def _ready(outputs: Nodes, wrt: Nodes, others: Sequence[Node] = ()) -> Node | list:
    ready = stabilized(listed(outputs), [*listed(wrt), *others])
    return ready[0] if isinstance(outputs, Node) else ready


def _with_size_laws(found: object, outputs: Nodes) -> Node | list:
    """Derivatives (nested in lists) with the size laws of the outputs, which a derivative that is
    zero everywhere would otherwise lose."""
    if isinstance(found, list):
        return [_with_size_laws(part, outputs) for part in found]
    return keep_laws([found], listed(outputs))[0]


@public
def grad(
    cost: Node | None,
    wrt: Nodes,
    *,
    consider_constant: Sequence[Node] = (),
    known_grads: Mapping[Node, object] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Node | list:
    """The gradient of a scalar with respect to one tensor or several, by reverse mode.

    cost                 a float scalar (shape ()); None if only `known_grads` are given
    wrt                  a float or complex tensor, an input or an inner node, or a list or tuple of
                         them; by a complex inner node the gradient counts all that reads its parts
    consider_constant    tensors that are not differentiated through
    known_grads          {inner tensor: its gradient}, of its shape: where the chain rule starts,
                         instead of or in addition to a cost
    disconnected_inputs  what to do where the cost does not depend on a `wrt`: "raise" (default),
                         "warn" or "ignore"
    return_disconnected  what the gradient is there, if it is no error: "zero" (default), zeros of
                         the type of `wrt`, or "none", None

    Returns a tensor of the shape and dtype of `wrt`; a list of them, in order, for a sequence. It
    is the derivative of the stable form of the cost (of softplus(x) where log(1 + exp(x)) is
    written), and an ordinary graph: it can be differentiated again, to any order. By a complex z =
    x + iy it is du/dx - i du/dy, as in JAX: z - step * conj(gradient) descends.

    Raises GraphError, a TypeError, if the cost is no float scalar, or if a `wrt` is no float tensor
    or is disconnected; ValueError for other values of the last two options.

        >>> x = pt.vector("x")
        >>> pt.grad(pt.sum(x**2), x).eval({x: [1.0, 2.0]})
        array([2., 4.])

    Source: Griewank and Walther (2008), "Evaluating Derivatives", chapter 3.
    """
    options = {"disconnected_inputs": disconnected_inputs}
    options["return_disconnected"] = return_disconnected
    autodiff.check_options(**options)
    if holds_complex(cost, wrt, consider_constant, known_grads or ()):
        return _complex_grad(cost, wrt, consider_constant, known_grads, **options)
    if cost is None or known_grads:
        return autodiff.gradient(
            cost, wrt, consider_constant=consider_constant, known_grads=known_grads, **options
        )
    return _real_grad(as_tensor(cost), wrt, listed(consider_constant), **options)


def _real_grad(
    cost: Node, wrt: Nodes, constants: list[Node], **options: object
) -> Node | list:
    """`grad` of a cost, by real tensors."""
    autodiff.require_scalar(cost)
    found = autodiff.gradient(
        _ready(cost, wrt, constants),
        listed(wrt),
        consider_constant=constants,
        disconnected_inputs="ignore",
        return_disconnected="none",
    )
    missing = [x for x, g in zip(listed(wrt), found, strict=True) if g is None]
    if missing:
        # Not disconnected if simplification removed it: the graph as written decides.
        plain = _as_written(cost, missing, consider_constant=constants, **options)
        found = [next(plain) if g is None else g for g in found]
    kept = iter(keep_laws([g for g in found if g is not None], [cost]))
    found = [g if g is None else next(kept) for g in found]
    return found[0] if isinstance(wrt, Node) else found


def _complex_grad(
    cost: Node | None,
    wrt: Nodes,
    constants: Sequence[Node],
    known: Mapping[Node, object] | None,
    **options: object,
) -> Node | list:
    """`grad` where some of the tensors are complex."""
    if cost is not None:
        complexes.require_real_cost(cost)
    opened = complexes.Opened.of("grad", wrt)
    real = {
        "consider_constant": complexes.parts_of_constants(constants),
        "known_grads": complexes.parts_of_known(known or {}),
    }
    # A cost may depend on one part of a computed tensor alone, which is connected then.
    found = grad(
        cost,
        opened.nodes,
        disconnected_inputs="ignore",
        return_disconnected="none",
        **real,
    )
    slopes: list[Node | None] = []
    for group, own in zip(opened.groups, opened.by_group(found), strict=True):
        lost = all(g is None for g in own)
        slopes += grad(cost, group, **real, **options) if lost else own
    return opened.gathered(slopes)


def _as_written(cost: Node, wrt: Sequence[Node], **options: object) -> Iterator[Node | None]:
    """The gradient of the graph as written, with respect to each tensor alone."""
    reached = set(toposort([cost]))
    apart = all(not x.inputs or x not in reached for x in wrt)
    for nodes in [wrt] if apart else [[x] for x in wrt]:  # none of which depends on another
        yield from autodiff.gradient(cost, nodes, **options)


@public
def value_and_grad(
    cost: Node,
    wrt: Nodes,
    *,
    consider_constant: Sequence[Node] = (),
    known_grads: Mapping[Node, object] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> tuple[Node, Node | list]:
    """A scalar and its gradient: (cost, grad(cost, wrt)), with the arguments of `grad`.

    Compiled as outputs of one function, they share common subexpressions.

    Returns a pair: the cost as a tensor of shape (), and a tensor of the shape and dtype of `wrt`,
    or a list of them for a sequence. Raises what `grad` raises.

        >>> x = pt.scalar("x")
        >>> pt.function([x], pt.value_and_grad(x**3, x))(2.0)
        (array(8.), array(12.))
    """
    slope = grad(
        cost,
        wrt,
        consider_constant=consider_constant,
        known_grads=known_grads,
        disconnected_inputs=disconnected_inputs,
        return_disconnected=return_disconnected,
    )
    return as_tensor(cost), slope


@public
def vjp(outputs: Nodes, wrt: Nodes, cotangents: Nodes) -> Node | list:
    """The vector-Jacobian product cotangents . d outputs / d wrt, by reverse mode.

    outputs     a float tensor, or a sequence of them
    wrt         a float tensor, or a sequence of them
    cotangents  a tensor or array that broadcasts to the shape of the output, or a list of one
                for each of several

    Returns a tensor of the shape and dtype of `wrt`, or a list of them for a sequence; zeros where
    nothing depends on a `wrt`. (Theano's `Lop`.)

    Raises GraphError, a TypeError, for another number of cotangents than of outputs, one that does
    not fit its output, and a `wrt` that is no float tensor.

        >>> x = pt.vector("x")
        >>> pt.vjp(x**2, x, np.array([1.0, 10.0])).eval({x: [1.0, 2.0]})
        array([ 2., 40.])

    Source: Griewank and Walther (2008), "Evaluating Derivatives", chapter 3.
    """
    if holds_complex(outputs, wrt):
        tops, opened = complexes.Outputs.of(outputs), complexes.Opened.of("vjp", wrt)
        return opened.gathered(vjp(tops.nodes, opened.nodes, tops.cotangents(cotangents)))
    return _with_size_laws(autodiff.pull_back(_ready(outputs, wrt), wrt, cotangents), outputs)


@public
def jvp(outputs: Nodes, wrt: Nodes, tangents: Nodes) -> Node | list:
    """The Jacobian-vector product d outputs / d wrt . tangents, by forward mode.

    outputs   a tensor, or a sequence of them
    wrt       a float tensor, or a sequence of them
    tangents  a tensor or array that broadcasts to the shape of `wrt`, or a list of one for each of
              several

    Returns a tensor of the shape and dtype of the output, or a list of them for a sequence; zeros
    where an output depends on no `wrt`. The work is that of a few evaluations, whatever the number
    of outputs. (Theano's `Rop`.)

    Raises GraphError, a TypeError, for another number of tangents than of `wrt`, one that does not
    fit its `wrt`, and a `wrt` that is no float tensor.

        >>> x = pt.vector("x")
        >>> pt.jvp(pt.sum(x**2), x, np.array([1.0, 0.0])).eval({x: [3.0, 4.0]})
        array(6.)

    Source: Griewank and Walther (2008), "Evaluating Derivatives", chapter 3.
    """
    if holds_complex(outputs, wrt):
        tops, opened = complexes.Outputs.of(outputs), complexes.Opened.of("jvp", wrt)
        return tops.gathered(jvp(tops.nodes, opened.nodes, opened.tangents(tangents)))
    return _with_size_laws(autodiff.push_forward(_ready(outputs, wrt), wrt, tangents), outputs)


@public
def hvp(cost: Node, wrt: Nodes, vectors: Nodes) -> Node | list:
    """The Hessian of a scalar times vectors, without the Hessian: forward mode over reverse mode.

    cost     a float scalar
    wrt      a float tensor, or a sequence of them
    vectors  a tensor or array that broadcasts to the shape of `wrt`, or a list of one for each of
             several

    Returns a tensor of the shape and dtype of `wrt`, or a list of them for a sequence: entry i is
    the sum over k of (d2 cost / d wrt[i] d wrt[k]) . vectors[k].

    Raises GraphError, a TypeError, as `grad` and `jvp` do.

        >>> x = pt.vector("x")
        >>> pt.hvp(pt.sum(x**3), x, np.array([1.0, 0.0])).eval({x: [2.0, 3.0]})
        array([12.,  0.])

    Source: Pearlmutter (1994), Neural Computation 6:147.
    """
    if holds_complex(cost, wrt):
        complexes.refuse_complex("hvp")
    gradient = grad(cost, wrt, disconnected_inputs="ignore")
    return jvp(gradient, wrt, vectors)


@public
def jacobian(outputs: Nodes, wrt: Nodes, *, mode: str | None = None) -> Node | list:
    """The Jacobian d outputs / d wrt, with the axes of the output first.

    outputs  a float tensor, or a sequence of them
    wrt      a float tensor, or a sequence of them
    mode     "reverse": a vector-Jacobian product for each element of an output; "forward": a
             Jacobian-vector product for each element of a `wrt`; None: for each output whichever
             are fewer, and reverse where sizes are not known

    Returns a tensor of shape (*output.shape, *wrt.shape) in the dtype of `wrt`. A sequence of
    either gives a list, and of both a list for each output of one entry for each `wrt`. All
    products are computed together; zeros where nothing depends on a `wrt`. See `sparse_jacobian`
    for one that is mostly zeros.

    Raises GraphError, a TypeError, for what is no float tensor; ValueError for another mode.

        >>> x = pt.vector("x")
        >>> pt.jacobian(x**2, x).eval({x: [1.0, 2.0]})
        array([[2., 0.],
               [0., 4.]])
    """
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f"jacobian: mode={mode!r} is not 'reverse', 'forward' or None")
    if holds_complex(outputs, wrt):
        return _complex_jacobian(outputs, wrt, mode)
    return _with_size_laws(stacked_jacobian(_ready(outputs, wrt), wrt, mode), outputs)


def _complex_jacobian(outputs: Nodes, wrt: Nodes, mode: str | None) -> Node | list:
    """`jacobian` of complex outputs by real tensors, or of real outputs by any."""
    tops, opened = complexes.Outputs.of(outputs), complexes.Opened.of("jacobian", wrt)
    if holds := [y for y in tops.given if y.is_complex and holds_complex(opened.given)]:
        raise refusal(
            f"jacobian: {holds[0].described} and what it is differentiated by are complex",
            holds[0].birthplace,
            "that of pt.real(output) is the complex derivative where it is holomorphic",
            kind=GraphError,
        )
    rows = [opened.gathered(row) for row in jacobian(tops.nodes, opened.nodes, mode=mode)]
    if opened.single:
        return tops.gathered(rows)
    columns = [complexes.Outputs.gathered(tops, column) for column in zip(*rows, strict=True)]
    return columns if tops.single else [list(row) for row in zip(*columns, strict=True)]


@public
def hessian(cost: Node, wrt: Nodes) -> Node | list:
    """The second derivatives of a scalar.

    cost  a float scalar
    wrt   a float tensor, or a sequence of them

    Returns a tensor of shape (*wrt.shape, *wrt.shape) in the dtype of `wrt`; for a sequence a list
    of lists, of which entry [i][k] has shape (*wrt[i].shape, *wrt[k].shape).

    Raises GraphError, a TypeError, if the cost is no float scalar or a `wrt` no float tensor.

        >>> x = pt.vector("x")
        >>> pt.hessian(x[0] * x[1], x).eval({x: [1.0, 2.0]})
        array([[0., 1.],
               [1., 0.]])
    """
    if holds_complex(cost, wrt):
        complexes.refuse_complex("hessian")
    autodiff.require_scalar(as_tensor(cost))
    return jacobian(grad(cost, wrt, disconnected_inputs="ignore"), wrt)


@public
def subgraph_grad(
    wrt: Sequence[Node],
    end: Sequence[Node],
    start: Mapping[Node, object] | None = None,
    cost: Node | None = None,
    details: bool = False,
) -> tuple[list, list] | tuple[list, list, list, list]:
    """Gradients through a piece of a graph: back-propagation piece by piece.

    wrt      float tensors of the piece, mostly parameters
    end      float tensors at which the piece ends, seen from the cost: their gradients are the
             `start` of the next piece
    start    {tensor at the other end of the piece: its gradient}
    cost     a float scalar of the piece, instead of `start` or in addition to it
    details  return also the gradients of `start` and of `cost` apart

    Returns (gradients of `wrt`, gradients of `end`), in order; with `details` also the gradients of
    `end` from `start` and from `cost` alone.

    Raises GraphError, a TypeError, without `start` and `cost`, and as `grad` does.

        >>> x, w = pt.scalar("x"), pt.scalar("w")
        >>> h = x * w
        >>> _, (at_h,) = pt.subgraph_grad([], [h], cost=h**2)
        >>> (slope,), _ = pt.subgraph_grad([w], [x], start={h: at_h})
        >>> slope.eval({x: 3.0, w: 1.0})
        array(18.)
    """
    if cost is None and not start:
        raise GraphError("subgraph_grad: give start, a cost or both")
    wrt, end = listed(wrt), listed(end)

    def slopes(cost: Node | None, start: Mapping[Node, object] | None) -> list[Node]:
        # The piece ends where `end` is: what lies behind it is not differentiated.
        return list(grad(cost, [*wrt, *end], known_grads=start, disconnected_inputs="ignore"))

    found = slopes(cost, start)
    parts = found[: len(wrt)], found[len(wrt) :]
    if not details:
        return parts
    none = [ops.zeros_like(x) for x in end]
    of_start = slopes(None, start)[len(wrt) :] if start else none
    of_cost = slopes(cost, None)[len(wrt) :] if cost is not None else none
    return (*parts, of_start, of_cost)
