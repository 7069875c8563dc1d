"""Missing values: nan and masked entries of observed arrays become free variables.

`y` is replaced by two variables of the same distribution, with the parameters of their entries:
`y_observed`, which takes the values there are, and `y_unobserved`, which is free. `y` itself is
what both make together, and what depends on `y` depends on that. So nothing else is needed: priors,
densities, draws and predictions are those of the changed graph.

Entries are independent given their parameters, so this is exact. A row of a normal vector of which
some entries are missing is the marginal density of those that are there, times that of the missing
ones given these, by the Cholesky factor of the covariance in that order of entries; rows of one
pattern are one variable. The free entries are in non-centred coordinates where there are any, and
these do not depend on a discrete variable that is summed out.

Missing entries of a discrete variable add nothing to the density as long as nothing depends on
them: their probabilities sum to 1. They are left out, and so are those that a mask leaves out
(`pt.random.masked`), whose density is no proper one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from cython_ext.convert import is_masked, number_array
from probtensor import ops
from probtensor.calls import line_text, user_line
from probtensor.dataclass import dataclass
from probtensor.dataclass import replace as with_fields
from probtensor.graph import GraphError, Node, ancestors, line_of, made_by
from probtensor.graph.node import Frozen, make
from probtensor.graph.resize import with_sizes
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.prob.bijectors.centring import Preferred
from probtensor.prob.distributions.base import Deterministic, RandomVariable, display_name
from probtensor.prob.distributions.combined.changed import Masked
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.model.binding import checked_shape
from probtensor.prob.model.data import literal
from probtensor.prob.model.names import listed
from probtensor.prob.model.sizes import KnownSizes
from probtensor.prob.sequences.op import RandomSequence
from probtensor.process import new_uid, numpy_part
from probtensor.types import size_name

MOST_PATTERNS = 64  # of rows of vectors; each is a variable of its own


class ImputationWarning(UserWarning):
    """Observed values are missing, and become free variables. The message says how many."""


@dataclass(frozen=True)
class Completed(Deterministic):
    """An observed variable with missing entries: its value with these filled in. `parts` has for
    each observed part its name and the positions of its entries among those of the whole."""

    missing: Frozen | None = None
    parts: tuple[tuple[str, Frozen], ...] = ()


def missing_in(value: object) -> np.ndarray | None:
    """The mask of missing entries of an observed value; None if there are none, or if it is no
    array of numbers."""
    if isinstance(value, Node):
        return None
    try:
        if is_masked(value):
            ma = numpy_part("ma")
            array = ma.getdata(value)
            mask = ma.getmaskarray(value)
            mask = mask | np.isnan(array) if array.dtype.kind == "f" else mask
        else:
            array = number_array(value, "an observed value")
            mask = np.isnan(array) if array.dtype.kind == "f" else None
    except (TypeError, ValueError):
        return None
    return mask if mask is not None and mask.any() else None


def has_factor(distribution: Distribution) -> bool:
    """Whether it is that of normal vectors, by the factor of their covariance."""
    return [*distribution.parameters] == ["mu", "scale_tril"]


class Imputation:
    """The graph of a model while its variables with missing entries are replaced.

    `roots` are the observed variables, potentials and tracked nodes, `values` the data of the first
    of them.
    """

    def __init__(self, roots: Sequence[Node], values: Sequence[object]) -> None:
        self.roots = list(roots)
        self.values = list(values)
        self.reported: list[Node] = []
        self.added: list[tuple[Node, np.ndarray]] = []
        self.dropped: set[int] = set()

    def run(self, masks: Mapping[int, np.ndarray]) -> None:
        """Replace the roots that have masks, causes first."""
        sizes = {}
        for k, mask in masks.items():
            node = self.roots[k]
            if not isinstance(node.op, RandomVariable):
                _check(node, mask, node.described)
            checked_shape(node, mask.shape)
            shown = display_name(node.op.distribution, node.op.label)
            KnownSizes().read(shown, node.shape, mask.shape, line_of(node))
            sizes |= {size_name(n): m for n, m in zip(node.shape, mask.shape) if size_name(n)}
        resized = with_sizes(self.roots, sizes)
        self.roots = [resized[x] for x in self.roots]
        place = {node: k for k, node in enumerate(toposort(self.roots))}
        for k in sorted(masks, key=lambda k: place[self.roots[k]]):
            with made_by(self.roots[k]):
                self._impute(k, masks[k])

    def _impute(self, k: int, mask: np.ndarray) -> None:
        node, value = self.roots[k], self.values[k]
        op, name = node.op, node.op.label or node.op.distribution.name
        shown = display_name(op.distribution, op.label)
        _check(node, mask, shown)
        array = numpy_part("ma").getdata(value) if is_masked(value) else number_array(value, shown)
        self.dropped.add(k)
        out = left_out(node, mask)
        if out.any():
            self._refuse_uses(k, shown)
        apart = rows_apart if op.distribution.event_ndim else entries_apart
        blocks = apart(node, mask, out)
        seen = [block for block in blocks if block.seen]
        unseen = [block for block in blocks if not block.seen]
        for group, ending in ((seen, "observed"), (unseen, "unobserved")):
            for j, block in enumerate(group):
                block.name = f"{name}_{ending}" + (f"_{j}" if len(group) > 1 else "")
        # Normal vectors: what is missing depends on what is there.
        made: dict[Block, Node] = {}
        for block in (*seen, *unseen):
            made[block] = block.variable(node, made)
        self.added += [(made[block], array.ravel()[block.positions]) for block in seen]
        if unseen:
            order = [*(block.positions.ravel() for block in made), np.flatnonzero(out)]
            order = np.concatenate(order)
            gaps = np.full(int(out.sum()), np.nan, node.dtype)
            flat = ops.concatenate([*(ops.ravel(x) for x in made.values()), gaps])
            whole = ops.reshape(flat[np.argsort(order, kind="stable")], mask.shape)
            parts = tuple((block.name, Frozen(block.positions)) for block in seen)
            completed = Completed(name, op.dims, Frozen(mask), parts)
            whole = make(completed, (whole,))
            self.reported.append(whole)
            changes = {node: whole}
            self.roots = replaced(self.roots, changes)
            self.reported = replaced(self.reported, changes)
            found = replaced([x for x, _ in self.added], changes)
            self.added = [(x, a) for x, (_, a) in zip(found, self.added, strict=True)]
        text = f"{shown}: {int(mask.sum())} of {mask.size} values are missing, and "
        if out.any():
            text += f"{int(out.sum())} of them are left out; others " if unseen else "left out"
        if unseen:
            become = "become the free variable" + "s" * (len(unseen) > 1)
            text += f"{become} {listed([block.name for block in unseen], 3)}"
        warnings.warn_explicit(text, ImputationWarning, *user_line())

    def _refuse_uses(self, k: int, shown: str) -> None:
        """GraphError if anything depends on a variable with missing entries that are left out."""
        node = self.roots[k]
        others = [x for j, x in enumerate(self.roots) if j != k and x is not node]
        others += [x for x, _ in self.added]
        if node in set(ancestors(others)):
            if node.op.distribution.discrete:
                why, text = "is discrete", "observe all of it, or sum the missing values out: " + (
                    "add logsumexp over their values of the joint log density as a pt.potential"
                )
            else:
                why, text = "a mask leaves them out", "give numbers for what is left out"
            raise GraphError(
                f"{shown} has missing values, {why}, and other variables depend on it\n"
                f"  made at {line_of(node)}\n  {text}"
            )


def _check(node: Node, mask: np.ndarray, shown: str) -> None:
    """GraphError or ValueError for a variable whose entries cannot be taken apart."""
    op = node.op
    if not isinstance(op, RandomVariable):
        raise GraphError(
            f"{shown} is an expression and has missing values\n  made at {line_of(node)}\n  leave "
            "these rows out, or observe a random variable"
        )
    if isinstance(op, RandomSequence):
        raise GraphError(
            f"{shown} has missing values and is drawn in the steps of a loop\n  made at "
            f"{line_of(node)}\n  observe a variable that depends on it instead, which may have "
            "missing values"
        )
    if mask.all():
        raise ValueError(
            f"all values of {shown} are missing\n  made at {line_of(node)}\n  leave it out of what "
            "is observed; what depends on it makes it a free variable, as track= does"
        )
    if op.constraint is not None and op.constraint.event_ndim:
        raise GraphError(
            f"{shown} has missing values, and its entries are in order (constraint=)\n  made at "
            f"{line_of(node)}\n  leave these rows out of the model"
        )
    rows = mask.any(axis=-1) & ~mask.all(axis=-1) if op.distribution.event_ndim else False
    if np.any(rows) and not has_factor(op.distribution):
        raise GraphError(
            f"{shown} has rows of which some entries are missing; the density of the others is "
            f"known for multivariate_normal by scale_tril or cov\n  made at {line_of(node)}\n"
            "  leave these rows out"
        )


@dataclass(frozen=False, eq=False)
class Block:
    """Some entries of a variable that are a variable of their own.

    positions  of the entries among all entries of the whole, in the shape of the block
    rows       for each batch axis the index of each row
    seen       whether they are observed
    """

    positions: np.ndarray
    rows: tuple[np.ndarray, ...]
    seen: bool
    name: str = ""

    def variable(self, node: Node, made: Mapping[Block, Node]) -> Node:
        """The variable of these entries."""
        op, domains = node.op, [*node.op.distribution.parameters.values()]
        inputs = []
        for k, x in enumerate(node.inputs):
            event = domains[k].event_ndim if k < len(domains) else 0
            inputs.append(self.of_rows(x, op.batch, event))
        return self.made_of(op, inputs, keeps_weight=self.seen)

    def of_rows(self, x: Node, batch: Sequence[int], event: int) -> Node:
        """A parameter of these rows."""
        if x.ndim == event:
            return x
        whole = ops.broadcast_to(x, (*batch, *x.shape[x.ndim - event :]))
        return whole[self.rows] if self.rows else whole

    def made_of(self, op: RandomVariable, inputs: Sequence[Node], keeps_weight: bool) -> Node:
        """The variable with these inputs. A factor of the density is for what is observed."""
        own = with_fields(
            op,
            batch=self.rows[0].shape if self.rows else (),
            uid=new_uid(),
            label=self.name,
            dims=None,
            weighted=op.weighted and keeps_weight,
            centering=None if self.seen or not _is_standardised(op) else Preferred(np.array(0.0)),
        )
        return make(own, inputs[: len(inputs) - (op.weighted and not keeps_weight)])


def _is_standardised(op: RandomVariable) -> bool:
    return op.distribution.location_scale is not None and op.constraint is None


@dataclass(frozen=False, eq=False)
class NormalBlock(Block):
    """Some entries of normal vectors: those in `columns`, in `first` + `columns` order after those
    of another block, `given`, of the same rows."""

    columns: np.ndarray | None = None
    given: NormalBlock | None = None

    def variable(self, node: Node, made: Mapping[Block, Node]) -> Node:
        op, (mean, factor) = node.op, node.inputs[:2]
        mean = self.of_rows(mean, op.batch, 1)
        factor = self.of_rows(factor, op.batch, 2)
        extra = [self.of_rows(x, op.batch, 0) for x in node.inputs[2:]]
        size = node.shape[-1]
        before = np.arange(0) if self.given is None else self.given.columns
        order = np.concatenate([before, self.columns])
        if not np.array_equal(order, np.arange(len(order))):
            # The factor of these rows of L, which have the covariance of these entries.
            rows = ops.tril(factor)[..., order, :]
            factor = ops.cholesky(rows @ ops.matrix_transpose(rows))
        elif len(order) < size:
            factor = ops.tril(factor)[..., : len(order), : len(order)]
        n = len(before)
        own = mean[..., self.columns]
        if n:
            offset = made[self.given] - mean[..., before]
            top = ops.broadcast_to(factor[..., :n, :n], (*offset.shape, n))
            z = ops.solve_triangular(top, offset[..., None], lower=True)
            own = own + (factor[..., n:, :n] @ z)[..., 0]
            factor = factor[..., n:, n:]
        return self.made_of(op, [own, factor, *extra], keeps_weight=self.seen)


def left_out(node: Node, mask: np.ndarray) -> np.ndarray:
    """Which missing entries are left out: those of discrete variables, and those that do not count
    because of a mask of the variable."""
    op = node.op
    if op.distribution.discrete or not isinstance(op.distribution, Masked):
        return mask & op.distribution.discrete
    counts = literal(node.inputs[0])
    if counts is None:
        raise GraphError(
            f"{display_name(op.distribution, op.label)} has missing values, and its mask is not "
            f"made of numbers, so that it is not known which of them count\n  made at "
            f"{line_of(node)}\n  make the mask of an array, or give numbers for what does not count"
        )
    rows = np.broadcast_to(counts, op.batch) < 0.5
    return mask & rows.reshape(*rows.shape, *(1,) * op.distribution.event_ndim)


def pieces_of(node: Node) -> list[Node]:
    """The variables that an observed variable with missing entries was taken apart into."""
    found, left = [], [*node.inputs] if isinstance(node.op, Completed) else []
    while left:
        x = left.pop()
        if isinstance(x.op, RandomVariable):
            found.append(x)
        else:
            left += x.inputs
    return found


def entries_apart(node: Node, mask: np.ndarray, out: np.ndarray) -> list[Block]:
    """The observed and the missing entries of a variable of numbers, without those left `out`."""
    positions = np.arange(mask.size).reshape(mask.shape)
    return [
        Block(positions[part], np.nonzero(part), seen)
        for part, seen in ((~mask, True), (mask & ~out, False))
        if part.any()
    ]


def rows_apart(node: Node, mask: np.ndarray, out: np.ndarray) -> list[Block]:
    """The observed and the missing entries of a variable of vectors, by patterns of rows, without
    rows that are left `out`."""
    batch, size = mask.shape[:-1], mask.shape[-1]
    table = mask.reshape(-1, size)
    positions = np.arange(mask.size).reshape(-1, size)
    kept = ~out.reshape(-1, size).any(axis=1)
    patterns, which = np.unique(table, axis=0, return_inverse=True)
    if len(patterns) > MOST_PATTERNS:
        raise GraphError(
            f"{display_name(node.op.distribution, node.op.label)}: its rows have {len(patterns)} "
            f"patterns of missing entries, and more than {MOST_PATTERNS} are too many\n  made at "
            f"{line_of(node)}\n  leave rows with rare patterns out of the model"
        )
    blocks: list[Block] = []
    for k, pattern in enumerate(patterns):
        flat = np.flatnonzero((which.ravel() == k) & kept)
        if not flat.size:
            continue
        rows = np.unravel_index(flat, batch) if batch else ()
        given = None
        for columns, seen in ((np.flatnonzero(~pattern), True), (np.flatnonzero(pattern), False)):
            if not columns.size:
                continue
            own = positions[flat][:, columns] if batch else positions[0][columns]
            if has_factor(node.op.distribution):
                blocks.append(NormalBlock(own, rows, seen, "", columns, given))
                given = blocks[-1]
            else:
                blocks.append(Block(own, rows, seen))
    return blocks


def without_missing(
    observed: object, potentials: Sequence[Node], track: Sequence[Node], keys: Sequence[Node]
) -> tuple[dict[Node, object], list[Node], list[Node]]:
    """What `condition` is given, with variables that have missing values replaced. `keys` are the
    random variables and expressions that are observed."""
    values = [*observed.values()]
    masks = {
        k: mask
        for k, (key, x) in enumerate(zip(keys, values, strict=True))
        # Others integrate them out themselves; an observed expression has no distribution yet.
        if not (isinstance(key.op, RandomVariable) and key.op.distribution.takes_missing)
        and (mask := missing_in(x)) is not None
    }
    work = Imputation([*keys, *potentials, *track], values)
    work.run(masks)
    count, end = len(keys), len(keys) + len(potentials)
    found = {work.roots[k]: x for k, x in enumerate(values) if k not in work.dropped}
    found |= dict(work.added)
    tracked = list(dict.fromkeys((*work.roots[end:], *work.reported)))
    return found, work.roots[count:end], tracked


def parts_of(completed: Node, value: object) -> dict[str, np.ndarray]:
    """The values of the observed parts of a variable from values of the whole, whose missing
    entries must be the same; ValueError otherwise."""
    op = completed.op
    mask, known = missing_in(value), op.missing.array
    shape = np.shape(value) if mask is None else mask.shape
    if mask is None or mask.shape != known.shape or not np.array_equal(mask, known):
        what = f"another shape, {shape}," if shape != known.shape else "other entries missing"
        raise ValueError(
            f"with_data: {op.label} has {what} than the data that this posterior was made with, of "
            f"which {int(known.sum())} of shape {known.shape} are missing\n  at {line_text()}\n"
            "  the missing entries are its free variables: condition again"
        )
    array = numpy_part("ma").getdata(value) if is_masked(value) else number_array(value, op.label)
    return {name: array.ravel()[positions.array] for name, positions in op.parts}


def in_parts(values: Mapping[object, object], deterministics: Sequence[Node]) -> dict:
    """The values given to `with_data`, with those of variables with missing entries taken apart."""
    completed = {x.op.label: x for x in deterministics if isinstance(x.op, Completed)}
    found: dict[object, object] = {}
    for key, value in values.items():
        name = key.name if isinstance(key, Node) else key
        if isinstance(name, str) and name in completed:
            found |= parts_of(completed[name], value)
        else:
            found[key] = value
    return found
