"""The methods by which a compiled function is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late
from probtensor.ops.values.effects import quiet

if TYPE_CHECKING:
    from probtensor.inspect.numbers.audit import Audit
    from probtensor.inspect.numbers.compare import Comparison
    from probtensor.inspect.numbers.nonfinite import NonFinite
    from probtensor.inspect.numbers.passes import PassComparison
    from probtensor.inspect.profile import Profile
    from probtensor.inspect.profile.compiling import CompileProfile
    from probtensor.inspect.reports.dump import Dump
    from probtensor.inspect.reports.report import Report
    from probtensor.inspect.trace import Trace
    from probtensor.lower.plan import Plan
    from probtensor.targets.base import Target

pages = late("probtensor.inspect.explore.page")
compilations = late("probtensor.inspect.profile.compiling")
checking = late("probtensor.function.numbers.checked")
auditing = late("probtensor.inspect.numbers.audit")
comparing = late("probtensor.inspect.numbers.compare")
passes = late("probtensor.inspect.numbers.passes")
stored = late("probtensor.inspect.numbers.stored")
calls = late("probtensor.function.numbers.given")
dumps = late("probtensor.inspect.reports.dump")
profiles = late("probtensor.inspect.profile")
reports = late("probtensor.inspect.reports.report")
stages = late("probtensor.inspect.stages")
traces = late("probtensor.inspect.trace")
trees = late("probtensor.inspect.texts.tree")


def with_its_lines(method: Callable) -> Callable:
    """A method of a function during which nodes have the lines that they had when it was compiled:
    the same expression may have been written elsewhere since."""

    @wraps(method)
    def call(self: Inspected, *args: object, **kwargs: object) -> object:
        compilation = getattr(self, "compilation", None)
        with compilation.lines() if compilation else nullcontext():
            return method(self, *args, **kwargs)

    return call


class Inspected:
    """What `Function` inherits to be inspected: texts of its stages, times of its kernels."""

    @property
    def header(self) -> str:
        """The C signature of `address`, and what its two tables hold."""
        return stages.STAGES["header"](self)

    @with_its_lines
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

    @with_its_lines
    @public
    def profile(self, *args: ArrayLike, n: int | None = None, **kwargs: ArrayLike) -> Profile:
        """Where the time of calls with these arguments goes: by line of the user, op, kernel and
        loop, in the code that runs, with fused loops divided among the lines in them.

        Returns a `Profile`: print it, read `lines`, `ops`, `rows` (kernels) and `loops`, all with
        `seconds` a run and `share` of the plan, and `memory`, `tips` and `timings`; `save(path)`
        writes speedscope, Chrome's trace format or HTML. `n` is the number of runs that are timed,
        by default as many as take about half a second. Shared variables keep their values. The
        function's code is not changed: its program counter is sampled (docs/debugging.md says how).

        TypeError for a target that has no kernels to time, and what a call raises. Effects
        (`pt.debug.print`, `callback`, `breakpoint`) do not happen.

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

    # Numbers.

    def values_of_call(self, args: tuple) -> list[np.ndarray]:
        """The arrays of the plan's inputs in a call with these arguments, in order."""
        return calls.values_of_call(self, args, calls.state_of(self))

    def plan_runner(
        self, plan: Plan, target: Target
    ) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
        """A plan, built for a target, as a function from the arrays of its inputs to those of its
        outputs."""
        return calls.plan_runner(self, plan, target)

    def _fitting(self, args: tuple, kwargs: Mapping[str, ArrayLike]) -> tuple[Inspected, tuple]:
        """The function that a call with these arguments runs, which is another one where axes are
        broadcast, and all arguments in order."""
        args = self.arrange(args, kwargs)
        try:
            calls.require_sizes(self, args)
        except ValueError as error:
            return self._chosen_for(args, error)[0], args
        return self, args

    @quiet()
    def _told(self, args: tuple, work: Callable[[], object]) -> object:
        """What a tool finds; where it fails, and the call itself raises, the error of the call."""
        try:
            return work()
        except Exception:
            if not self.program.updates and self.compilation.key is None:
                self.unchecked(*args)
            raise

    @with_its_lines
    @public
    def find_nan(
        self, *args: ArrayLike, kind: str = "nan", **kwargs: ArrayLike
    ) -> NonFinite | None:
        """Where the first NaN among the results of a call comes from.

        args, kwargs  as in a call
        kind          "nan"; "inf" for infinities, too; "big" for those and numbers beyond 1e10

        The call is computed again node by node, loops step by step, and the wrong element is traced
        back to the operation that made it of good ones: its line, its expression, the values of its
        operands at that element, the step of a loop, and the way out where it is known. A NaN that
        reaches no result, as one that `pt.where` does not select, is not reported. Draws are those
        of the next call.

        Returns a `NonFinite`, which prints as text, or None where no result is wrong.
        Raises ValueError for another `kind`, and what the call itself raises for its arguments.

            >>> x = pt.vector("x")
            >>> f = pt.function([x], pt.sum(pt.log(x)))
            >>> f.find_nan([1.0, -2.0]).reason
            'log of a negative number'
        """
        checking.checked_kind(kind, "find_nan: kind")
        function, args = self._fitting(args, kwargs)
        return function._told(args, partial(checking.find, function, args, kind))

    @with_its_lines
    @public
    def compare(
        self, other: str | Target, *args: ArrayLike, rtol: float | None = None, **kwargs: ArrayLike
    ) -> Comparison | PassComparison:
        """This function against another target, node by node, on the arguments of one call; or the
        graph before and after each pass of compilation.

        other         "interp" for the NumPy meaning of each operation; "cython", "machine", "cuda"
                      or a target; or "passes"
        args, kwargs  as in a call
        rtol          how far values may differ, relative to their size or to that of the terms that
                      they are sums of; by default 1e-9 in float64, 1e-4 in float32

        Every tensor of the graph is stored, on both targets, which compiles the same loops once
        more with these stores. A tensor that differs is blamed only if it is not what its operation
        gives for its own operands, and so is the first operation in a step of a loop.

        With "passes", a pass is blamed whose result is further from the exact value (that of longer
        precision) than what it was given, with the rule of it that is at fault.

        Returns a `Comparison` (`first` is the first wrong operation, `lines` the largest difference
        of each of your lines), or a `PassComparison`; both print as text and are `equal` or not.
        Raises BuildError where the other target cannot build, ValueError for another name.

            >>> x = pt.vector("x")
            >>> f = pt.function([x], pt.sum(pt.exp(x)))
            >>> f.compare("interp", [1.0, 2.0]).equal
            True
        """
        rtol = comparing.tolerance(rtol)
        function, args = self._fitting(args, kwargs)
        values = function.values_of_call(args)
        if other == "passes":
            return function._told(args, partial(passes.compared, function, values, rtol))
        mine = stored.running(function).name
        target = None if other == "interp" else function.compilation.target_of(other)
        name = "NumPy" if target is None else target.name
        compare = partial(comparing.compared, function, values, (mine, name), target, rtol)
        return function._told(args, compare)

    @with_its_lines
    @public
    def audit(self, *args: ArrayLike, **kwargs: ArrayLike) -> Audit:
        """The digits that each of your lines loses, on the arguments of one call.

        args, kwargs  as in a call

        The graph is computed again beside a shadow in longer precision: 50 digits with mpmath where
        that is installed and the arrays are small, else NumPy's longdouble. An operation is blamed
        for the digits by which its value is worse than its operands, at the element at which a
        result has lost most, and what to write instead is named where it is known. Both the graph
        as it was written and the compiled one are looked at, so the text also says what the
        compiler has mended.

        Returns an `Audit`, which prints as text; `worst` is the line that costs a result most
        digits, or None.
        Raises ImportError where neither mpmath nor a longer float is there.

            >>> x = pt.scalar("x")
            >>> f = pt.function([x], (x + 0.1) - x)
            >>> round(f.audit(1e10).worst.lost)
            10
        """
        function, args = self._fitting(args, kwargs)
        values = function.values_of_call(args)
        audit = partial(auditing.audited, function, values, checking.labels_of(function))
        return function._told(args, audit)

    @with_its_lines
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

    @with_its_lines
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

    @with_its_lines
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

    @with_its_lines
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

    @with_its_lines
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

    @with_its_lines
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
