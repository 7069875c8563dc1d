"""The methods by which a compiled function is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.profile import Profile
    from probtensor.inspect.profile.compiling import CompileProfile

compilations = late("probtensor.inspect.profile.compiling")
profiles = late("probtensor.inspect.profile")
stages = late("probtensor.inspect.stages")


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

    @public
    def profile(self, *args: ArrayLike, n: int | None = None, **kwargs: ArrayLike) -> Profile:
        """Where the time of calls with these arguments goes: by line of the user, op, kernel and
        loop, in the code that runs, with fused loops divided among the lines in them.

        Returns a `Profile`: print it, read `lines`, `ops`, `rows` (kernels) and `loops`, all with
        `seconds` a run and `share` of the plan, and `memory`, `tips` and `timings`; `save(path)`
        writes speedscope, Chrome's trace format or HTML. `n` is the number of runs that are timed,
        by default as many as take about half a second. Shared variables keep their values. The
        function's code is not changed: its program counter is sampled (docs/debugging.md says how).

        TypeError for a function that runs in several stages, since data decide its sizes, and for a
        target that has no kernels to time; TypeError and ValueError of a call.

            >>> x = pt.vector("x")
            >>> f = pt.function([x], pt.sum(pt.exp(x)))
            >>> found = f.profile(np.ones(10), n=2)
            >>> len(found.rows), round(sum(row.share for row in found.rows), 6)
            (1, 1.0)
        """
        args = self.arrange(args, kwargs)
        try:
            return profiles.profile(self, args, n)
        except ValueError as error:
            function, _ = self._chosen_for(args, error)
        return profiles.profile(function, args, n)

    @public
    def profile_compilation(self) -> CompileProfile:
        """Where the time of making the function went: `stages`, `passes` and `rules`, each with
        seconds; print it. The passes are run again for it, with a clock at each rule.

            >>> x = pt.vector("x")
            >>> found = pt.function([x], pt.log(pt.exp(x))).profile_compilation()
            >>> any(row.fired for row in found.rules)
            True
        """
        return compilations.compile_profile(self)
