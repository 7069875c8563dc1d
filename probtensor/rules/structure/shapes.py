"""Views of views, and broadcasts: elementwise ops come before broadcasts, and views are merged."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from contextlib import suppress
from operator import is_, itemgetter

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.node import GraphError, Node, make
from probtensor.ops.kinds import Elementwise, Reduction
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Size

# A transpose is moved through so many elementwise ops at most.
MAX_TRANSPOSED = 6


def _x(*shape: Size | None) -> Node:
    return ops.tensor("x", shape)


# Broadcasts.


@rewrite(
    on=Elementwise,
    operands=[ops.BroadcastTo, ops.ExpandDims],
    example=lambda: (
        ops.exp(ops.broadcast_to(ops.tensor("s"), (4, 3))),
        ops.broadcast_to(_x(3), (4, 3)) * ops.tensor("y", (4, 3)),
    ),
)
def broadcast_after_elementwise(node: Node) -> Node | None:
    """f(broadcast_to(x)) -> f(x), broadcast: elementwise ops broadcast their operands themselves,
    and compute each element once."""
    sources = [_unrepeated(a) for a in node.inputs]
    return None if all(map(is_, sources, node.inputs)) else make(node.op, sources)


def _unrepeated(x: Node) -> Node:
    """x without broadcasts and leading axes of size 1, which elementwise ops add again."""
    while x.op.reads_all:  # as all views of this kind do
        leads = isinstance(x.op, ops.ExpandDims) and _leads(x.op.axes)
        if not leads and (not isinstance(x.op, ops.BroadcastTo) or _tells_of_one(x)):
            return x
        x = x.inputs[0]
    return x


def _tells_of_one(x: Node) -> bool:
    """Whether a broadcast says that an axis of unknown size has size 1: then it can be repeated,
    as its input cannot."""
    (y,) = x.inputs
    return any(n == 1 and m != 1 for m, n in zip(y.shape, x.shape[x.ndim - y.ndim :], strict=True))


def _leads(axes: tuple[int, ...]) -> bool:
    return axes == tuple(range(len(axes)))


@rewrite(
    on=ops.BroadcastTo,
    example=lambda: (
        ops.broadcast_to(ops.broadcast_to(_x(3), (2, 3)), (4, 2, 3)),
        ops.broadcast_to(ops.expand_dims(ops.tensor("s"), 0), (5,)),
    ),
)
def join_broadcasts(node: Node) -> Node | None:
    """A broadcast of a broadcast is one; broadcasting adds leading axes of size 1 itself."""
    x = node.inputs[0]
    if x.shape == node.shape:
        return x
    source = _unrepeated(x)
    return None if source is x else ops.broadcast_to(source, node.shape)


@rewrite(
    on=(ops.Reshape, ops.Transpose, ops.ExpandDims, ops.DropAxes, ops.Slice),
    operands=[ops.BroadcastTo, ops.ExpandDims],
    example=lambda: ops.ravel(ops.broadcast_to(ops.tensor("s"), (4, 3))),
)
def view_of_scalar(node: Node) -> Node | None:
    """A view of a broadcast scalar is a broadcast of that scalar."""
    source = _unrepeated(node.inputs[0])
    if source.ndim > 0 or source is node.inputs[0]:
        return None
    return ops.broadcast_to(source, node.shape)


@rewrite(
    on=(ops.Contract, Reduction),
    example=lambda: ops.matmul(
        ops.broadcast_to(ops.tensor("x", (None,)), (ops.tensor("y", (None,)).shape[0],)),
        ops.tensor("w", (ops.tensor("z", (None,)).shape[0],)),
    ),
)
def read_through_equal_sizes(node: Node) -> Node | None:
    """Broadcasting between two names of one size is the identity: x[n] broadcast to [m] is x. That
    holds of what is compiled, where sizes that are broadcast together are equal."""
    sources = [renamed(a) for a in node.inputs]
    if all(a is b for a, b in zip(sources, node.inputs, strict=True)):
        return None
    # Of contradictory sizes the broadcast is left in, and the call reports them.
    with suppress(GraphError):
        return make(node.op, sources)
    return None


@rewrite(
    on=ops.Contract,
    example=lambda: (
        ops.squeeze(_x(3, 4) @ ops.tensor("y", (4, 1)), 1),
        _x(1, 4) @ ops.tensor("y", (4, 2)),
        _x(3, 1) @ ops.tensor("y", (1, 2)),
    ),
)
def contract_without_axes_of_one(node: Node) -> Node | None:
    """A product over matrices of one column or row is one with vectors, which joins other loops."""
    *operands, out = node.op.parts()
    pairs = list(zip(operands, node.inputs, strict=True))
    ones = {c for own, x in pairs for c, n in zip(own, x.shape, strict=True) if n == 1}
    ones -= {c for own, x in pairs for c, n in zip(own, x.shape, strict=True) if n != 1}
    if not ones:
        return None
    sources, letters = [], []
    for own, x in pairs:
        sources.append(ops.squeeze(x, tuple(k for k, c in enumerate(own) if c in ones)))
        letters.append("".join(c for c in own if c not in ones))
    kept = "".join(c for c in out if c not in ones)
    found = make(replace(node.op, subscripts=f"{letters[0]},{letters[1]}->{kept}"), sources)
    return ops.expand_dims(found, tuple(k for k, c in enumerate(out) if c in ones))


def renamed(x: Node) -> Node:
    """x without broadcasts that only rename its sizes."""
    if not isinstance(x.op, ops.BroadcastTo) or x.inputs[0].ndim != x.ndim:
        return x
    pairs = zip(x.inputs[0].shape, x.shape, strict=True)
    return x.inputs[0] if all(m == n or 1 not in (m, n) for m, n in pairs) else x


# Views of views.


@rewrite(on=ops.ExpandDims, example=lambda: ops.expand_dims(ops.squeeze(_x(3, 1), 1), 1))
def expand_dropped_axes(node: Node) -> Node | None:
    """expand_dims(squeeze(x, a), a) -> x."""
    inner = node.inputs[0]
    if isinstance(inner.op, ops.DropAxes) and inner.op.axes == node.op.axes:
        x = inner.inputs[0]
        return x if x.type == node.type else None
    return None


@rewrite(
    on=ops.DropAxes,
    example=lambda: (
        ops.squeeze(ops.expand_dims(_x(3), 1), 1),
        ops.squeeze(ops.expand_dims(_x(3), (0, 2)), 0),
        ops.squeeze(ops.broadcast_to(_x(1, 1), (3, 1)), 1),
    ),
)
def drop_expanded_axes(node: Node) -> Node | None:
    """squeeze(expand_dims(x, a), a) -> x, also for some of the axes only."""
    inner, dropped_axes = node.inputs[0], node.op.axes
    if isinstance(inner.op, ops.ExpandDims):
        remaining = [a for a in range(inner.ndim) if a not in dropped_axes]
        added = tuple(k for k, a in enumerate(remaining) if a in inner.op.axes)
        both = [a for a in dropped_axes if a in inner.op.axes]
        others = [a for a in range(inner.ndim) if a not in inner.op.axes]
        dropped = tuple(k for k, a in enumerate(others) if a in dropped_axes)
        if not both:
            return None
        x = inner.inputs[0]
        x = make(ops.DropAxes(dropped), (x,)) if dropped else x
        return make(ops.ExpandDims(added), (x,)) if added else x
    if isinstance(inner.op, ops.BroadcastTo):
        x = inner.inputs[0]
        lead = inner.ndim - x.ndim
        dropped = tuple(a - lead for a in dropped_axes if a >= lead)
        if any(x.shape[a] != 1 for a in dropped):
            return None
        x = make(ops.DropAxes(dropped), (x,)) if dropped else x
        return ops.broadcast_to(x, node.shape)
    return None


@rewrite(on=ops.Transpose, example=lambda: ops.transpose(ops.transpose(_x(2, 3, 4), (1, 2, 0))))
def join_transposes(node: Node) -> Node | None:
    """A permutation of a permutation is one, or none."""
    inner, order = node.inputs[0], node.op.axes
    if order == tuple(range(node.ndim)):
        return inner
    if isinstance(inner.op, ops.Transpose):
        return ops.transpose(inner.inputs[0], tuple(inner.op.axes[a] for a in order))
    return None


@rewrite(
    on=ops.Transpose,
    example=lambda: ops.transpose(ops.exp(ops.transpose(_x(2, 3)) * ops.tensor("s"))),
)
def transpose_through_elementwise(node: Node) -> Node | None:
    """f(x.T, y.T).T -> f(x, y), where all operands with axes are transposed back."""
    return _transposed_back(node.inputs[0], node.op.axes, MAX_TRANSPOSED)


def _transposed_back(x: Node, order: tuple[int, ...], depth: int) -> Node | None:
    """transpose(x, order) without a transpose, if x is made of inverse ones; None if it is not."""
    if not x.ndim:
        return x
    if x.ndim != len(order):
        return None
    if isinstance(x.op, ops.Transpose):
        back = tuple(x.op.axes[a] for a in order) == tuple(range(len(order)))
        return x.inputs[0] if back else None
    if not isinstance(x.op, Elementwise) or not depth:
        return None
    found = []
    for y in x.inputs:
        operand = _transposed_back(y, order, depth - 1)
        if operand is None:
            return None
        found.append(operand)
    return make(x.op, found)


@rewrite(
    on=ops.Reshape,
    example=lambda: (
        ops.reshape(ops.reshape(_x(2, 6), (3, 4)), (4, 3)),
        ops.reshape(ops.expand_dims(_x(2, 6), 1), (12,)),
    ),
)
def join_reshapes(node: Node) -> Node | None:
    """reshape(reshape(x, s), t) -> reshape(x, t): both preserve row-major order."""
    inner = node.inputs[0]
    if inner.shape == node.shape:
        return inner
    if isinstance(inner.op, (ops.Reshape, ops.ExpandDims, ops.DropAxes)):
        x = inner.inputs[0]
        # If only a call can show that the sizes are equal, both steps are left in, with the check.
        return ops.reshape(x, node.shape) if x.size == node.size else None
    return None


@rewrite(
    on=ops.Slice,
    example=lambda: (
        make(ops.Slice((0, 0), (1, 1), (5, 4)), (_x(5, 4),)),
        _x(9)[1:8][::2],
        ops.concatenate([_x(2), ops.tensor("y", (3,))])[2:],
    ),
)
def join_slices(node: Node) -> Node | None:
    """A slice of all elements is the identity; a slice of a slice, or of one part of a
    concatenation, is one slice."""
    x, op = node.inputs[0], node.op
    if x.shape == node.shape and set(op.steps) <= {1} and set(op.starts) <= {0}:
        return x
    if isinstance(x.op, ops.Slice):
        inner = x.op
        rows = zip(op.starts, op.steps, inner.starts, inner.steps, strict=True)
        starts, steps = [], []
        for start, step, inner_start, inner_step in rows:
            starts.append(inner_start + start * inner_step)
            steps.append(step * inner_step)
        return make(ops.Slice(tuple(starts), tuple(steps), op.sizes), (x.inputs[0],))
    if isinstance(x.op, ops.Concatenate):
        return _slice_of_part(node, x)
    return None


@rewrite(
    on=ops.Concatenate,
    example=lambda: (lambda x: ops.concatenate([x[:, :1], x[:, 1:3]], 1))(_x(5, 4)),
)
def join_parted_slices(node: Node) -> Node | None:
    """A concatenation of slices that follow one another is one slice."""
    first, axis = node.inputs[0], node.op.axis
    if not isinstance(first.op, ops.Slice):
        return None
    x, whole = first.inputs[0], first.op
    size: Size = 0
    for part in node.inputs:
        if not isinstance(part.op, ops.Slice) or part.inputs[0] is not x:
            return None
        starts = list(whole.starts)
        starts[axis] = starts[axis] + size * whole.steps[axis]
        sizes = (*whole.sizes[:axis], part.op.sizes[axis], *whole.sizes[axis + 1 :])
        if part.op != ops.Slice(tuple(starts), whole.steps, sizes):
            return None
        size = size + part.op.sizes[axis]
    sizes = (*whole.sizes[:axis], size, *whole.sizes[axis + 1 :])
    return make(ops.Slice(whole.starts, whole.steps, sizes), (x,))


def _slice_of_part(node: Node, joined: Node) -> Node | None:
    op, axis = node.op, joined.op.axis
    first, size = op.starts[axis], op.sizes[axis]
    if not isinstance(first, int) or op.steps[axis] != 1:
        return None
    start: Size = 0
    for part in joined.inputs:
        end = start + part.shape[axis]
        if not isinstance(start, int):
            return None
        margin = end - (first + size)
        if first >= start and isinstance(margin, int) and margin >= 0:
            starts = tuple(first - start if a == axis else s for a, s in enumerate(op.starts))
            return make(ops.Slice(starts, op.steps, op.sizes), (part,))
        start = end
    return None


@rewrite(
    on=ops.Slice,
    example=lambda: ops.zeros((5,)).at[1:3].set(ops.tensor("v", (2,)))[1:3],
)
def slice_of_set_slice(node: Node) -> Node | None:
    """x.at[s].set(v)[s] -> v."""
    x = node.inputs[0]
    if not isinstance(x.op, ops.SetSlice):
        return None
    same = (x.op.starts, x.op.steps, x.op.sizes) == (node.op.starts, node.op.steps, node.op.sizes)
    return x.inputs[1] if same and x.inputs[1].type == node.type else None


@rewrite(
    on=ops.SetSlice,
    example=lambda: make(ops.SetSlice((0,), (1,), (4,)), (_x(4), ops.tensor("v", (4,)))),
)
def set_all_elements(node: Node) -> Node | None:
    """x.at[s].set(v) -> v where s covers all elements."""
    op, value = node.op, node.inputs[1]
    covers = set(op.steps) <= {1} and set(op.starts) <= {0}
    return value if covers and value.type == node.type else None


@rewrite(
    on=ops.Add,
    operands=ops.SetSlice,
    example=lambda: (
        ops.zeros((5,)).at[1:3].set(ops.tensor("v", (2,)))
        + ops.zeros((5,)).at[3:5].set(ops.tensor("w", (2,)))
    ),
)
def join_written_slices(node: Node, facts: FactTable) -> Node | None:
    """zeros.at[s].set(v) + zeros.at[t].set(w) -> zeros.at[s].set(v).at[t].set(w) for disjoint s and
    t: the gradient of a vector that is read in slices."""
    first, second = node.inputs
    if not (isinstance(first.op, ops.SetSlice) and isinstance(second.op, ops.SetSlice)):
        return None
    if first.shape != second.shape or first is second:
        return None
    # Regions are extended in place, so that the sum of many slices takes linear time.
    written, more = _regions(first, facts), _regions(second, facts)
    facts.written[second] = more
    if not (written.over_zeros and more.over_zeros and written.is_apart_from(more)):
        facts.written[first] = written
        return None
    result = first
    writes = []
    while isinstance(second.op, ops.SetSlice):
        writes.append((second.op, second.inputs[1]))
        second = second.inputs[0]
    for op, value in reversed(writes):
        result = make(op, (result, value))
        written.add(op)
    facts.written[result] = written
    return result


Span = tuple[int, Size]  # first index, number of indices


class _Regions:
    """The slices that a chain of writes sets: for each axis their spans, by first index; None for
    an axis along which they are not known to be disjoint intervals of step 1."""

    def __init__(self, base: Node) -> None:
        self.over_zeros = constant_of(base) == 0
        self.axes: list[list[Span] | None] = [[] for _ in base.shape]

    def add(self, op: ops.SetSlice) -> None:
        """Add the slice of one more write."""
        for axis, spans in enumerate(self.axes):
            span = op.starts[axis], op.sizes[axis]
            if set(op.steps) != {1} or spans is None or not _fits(span, spans):
                self.axes[axis] = None
            else:
                insort(spans, span, key=itemgetter(0))

    def is_apart_from(self, other: _Regions) -> bool:
        """Whether the slices of both are disjoint along one axis at least."""
        return any(
            a is not None and b is not None and all(_fits(span, a) for span in b)
            for a, b in zip(self.axes, other.axes, strict=True)
        )


def _fits(span: Span, spans: Sequence[Span]) -> bool:
    """Whether a span is disjoint from others, which are disjoint and in order."""
    start, size = span
    if not isinstance(start, int):
        return False
    at = bisect_right(spans, start, key=itemgetter(0))
    gaps = [start - sum(spans[at - 1])] if at else []
    gaps += [spans[at][0] - (start + size)] if at < len(spans) else []
    return all(isinstance(gap, int) and gap >= 0 for gap in gaps)


def _regions(x: Node, facts: FactTable) -> _Regions:
    """The regions of a chain of writes, which are no longer those of a chain in `facts.written`."""
    later = []
    found = None
    while found is None and isinstance(x.op, ops.SetSlice):
        found = facts.written.pop(x, None)
        if found is None:
            later.append(x.op)
            x = x.inputs[0]
    found = found or _Regions(x)
    for op in reversed(later):
        found.add(op)
    return found


# Reductions of views.


@rewrite(
    on=(Reduction, ops.LogSumExp),
    example=lambda: (
        ops.sum(_x(3, 1), (0, 1)),
        ops.max(_x(1, 3), 0),
        make(ops.Sum(()), (_x(3),)),
        ops.logsumexp(_x(3, 1), 1),
    ),
)
def drop_unit_axes_before_reducing(node: Node) -> Node | None:
    """Axes of size 1 are dropped instead of reduced; a reduction over no axes is the identity."""
    x = node.inputs[0]
    single = tuple(a for a in node.op.axes if x.shape[a] == 1)
    rest = tuple(a for a in node.op.axes if a not in single)
    if not node.op.axes:
        return x
    if not single:
        return None
    remaining = [a for a in range(x.ndim) if a not in single]
    dropped = make(ops.DropAxes(single), (x,))
    axes = tuple(remaining.index(a) for a in rest)
    return make(type(node.op)(axes), (dropped,)) if axes else dropped


@rewrite(
    on=(ops.Softmax, ops.LogSoftmax),
    example=lambda: (
        ops.softmax(_x(3, 1), 1),
        ops.softmax(_x(3, 1), (0, 1)),
        ops.log_softmax(_x(1, 3), 0),
    ),
)
def softmax_over_units(node: Node) -> Node | None:
    """softmax over axes of size 1 is 1, and its logarithm is 0, where x is finite; 0 * x is nan
    where it is not."""
    x = node.inputs[0]
    rest = tuple(a for a in node.op.axes if x.shape[a] != 1)
    if len(rest) == len(node.op.axes):
        return None
    if rest:
        return make(type(node.op)(rest), (x,))
    return 0 * x if isinstance(node.op, ops.LogSoftmax) else 1 + 0 * x


@rewrite(
    on=Reduction,
    example=lambda: (ops.sum(ops.transpose(_x(3, 4))), ops.max(ops.reshape(_x(3, 4), (12,)))),
)
def reduce_through_permutation(node: Node) -> Node | None:
    """A full reduction of a transpose, reshape or expand_dims is one of its input."""
    inner = node.inputs[0]
    if node.ndim > 0 or not isinstance(inner.op, (ops.Transpose, ops.Reshape, ops.ExpandDims)):
        return None
    x = inner.inputs[0]
    return make(type(node.op)(tuple(range(x.ndim))), (x,)) if x.ndim else x


@rewrite(
    on=Reduction,
    example=lambda: (
        ops.sum(ops.transpose(_x(2, 3, 4), (1, 2, 0)), (1, 2)),
        ops.max(ops.transpose(_x(2, 3, 4), (0, 2, 1)), (1, 2)),
    ),
)
def reduce_axes_in_order(node: Node) -> Node | None:
    """A reduction over several axes of a transpose goes through them in the order of its input, so
    that equal reductions are one node, however their axes came about."""
    inner, axes = node.inputs[0], node.op.axes
    if len(axes) < 2 or not isinstance(inner.op, ops.Transpose):
        return None
    order = list(inner.op.axes)
    for a, source in zip(sorted(axes), sorted(order[a] for a in axes), strict=True):
        order[a] = source
    if tuple(order) == inner.op.axes:
        return None
    return make(type(node.op)(axes), (ops.transpose(inner.inputs[0], order),))


@rewrite(
    on=Reduction,
    example=lambda: (
        ops.sum(ops.sum(_x(2, 3, 4), 1)),
        ops.max(ops.max(_x(2, 3, 4), 0), 1),
    ),
    sums_first=True,
)
def join_reductions(node: Node) -> Node | None:
    """A sum of sums is one sum over more axes, and so is a maximum of maxima."""
    inner = node.inputs[0]
    if type(inner.op) is not type(node.op):
        return None
    x = inner.inputs[0]
    remaining = [a for a in range(x.ndim) if a not in inner.op.axes]
    axes = sorted((*inner.op.axes, *(remaining[a] for a in node.op.axes)))
    return make(type(node.op)(tuple(axes)), (x,))


# Size laws.


@rewrite(on=ops.Require, example=lambda: ops.split(_x(None), 3)[0])
def remove_require(node: Node) -> Node | None:
    """Require(x) -> x: the size laws of a graph are collected before any rule is applied."""
    return node.inputs[0]


# Gathers.


@rewrite(
    on=ops.Gather,
    example=lambda: ops.tensor("s", (5,))[ops.tensor("i", (4,), "int64")][
        ops.tensor("j", (3,), "int64")
    ],
)
def gather_indices(node: Node) -> Node | None:
    """x[i][j] -> x[i[j]]: gathers of indices instead of intermediate values."""
    inner = node.inputs[0]
    if not isinstance(inner.op, ops.Gather) or inner.op.mode != node.op.mode != "wrap":
        return None
    plain = node.op.axes == (0,) and inner.op.axes == (0,) and node.op.at == inner.op.at == 0
    if not plain or inner.inputs[1].ndim != 1 or node.op.mode != "raise":
        return None
    indices = make(node.op, (inner.inputs[1], node.inputs[1]))
    return make(inner.op, (inner.inputs[0], indices))


SHAPES = Ruleset(
    broadcast_after_elementwise,
    join_broadcasts,
    view_of_scalar,
    contract_without_axes_of_one,
    expand_dropped_axes,
    drop_expanded_axes,
    join_transposes,
    transpose_through_elementwise,
    join_reshapes,
    join_slices,
    join_parted_slices,
    slice_of_set_slice,
    set_all_elements,
    join_written_slices,
    drop_unit_axes_before_reducing,
    softmax_over_units,
    reduce_through_permutation,
    reduce_axes_in_order,
    join_reductions,
    gather_indices,
    remove_require,
)
# For what is compiled, not for graphs that are differentiated or built for other sizes.
EQUAL_SIZES = Ruleset(read_through_equal_sizes)
