"""The methods by which a posterior is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.pictures.picture import Picture

pictures = late("probtensor.prob.modelling.pictures")
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
