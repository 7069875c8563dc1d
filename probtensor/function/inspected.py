"""The methods by which a compiled function is inspected; each calls a tool of `inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from probtensor.calls import public
from probtensor.late import late

if TYPE_CHECKING:
    from probtensor.inspect.numbers.audit import Audit
    from probtensor.inspect.numbers.compare import Comparison
    from probtensor.inspect.numbers.nonfinite import NonFinite
    from probtensor.inspect.numbers.passes import PassComparison
    from probtensor.inspect.profile import Profile
    from probtensor.inspect.trace import Trace
    from probtensor.lower.plan import Plan
    from probtensor.targets.base import Target

checking = late("probtensor.function.numbers.checked")
auditing = late("probtensor.inspect.numbers.audit")
comparing = late("probtensor.inspect.numbers.compare")
passes = late("probtensor.inspect.numbers.passes")
stored = late("probtensor.inspect.numbers.stored")
calls = late("probtensor.function.numbers.given")
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

    def _told(self, args: tuple, work: Callable[[], object]) -> object:
        """What a tool finds; where it fails, and the call itself raises, the error of the call."""
        try:
            return work()
        except Exception:
            if not self.program.updates and self.compilation.key is None:
                self.unchecked(*args)
            raise

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
        function, args = self._fitting(args, kwargs)
        values = function.values_of_call(args)
        if other == "passes":
            return function._told(args, partial(passes.compared, function, values, rtol))
        mine = stored.running(function).name
        target = None if other == "interp" else function.compilation.target_of(other)
        name = "NumPy" if target is None else target.name
        compare = partial(comparing.compared, function, values, (mine, name), target, rtol)
        return function._told(args, compare)

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
