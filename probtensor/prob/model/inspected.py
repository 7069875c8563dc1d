"""The methods by which a posterior is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.function import Function

descriptions = late("probtensor.prob.modelling.described")
pages = late("probtensor.inspect.explore.page")


class Inspected:
    """What `Posterior` inherits to be inspected."""

    function: Function

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
