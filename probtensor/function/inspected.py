"""The methods by which a compiled function is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.profile import Profile
    from probtensor.inspect.reports.dump import Dump
    from probtensor.inspect.reports.report import Report
    from probtensor.inspect.trace import Trace

dumps = late("probtensor.inspect.reports.dump")
profiles = late("probtensor.inspect.profile")
reports = late("probtensor.inspect.reports.report")
stages = late("probtensor.inspect.stages")
traces = late("probtensor.inspect.trace")
trees = late("probtensor.inspect.texts.tree")


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
        rewrites  every rewrite in order: what became what, by which rule, for which line
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
    def dprint(self, **options: object) -> str | TextIO | None:
        """Print the graph that is computed, after all passes, as a tree; options are those of
        `pt.debugprint`, as `print_storage=True` for kernels and buffers.

            >>> x = pt.scalar("x")
            >>> pt.function([x], pt.log(pt.exp(x) + 1)).dprint(print_rules=True)
            softplus [id A] 0 <- log(1 + exp(x)) -> softplus(x)
             └─ x [id B]
        """
        return trees.debugprint(self, **options)

    @public
    def report(self, *args: ArrayLike, witness: bool = False, **kwargs: ArrayLike) -> Report:
        """What compilation did, by the user's line: each rule that fired, why, how often, and the
        cost (flops, bytes, by a table) of what it replaced and of what it made.

        args, kwargs  arguments as those of a call: with them sizes are known, and costs are those
                      of that call; without, an unknown size counts as 100
        witness       evaluate both sides of every rewrite, on these arguments or on random ones,
                      and report those that changed a value beyond rounding: `judged.first` is the
                      first, with its line, values and ulps

        Returns a `Report`; print it, or read its `rows`, `trace` and `judged`. Raises ValueError
        where no random arguments are found for which the function has finite values.

            >>> x = pt.vector("x")
            >>> report = pt.function([x], pt.log(1 + pt.exp(x))).report(witness=True)
            >>> report.rows[0].rule, report.judged.found
            ('log(1 + exp(x)) -> softplus(x)', ())
        """
        return reports.report(self, args, kwargs, witness)

    @public
    def dump(self, path: str | os.PathLike, *, inputs: object = None) -> Dump:
        """Write a bug report: a zip with the graph, what was made of it, the versions of everything
        and a script that makes the function again; `python bug.zip` runs it.

        path    of the zip
        inputs  arguments, as a tuple, a list or a dict by name, if they may be in it: then bound
                arrays and shared variables are too, and what comes out. Without them there are
                random ones of the same shapes; constants of the graph are always in it

        What cannot be written, as an op of your own that has no text, is told in `notes` and in the
        README of the zip; the rest is there. Returns a `Dump`. Raises ValueError for a path that
        does not end in .zip, and what a call raises for wrong arguments.
        """
        return dumps.dump(self, path, inputs)
