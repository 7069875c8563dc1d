"""The sum of the terms of a log density: one fold for each shape, and nothing added up that is the
same for many entries.

A product of a matrix of data with a vector is written out by columns where it has few: its rows
are shorter than a vector register. Each column is an array of its own when data are bound, so that
a loop over the rows reads it with unit stride, and has nothing but elementwise statements and sums,
also in the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import reduce

from probtensor import ops
from probtensor.graph import Input, Node, as_tensor, replace, toposort
from probtensor.graph.node import made_by, make
from probtensor.ops.kinds import Elementwise
from probtensor.prob.density.branches import Branches
from probtensor.prob.density.sums import before_broadcast, sum_over_sample
from probtensor.prob.model.data import MEMBER, SIZE, Column, RowGroups, distinct
from probtensor.rules.arithmetic.sums import is_constant_along
from probtensor.types import Dim, Shape, Size, size_product

# Deviances that are computed in double precision and then rounded (`in_double` in
# prob/distributions/discrete.py); in a sum the rounding is skipped.
COMPUTED_IN_DOUBLE = (ops.ShareDivergence, ops.PoissonDivergence)
# Products of data with a vector are written out up to so many columns, from so many rows on.
FEW_COLUMNS, MANY_ROWS = 16, 32
FEW_CLASSES, FEW_SLOPES = 8, 32  # whose logits are written out, and slopes of a product in them


def sum_terms(
    terms: Sequence[Node], only_data: Callable[[Node], bool], counts: Collection[Node] = ()
) -> Node:
    """The sum of terms over all their axes, as one fold for each shape.

    Sums inside a term are split: an addend that is constant along an axis is multiplied by its
    length, and addends of data alone are summed separately. Addends that cancel are dropped, such
    as log x of a density and of the Jacobian of its bijector. A function of one observed count
    (`counts` are such inputs) and of scalars is summed over the distinct counts, weighted by how
    often each occurs.
    """
    groups: dict[tuple, dict[Node, int]] = {}
    choices = Branches(only_data)
    for term in terms:
        for leaf, sign, count in addends_by_sample(term, only_data, choices, counts):
            if not only_data(leaf):
                leaf = by_groups(by_distinct_counts(leaf, counts))
            key = (only_data(leaf), leaf.shape, count)
            times = groups.setdefault(key, {})
            times[leaf] = times.get(leaf, 0) + sign
    totals: dict[bool, list[Node]] = {False: [], True: []}
    for (of_data, shape, count), times in groups.items():
        node = combined(times)
        if node is None:
            continue
        total = ops.sum(node) if shape else node
        if isinstance(count, Dim):
            number = as_tensor(count).astype(total.dtype)
            # Of chosen rows there may be none, where the density of one would be 0.
            total = ops.xtimes(number, total) if choices.decide(count) else total * number
        elif count != 1:
            total = total * float(count)
        totals[of_data].append(total)
    parts = [reduce(ops.add, part) for part in totals.values() if part]
    return choices.with_sizes(reduce(ops.add, parts) if parts else as_tensor(0.0))


def combined(times: Mapping[Node, int]) -> Node | None:
    """The sum of tensors times integer weights; None if it is empty."""
    total = None
    for node, count in times.items():
        if not count:
            continue
        part = node if abs(count) == 1 else float(abs(count)) * node
        if total is None:
            total = part if count > 0 else -part
        else:
            total = total + part if count > 0 else total - part
    return total


def addends(term: Node) -> list[tuple[Node, int, Shape, Size]]:
    """The operands of nested sums and differences in order: (tensor, sign, shape, times). The term
    contains the tensor, broadcast to the shape, so many times."""
    found: list[tuple[Node, int, Shape, Size]] = []
    stack: list[tuple[Node, int, Shape, Size]] = [(term, 1, term.shape, 1)]
    while stack:
        node, sign, shape, times = stack.pop()
        match node.op:
            case ops.Add() | ops.Sub():
                other = sign if isinstance(node.op, ops.Add) else -sign
                stack.append((node.inputs[1], other, shape, times))
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Neg():
                stack.append((node.inputs[0], -sign, shape, times))
            case ops.BroadcastTo():
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Cast() if isinstance(node.inputs[0].op, COMPUTED_IN_DOUBLE):
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Sum() if isinstance(node.inputs[0].op, Elementwise):
                inner = node.inputs[0]
                times = size_product((times, broadcast_count(node.shape, shape)))
                stack.append((inner, sign, inner.shape, times))
            case _:
                found.append((node, sign, shape, times))
    return found


def addends_by_sample(
    term: Node, only_data: Callable[[Node], bool], choices: Branches,
    counts: Collection[Node] = (),
) -> Iterator[tuple[Node, int, Size]]:  # fmt: skip
    """The operands of a term, with their signs and the multiplicity of their entries in its sum.
    Deviances of data with the same parameters are replaced by their sum over the data, and choices
    by data by the values of the branches in their rows, but for functions of few counts."""
    for leaf, sign, shape, times in addends(term):
        if is_slope_of_data(leaf, only_data):
            continue
        once = leaf.shape == shape and times == 1 and not counts_in(leaf, counts)
        parts = choices.of(leaf) if once else None
        if parts is not None:
            for part in parts:
                for inner, own, count in addends_by_sample(part, only_data, choices):
                    yield inner, sign * own, count
            continue
        sums = None
        if leaf.shape == shape and not only_data(leaf):
            sums = sum_over_sample(leaf, only_data)
        if sums is None:
            yield leaf, sign, size_product((times, broadcast_count(leaf.shape, shape)))
            continue
        total, sample = sums
        for part, own, shape, again in addends(ops.broadcast_to(total, sample.sample_shape)):
            yield part, sign * own, size_product((times, again, broadcast_count(part.shape, shape)))


def is_slope_of_data(leaf: Node, only_data: Callable[[Node], bool]) -> bool:
    """Is it a multiple of x - stop_gradient(x), which is 0 and has a derivative only for data x?"""
    factors = leaf.inputs if isinstance(leaf.op, ops.Mul) else (leaf,)
    differences = [f for f in factors if isinstance(f.op, ops.Sub) and only_data(f)]
    return any(
        isinstance(f.inputs[1].op, ops.StopGradient) and f.inputs[1].inputs[0] is f.inputs[0]
        for f in differences
    )


def by_distinct_counts(leaf: Node, counts: Collection[Node]) -> Node:
    """A tensor with the same sum: for a function of observed counts and of parameters that do not
    vary along the rows, that function of the distinct counts of each column, times how often they
    occur. Any other tensor is returned unchanged."""
    found = counts_in(leaf, counts)
    if found is None:
        return leaf
    own, parameters = found
    values, times, columns = distinct(own)
    changes = dict(zip(own, values, strict=True))
    for x in parameters:
        once = before_broadcast(x)
        once = once[0] if once.ndim > 1 else once
        changes[x] = once[columns] if once.shape and once.shape[0] != 1 else ops.reshape(once, ())
    return times * replace([leaf], changes)[0]


def counts_in(leaf: Node, counts: Collection[Node]) -> tuple[list[Node], list[Node]] | None:
    """(observed counts, parameters) of an elementwise function of these, where parameters are
    scalars or, for tables of counts, constant along the rows; None for any other tensor."""
    found: dict[Node, None] = {}
    parameters: dict[Node, None] = {}
    stack = [leaf]
    while stack:
        node = stack.pop()
        if node in counts:
            found[node] = None
        elif leaf.ndim in (1, 2) and is_constant_along(before_broadcast(node), (0,), leaf.ndim):
            parameters[node] = None
        elif isinstance(node.op, Elementwise):
            stack.extend(x for x in node.inputs if x.shape)
        else:
            return None
    alike = all(count.shape == leaf.shape for count in found)
    return ([*found], [*parameters]) if found and alike else None


def by_groups(leaf: Node) -> Node:
    """A tensor with the same sum: for entries of a tensor that are read for each row of data (see
    `RowGroups`), these entries times the numbers of rows. Any other is returned unchanged."""
    index = leaf.inputs[1] if isinstance(leaf.op, ops.Gather) and len(leaf.inputs) == 2 else None
    if index is None or not isinstance(index.op, RowGroups) or index.op.part != MEMBER:
        return leaf
    base, (axis,) = leaf.inputs[0], leaf.op.axes
    sizes = make(RowGroups(index.op.size, SIZE), index.inputs)
    return base * ops.expand_dims(sizes, tuple(range(1, base.ndim - axis)))


def broadcast_count(own: Sequence[Size], shape: Sequence[Size]) -> Size:
    """How often a broadcast to `shape` repeats each entry of a tensor of shape `own`."""
    padded = (1,) * (len(shape) - len(own)) + tuple(own)
    return size_product(n for n, m in zip(shape, padded, strict=True) if m == 1 and n != 1)


def by_columns(
    total: Node, only_data: Callable[[Node], bool], labels: Collection[Node] = ()
) -> Node:
    """A density with its products of data and a vector written out, where they have few columns.
    Matrices of other products are computed from data once. Of observed classes, which are `labels`,
    the logits are written out where they are few."""
    done: dict[Node, Node] = {}
    for node in toposort([total]):
        with made_by(node):
            inputs = tuple(done[x] for x in node.inputs)
            if isinstance(node.op, ops.Gather) and inputs[-1] in labels:
                found = log_share_of_class(node, inputs, only_data)
                if found is not None:
                    done[node] = found
                    continue
            if isinstance(node.op, ops.Contract) and not only_data(node):
                found = written_out(node.op, inputs, only_data)
                if found is not None:
                    done[node] = found
                    continue
                inputs = tuple(computed_once(x) if only_data(x) else x for x in inputs)
            changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
            done[node] = make(node.op, inputs, type(node)) if changed else node
    return done[total]


def computed_once(x: Node) -> Node:
    """A function of data as an array of its own, if it is none and as large as what it is made
    of."""
    if x.dtype != "float64" or x.ndim < 2 or not isinstance(x.op, Elementwise):
        return x
    alike = any(isinstance(y.op, Input) and y.shape == x.shape for y in toposort([x]))
    return make(Column(None), (x,)) if alike else x


def written_out(
    op: ops.Contract, operands: Sequence[Node], only_data: Callable[[Node], bool]
) -> Node | None:
    """The sum of the columns of data times the entries of a vector; None for other products."""
    first, second, out = op.parts()
    a, b = operands
    if {a.dtype, b.dtype} != {"float64"}:
        return None
    for x, axes, v, own in ((a, first, b, second), (b, second, a, first)):
        if len(axes) != 2 or len(own) != 1 or len(out) != 1 or own == out or own not in axes:
            continue
        axis = axes.index(own)
        rows, counts = x.shape[1 - axis], (x.shape[axis], *v.shape)
        count = next((n for n in counts if isinstance(n, int)), 0)  # equal by the size law
        few = 1 < count <= FEW_COLUMNS
        if few and not (isinstance(rows, int) and rows < MANY_ROWS) and only_data(x) and reads(x):
            return reduce(ops.add, [make(Column(axis, k), (x,)) * v[k] for k in range(count)])
    return None


def log_share_of_class(
    node: Node, inputs: Sequence[Node], only_data: Callable[[Node], bool]
) -> Node | None:
    """log_softmax(z)[i, y[i]] for all rows i by the columns of z, nan where y is no column; None
    for other gathers."""
    table, rows, y = inputs if len(inputs) == 3 else (None, None, None)
    if table is None or (node.op.axes, node.op.at, y.shape) != ((0, 1), 0, node.shape):
        return None
    if not isinstance(table.op, ops.LogSoftmax) or table.op.axes != (1,):
        return None
    if not isinstance(rows.op, ops.Iota) or (rows.op.size,) != node.shape:
        return None
    count = table.shape[1]
    if not isinstance(count, int) or not 1 < count <= FEW_CLASSES or table.dtype != "float64":
        return None
    z = table.inputs[0]
    products = (x for x in toposort([z]) if isinstance(x.op, ops.Contract) and not only_data(x))
    inner = (x.inputs[0].shape[-1] for x in products)
    if any(not isinstance(n, int) or n * count > FEW_SLOPES for n in inner):
        return None
    columns = [ops.broadcast_to(column_of(z, k, only_data), node.shape) for k in range(count)]
    own = ops.where(ops.eq(y, count - 1), columns[-1], math.nan)
    for k in reversed(range(count - 1)):
        own = ops.where(ops.eq(y, k), columns[k], own)
    return own - ops.logsumexp(ops.stack(columns), axis=0)


def column_of(z: Node, k: int, only_data: Callable[[Node], bool]) -> Node:
    """z[:, k], or what broadcasts to it; products with matrices and joins as those of columns."""
    if z.ndim < 2:
        return z[min(k, z.shape[0] - 1)] if z.ndim and isinstance(z.shape[0], int) else z
    k = 0 if z.shape[1] == 1 else k
    if isinstance(z.op, Elementwise):
        return z.op(*(column_of(x, k, only_data) for x in z.inputs))
    if isinstance(z.op, ops.Concatenate) and z.op.axis == 1:
        for part in z.inputs:
            if not isinstance(part.shape[1], int):
                break
            if k < part.shape[1]:
                return column_of(part, k, only_data)
            k -= part.shape[1]
    if isinstance(z.op, ops.Contract) and z.op.parts()[1:] == ("jk", "ik"):
        op, operands = ops.Contract("ij,j->i"), (z.inputs[0], z.inputs[1][:, k])
        found = written_out(op, operands, only_data) if z.op.parts()[0] == "ij" else None
        if found is not None:
            return found
    return make(Column(1, k), (z,)) if only_data(z) and reads(z) else z[:, k]


def reads(x: Node) -> bool:
    """Does a node read an input, other than one made of literals alone?"""
    return any(isinstance(y.op, Input) for y in toposort([x]))
