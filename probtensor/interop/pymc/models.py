"""A model of PyMC as a posterior of this library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import replace
from probtensor.graph import Const, GraphError, Node, line_of, made_by, toposort
from probtensor.graph.node import make, new_input
from probtensor.interop.pymc.named import is_named, positional, tensors_of
from probtensor.interop.pymc.shapes import shape_of
from probtensor.interop.pymc.transforms import bijector_of
from probtensor.interop.pymc.variables.distributions import distribution_of
from probtensor.interop.pytensor.translate import Translator, literal, user_line, wide
from probtensor.interop.pytensor.xtensors import lowered
from probtensor.late import late
from probtensor.prob import random
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.distributions.base import (
    RandomVariable,
    deterministic,
    display_name,
    potential,
)
from probtensor.prob.model.condition import condition
from probtensor.prob.model.data import Data
from probtensor.prob.model.posterior import Posterior
from probtensor.types import Dim, Size

rebinding = late("probtensor.interop.pymc.rebinding")
Variable = Any  # of PyTensor


@public(name="interop.pymc.posterior")
def posterior(
    model: Any = None,
    *,
    target: object = None,
    build: str | None = None,
    progress: bool = True,
) -> Posterior:
    """The posterior of a PyMC model, compiled here.

    model   a `pm.Model`; by default that of the context
    target, build, progress  as in `pt.condition`

    Returns a `Posterior` whose variables, deterministics, dims and coords have the names of the
    model, and the unconstrained space of its transforms. `with_data` takes arrays for `pm.Data`,
    also observed ones; the first of other lengths is compiled for once more, and all later ones run
    what that gave. Discrete variables that are not observed are summed out, where they can be.
    Raises GraphError for what has no translation: it names the variable, the op and the line;
    TypeError if there is no model.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 5)
        ...     pm.Normal("y", mu, 1, observed=[1.0, 2.0])
        >>> value, gradient = posterior(model).logp_and_grad([0.5])  # doctest: +SKIP
        >>> gradient.shape  # doctest: +SKIP
        (1,)
    """
    return condition_of(Translation(model_of(model)), target, build, progress)


def model_of(model: Any) -> Any:
    """A model, or the one of the context."""
    from pymc.model.core import Model, modelcontext

    if model is not None and not isinstance(model, Model):
        raise TypeError(
            f"interop.pymc: model={model!r:.60} is no pm.Model\n  at {line_text()}\n  give the "
            "model, or call within `with model:`"
        )
    return modelcontext(model)


class Translation:
    """The variables of a model in this library.

    observed       {variable: its array}
    free           the free variables, in the order of the model
    potentials     the terms of the density that are no variable of ours
    deterministics  named expressions
    transforms     {free variable: bijector}
    external       names of variables whose density is a translated graph

    var_names  the deterministics to translate, all by default
    arrays     other values of `pm.Data` than the model has now
    generic    whether `pm.Data` have symbolic sizes
    """

    def __init__(
        self,
        model: Any,
        var_names: Sequence[str] | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
        generic: bool = False,
    ) -> None:
        self.model = model
        self.arrays = dict(arrays or {})
        self.generic = generic
        self.lengths: dict[str, Size] = {}
        self.checks: list[tuple[Node, str]] = []
        self.translator = Translator({}, self.checks)
        self.observed: dict[Node, np.ndarray] = {}
        self.free: list[Node] = []
        self.potentials: list[Node] = []
        self.deterministics: list[Node] = []
        self.transforms: dict[Node, Bijector] = {}
        self.external: list[str] = []
        self.tensors = tensors_of(model)
        self.data = tuple(model.data_vars)
        for variable in self.data:
            self.translator.known[variable] = self._data(variable)
        self._add_lengths()
        for rv in self._ordered():
            with self._translating(rv):
                self._add(rv)
        places = {rv.name: k for k, rv in enumerate(model.basic_RVs)}
        self.free.sort(key=lambda node: places[node.op.label])
        for variable in model.deterministics:
            if var_names is not None and variable.name not in var_names:
                continue
            with self._translating(variable):
                node = self.translator.node(self._tensor(variable))
                dims = self._dims(variable, node)
                self.deterministics.append(deterministic(node, variable.name, dims))
        for variable in model.potentials:
            with self._translating(variable):
                self._term(self.translator.node(self._tensor(variable)), variable.name)
        self._refuse_nameless()

    def _ordered(self) -> list[Variable]:
        """The random variables of the model, each behind those that it depends on: PyMC has the
        observed ones last, and free ones may depend on these."""
        toposort = import_module("pytensor.graph.traversal").toposort
        variables = {self._tensor(rv): rv for rv in self.model.basic_RVs}
        return [variables[x] for apply in toposort(variables) for x in apply.outputs
                if x in variables]  # fmt: skip

    def _refuse_nameless(self) -> None:
        """GraphError for random variables that are no variables of the model: `pm.Normal.dist` is
        for arguments that take distributions."""
        roots = (*self.observed, *self.free, *self.potentials, *self.deterministics)
        for node in toposort(roots):
            if isinstance(node.op, RandomVariable) and not node.op.label:
                root = next(x for x in roots if node in set(toposort([x])))
                shown = display_name(node.op.distribution, None)
                raise GraphError(
                    f"interop.pymc: {root.op.label!r} depends on a random variable ({shown}) that "
                    f"has no name in the model\n  made at {line_of(node)}\n  give it a name, as in "
                    "pm.Normal('a', 0, 1): what pm.Normal.dist makes is for arguments that take "
                    "distributions"
                )

    @contextmanager
    def _translating(self, variable: Variable) -> Iterator[None]:
        """A block whose nodes have the line that made a variable of the model, and whose errors
        name the variable and the line. What PyMC checks of the variable becomes potentials."""
        line = user_line(self._tensor(variable).owner)
        with made_by(None, line) if line else nullcontext():
            try:
                yield
                self._add_checks(variable.name)
            except Exception as error:
                at = f", made at {line[0]}:{line[1]}" if line else ""
                error.add_note(f"  translating the variable {variable.name!r}{at}")
                raise

    def _add_checks(self, name: str) -> None:
        """Density zero where a check of the translation of a variable fails."""
        for k, (holds, message) in enumerate(self.checks):
            if not (isinstance(holds.op, Const) and np.all(holds.op.array)):
                term = ops.where(ops.all(holds), 0.0, -np.inf)
                self.potentials.append(potential(term, f"check {k} of {name!r}: {message}"))
        self.checks.clear()

    def _tensor(self, variable: Variable) -> Variable:
        """A variable of the model, without names of dimensions."""
        return self.tensors.get(variable, variable)

    def _refuse_batch(self, rv: Variable) -> None:
        """GraphError for a variable that is observed at minibatches."""
        if type(rv.owner.op).__name__ == "MinibatchRandomVariable":
            raise GraphError(
                f"interop.pymc: {rv.name} has total_size=, as for a minibatch, whose data are "
                f"other ones at each call\n  at {line_text()}\n  give all data: pm.Data in "
                "place of pm.Minibatch, without total_size"
            )

    def _data(self, variable: Variable) -> Node:
        """A data input with the value that a variable has now, of its sizes or of symbolic ones."""
        is_shared = hasattr(variable, "get_value")
        array = np.asarray(variable.get_value() if is_shared else variable.data)
        array = self.arrays.get(variable.name, array)
        array = array.astype(wide(array.dtype), copy=False)
        dims = self.model.named_vars_to_dims.get(variable.name)
        sizes: list[Size | None] = [*array.shape]
        if self.generic:
            names = (None,) * array.ndim if dims is None else dims
            free = getattr(variable.type, "shape", sizes)
            sizes = [n if known is not None else self._length(n, dim)
                     for n, known, dim in zip(array.shape, free, names, strict=True)]  # fmt: skip
        shape = new_input(variable.name, array.dtype, sizes)
        value = literal(array).op.value
        names = None if dims is None or None in dims else tuple(dims)
        return make(Data(variable.name, shape.type, shape.op.uid, value, names), ())

    def _length(self, n: int, dim: str | None) -> Size:
        """The symbolic length of an axis of data that has length `n` now. Axes without a name that
        have one length now are taken to keep to one; where they do not, binding refuses."""
        return Dim.name(f"length {n}" if dim is None else dim)

    def _add_lengths(self) -> None:
        """The lengths of dims that are inputs of PyTensor: those of data, which may be others than
        the model has now."""
        for variable in self.data:
            dims = self.model.named_vars_to_dims.get(variable.name) or ()
            self.lengths |= dict(zip(dims, self.translator.known[variable].shape, strict=False))
        for dim, length in self.model.dim_lengths.items():
            if dim in self.lengths and length.owner is None:
                self.translator.known.setdefault(length, ops.as_tensor(self.lengths[dim]))

    def labels(self) -> dict[str, list]:
        """The labels of dims whose lengths are those of the model."""
        found = {d: x for d, x in self.model.coords.items() if x is not None}
        return {d: list(x) for d, x in found.items() if self.lengths.get(d, len(x)) == len(x)}

    def _dims(self, variable: Variable, node: Node) -> tuple[str, ...] | None:
        dims = self.model.named_vars_to_dims.get(variable.name)
        if dims is None or len(dims) != node.ndim or any(d is None for d in dims):
            return None
        known = self.labels()
        for dim, size in zip(dims, node.shape, strict=True):
            if isinstance(size, int) and dim in known and len(known[dim]) != size:
                return None  # PyMC asks for lengths of deterministics when they are stored
        return tuple(map(str, dims))

    def _add(self, rv: Variable) -> None:
        self._refuse_batch(rv)
        own = self._tensor(rv)
        is_observed = rv in self.model.observed_RVs
        node = distribution_of(self.translator, own)
        if node is None:
            node = self._external(rv, is_observed)
        else:
            node = self._named(node, rv)
            if is_observed:
                self.observed[node] = self._observed_array(rv)
            else:
                self.free.append(node)
        if not is_observed:
            transform = self.model.rvs_to_transforms.get(rv)
            if is_named(transform):
                transform = positional(transform, rv.type.dims)
            bijector = bijector_of(transform, own, self.translator)
            if bijector is not None:
                self.transforms[node] = bijector
        self.translator.known[own] = node

    def _named(self, node: Node, rv: Variable) -> Node:
        """A random variable with the name and the dims of the model."""
        dims = self._dims(rv, node)
        return make(replace(node.op, label=rv.name, dims=dims), node.inputs, type(node))

    def _observed_array(self, rv: Variable) -> np.ndarray:
        if rv.name in self.arrays:
            return self.arrays[rv.name]
        value = self.model.rvs_to_values[rv]
        (value,), known = lowered([value], {x: self.translator.known[x] for x in self.data})
        found = Translator(known, self.checks).node(value)
        if isinstance(found.op, Data):
            return found.op.default.array
        if isinstance(found.op, Const):
            return found.op.array
        return np.asarray(found.eval())

    def _external(self, rv: Variable, is_observed: bool) -> Node:
        """A variable whose density is the graph that PyMC derives, as a term of its own."""
        from pymc.logprob.basic import conditional_logp
        from pytensor.graph.replace import clone_replace

        self.external.append(rv.name)
        tensor = self._tensor(rv)
        known = [x for x in self.model.basic_RVs if self._tensor(x) in self.translator.known]
        values = {x: x.type(name=x.name) for x in known}
        own = rv.type(name=rv.name)
        # PyMC copies the graph that it derives a density of, its random variables too.
        (alone,) = clone_replace([rv], values)
        try:
            density = conditional_logp({alone: own}, warn_rvs=False)[own]
        except (NotImplementedError, RuntimeError) as error:  # both are PyMC's refusals
            raise GraphError(
                f"interop.pymc: PyMC has no density of {rv.name!r}: {str(error).strip()}\n"
                f"  at {line_text()}\n  give it logp=, or dist=, or make it of other variables"
            ) from error
        given = {values[x]: self.translator.known[self._tensor(x)] for x in known}
        if is_observed:
            node = literal(self._observed_array(rv))
        else:
            shape = shape_of(self.translator, tensor)
            node = self._named(random.flat(shape=shape), rv)
            self.free.append(node)
        (density,), given = lowered([density], {**given, own: node})
        self.translator.known |= given
        self._term(self.translator.node(density), f"{rv.name}_logp")
        return node

    def _term(self, node: Node, name: str) -> None:
        self.potentials.append(potential(node.astype("float64"), name))


def condition_of(
    found: Translation, target: object, build: str | None, progress: bool
) -> Posterior:
    """The posterior of a translated model."""
    own = _condition_of(found, target, build, progress)
    arrays = {x.name: found.translator.known[x].op.default.array for x in found.data}
    own.source = rebinding.ModelData(
        found.model, lambda other: _condition_of(other, target, build, progress), arrays
    )
    return own


def _condition_of(
    found: Translation, target: object, build: str | None, progress: bool
) -> Posterior:
    """The posterior of a translated model."""
    used = {d for node in (*found.free, *found.deterministics, *found.observed)
            for d in getattr(node.op, "dims", None) or ()}  # fmt: skip
    coords = {d: labels for d, labels in found.labels().items() if d in used}
    return condition(
        found.observed, coords=coords, track=[*found.free, *found.deterministics],
        potentials=found.potentials, transforms=found.transforms, target=target, build=build,
        progress=progress,
    )  # fmt: skip
