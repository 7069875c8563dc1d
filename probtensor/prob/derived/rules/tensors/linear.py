"""Linear functions of vectors: of normal variables, and by invertible matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph import Node
from probtensor.graph import replace as replaced
from probtensor.graph.node import new_input
from probtensor.prob.derived.derivation import Derivation, NotDerived, literal_value
from probtensor.prob.derived.law import Law, Members, law_of_family, literal_like
from probtensor.prob.distributions.continuous.positive import Gamma
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal
from probtensor.prob.distributions.support import Interval
from probtensor.rules.arithmetic.sums import drop_constant_axes, is_constant_along
from probtensor.transform.autodiff import push_forward
from probtensor.transform.batch import vmap_nodes
from probtensor.types import size_product

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
    if not variables or not _is_linear(d, node, variables):
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
    if node.ndim > 1:
        return _normal_tensor(d, node)
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
        else:
            rows = _vector_roots(ops.tril(scale), x)
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


def _vector_roots(factor: Node, x: Node) -> Node:
    """(entries of x, *shape of x): the change of vectors by each standard normal entry."""
    n = x.shape[-1]
    count = math.prod(x.shape[:-1])
    factor = ops.reshape(ops.broadcast_to(factor, (*x.shape, n)), (count, n, n))
    turned = ops.matrix_transpose(factor)[:, :, None, :]
    return ops.eye(count, dtype=x.dtype)[:, None, :, None] * turned


def _normal_tensor(d: Derivation, node: Node) -> Law | None:
    """The law of a tensor of several axes as one vector."""
    flat = ops.reshape(node, (math.prod(node.shape),))
    law = derive_normal(d.within(flat, {}), flat)
    if law is None or law.family is None or not law.family.of(MultivariateNormal):
        return None
    density, shape = law.density, flat.shape
    event = tuple(range(node.ndim))
    return Law(
        node.shape, node.dtype, lambda y: density(ops.reshape(y, shape)), Interval(),
        law.sources, event=event,
    )  # fmt: skip


def derive_correlated(d: Derivation, node: Node) -> Law | None:
    """A linear function of vectors that are multivariate normal; see `derive_normal`."""
    if node.ndim > 1 or not any(d.law(x).event for x in d.variables(node)):
        return None
    return derive_normal(d, node)


def derive_squares(d: Derivation, node: Node) -> Law | None:
    """The sum of the squares of a linear function of the entries of one normal variable with one
    scale, around 0: a scaled chi squared, where the function is a projection but for a factor, as
    deviations from the mean are (Cochran 1934)."""
    square = node.inputs[0]
    if isinstance(square.op, ops.Add) and d.facts.constant(square.inputs[0]) == 0:
        square = square.inputs[1]
    if node.ndim or not isinstance(square.op, ops.Square):
        return None
    inner = square.inputs[0]
    variables = d.variables(inner)
    if len(variables) != 1 or inner is variables[0] or not _is_linear(d, inner, variables):
        return None
    x = variables[0]
    law = d.law(x)
    if law.family is None or not law.family.of(Normal) or not law.independent:
        return None
    mu, sigma = law.family.parameters
    if not all(isinstance(n, int) for n in (*x.shape, *inner.shape)):
        return None
    size = math.prod(x.shape)
    if max(size, math.prod(inner.shape)) > MOST or not is_constant_along(
        sigma, range(x.ndim), x.ndim
    ):
        return None
    rows = ops.reshape(ops.eye(size, dtype=x.dtype), (size, *x.shape))
    origin = ops.zeros(x.shape, x.dtype)
    offset, known = (
        literal_value(y)
        for y in (
            replaced([inner], {x: origin})[0],
            _coefficients(inner, variables, {x: origin}, [rows]),
        )
    )
    if known is None or offset is None or offset.any():
        return None
    known = known.reshape(size, -1)
    centred = np.abs(known.sum(axis=0)).max() <= 1e-12 * np.abs(known).max()
    if d.facts.constant(mu) != 0 and not (centred and is_constant_along(mu, range(x.ndim), x.ndim)):
        raise NotDerived("squares of normal variables around other numbers than 0 are added", node)
    values = np.linalg.eigvalsh(known.T @ known)
    positive = values[values > 1e-10 * values.max()]
    if not len(positive) or np.ptp(positive) > 1e-10 * positive.max():
        raise NotDerived("it adds squares with different scales", node)
    scale = float(positive.mean()) * ops.square(drop_constant_axes(sigma, range(x.ndim), x.ndim))
    degrees = literal_like(0.5 * len(positive), scale)
    return law_of_family(Gamma(), (degrees, 0.5 / scale), (), node.dtype, None, law.sources)


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
    """A @ x and x @ A for given square matrices A: the density at the solution of the system,
    divided by |det A| for each vector that A multiplies."""
    random = [k for k, x in enumerate(node.inputs) if not d.is_given(x)]
    if len(random) != 1:
        raise NotDerived("both of its operands are random", node)
    k = random[0]
    letters = node.op.parts()
    own, inner, outer = _product_letters(letters[k], letters[1 - k], letters[2], node)
    law, a = d.law(node.inputs[k]), node.inputs[1 - k]
    axis, places = own.index(inner), letters[1 - k]
    if a.shape[places.index(inner)] != a.shape[places.index(outer)]:
        raise NotDerived(
            "its matrix is not square, so the values have no density, or none that is known", node,
            "of normal variables any matrix of full row rank is derived",
        )  # fmt: skip
    if law.discrete or law.points:
        raise NotDerived("whole numbers are multiplied by a matrix", node)
    if not law.free:
        raise NotDerived("its entries follow from each other", node.inputs[k])
    # The matrices, with an axis for each axis of x but the one that is summed over.
    others = own.replace(inner, "")
    batch = [c for c in others if c in places]
    a = ops.transpose(a.astype(node.dtype), [places.index(c) for c in (*batch, outer, inner)])
    front = tuple(a.shape[batch.index(c)] if c in batch else 1 for c in others)
    wide = ops.reshape(a, (*front, *a.shape[-2:]))
    vectors = tuple(n for c, n in zip(own, law.shape, strict=True) if c != inner)
    lead = 0 if law.dependent else min(axis, law.ndim - len(law.event))
    kept = tuple(n for j, n in enumerate(law.shape) if j not in law.event)
    joint = tuple(j for j, c in enumerate(others) if own.index(c) >= lead)

    def solution(y: Node) -> Node:
        rows = ops.moveaxis(y, axis, -1)
        if not batch:
            flat = ops.reshape(rows, (size_product(vectors), rows.shape[-1]))
            found = ops.matrix_transpose(ops.solve(a, ops.matrix_transpose(flat)))
            found = ops.reshape(found, rows.shape)
        else:
            found = ops.solve(ops.broadcast_to(wide, (*vectors, *a.shape[-2:])), rows[..., None])
            found = found[..., 0]
        return ops.moveaxis(found, -1, axis)

    def density(y: Node) -> Node:
        found = ops.broadcast_to(law.full(solution(y)), kept)
        axes = tuple(range(lead, len(kept)))
        size = ops.broadcast_to(ops.slogdet(wide)[1], vectors)
        size = ops.sum(size, axis=joint) if joint else size
        return (ops.sum(found, axis=axes) if axes else found) - size

    event = tuple(range(lead, node.ndim))
    support = _solution_support(law, solution, kept, lead, len(event))
    return Law(
        node.shape, node.dtype, density, support, law.sources, event=event,
        partial=law.partial,
    )  # fmt: skip


def _solution_support(
    law: Law, solution: Callable[[Node], Node], kept: tuple, lead: int, event_ndim: int
) -> Interval | Members:
    """The values whose solutions lie in the support of a law."""

    def inside(y: Node) -> Node:
        held = ops.broadcast_to(law.support.contains(solution(y)), kept)
        axes = tuple(range(lead, len(kept)))
        return ops.all(held, axis=axes) if axes else held

    if law.support.contains(new_input(None, law.dtype, law.shape)) is None:
        return Interval()
    return Members(inside, f"the image of {law.support} under a matrix", False, event_ndim)


def _product_letters(own: str, matrix: str, out: str, node: Node) -> tuple[str, str, str]:
    """(the letters of the random operand, the letter of the axis that is summed over, that of the
    axis in its place)."""
    inner = [c for c in own if c in matrix and c not in out]
    outer = [c for c in matrix if c not in own]
    fits = len(inner) == len(outer) == 1 and out == own.replace(inner[0], outer[0])
    if not fits:
        raise NotDerived("products of a matrix with one axis of a tensor are derived", node)
    return own, inner[0], outer[0]
