"""The methods by which a compiled function is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.profile import Profile
    from probtensor.inspect.trace import Trace

pages = late("probtensor.inspect.explore.page")
profiles = late("probtensor.inspect.profile")
stages = late("probtensor.inspect.stages")
traces = late("probtensor.inspect.trace")


class Inspected:
    """What `Function` inherits to be inspected: texts of its stages, times of its kernels."""

    @property
    def header(self) -> str:
        """The C signature of `address`, and what its two tables hold."""
        return stages.STAGES["header"](self)

    @public
    def explain(self, stage: str = "graph") -> str:
        """A stage of compilation as text. ValueError for any other name than these:

        graph     the graph as it was given
        passes    the rewrites of each pass, and the graph after all passes
        groups    the nodes of each fused loop, and which of them are materialised
        kernels   the loops of each kernel
        schedule  the loops as the target runs them: vector strips on a CPU, launches on a GPU
        plan      buffers, sizes, checks and the order of kernels
        source    the generated text
        header    the C signature of `address`
        tier      which code runs now, and what is known of native code
        """
        if stage not in stages.STAGES:
            raise ValueError(f"explain: {stage!r} is none of {', '.join(stages.STAGES)}")
        return stages.STAGES[stage](self)

    def profile(self, *args: ArrayLike, n: int | None = None, **kwargs: ArrayLike) -> Profile:
        """Seconds a call of each kernel for these arguments, over n calls (or about half a second
        in all). Print it, or read its rows. Needs the cython target."""
        args = self.arrange(args, kwargs)
        try:
            return profiles.profile(self, args, n)
        except ValueError as error:
            function, _ = self._chosen_for(args, error)
        return profiles.profile(function, args, n)

    @public
    def trace(self) -> Trace:
        """Every rewrite that compilation made, in order, to be stepped through: iterate over the
        steps, or ask for `step(k)` and for the graph after k steps, `graph(k)`. The graph goes
        through all passes once more for this; nothing is recorded when a function is compiled.

        Returns a `Trace`, whose text has a line for each step.

            >>> x = pt.scalar("x")
            >>> print(pt.function([x], pt.log(pt.exp(x))).trace().step(0).rule)
            log(exp(x)) -> x
        """
        return traces.record(self)

    @public
    def explore(
        self,
        path: str | os.PathLike[str],
        *,
        args: Sequence[ArrayLike] | Mapping[str, ArrayLike] | None = None,
        profile: object = None,
    ) -> Path:
        """Write a page that shows this function side by side: your source, the graph after each
        pass and each rewrite with its reason, the kernels, and the generated code. Pointing at one
        highlights the same thing in the others; time, operations, traffic and memory colour all.

        path     where the page is written, one HTML file that needs neither network nor server
        args     arguments of a call, in order or by name, of which only the shapes matter: costs
                 are counted for them. Sizes that are not known without them are taken as 100
        profile  seconds to colour by: what `profile(...)` returns, or a mapping from names of
                 kernels ("k0") and from lines ("file.py:12") to seconds

        Returns the path of the file. Raises OSError where it cannot be written, TypeError or
        ValueError for arguments that do not fit, or a profile of another function.

            >>> import pathlib, tempfile
            >>> x = pt.vector("x")
            >>> f = pt.function([x], pt.sum(pt.exp(x)))
            >>> page = pathlib.Path(tempfile.mkdtemp(), "f.html")
            >>> f.explore(page, args=([1.0, 2.0],)).name
            'f.html'
        """
        if args is not None:
            given = ((), args) if isinstance(args, Mapping) else (tuple(args), {})
            args = self.arrange(*given)
        return pages.explore(self, path, args=args, profile=profile)
