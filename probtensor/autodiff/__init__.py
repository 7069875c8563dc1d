"""`pt.autodiff`: derivatives and what changes them, by the names of `pytensor.gradient`.

`Lop` and `Rop` are `pt.vjp` and `pt.jvp` with the names of their arguments there. Options that only
keep a wrong gradient from being noticed are not here: a disconnected input is an error unless it is
allowed, and what has no derivative is always one.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.autodiff.verify import GradientError, numeric_grad, verify_grad
from probtensor.calls import absent, public
from probtensor.graph import Node
from probtensor.ops import (
    disconnected_grad,
    grad_clip,
    grad_scale,
    stop_gradient,
    undefined_grad,
    zero_grad,
)
from probtensor.rules import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    sparse_hessian,
    sparse_jacobian,
    subgraph_grad,
    value_and_grad,
    vjp,
)

consider_constant = disconnected_grad
hessian_vector_product = hvp

Tensors = Node | Sequence[Node]


@public
def Lop(f: Tensors, wrt: Tensors, eval_points: Tensors) -> Node | list:
    """The vector-Jacobian product eval_points . d f / d wrt: `pt.vjp`.

    f            a float tensor, or a sequence of them
    wrt          a float tensor, or a sequence of them
    eval_points  a cotangent of the shape of `f`, or a list of one for each of several

    Returns a tensor of the shape of `wrt`, or a list of them for a sequence.
    Raises GraphError, a TypeError, as `pt.vjp` does.

        >>> x = pt.vector("x")
        >>> pt.autodiff.Lop(x**2, x, np.array([1.0, 10.0])).eval({x: [1.0, 2.0]})
        array([ 2., 40.])
    """
    return vjp(f, wrt, eval_points)


@public
def Rop(f: Tensors, wrt: Tensors, eval_points: Tensors) -> Node | list:
    """The Jacobian-vector product d f / d wrt . eval_points, by forward mode: `pt.jvp`.

    f            a tensor, or a sequence of them
    wrt          a float tensor, or a sequence of them
    eval_points  a tangent of the shape of `wrt`, or a list of one for each of several

    Returns a tensor of the shape of `f`, or a list of them for a sequence.
    Raises GraphError, a TypeError, as `pt.jvp` does.

        >>> x = pt.vector("x")
        >>> pt.autodiff.Rop(pt.sum(x**2), x, np.array([1.0, 0.0])).eval({x: [3.0, 4.0]})
        array(6.)
    """
    return jvp(f, wrt, eval_points)


pullback, pushforward = Lop, Rop

__all__ = [
    "GradientError",
    "Lop",
    "Rop",
    "checkpoint",
    "consider_constant",
    "custom_jvp",
    "custom_vjp",
    "disconnected_grad",
    "grad",
    "grad_clip",
    "grad_scale",
    "hessian",
    "hessian_vector_product",
    "hvp",
    "jacobian",
    "jvp",
    "numeric_grad",
    "pullback",
    "pushforward",
    "sparse_hessian",
    "sparse_jacobian",
    "stop_gradient",
    "subgraph_grad",
    "undefined_grad",
    "value_and_grad",
    "verify_grad",
    "vjp",
    "zero_grad",
]

__getattr__ = absent("pt.autodiff", dict.fromkeys(__all__))
