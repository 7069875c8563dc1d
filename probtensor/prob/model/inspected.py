"""The methods by which a posterior is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late
from probtensor.process import numpy_part
from probtensor.transform.recording import recording

if TYPE_CHECKING:
    from probtensor.inspect.pictures.picture import Picture
    from probtensor.inspect.reports.dump import Dump
    from probtensor.inspect.reports.report import Report
    from probtensor.inspect.trace import Trace

dumps = late("probtensor.inspect.reports.dump")
pictures = late("probtensor.prob.modelling.pictures")
reports = late("probtensor.inspect.reports.report")
traces = late("probtensor.inspect.trace")
structures = late("probtensor.prob.modelling.structure")


class InspectedPosterior:
    """What `Posterior` inherits to be inspected."""

    @public
    def dprint(self, **options: object) -> str | TextIO | None:
        """Print the graph of the log density and its gradient, after all passes, as a tree; options
        are those of `pt.debugprint`."""
        return self.function.dprint(**options)

    def picture(self) -> Picture:
        """The model as a picture: variables on plates, data, terms; see `pt.graph_model`."""
        return pictures.picture_of(structures.structure_of("picture", self))

    def trace(self) -> Trace:
        """Every rewrite from the terms of the log density to what is compiled, in order: first
        those of the stable form that is differentiated, then those of `Function.trace`."""
        return traces.joined(self._derivation(), self.function.trace())

    def _derivation(self) -> Trace:
        """The rewrites of the density before it is differentiated; it is derived once more."""
        with recording() as made:
            self.model.again()
        why = "the sum of all terms in its stable form, which is differentiated"
        return traces.of_record("density", why, made)

    @public
    def report(self, q: ArrayLike | None = None, *, witness: bool = False) -> Report:
        """What was done to the log density and its gradient, by the line of the model: each rule
        that fired, why, how often, and the cost of what it replaced and of what it made.

        q        the point at which costs and values are taken; by default one near 0
        witness  evaluate both sides of every rewrite there, and report those that changed a value
                 beyond rounding

        The first pass, "density", is the sum of all terms before it is differentiated. Returns a
        `Report`, as `Function.report` does.
        """
        seeds = numpy_part("random").default_rng(0) if q is None else None
        point = self._point(seeds.normal(size=self.dim) * 0.5 if q is None else q)
        more = dict(self._binding.arrays)
        more |= {
            v.u: point[v.start : v.stop].reshape(v.u.shape).astype(v.u.dtype)
            for v in self.model.free
        }
        function = self.function
        return reports.report(
            function, (point,), {}, witness, earlier=self._derivation(), more=more,
            label=repr(self).strip("<>"),
        )  # fmt: skip

    @public
    def dump(self, path: str | os.PathLike, *, inputs: ArrayLike | None = None) -> Dump:
        """Write a bug report of the log density and its gradient: as `Function.dump`, with the
        model as text, LaTeX and data.

        path    of the zip
        inputs  a point q, if it and the data may be in it; without it there are random ones of the
                same shapes
        """
        point = None if inputs is None else (self._point(inputs),)
        more = {
            "model.txt": lambda: pictures.model_graph(self),
            "model.json": lambda: pictures.model_graph(self, "json"),
            "model.tex": lambda: pictures.latex(self),
        }
        return dumps.dump(self.function, path, point, more, repr(self).strip("<>"))
