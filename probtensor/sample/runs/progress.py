"""The progress display, which reads the counters that chains keep anyway.

Bars are drawn by Rich, which supports terminals, notebooks and several live bars at once. A run of
less than half a second, or one whose output is not a terminal, prints one line instead, and Rich is
not imported. Everything goes to standard error; if that is closed or broken nothing is shown, and
no draws are lost. An exception of a user's callback ends the run.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from cython_ext.samplers.chain import Progress
from probtensor.dataclass import dataclass
from probtensor.process import importing
from probtensor.sample.runs.interrupts import Interrupts

BARS_AFTER_SECONDS = 0.5
MOST_BARS = 16


@dataclass(frozen=True)
class ChainState:
    """The progress of one chain: iterations done and requested, including the warm-up."""

    chain: int
    done: int
    total: int
    tune: int
    divergences: int
    step_size: float
    gradients: int
    gradients_per_second: float


Callback = Callable[[Sequence[ChainState]], None]


class Watcher:
    """Reads the chains' counters and shows them.

    `show` is False for silence, True for bars or a closing line, or a function that is called with
    one ChainState per chain about ten times a second and once at the end.
    """

    def __init__(
        self, progresses: Sequence[Progress], tune: int, total: int, show: bool | Callback
    ) -> None:
        self.progresses = progresses
        self.tune = tune
        self.total = total
        self.callback = show if callable(show) else None
        self.visible = show is True
        self.began = time.perf_counter()
        self.first_seen: dict[int, float] = {}
        self.last_seen: dict[int, float] = {}
        self.asked = False
        self.bars: Bars | None = None

    def states(self) -> list[ChainState]:
        """One state per chain, now."""
        return [self._state(chain, progress) for chain, progress in enumerate(self.progresses)]

    def _state(self, chain: int, progress: Progress) -> ChainState:
        done, gradients = progress.draws, progress.gradients
        now = time.perf_counter()
        if done == self.total:
            now = self.last_seen.setdefault(chain, now)
        since = self.first_seen.setdefault(chain, now) if gradients else now
        return ChainState(
            chain=chain,
            done=done,
            total=self.total,
            tune=self.tune,
            divergences=progress.divergences,
            step_size=progress.step_size,
            gradients=gradients,
            gradients_per_second=gradients / (now - since) if now > since else 0.0,
        )

    @contextlib.contextmanager
    def open(self, interrupts: Interrupts) -> Iterator[None]:
        """Context of a run: shows the final state, unless an exception ends it; closes the bars."""
        try:
            yield
            try:
                self.close()
            except KeyboardInterrupt:
                if interrupts.press():
                    raise
        finally:
            bars, self.bars = self.bars, None
            if bars is not None:
                with contextlib.suppress(Exception):
                    bars.close()

    def update(self) -> None:
        """Show the current state."""
        if self.callback is not None:
            self.callback(self.states())
        elif self.visible:
            self._safely(self._show)

    def close(self) -> None:
        """Show the final state: full bars, or one line."""
        if self.callback is not None:
            self.callback(self.states())
        elif self.visible:
            self._safely(self._show_end)

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            self.visible = False

    def _show(self) -> None:
        if self.bars is not None:
            self.bars.show(self.states())
        elif not self.asked and self._seconds() > BARS_AFTER_SECONDS:
            self.asked = True
            self.bars = new_bars(self.states())

    def _show_end(self) -> None:
        if self.bars is not None:
            self.bars.show(self.states())
        elif sys.stderr is not None:
            print(closing_line(self.states(), self._seconds()), file=sys.stderr, flush=True)

    def _seconds(self) -> float:
        return time.perf_counter() - self.began


def closing_line(states: Sequence[ChainState], seconds: float) -> str:
    """A summary of a run in one line."""
    done = sum(state.done for state in states)
    divergences = sum(state.divergences for state in states)
    gradients = sum(state.gradients for state in states)
    return (
        f"sampled {len(states)} chain{'s' * (len(states) != 1)} of {states[0].tune} + "
        f"{states[0].total - states[0].tune} iterations in {seconds:.2f} s: {done} iterations, "
        f"{gradients} gradients, {divergences} divergences"
    )


def combined_state(states: Sequence[ChainState]) -> ChainState:
    """The state of all chains together: sums, and means of step sizes and iterations."""
    return ChainState(
        chain=len(states),
        done=sum(state.done for state in states) // len(states),
        total=states[0].total,
        tune=states[0].tune,
        divergences=sum(state.divergences for state in states),
        step_size=sum(state.step_size for state in states) / len(states),
        gradients=sum(state.gradients for state in states),
        gradients_per_second=sum(state.gradients_per_second for state in states),
    )


class Bars:
    """One live bar per chain, or one for all beyond MOST_BARS chains."""

    def __init__(self, console: object, states: Sequence[ChainState]) -> None:
        with importing():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[divergences]} divergences"),
            TextColumn("step {task.fields[step_size]:.3g}"),
            TextColumn("{task.fields[speed]:,.0f} grads/s"),
            Remaining(),
            console=console,
            auto_refresh=False,
        )
        self.tasks = [
            self.progress.add_task(name, total=state.total, **_fields(state))
            for name, state in bar_rows(states)
        ]
        self.progress.start()

    def show(self, states: Sequence[ChainState]) -> None:
        """Redraw."""
        for task, (name, state) in zip(self.tasks, bar_rows(states), strict=True):
            name += " warm-up" if state.done < state.tune else ""
            self.progress.update(task, completed=state.done, description=name, **_fields(state))
        self.progress.refresh()

    def close(self) -> None:
        """Stop redrawing; the bars stay visible."""
        self.progress.stop()


def bar_rows(states: Sequence[ChainState]) -> list[tuple[str, ChainState]]:
    """(name, state) of each bar."""
    if len(states) > MOST_BARS:
        return [(f"{len(states)} chains", combined_state(states))]
    return [(f"chain {state.chain}", state) for state in states]


def _fields(state: ChainState) -> dict[str, float]:
    return {
        "divergences": state.divergences,
        "step_size": state.step_size,
        "speed": state.gradients_per_second,
    }


def new_bars(states: Sequence[ChainState]) -> Bars | None:
    """Bars, or None without Rich or if standard error is neither a terminal nor a notebook."""
    try:
        with importing():
            from rich.console import Console
    except ImportError:
        return None
    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        return None
    return Bars(console, states)
