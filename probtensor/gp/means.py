"""Mean functions of Gaussian processes: functions of inputs of the shape (N, D)."""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.calls import public
from probtensor.gp.covariance import parameter
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.support import REAL
from probtensor.types import shape_text

Mean = Callable[[Node], TensorLike]


@public(name="gp.zero_mean")
def zero_mean() -> Mean:
    """The mean 0.

    Returns a function of inputs (N, D) that gives (N,).

        >>> pt.gp.zero_mean()(pt.as_tensor([[1.0], [2.0]])).eval()
        array([0., 0.])
    """
    return lambda x: ops.zeros((x.shape[0],), dtype=x.dtype)


@public(name="gp.constant_mean")
def constant_mean(c: TensorLike = 0.0) -> Mean:
    """The mean c, a number.

    Returns a function of inputs (N, D) that gives (N,). Raises GraphError, a TypeError, for what is
    no number.

        >>> pt.gp.constant_mean(3.0)(pt.as_tensor([[1.0], [2.0]])).eval()
        array([3., 3.])
    """
    value = parameter("c of constant_mean", c, 0, REAL)
    return lambda x: ops.broadcast_to(value, (x.shape[0],))


@public(name="gp.linear_mean")
def linear_mean(coefficients: TensorLike, intercept: TensorLike = 0.0) -> Mean:
    """The mean x @ coefficients + intercept.

    Returns a function of inputs (N, D) that gives (N,). Raises GraphError, a TypeError, for
    parameters of other shapes.

        >>> pt.gp.linear_mean(2.0, 1.0)(pt.as_tensor([[1.0], [2.0]])).eval()
        array([3., 5.])
    """
    slopes = parameter("coefficients of linear_mean", coefficients, 1, REAL)
    start = parameter("intercept of linear_mean", intercept, 0, REAL)
    return lambda x: ops.sum(x * slopes, axis=1) + start


def mean_at(mean: TensorLike | Mean, x: Node) -> Node:
    """The mean at inputs, a vector of the shape (N,)."""
    value = mean(x) if callable(mean) else mean
    node = to_tensor("gp: the mean", value)
    if node.ndim == 2 and node.shape[1] == 1:
        node = node[:, 0]
    if node.ndim > 1:
        raise refusal(
            f"gp: the mean has shape {shape_text(node.shape)} for inputs of shape "
            f"{shape_text(x.shape)}",
            "a mean function gives one number an input",
            kind=GraphError,
        )
    node = node if node.type.is_float else node.astype(x.dtype)
    return ops.broadcast_to(node, (x.shape[0],))
