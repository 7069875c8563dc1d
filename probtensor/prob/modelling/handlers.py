"""Changes of models: interventions, further observations, other variables, batches of data.

A model is a graph, so each of these is a replacement of nodes: of tensors, or of all that a
posterior is made of, which is then conditioned again on the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from cython_ext.convert import is_masked
from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, line_of, toposort
from probtensor.graph.node import Frozen, TensorLike, make, new_input
from probtensor.graph.walk import replace as replaced
from probtensor.prob.distributions.base import (
    Deterministic,
    RandomVariable,
    broadcasts_to,
    check_values,
    deterministic,
    to_tensor,
)
from probtensor.prob.distributions.support import Integers
from probtensor.prob.model.binding import UnknownName
from probtensor.prob.model.condition import condition, conditioned, variable_of
from probtensor.prob.model.data import Data
from probtensor.prob.model.missing import Completed, pieces_of
from probtensor.prob.model.names import dims_of_node, listed
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.model.weights import scaled
from probtensor.prob.sequences.convert import as_sequence
from probtensor.prob.sequences.op import RandomSequence
from probtensor.prob.sequences.resolve import model_order
from probtensor.process import numpy_part
from probtensor.sample.checks import integer, seed_integer
from probtensor.types import Dim, promote, shape_text

# A posterior, a tensor, or a list or dict of tensors.
Model = Posterior | Node | Sequence[Node] | Mapping[object, Node]


@public
def do(model: Model, interventions: Mapping[object, TensorLike]) -> Model:
    """A model under interventions (Pearl 2009): each variable has the value that it is set to,
    whatever its causes are, and everything that depends on it follows.

    model          a tensor, or a list or dict of tensors; or a posterior
    interventions  {variable: value}: a random variable or `pt.deterministic`, in a posterior also
                   its name; the value is an array that broadcasts to its shape, or a tensor, such
                   as a decision that depends on other variables

    The value is `pt.data` under the variable's name, so that other values need no compilation:
    `with_data({"x": 2.0})`, or `data=` of `pt.sample_posterior_predictive`. In a posterior the data
    remain; a variable that is set and observed is no longer observed, so that its causes learn
    nothing of it, and variables that no data depend on any more have their prior distribution.

    Returns what `model` is: tensors, or a posterior. Raises KeyError for a name that the posterior
    lacks, GraphError for a node that the model does not depend on, ValueError for a value of
    another shape, TypeError for one that loses something in the variable's dtype.

        >>> x = pt.random.normal(0.0, 1.0, name="x")
        >>> y = pt.random.normal(2 * x, 0.1, name="y")
        >>> raised = pt.do(y, {x: 10.0})
        >>> bool(abs(pt.draw(raised, draws=50, seed=1).mean() - 20) < 0.1)
        True
    """
    return _changed("do", model, interventions, _set_to, {})


@public
def replace(model: Model, changes: Mapping[object, Node]) -> Model:
    """A model with other nodes in place of some: another prior, an expression for a variable, a
    random variable for data.

    model    a tensor, or a list or dict of tensors; or a posterior
    changes  {node: tensor of its shape and dtype}: any node of a graph; in a posterior a variable,
             a deterministic or data, also by name. A new tensor may depend on the old one, and on
             others that are changed, which then are the new ones

    An observed variable of a posterior may be replaced by a random variable, which is then observed
    with the same data; its factor (`pt.scaled`, `total_size=`) stays, unless the new one has its
    own.

    Returns what `model` is: tensors, or a posterior. Raises KeyError for a name that the posterior
    lacks, GraphError for a node that the model does not depend on, or a tensor that does not fit.

        >>> mu = pt.random.normal(0.0, 1.0, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> wide = pt.replace(pt.condition({y: 3.0}), {mu: pt.random.cauchy(0.0, 5.0, name="mu")})
        >>> wide.terms([3.0]).terms[0].what
        'the cauchy prior'
    """
    return _changed("replace", model, changes, _other_node, None)


@public
def observe(model: Model, observed: Mapping[object, TensorLike]) -> Posterior:
    """The posterior of a model given (further) observed variables.

    model     a posterior, whose data remain; or a named tensor, or a list or dict of them, which
              the result reports
    observed  {variable: array}, as in `pt.condition`; in a posterior also by name

    Returns a posterior. Raises GraphError for what is no random variable and for one that is
    observed already, and what `pt.condition` raises.

        >>> mu = pt.random.normal(0.0, 1.0, name="mu")
        >>> x, y = pt.random.normal(mu, 1.0, name="x"), pt.random.normal(mu, 1.0, name="y")
        >>> pt.observe(pt.condition({y: 1.0}, track=[x]), {"x": 2.0}).names
        ('mu',)
    """
    if not isinstance(observed, Mapping):
        raise TypeError(
            f"observe: write {{variable: value}}, not {observed!r:.60}\n  at {line_text()}"
        )
    if not isinstance(model, Posterior):
        nodes = _outputs("observe", model)
        given = {variable_of(key) for key in observed}
        return condition(observed, track=[x for x in nodes if as_sequence(x) not in given])
    parts = Parts(model)
    for key, value in observed.items():
        node = variable_of(parts.find("observe", key))
        if node in parts.observed:
            raise GraphError(
                f"observe: {node.name} is observed already\n  at {line_text()}\n"
                "  for other values use posterior.with_data({...})"
            )
        parts.observed[node] = value
        if isinstance(key, Node):
            parts.owners[node] = key
    return parts.posterior()


def _outputs(what: str, model: object) -> list[Node]:
    """The tensors that a model is, which is no posterior."""
    found = [*model.values()] if isinstance(model, Mapping) else model
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    if not all(isinstance(x, Node) for x in found):
        raise TypeError(
            f"{what}: takes a posterior, a tensor, or a list or dict of tensors, not "
            f"{model!r:.60}\n  at {line_text()}"
        )
    return found


class Parts:
    """What a posterior was conditioned on, to be changed and conditioned again.

    `observed` maps variables to their arrays; `owners` has the nodes by which users call them.
    """

    def __init__(self, posterior: Posterior) -> None:
        observed, potentials, track, pairs, transforms = posterior._rebuild_args
        model, given = posterior.model, posterior._given
        self.observed = {y.node: given[y.value] for y in model.observed}
        self.observed = {node: self.observed[node] for node in observed}
        self.potentials, self.track = list(potentials), list(track)
        self.transforms = dict(transforms)
        self.reported = [v.variable for v in model.free] + [d.node for d in model.deterministic]
        self.owners = {placed: own for own, placed in pairs}
        self.data = dict(posterior.data)
        self.labels, self.target = posterior._labels, posterior.target
        named = [*model.free, *model.observed, *model.deterministic]
        named += [*model.summed, *model.dependent]
        self.named = {x.name: _node_of(x) for x in named}
        self.named |= {x.name: x for x in model.data if x.name}
        self.known = set(model_order([*observed, *potentials, *track]))
        self.by_uid = {x.op.uid: x for x in self.known if isinstance(x.op, (RandomVariable, Data))}
        variables = (x for x in self.known if isinstance(x.op, RandomVariable) and x.name)
        self.named = {x.name: x for x in variables} | self.named  # those that are summed out, too
        self.own = {own: placed for placed, own in self.owners.items()}

    def find(self, what: str, key: object) -> Node:
        """The node of this posterior's graph that a name or a node of the user means."""
        if isinstance(key, str):
            if key in self.named:
                return self.named[key]
            raise UnknownName(
                f"{what}: this posterior has no {key!r}; it has {listed([*self.named])}\n"
                f"  at {line_text()}"
            )
        node = as_sequence(key)
        if not isinstance(node, Node):
            raise GraphError(
                f"{what}: {key!r:.60} is neither a name nor a node\n  at {line_text()}"
            )
        if node in self.known:
            return node
        by_uid = self.by_uid.get(getattr(node.op, "uid", None))
        found = self.own.get(node, self.named.get(node.name) if by_uid is None else by_uid)
        if found is None:
            raise GraphError(
                f"{what}: this posterior does not depend on {node.name or repr(node)[:60]}; it has "
                f"{listed([*self.named])}\n  at {line_text()}"
            )
        return found

    def own_graph(self, node: Node) -> Node:
        """A graph of the user's variables as one of the variables of this posterior, whose sizes
        may be known since."""
        changes = {
            x: self.by_uid[x.op.uid]
            for x in toposort([node])
            if isinstance(x.op, (RandomVariable, Data)) and self._is_own(x)
        }
        return replaced([node], changes)[0]

    def _is_own(self, node: Node) -> bool:
        """Whether a variable or data is one of this posterior, but for its sizes."""
        own = self.by_uid.get(node.op.uid)
        marks = ("weighted", "centering", "default")
        return own is not None and all(
            getattr(own.op, mark, None) == getattr(node.op, mark, None) for mark in marks
        )

    def in_place_of(self, node: Node, other: Node) -> Node:
        """The node that `replace` puts in the place of another one: of an observed variable with
        its factor, as that of a batch, unless it has its own."""
        if not isinstance(other.op, RandomVariable):
            nameless = node in self.observed and node.name and not other.name
            return deterministic(other, node.name, dims_of_node(node)) if nameless else other
        if isinstance(node.op, Completed):
            raise GraphError(
                f"replace: {node.name} has missing values, and is observed in parts\n  at "
                f"{line_text()}\n  condition the new variable on its data"
            )
        weighted = node in self.observed and node.op.weighted and not other.op.weighted
        return scaled(other, node.inputs[-1]) if weighted else other

    def change(self, changes: Mapping[Node, Node]) -> None:
        """Replace nodes in all parts by graphs of the user's."""
        self.exchange(_together({node: self.own_graph(new) for node, new in changes.items()}))

    def exchange(self, changes: Mapping[Node, Node]) -> None:
        """Replace nodes in all parts by graphs of this posterior's."""
        roots = [*self.observed, *self.potentials, *self.track, *self.data]
        found = dict(zip(roots, replaced(roots, changes), strict=True))
        self.owners = {found.get(placed, placed): own for placed, own in self.owners.items()}
        self.observed = {found[x]: array for x, array in self.observed.items()}
        self.potentials = [found[x] for x in self.potentials]
        self.track = [found[x] for x in self.track]
        # Data that are replaced by other data have the values of these.
        self.data = {found[x]: array for x, array in self.data.items() if x not in changes}

    def posterior(self) -> Posterior:
        """The posterior of these parts."""
        return conditioned(
            self.observed, self.labels, self.track, self.potentials, self.target,
            self.transforms, self.owners, self.data,
        )  # fmt: skip


def _together(changes: Mapping[Node, Node]) -> dict[Node, Node]:
    """Changes of which each new tensor is made of the new ones of its causes, too."""
    place = {node: k for k, node in enumerate(toposort([*changes]))}
    found: dict[Node, Node] = {}
    for node in sorted(changes, key=place.__getitem__):
        found[node] = replaced([changes[node]], found)[0] if found else changes[node]
    return found


def _node_of(named: object) -> Node:
    """The node of a free variable or of a named value."""
    return named.variable if hasattr(named, "variable") else named.node


def _changed(
    what: str, model: Model, changes: object, new: Callable[[str, Node, object], Node],
    dropped: Mapping | None,
) -> Model:  # fmt: skip
    """The model with the nodes that `new` makes of the values of `changes`. With `dropped` observed
    variables that are replaced are no longer observed."""
    if not isinstance(changes, Mapping):
        raise TypeError(
            f"{what}: write {{variable: value}}, not {changes!r:.60}\n  at {line_text()}"
        )
    if isinstance(model, Posterior):
        parts = Parts(model)
        found = {parts.find(what, key): value for key, value in changes.items()}
        nodes = {node: new(what, node, value) for node, value in found.items()}
        if dropped is None:
            nodes = {node: parts.in_place_of(node, other) for node, other in nodes.items()}
        else:
            gone = nodes.keys() | {x for node in nodes for x in pieces_of(node)}
            parts.observed = {y: x for y, x in parts.observed.items() if y not in gone}
            parts.track = list(dict.fromkeys((*parts.track, *parts.reported)))
            parts.track = [x for x in parts.track if x not in gone]
        parts.change(nodes)
        return parts.posterior()
    named = isinstance(model, Mapping)
    single = isinstance(model, Node)
    outputs = _outputs(what, model)
    known = set(toposort(outputs))
    for key in changes:
        if not isinstance(key, Node) or key not in known:
            raise GraphError(
                f"{what}: no output depends on {getattr(key, 'name', None) or repr(key)[:60]}\n"
                f"  at {line_text()}\n  give the nodes that the outputs were made of"
            )
    nodes = {key: new(what, key, value) for key, value in changes.items()}
    found = replaced(outputs, _together(nodes))
    if single:
        return found[0]
    return dict(zip(model, found, strict=True)) if named else found


def _set_to(what: str, node: Node, value: TensorLike) -> Node:
    """The node that an intervention puts in the place of another one."""
    own = as_sequence(node)
    if isinstance(own.op, RandomSequence) or not isinstance(
        own.op, (RandomVariable, Deterministic, Data)
    ):
        loop = isinstance(own.op, RandomSequence)
        raise GraphError(
            f"{what}: {node.name or repr(node)[:60]} is "
            + ("a variable of a loop" if loop else "no random variable and has no name of its own")
            + f"\n  made at {line_of(node)}\n  "
            + ("make the loop with the value in its step" if loop else "give it pt.deterministic")
        )
    name, label = node.name, f"{what}: the value of {node.name or 'a variable'}"
    given = to_tensor(label, value)
    constant = isinstance(given.op, Const)
    if not (broadcasts_to(given.shape, node.shape) or (constant and _may_fit(given, node))):
        raise ValueError(
            f"{label} has shape {shape_text(given.shape)}, the variable {shape_text(node.shape)}\n"
            f"  made at {line_of(node)}"
        )
    dims = dims_of_node(node)
    if constant:
        return _data_of(node, given.op.array, label, dims)
    if promote(given.dtype, node.dtype) != node.dtype:
        raise TypeError(f"{label} is of {given.dtype}, the variable of {node.dtype}")
    placed = ops.broadcast_to(given.astype(node.dtype), node.shape)
    return placed if name is None else deterministic(placed, name, dims)


def _data_of(node: Node, array: np.ndarray, label: str, dims: tuple[str, ...] | None) -> Node:
    """A data input with a value and the type of a node."""
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{label} must be finite\n  at {line_text()}")
    if not node.type.is_float:
        check_values(label, np.asarray(array, float), Integers(-np.inf))
    known = all(not isinstance(n, Dim) for n in node.shape)
    shape = node.shape if known or len(array.shape) == node.ndim else ()
    array = np.broadcast_to(array, shape if known else array.shape).astype(node.dtype)
    held = new_input(node.name, node.dtype, shape)
    names = dims if len(shape) == node.ndim else None
    data = make(Data(node.name, held.type, held.op.uid, Frozen(array), names), ())
    return data if shape == node.shape else ops.broadcast_to(data, node.shape)


def _may_fit(new: Node, node: Node) -> bool:
    """Whether a tensor has as many axes as another one, of the same sizes as far as these are
    known."""
    pairs = zip(new.shape, node.shape)
    return new.ndim == node.ndim and all(
        n == m or isinstance(n, Dim) or isinstance(m, Dim) for n, m in pairs
    )


def _other_node(what: str, node: Node, value: object) -> Node:
    """The tensor that takes the place of another one."""
    found = value if isinstance(value, Node) else to_tensor(f"{what}: a tensor", value)
    if not broadcasts_to(found.shape, node.shape) and not _may_fit(found, node):
        raise GraphError(
            f"{what}: {node.name or 'a node'} is of type {node.type}, the new tensor of "
            f"{found.type}\n  made at {line_of(node)}"
        )
    if found.dtype != node.dtype:
        raise GraphError(
            f"{what}: {node.name or 'a node'} is of {node.dtype}, the new tensor of {found.dtype}\n"
            f"  made at {line_of(node)}\n  convert it with .astype({node.dtype!r})"
        )
    if _may_fit(found, node):
        return found  # sizes that are not known yet become those of the data
    if isinstance(found.op, RandomVariable):
        raise GraphError(
            f"{what}: {node.name or 'a node'} has shape {shape_text(node.shape)}, the new variable "
            f"{shape_text(found.shape)}\n  made at {line_of(found)}\n  give it shape="
        )
    return ops.broadcast_to(found, node.shape)


@public
def minibatches(
    data: Mapping[object, np.ndarray], batch_size: int, seed: object = None, epochs: int = 1
) -> Iterator[dict[object, np.ndarray]]:
    """Random batches of rows of arrays that belong together: for `posterior.with_data(batch)`.

    data        {variable, data or name: array}, all of the same number of rows
    batch_size  rows of a batch; the last one of an epoch has what is left
    seed        as in `pt.draw`
    epochs      how often all rows are gone through, in a new order each time

    With `total_size=` of `pt.condition`, the mean of gradients over the batches of an epoch is that
    of all rows (if these are a multiple of `batch_size`).

    Returns an iterator over dicts with the same keys. Raises ValueError for arrays of different
    numbers of rows and for a batch size that is not between 1 and that number.

        >>> batches = pt.minibatches({"x": np.arange(6)}, 4, seed=1)
        >>> [len(batch["x"]) for batch in batches]
        [4, 2]
    """
    if not isinstance(data, Mapping) or not data:
        raise TypeError(f"minibatches: write {{name: array}}, not {data!r:.60}\n  at {line_text()}")
    arrays = {key: np.array(array, subok=is_masked(array)) for key, array in data.items()}
    lengths = {array.shape[:1] for array in arrays.values()}
    if len(lengths) > 1 or () in lengths:
        shapes = ", ".join(str(array.shape) for array in arrays.values())
        raise ValueError(f"minibatches: the arrays have shapes {shapes}; rows must be as many")
    ((rows,),) = lengths
    size = integer("minibatches", "batch_size", batch_size, 1)
    if size > rows:
        raise ValueError(f"minibatches: batch_size={size} of {rows} rows")
    count = integer("minibatches", "epochs", epochs, 1)
    rng = numpy_part("random").default_rng(seed_integer("minibatches", seed))

    def batches() -> Iterator[dict[object, np.ndarray]]:
        for _ in range(count):
            order = rng.permutation(rows)
            for start in range(0, rows, size):
                chosen = order[start : start + size]
                yield {key: array[chosen] for key, array in arrays.items()}

    return batches()
