"""A model with data bound to it: compiled functions of the flat vector q."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cython_ext.context import Context, logp_grad_address
from cython_ext.convert import number_array, stated_cast
from probtensor.calls import line_text, public
from probtensor.compile import function
from probtensor.device import DeviceArray
from probtensor.function import Function
from probtensor.function.device.streams import is_on_device
from probtensor.graph import Node, as_tensor, line_of, made_by
from probtensor.graph.node import new_input
from probtensor.late import late
from probtensor.prob.distributions.base import Deterministic
from probtensor.prob.distributions.checked_draw import outside_support
from probtensor.prob.model.binding import (
    Binding,
    UnknownName,
    check_known_dims,
    checked_coords,
    data_array,
    observed_array,
)
from probtensor.prob.model.data import Data, evaluate
from probtensor.prob.model.graphs import Density, Model, build
from probtensor.prob.model.inspected import InspectedPosterior
from probtensor.prob.model.names import listed
from probtensor.prob.model.packed import Packed, rows_of
from probtensor.prob.sequences.convert import as_sequence
from probtensor.types import shape_text

if TYPE_CHECKING:
    from probtensor.export.folder import Export
    from probtensor.function.device.batched import DeviceDensity
    from probtensor.prob.bijectors.base import Bijector

function_exports = late("probtensor.function.exported")
missing = late("probtensor.prob.model.missing")
exports = late("probtensor.prob.model.exported")
# The attributes of a posterior that a recalled one has only when they are needed.
BUILT = ("model", "_rebuild_args", "_data_nodes", "_given", "_labels", "_programs", "_binding")


class Posterior(InspectedPosterior):
    """The posterior of a model given its observed variables; made by `condition`.

    The density is that of the free variables on the unconstrained space, as one flat vector `q` of
    length `dim`, with the log-Jacobians of the bijectors and all constants.

    dim        the length of q
    names      of the free variables, in the order of q
    marginalized  names of the discrete variables that are summed out
    dims       names of the axes of each variable that has them
    coords     labels along each dim
    observed   the observed arrays, by name: read-only, as all arrays that are bound here
    constants  the arrays of `pt.data`, by name
    guarded    conditions on parameters that can leave their support, as text; the density is zero
               where one does not hold
    timings    seconds of each stage so far
    address    the C function of the density (`pt_logp_grad_fn` in probtensor.h); call it with the
               address of a `context()`
    on_device  does it run on a device? Then it has no address: `pt.sample` and `batched` run all
               chains there, but see `host_part`

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> pt.condition({y: 1.0}).names
        ('mu',)
    """

    source: Any = None  # a model of another library, whose `with_data` says what new data mean

    def __init__(
        self,
        model: Model,
        data_nodes: Mapping[Node, Node],
        arrays: Mapping[Node, np.ndarray],
        coords: Mapping[str, np.ndarray],
        programs: Programs,
        rebuild_args: tuple,
        late: bool = False,
    ) -> None:
        self.model = model
        self._rebuild_args = rebuild_args
        self._data_nodes = dict(data_nodes)
        self._given = dict(arrays)
        self._labels = dict(coords)
        self._programs = programs
        lengths = {dim: len(labels) for dim, labels in coords.items()}
        self._binding = Binding(model, self._given, lengths, late)
        began = time.perf_counter()
        self.timings: dict[str, float] = {}
        if late:
            return
        self.function = self._compiled()
        self._run(self.function, model.dim)
        spent = sum(self.timings.values())
        self.timings["bind"] = max(0.0, time.perf_counter() - began - spent)

    def _compiled(self) -> Function:
        """(q) -> (logp, gradient), with data bound; for its source and stages, too."""
        return self._bound(self._programs.get("logp_and_grad", self._density, self.timings))

    def _run(self, bound: Function, dim: int) -> None:
        """Evaluate this density, which has its data bound."""
        self.dim = dim
        self.on_device = bound.on_device
        if not self.on_device:
            self._context = Context(bound, dim)
            self.logp_and_grad: Callable = self._context.logp_and_grad

    @classmethod
    def recalled(
        cls, bound: Function, dim: int, guarded: tuple[str, ...], built: Callable[[], Posterior]
    ) -> Posterior:
        """A posterior whose density is at hand; everything else is that of the same posterior which
        `built` makes, when it is needed."""
        posterior = cls.__new__(cls)
        posterior._built, posterior._guarded = built, guarded
        posterior.timings = dict(bound.timings)
        posterior._run(bound, dim)
        return posterior

    def __getattr__(self, name: str) -> object:
        own = self.__dict__
        if name == "function" and "_programs" in own:
            return own.setdefault(name, self._compiled())
        if name not in ("function", *BUILT) or "_built" not in own:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        built = own.setdefault("_whole", self._built())  # the same one for all threads
        for part in BUILT:
            own.setdefault(part, built.__dict__[part])
        for stage, seconds in built.timings.items():
            self.timings[stage] = self.timings.get(stage, 0.0) + seconds
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), "function", *BUILT]

    # Description.

    @property
    def target(self) -> object:
        """The target that was asked for: a name, a target, or None for the default."""
        return self._programs.target

    @property
    def names(self) -> tuple[str, ...]:
        """The free variables, in the order of q."""
        return tuple(v.name for v in self.model.free)

    @property
    def marginalized(self) -> tuple[str, ...]:
        """The discrete variables that are summed out; `pt.recover_marginals` draws them."""
        return tuple(z.name for z in self.model.summed)

    @property
    def deterministics(self) -> tuple[str, ...]:
        """The named expressions that are reported with the draws."""
        return tuple(d.name for d in self.model.deterministic)

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of each variable that has them."""
        model = self.model
        named = {v.name: v.dims for v in (*model.free, *model.deterministic, *model.observed)}
        named |= {v.name: v.dims for v in (*model.summed, *model.dependent)}
        named |= {x.name: x.op.dims for x in model.data if x.name}
        return {name: dims for name, dims in named.items() if dims}

    @property
    def coords(self) -> dict[str, np.ndarray]:
        """Labels along each dim; 0, 1, 2, ... where none were given."""
        used = dict.fromkeys(dim for dims in self.dims.values() for dim in dims)
        sizes = self._binding.sizes.values
        return {dim: self._labels.get(dim, np.arange(sizes[dim])) for dim in used if dim in sizes}

    @property
    def observed(self) -> dict[str, np.ndarray]:
        """The observed values as they were given; read-only copies."""
        return {y.name: self._given[y.value] for y in self.model.observed}

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The arrays of `pt.data` that have a name; read-only copies."""
        return {x.name: self._binding.arrays[x] for x in self.model.data if x.name}

    @property
    def data(self) -> dict[Node, np.ndarray]:
        """The array of each data input."""
        return {x: self._binding.arrays[x] for x in self.model.data}

    @property
    def guarded(self) -> tuple[str, ...]:
        """Conditions on parameters that can leave their support, with the line of each."""
        known = self.__dict__.get("_guarded")
        if known is not None:
            return known
        return tuple(f"{g.what} must be {g.domain} ({g.line})" for g in self.model.guards)

    @property
    def hierarchies(self) -> tuple[tuple[str, str], ...]:
        """Pairs of names: a free variable, and a free variable that its scale depends on."""
        return self.model.hierarchies()

    @property
    def lengths(self) -> dict[str, int]:
        """The length of each dim and of each other named size."""
        return dict(self._binding.sizes.values)

    # The density.

    @property
    def address(self) -> int:
        """Address of the density's C function, a `pt_logp_grad_fn`. TypeError on a device."""
        self._needs_host("address")
        return logp_grad_address()

    def context(self) -> Context:
        """A new context for one caller of `address`, which takes `context.address`; that is valid
        as long as the context exists. TypeError on a device."""
        self._needs_host("context()")
        return self._context.clone()

    @property
    def tier(self) -> str:
        """The target whose code runs the density now; see `Function.tier`."""
        return self.function.tier if self.on_device else self._context.entry.tier

    def expect_calls(self, count: int) -> None:
        """Announce so many calls of `address`, which may pay for native code before they have
        begun; 0 takes back what is left of them."""
        if not self.on_device:
            self._context.entry.code.promise(count)

    def _needs_host(self, what: str) -> None:
        if self.on_device:
            raise TypeError(
                f"{what}: this posterior is on a device, which no C pointer reaches; draw with "
                "pt.sample(posterior), evaluate with logp_and_grad(q) or batched(q), or condition "
                "with target='cython'"
            )

    def logp(self, q: ArrayLike) -> float:
        """The log density at q."""
        return self.logp_and_grad(q)[0]

    def logp_and_grad(self, q: ArrayLike) -> tuple[float, np.ndarray]:
        """Log density and gradient at q: (float, fresh float64 array of q's shape). On a device q
        may be an array there.

        ValueError where q is not a vector of `dim` numbers.
        """
        logp, gradient = self.function(self._point(q, self.on_device))
        return float(logp), gradient

    @public
    def batched(self, q: ArrayLike) -> tuple[np.ndarray | DeviceArray, np.ndarray | DeviceArray]:
        """Log density and gradient of many points: q float64[n, dim] to (float64[n],
        float64[n, dim]). On a device all points are one launch, and q may be an array there
        (DeviceArray, CuPy, PyTorch, JAX): then so are the results."""
        rows = self._rows(q, "q")
        logp, gradient = self.function.rows([rows])
        return logp, gradient

    @property
    def host_part(self) -> tuple[str, str] | None:
        """The first part of a density on a device that runs on the host, such as
        `pt.debug.print`, with the user's line; None if none does. Chains, which are one kernel,
        do not wait for it: `pt.sample` runs those of `on_host` then."""
        return self.function.host_part if self.on_device else None

    def on_host(self) -> Posterior:
        """The same posterior on the CPU."""
        if not self.on_device:
            return self
        programs = self._programs.on_host()
        given = {x: np.asarray(array) for x, array in self._given.items()}
        made = (self.model, self._data_nodes, given, self._labels, programs, self._rebuild_args)
        found = type(self)(*made)
        found.source = self.source
        return found

    def device_code(self, tail: str) -> DeviceDensity:
        """The density as device code for many chains at once, followed by `tail`, the text of a
        sampler's kernels; see `DeviceDensity`. TypeError unless it is on a device."""
        return self.function.device_code(tail)

    def __call__(self, q: ArrayLike) -> tuple[float, np.ndarray]:
        """(log density, gradient) at q; `logp_and_grad` is the same and quicker to call."""
        return self.logp_and_grad(q)

    # Between q and values.

    @public
    def constrain(self, q: ArrayLike) -> dict[str, np.ndarray]:
        """The values of free variables and deterministics at q, by name."""
        model = self.model
        named = {v.name: v.value for v in (*model.free, *model.deterministic)}
        arrays = self._binding.arrays | {model.q: self._point(q)}
        found = evaluate(model.at_q([*named.values()]), arrays)
        return {name: np.array(value) for name, value in zip(named, found, strict=True)}

    @public
    def unconstrain(self, values: Mapping[str, object]) -> np.ndarray:
        """The q at which the free variables have these values; those of deterministics and of
        observed variables are ignored.

        KeyError for a missing or an unknown name, TypeError for values that are not
        numbers, ValueError for a wrong shape or a value not in the interior of the support.
        """
        arrays = self._values_of(values)
        input_nodes = {v.value: new_input(v.name, v.value.dtype, v.shape) for v in self.model.free}
        known = self._binding.arrays | {
            input_nodes[v.value]: arrays[v.name] for v in self.model.free
        }
        supports = [v.support_with(input_nodes) for v in self.model.free]
        inside = [s.contains(input_nodes[v.value]) for s, v in zip(supports, self.model.free)]
        asked = [as_tensor(True) if x is None else x for x in inside]
        inverses = [
            v.bijector_with(input_nodes).inverse(input_nodes[v.value]) for v in self.model.free
        ]
        found = evaluate([*asked, *inverses], known)
        pieces = found[len(asked) :]
        for v, support, holds, piece in zip(self.model.free, supports, found, pieces):
            if not np.all(holds):
                raise outside_support(v.name, arrays[v.name], holds, support, v.line)
            if not np.isfinite(piece).all():
                raise ValueError(
                    f"{v.name} must be {support}, and not on its edge; the value is "
                    f"{arrays[v.name].tolist()!s:.60}\n  made at {v.line}"
                )
        return np.concatenate([np.ravel(piece) for piece in pieces] or [np.empty(0)])

    def _values_of(self, values: object) -> dict[str, np.ndarray]:
        """A value for each free variable, in its dtype and shape."""
        if not isinstance(values, Mapping):
            raise TypeError(f"values are given as {{name: value}}, not as {values!r:.60}")
        own = {v.variable: v.name for v in self.model.free}
        pairs = [(as_sequence(key), value) for key, value in values.items()]
        values = {
            own.get(key, key.name) if isinstance(key, Node) else key: value for key, value in pairs
        }
        missing = [name for name in self.names if name not in values]
        if missing:
            raise UnknownName(
                f"no value is given for {listed(missing)}, only for "
                f"{listed([*values]) if values else 'nothing'}\n  the free variables are "
                f"{listed(self.names)}"
            )
        known = {*self.names, *self.deterministics, *self.observed, *self.constants}
        known |= {v.name for v in (*self.model.summed, *self.model.dependent)}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise UnknownName(
                f"this posterior has no {listed(unknown)}; its free variables are "
                f"{listed(self.names)}"
            )
        arrays = {}
        for v in self.model.free:
            where = f"\n  {v.name} was made at {v.line}"
            array = number_array(values[v.name], v.name, where)
            if array.shape != tuple(v.shape):
                raise ValueError(
                    f"{v.name} has shape {shape_text(v.shape)}, the value {shape_text(array.shape)}"
                    f"{where}"
                )
            arrays[v.name] = stated_cast(array, v.value.dtype, v.name, where)
        return arrays

    @public
    def expand(self, draws: object) -> dict[str, np.ndarray]:
        """Values of free variables and deterministics for draws (n, dim): arrays (n, *shape)."""
        rows = self._rows(draws, "draws")
        density, function_of_q, packed = self._programs.get("expand", self._expansion, self.timings)
        found = rows_of(self._bound((density, function_of_q)), [rows])
        return packed.unpack(found, self._binding.sizes.values)

    @public
    def with_data(
        self, values: Mapping[object, object], coords: Mapping[str, Sequence] | None = None
    ) -> Posterior:
        """The posterior given other data: {variable or data node, or its name: array}.

        Arrays are copied, so that later changes of them change nothing here; they may have other
        lengths, except along axes that are as long as a free variable. A data input keeps its
        dtype: TypeError for an array that does not fit in it without loss, such as fractions for
        whole numbers. What was compiled is used again. `coords` replaces the labels of dims whose
        length changes. KeyError for a name that is neither observed nor data.
        """
        if not isinstance(values, Mapping):
            raise TypeError(
                f"with_data: write {{variable or name: array}}, not {values!r:.60}\n  at "
                f"{line_text()}"
            )
        if self.source is not None:
            return self.source.with_data(self, values, coords)
        return self.bound_to(values, coords)

    def bound_to(
        self, values: Mapping[object, object], coords: Mapping[str, Sequence] | None = None
    ) -> Posterior:
        """`with_data` of this model as it is compiled."""
        nodes = [x.node for x in self.model.deterministic]
        if any(type(x.op) is not Deterministic for x in nodes):
            values = missing.in_parts(values, nodes)
        given = dict(self._given)
        for key, value in values.items():
            node = self._data_node(key)
            input_node = self._data_nodes[node]
            is_data = isinstance(input_node.op, Data)
            given[input_node] = (data_array if is_data else observed_array)(node, value)
            self._check_fixed(input_node, given[input_node], line_of(node))
        new_labels = checked_coords(coords)
        check_known_dims(new_labels, (dim for dims in self.dims.values() for dim in dims))
        labels = self._labels | new_labels
        return Posterior(
            self.model, self._data_nodes, given, labels, self._programs, self._rebuild_args
        )

    @public
    def export(
        self,
        folder: str | os.PathLike,
        *,
        name: str | None = None,
        build: bool | None = None,
        lapack: str | None = None,
    ) -> Export:
        """Write the posterior as C into a folder: a source and a header with the log density and
        its gradient, `constrain`, `unconstrain` and the names of variables; the headers that they
        include, large data in a file, and a library that C, Julia, R or another Python can load.

        folder  made if necessary; only files of earlier exports are overwritten
        name    of the C functions; by default that of the folder
        build   compile the library: by default if there is a C compiler
        lapack  what links LAPACK, as in "-llapack -lblas": factors and products of matrices are
                then its, as in Python, instead of plain C

        The density is that of `logp_and_grad`, bit for bit where both are built by the same
        compiler for the same processor. BuildError for a routine without a form in C,
        FileExistsError for other files in the folder. See docs/export.md.

            >>> mu = pt.random.normal(0, 5, name="mu")
            >>> y = pt.random.normal(mu, 1.0, name="y")
            >>> pt.condition({y: 1.0}).export("location").library.name
            'location.so'
        """
        request = function_exports.request_of(folder, name, build, lapack)
        return exports.export_posterior(self, request)

    def _check_fixed(self, input_node: Node, array: np.ndarray, line: str) -> None:
        for axis, (size, n) in enumerate(zip(input_node.shape, array.shape)):
            if isinstance(size, int) and size != n:
                raise ValueError(
                    f"axis {axis} of {input_node.name or 'data'} has length {size}, which is "
                    "fixed: it "
                    f"is part of an array in the graph, or the size of a variable; got {n}\n"
                    f"  at {line}\n  to change it, condition again, or make arrays of that length "
                    "with pt.data"
                )

    def _data_node(self, key: object) -> Node:
        key = as_sequence(key)
        if isinstance(key, Node) and key in self._data_nodes:
            return key
        name = key.name if isinstance(key, Node) else key  # the node itself may be replaced
        for node in self._data_nodes:
            if isinstance(name, str) and name in (node.name, self._data_nodes[node].name):
                return node
        if isinstance(key, Node):  # the same input of another length
            uid = getattr(key.op, "uid", None)
            for node, placed in self._data_nodes.items():
                if uid is not None and uid in (node.op.uid, getattr(placed.op, "uid", None)):
                    return node
        known = ", ".join(sorted(self._data_nodes[node].name or "?" for node in self._data_nodes))
        raise UnknownName(
            f"{key!r:.60} is neither an observed variable nor data here: {known}\n  at "
            f"{line_text()}"
        )

    # Compiled functions.

    def _density(self) -> tuple[Density, Function]:
        density = self.model.density([self.model.logp, self.model.gradient])
        return density, compiled(self.model.q, density, list, "logp_and_grad", self._programs)

    def _bound(self, program: tuple[Density, Function]) -> Function:
        density, compiled_function = program
        return compiled_function.bind(self._binding.values(density), borrow=True)

    def _expansion(self) -> tuple[Density, Function, Packed]:
        model = self.model
        with made_by(model.q):  # whoever asks first, so that the next process finds it
            packed = Packed({v.name: v.value for v in (*model.free, *model.deterministic)})
            density = model.density(model.at_q([packed.node]))
        return density, compiled(model.q, density, None, "expand", self._programs), packed

    def _point(self, q: ArrayLike, on_device: bool = False) -> np.ndarray | DeviceArray:
        """One point: float64[dim]; an array on the device stays there if `on_device`."""
        point = q if on_device and is_on_device(q) else float_array(q, "q")
        if tuple(point.shape) != (self.dim,):
            raise ValueError(f"q has shape {tuple(point.shape)}, it must have shape ({self.dim},)")
        return point

    def _rows(self, q: ArrayLike, name: str) -> np.ndarray | DeviceArray:
        """Many points: float64[n, dim], on the device if they and the density are."""
        on_device = self.on_device and is_on_device(q)
        rows = q if on_device else float_array(q, name)
        if len(rows.shape) != 2 or rows.shape[1] != self.dim:
            raise ValueError(f"{name} must have shape (n, {self.dim}), not {tuple(rows.shape)}")
        return rows

    def __reduce__(self) -> tuple:
        arrays = [self._given[input_node] for input_node in self._data_nodes.values()]
        return posterior_of, (*self._rebuild_args, arrays, self._labels, self._programs.target)

    def __repr__(self) -> str:
        free = self.model.free
        names = ", ".join(v.name + (shape_text(v.shape) if v.shape else "") for v in free)
        given = ", ".join(y.name for y in self.model.observed)
        return f"<posterior of {names} given {given}: dim {self.dim}>"


def float_array(value: ArrayLike, name: str) -> np.ndarray:
    """One or more points as C-contiguous float64; TypeError for values that are not numbers."""
    return np.asarray(number_array(value, name), "float64", order="C")


def posterior_of(
    observed: Sequence[Node],
    potentials: Sequence[Node],
    track: Sequence[Node],
    data_nodes: Sequence[tuple[Node, Node]],
    transforms: Mapping[Node, Bijector],
    arrays: Sequence[np.ndarray],
    coords: Mapping[str, np.ndarray],
    target: object,
    late: bool = False,
) -> Posterior:
    """The posterior of a graph whose fixed sizes are integers.

    `data_nodes` pairs each node that takes data, as the user made it, with its replacement in this
    graph; `arrays` are their values; `transforms` are bijectors of free variables. With `late` the
    density is neither derived nor compiled before it is needed, and the arrays are known to be
    right.
    """
    model = build(observed, potentials, track, late, transforms)
    inputs = {y.node: y.value for y in model.observed}
    input_nodes = {own: inputs.get(placed, placed) for own, placed in data_nodes}
    given = dict(zip(input_nodes.values(), arrays, strict=True))
    rebuild_args = (tuple(observed), tuple(potentials), tuple(track), tuple(data_nodes), transforms)
    return Posterior(model, input_nodes, given, coords, Programs(target), rebuild_args, late)


class Programs:
    """Compiled functions of a model by purpose, compiled when first needed and shared by all its
    posteriors with other data."""

    def __init__(self, target: object) -> None:
        self.target = target
        self._made: dict[str, object] = {}
        self._on_host: Programs | None = None

    def on_host(self) -> Programs:
        """Those of the same model on the CPU."""
        if self._on_host is None:
            self._on_host = Programs(None)
        return self._on_host

    def get(self, key: str, make: Callable[[], object], timings: dict[str, float]) -> Any:
        """The program for a key; the time to compile it is added to `timings`."""
        if key not in self._made:
            self._made[key] = made = make()
            for stage, seconds in made[1].timings.items():
                timings[stage] = timings.get(stage, 0.0) + seconds
        return self._made[key]


def compiled(
    q: Node, density: Density, kind: type[list] | None, name: str, programs: Programs
) -> Function:
    """Graphs compiled as a function of q and their inputs; a single output if `kind` is None."""
    outputs = density.outputs[0] if kind is None else kind(density.outputs)
    return function(
        [q, *density.inputs], outputs, name=name, target=programs.target, on_unused_input="ignore"
    )
