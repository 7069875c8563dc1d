"""The densities of a case by three routes: the variable of `pt.random`, PyMC's graph translated,
and PyMC's graph computed by PyTensor in its Python mode."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as at
from pytensor.compile.mode import Mode

import probtensor as pt
from probtensor.graph.node import new_input
from probtensor.interop.pymc.variables.distributions import distribution_of
from probtensor.interop.pytensor.translate import Translator

PYTHON = Mode(linker="py", optimizer=None)


class Routes:
    """What the compiled function of a case needs and gives.

    inputs     the parameters, and the values in the support and outside; `arrays` are theirs
    variable   the counterpart, or None
    outputs    {name: tensor}: the log densities "own" and "translated", both also "outside", the
               logarithms of the distribution functions, "own cdf" and "translated cdf", and the
               gradients of the sums of the densities by the inputs, "own 0", "own 1", ...
    errors     {name: why it has no translation}
    """

    def __init__(self, case):
        self.case = case
        inside, outside = case.values[: case.count], case.values[case.count :]
        if case.single:
            inside = inside[0]
        self.arrays = [*case.parameters, inside, *([outside] if len(outside) else [])]
        self.variables = [at.tensor(dtype=str(a.dtype), shape=a.shape) for a in self.arrays]
        self.inputs = [new_input(None, str(a.dtype), a.shape) for a in self.arrays]
        self.places = range(len(case.parameters), len(self.arrays))
        self.rv = case.make(*self.variables[: self.places[0]])
        self.variable = distribution_of(self._translator(), self.rv, name="x")
        self.errors, self.outputs, self.graphs = {}, {}, {}
        for place, where in zip(self.places, ("", " outside")):
            self._route(where, pt.logp, pm.logp, place)
        self._route(" cdf", pt.logcdf, pm.logcdf, self.places[0])
        for route in ("own", "translated"):
            if route in self.outputs:
                self._gradients(route, self.outputs[route])

    def _translator(self):
        return Translator(dict(zip(self.variables, self.inputs, strict=True)), [])

    def _route(self, kind, own, other, place):
        if self.variable is not None:
            self._keep("own" + kind, lambda: own(self.variable, self.inputs[place]))
        try:
            graph = self.graphs[kind] = other(self.rv, self.variables[place])
        except (NotImplementedError, TypeError) as error:  # of PyMC: no function, none of arrays
            self.errors["pymc" + kind] = str(error)
        else:
            self._keep("translated" + kind, lambda: self._translator().node(graph))

    def _keep(self, name, make):
        try:
            self.outputs[name] = make()
        except pt.GraphError as error:
            self.errors[name] = str(error)

    def _gradients(self, route, found):
        wanted = [x for x in self.inputs[: self.places[0] + 1] if x.dtype == "float64"]
        found = pt.grad(pt.sum(found), wanted, disconnected_inputs="ignore")
        self.outputs |= {f"{route} {k}": g for k, g in enumerate(found)}

    def by_pytensor(self, graph):
        """A graph computed by PyTensor in its Python mode; by its rewrites where ops in Python do
        not take what is written, as the sum of a number along an axis."""
        with pytensor.config.change_flags(cxx=""), np.errstate(all="ignore"):
            for mode in (PYTHON, "FAST_COMPILE"):
                call = pytensor.function(self.variables, graph, mode=mode, on_unused_input="ignore")
                try:
                    return call(*self.arrays)
                except np.exceptions.AxisError:
                    continue


def computed(routes):
    """The outputs of many cases by one compiled function: {name: {route: array}}."""
    inputs = [x for r in routes.values() for x in r.inputs]
    arrays = [a for r in routes.values() for a in r.arrays]
    outputs = [x for r in routes.values() for x in r.outputs.values()]
    call = pt.function(inputs, outputs, target="machine", on_unused_input="ignore")
    found = iter(call(*arrays))
    return {name: {key: next(found) for key in r.outputs} for name, r in routes.items()}
