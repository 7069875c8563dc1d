"""Linear functions of vectors: of normal variables, and by invertible matrices."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.graph import Node
from probtensor.graph import replace as replaced
from probtensor.graph.node import new_input
from probtensor.prob.derived.derivation import Derivation, NotDerived, literal_value
from probtensor.prob.derived.law import Law, Members, is_whole_line, law_of_family
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal
from probtensor.transform.autodiff import push_forward
from probtensor.transform.batch import vmap_nodes

_LINEAR = (
    ops.Add, ops.Sub, ops.Neg, ops.Sum, ops.Slice, ops.Reshape, ops.Transpose, ops.ExpandDims,
    ops.DropAxes, ops.BroadcastTo, ops.Concatenate, ops.SetSlice, ops.Cumsum, ops.CumsumColumns,
)  # fmt: skip
# The most random entries, and results, of a linear function that is one vector.
MOST = 512


def derive_normal(d: Derivation, node: Node) -> Law | None:
    """A linear function of normal variables, which may share them: normal, or for a vector
    multivariate_normal. Its covariance is that of its coefficients."""
    if not isinstance(node.op, (*_LINEAR, ops.Mul, ops.Div, ops.Contract, ops.Gather)):
        return None
    variables = d.variables(node)
    if node.ndim > 1 or not variables or not _is_linear(d, node, variables):
        return None
    sizes = [n for x in (node, *variables) for n in x.shape]
    if not all(isinstance(n, int) for n in sizes):
        return None
    total = sum(math.prod(x.shape) for x in variables)
    if max(total, math.prod(node.shape)) > MOST:
        return None
    if math.prod(node.shape) > total:
        raise NotDerived(
            f"it has {math.prod(node.shape)} entries made of {total} random ones, so they have no "
            "density together", node,
        )  # fmt: skip
    means, roots = {}, []
    for x in variables:
        law = d.law(x)
        if law.family is None or not law.family.of(Normal, MultivariateNormal):
            return None
        mu, scale = law.family.parameters
        means[x] = ops.broadcast_to(mu, x.shape)
        size = math.prod(x.shape)
        if law.family.of(Normal):
            wide = ops.reshape(ops.broadcast_to(scale, x.shape), (size,))
            rows = ops.eye(size, dtype=x.dtype) * wide
        elif x.ndim > 1 or scale.ndim > 2:
            return None
        else:
            rows = ops.matrix_transpose(ops.tril(scale))
        roots.append(ops.reshape(rows, (size, *x.shape)))
    _require_rank(node, variables, means)
    mean = replaced([node], means)[0]
    factor = _coefficients(node, variables, means, roots)
    sources = {x.op.uid: None for x in variables}
    if not node.ndim:
        most = ops.max(ops.abs(factor))
        sigma = most * ops.sqrt(ops.sum(ops.square(factor / most)))
        return law_of_family(Normal(), (mean, sigma), (), node.dtype, None, sources)
    root = ops.cholesky(ops.matmul(ops.matrix_transpose(factor), factor))
    return law_of_family(MultivariateNormal(), (mean, root), node.shape, node.dtype, None, sources)


def derive_correlated(d: Derivation, node: Node) -> Law | None:
    """A linear function of vectors that are multivariate normal; see `derive_normal`."""
    if not any(d.law(x).event for x in d.variables(node)):
        return None
    return derive_normal(d, node)


def _is_linear(d: Derivation, node: Node, variables: list[Node]) -> bool:
    """Is a node a linear function of variables, plus something given?"""
    seen, stack = set(variables), [node]
    while stack:
        top = stack.pop()
        if top in seen or d.is_given(top):
            continue
        seen.add(top)
        random = [not d.is_given(x) for x in top.inputs]
        if isinstance(top.op, (ops.Mul, ops.Contract)):
            fits = sum(random) == 1
        elif isinstance(top.op, ops.Div):
            fits = not random[1]
        elif isinstance(top.op, ops.Gather):
            fits = not any(random[1:])
        else:
            fits = isinstance(top.op, _LINEAR)
        if not fits:
            return False
        stack += top.inputs
    return True


def _coefficients(node: Node, variables: list[Node], means: dict, roots: list[Node]) -> Node:
    """(random entries, *shape of the node): its change by each standard normal entry."""
    inputs = [new_input(None, x.dtype, x.shape) for x in variables]
    along = [new_input(None, x.dtype, x.shape) for x in variables]
    made = replaced([node], dict(zip(variables, inputs, strict=True)))[0]
    parts = []
    for x, t, rows in zip(inputs, along, roots, strict=True):
        change = push_forward([made], [x], [t])[0]
        at = dict(zip(inputs, (means[v] for v in variables), strict=True))
        change = replaced([change], at)[0]
        parts.append(vmap_nodes([change], {t: rows})[0])
    return ops.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]


def _require_rank(node: Node, variables: list[Node], means: dict) -> None:
    """NotDerived if the entries of a vector are known to depend on each other."""
    if not node.ndim:
        return
    units = []
    for x in variables:
        size = math.prod(x.shape)
        units.append(ops.reshape(ops.eye(size, dtype=x.dtype), (size, *x.shape)))
    known = literal_value(_coefficients(node, variables, means, units))
    if known is not None and np.linalg.matrix_rank(known) < known.shape[1]:
        raise NotDerived(
            "some of its entries are linear functions of others, so they have no density together",
            node,
        )


def derive_matrix(d: Derivation, node: Node) -> Law | None:
    """A @ x and x @ A for a given square matrix A and independent entries x: the density at the
    solution of the system, divided by |det A|."""
    random = [k for k, x in enumerate(node.inputs) if not d.is_given(x)]
    if len(random) != 1:
        raise NotDerived("both of its operands are random", node)
    k = random[0]
    letters = node.op.parts()
    own, matrix, out = letters[k], letters[1 - k], letters[2]
    if len(own) != 1 or len(matrix) != 2 or own not in matrix or out != matrix.replace(own, ""):
        raise NotDerived("products of matrices with one vector are derived", node)
    law = d.law(node.inputs[k])
    a = node.inputs[1 - k]
    if a.shape[0] != a.shape[1]:
        raise NotDerived(
            "its matrix is not square, so the values have no density, or none that is known", node,
            "of normal variables any matrix of full row rank is derived",
        )  # fmt: skip
    if law.discrete or law.points:
        raise NotDerived("whole numbers are multiplied by a matrix", node)
    a = a.astype(node.dtype)
    a = a if matrix[1] == own else ops.matrix_transpose(a)

    def density(y: Node) -> Node:
        x = ops.solve(a, y)
        found = law.full(x)
        size = ops.slogdet(a)[1]
        return (
            ops.sum(ops.broadcast_to(found, law.shape), axis=-1) if not law.event else found
        ) - size

    def inside(y: Node) -> Node:
        held = law.support.contains(ops.solve(a, y))
        return ops.all(held, axis=-1) if not law.support.event_ndim else held

    support = law.support
    if not is_whole_line(support):
        support = Members(inside, f"the image of {support} under a matrix", event_ndim=1)
    return Law(node.shape, node.dtype, density, support, dict.fromkeys(law.sources), event=(0,))
