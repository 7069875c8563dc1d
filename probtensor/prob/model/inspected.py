"""The methods by which a posterior is inspected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late
from probtensor.process import numpy_part
from probtensor.transform.recording import recording

if TYPE_CHECKING:
    from probtensor.function import Function
    from probtensor.inspect.pictures.picture import Picture
    from probtensor.inspect.profile.rows import Profile
    from probtensor.inspect.reports.dump import Dump
    from probtensor.inspect.reports.report import Report
    from probtensor.inspect.trace import Trace
    from probtensor.prob.density.diagnosis import Diagnosis
    from probtensor.prob.modelling.lint import Findings
    from probtensor.prob.replay.causes import Explanation
    from probtensor.prob.replay.slopes import SlopeReport
    from probtensor.sample.runs.output import Arviz

causes = late("probtensor.prob.replay.causes")
diagnosis = late("probtensor.prob.density.diagnosis")
descriptions = late("probtensor.prob.modelling.described")
pages = late("probtensor.inspect.explore.page")
costs = late("probtensor.prob.density.costs")
dumps = late("probtensor.inspect.reports.dump")
pictures = late("probtensor.prob.modelling.pictures")
reports = late("probtensor.inspect.reports.report")
traces = late("probtensor.inspect.trace")
structures = late("probtensor.prob.modelling.structure")
slopes = late("probtensor.prob.replay.slopes")
lints = late("probtensor.prob.modelling.lint")


class InspectedPosterior:
    """What `Posterior` inherits: what its density is made of at a point, and what went wrong."""

    function: Function

    @public
    def terms(self, q: ArrayLike) -> Diagnosis:
        """Every term of the log density at q: value, line, and its first entry that is not
        finite."""
        return diagnosis.diagnose(self.model, self._point(q), self._binding.arrays)

    @public
    def diagnose(self, q: ArrayLike) -> str:
        """What is wrong with the density at q, or its gradient, as text: the variable, the index
        in it, its parameters there and the line, and the operation that made it so; all terms if
        nothing is wrong."""
        return diagnosis.report(self, self._point(q))

    def lint(self, *, seed: object = 0) -> Findings:
        """Faults of the model that make sampling fail: see `pt.lint`."""
        return lints.lint(self, seed=seed)

    def variable_of(self, i: int) -> str:
        """The variable that q[i] belongs to, with the index in its unconstrained value."""
        for v in self.model.free:
            if v.start <= i < v.stop:
                index = np.unravel_index(i - v.start, v.u.shape) if v.u.shape else ()
                return v.name + (f"[{', '.join(map(str, index))}]" if index else "")
        raise IndexError(f"q has {self.dim} entries, there is no q[{i}]")

    @public
    def check_gradient(self, q: ArrayLike) -> SlopeReport:
        """Whether the gradient at q is the slope of the log density, term by term: differences of
        each term are compared with its derivatives by NumPy, for the 60 coordinates with the
        largest ones. Returns an object that is true if all agree, and prints as text: the terms
        whose derivatives are wrong (those of a `custom_vjp`, say), with lines. ValueError where q
        is not a vector of `dim` numbers.

            >>> mu = pt.random.normal(0, 5, name="mu")
            >>> p = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
            >>> p.check_gradient([0.5])
            the gradient is the slope of the log density in 3 comparisons
        """
        return slopes.checked_slopes(self, self._point(q))

    @public
    def explain_divergences(self, idata: Arviz, limit: int = 10) -> Explanation:
        """Why draws of a run diverged: trajectories are followed again, step by step, to the jump
        of the energy.

        idata  what `pt.sample` returned for this posterior; the first 20 divergences of each chain
               on the CPU can be followed again, of chains on a device those states that
               `keep_divergences=True` recorded
        limit  how many to follow

        Returns an object that prints as text, with `divergences`, each with its cause: a variable
        that is too stiff for the step, the term of the density and the variable that make it so,
        with their lines; or the term that is not finite. ValueError for draws of another model or
        of other data, and for a limit below 1.

            >>> v = pt.random.normal(0, 3, name="v")
            >>> x = pt.random.normal(0, pt.exp(v / 2), name="x", shape=9)
            >>> p = pt.condition({pt.random.normal(x[0], 5.0, name="y"): 0.0})
            >>> idata = pt.sample(p, seed=1, progress=False)
            >>> p.explain_divergences(idata).divergences[0].driver
            'v'
        """
        return causes.explained(self, idata, limit)

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
    def profile(self, q: ArrayLike | None = None, *, n: int | None = None) -> Profile:
        """Where the time of `logp_and_grad` goes, at q (by default 0), over n evaluations (or about
        half a second): the profile of its function, see `Function.profile`, whose `terms` say what
        each term of the density takes, with its gradient: prior, log-Jacobian and likelihood of
        each variable.

        A line of the model is measured. Where several terms use a line, its time is divided among
        them by the costs of the operations that each has there. ValueError where q is not a vector
        of `dim` numbers.

            >>> mu = pt.random.normal(0, 5, name="mu")
            >>> y = pt.random.normal(mu, 1.0, name="y")
            >>> found = pt.condition({y: np.ones(10)}).profile(n=2)
            >>> sorted(term.name for term in found.terms if term.name != "other")
            ['mu: prior', 'y: likelihood']
        """
        point = np.zeros(self.dim) if q is None else self._point(q, self.on_device)
        found = self.function.profile(point, n=n)
        return costs.with_terms(found, self.terms_of(found.lines))

    def terms_of(self, lines: object) -> tuple:
        """The seconds of the lines of a profile as `Share` of each term of the density."""
        return costs.terms_of(self.model, lines, self.lengths)

    @public
    def explore(
        self, path: str | os.PathLike[str], *, q: ArrayLike | None = None, profile: object = None
    ) -> Path:
        """Write a page that shows the model and its compiled density side by side: your source,
        the model with its plates, observed and free variables and the terms of the density, the
        graph after each rewrite, the kernels and the generated code. See `Function.explore`.

        q        where the terms of the density are evaluated, a vector of `dim` numbers; by
                 default where all unconstrained coordinates are 0
        profile  seconds of kernels and lines, as `posterior.function.profile(q)` gives them

        Returns the path of the file, one HTML page that needs no network. Raises OSError where it
        cannot be written, ValueError for a `q` of another size or a profile of another function.

            >>> mu = pt.random.normal(0, 5, name="mu")
            >>> y = pt.random.normal(mu, 1.0, name="y")
            >>> import pathlib, tempfile
            >>> page = pathlib.Path(tempfile.mkdtemp(), "density.html")
            >>> pt.condition({y: 1.0}).explore(page).name
            'density.html'
        """
        point = None if q is None else self._point(q)
        model = descriptions.described(self, point)
        return pages.explore(self.function, path, profile=profile, model=model)

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
