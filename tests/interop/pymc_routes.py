"""The densities of a case by three routes: the variable of `pt.random`, PyMC's graph translated, and
PyMC's graph computed by PyTensor in its Python mode."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as at
from pytensor.compile.mode import Mode

import probtensor as pt
from probtensor.graph.node import new_input
from probtensor.interop.pymc.distributions import distribution_of
from probtensor.interop.pytensor.translate import Translator

PYTHON = Mode(linker="py", optimizer=None)


class Routes:
    """What the compiled function of a case needs and gives.

    inputs     the parameters and the values, as inputs; `arrays` are theirs
    variable   the counterpart, or None
    outputs    {name: tensor}: "own", "translated", "own logcdf", "translated logcdf", and the
               gradients of the sums of the first two in the support, "own 0", ...
    errors     {route: why it has no translation}
    """

    def __init__(self, case):
        self.case = case
        self.parameters = [_variable(p.dtype, p.shape) for p in case.parameters]
        values = case.values[:1][0] if case.single else case.values
        self.values = _variable(values.dtype, values.shape)
        self.inputs = [new_input(None, x.dtype, x.type.shape)
                       for x in (*self.parameters, self.values)]  # fmt: skip
        self.arrays = [*case.parameters, values]
        self.rv = case.make(*self.parameters)
        self.errors, self.outputs = {}, {}
        t = self.translator = self._translator()
        self.variable = distribution_of(t, self.rv, name="x")
        if self.variable is not None:
            self.outputs["own"] = pt.logp(self.variable, self.inputs[-1])
            self._tail("own logcdf", lambda: pt.logcdf(self.variable, self.inputs[-1]))
        self.graph = self._graph(pm.logp)
        self.cdf = self._graph(pm.logcdf)
        self._translate("translated", self.graph)
        self._translate("translated logcdf", self.cdf)
        for route in ("own", "translated"):
            self._gradients(route)

    def _translator(self):
        return Translator(dict(zip((*self.parameters, self.values), self.inputs, strict=True)), [])

    def _graph(self, function):
        try:
            return function(self.rv, self.values)
        except (NotImplementedError, TypeError, ValueError) as error:
            self.errors[function.__name__] = str(error)
            return None

    def _tail(self, route, make):
        try:
            self.outputs[route] = make()
        except pt.GraphError as error:
            self.errors[route] = str(error)

    def _translate(self, route, graph):
        if graph is not None:
            self._tail(route, lambda: self._translator().node(graph))

    def _gradients(self, route):
        if route not in self.outputs:
            return
        found = self.outputs[route]
        inside = found if self.case.single or not found.ndim else found[: self.case.count]
        wanted = [x for x in self.inputs if x.dtype == "float64"]
        try:
            found = pt.grad(pt.sum(inside), wanted, disconnected_inputs="ignore")
        except pt.GraphError as error:
            self.errors[f"{route} gradient"] = str(error)
            return
        self.outputs |= {f"{route} {k}": g for k, g in enumerate(found)}

    def by_pytensor(self, graph):
        """A graph computed by PyTensor in its Python mode."""
        with pytensor.config.change_flags(cxx=""), np.errstate(all="ignore"):
            variables = [*self.parameters, self.values]
            call = pytensor.function(variables, graph, mode=PYTHON, on_unused_input="ignore")
            return call(*self.arrays)


def _variable(dtype, shape):
    return at.tensor(dtype=str(dtype), shape=shape)


def computed(routes):
    """The outputs of many cases by one compiled function: {name: {route: array}}."""
    inputs = [x for r in routes.values() for x in r.inputs]
    arrays = [a for r in routes.values() for a in r.arrays]
    outputs = [x for r in routes.values() for x in r.outputs.values()]
    call = pt.function(inputs, outputs, target="machine", on_unused_input="ignore")
    found = iter(call(*arrays))
    return {name: {key: next(found) for key in r.outputs} for name, r in routes.items()}
