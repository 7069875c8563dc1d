"""The methods by which a posterior is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.profile.rows import Profile

costs = late("probtensor.prob.density.costs")


class Inspected:
    """What `Posterior` inherits to be inspected: where the time of its density goes."""

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
