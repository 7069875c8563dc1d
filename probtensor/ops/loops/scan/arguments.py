"""The arguments of `pt.scan`, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.scan.counts import size_of
from probtensor.ops.loops.scan.recurrences import Recurrence
from probtensor.ops.loops.scan.sequences import Tapped, check_lengths, listed
from probtensor.ops.loops.structured import checked_checkpoint
from probtensor.ops.reductions.folds import flag, one_integer
from probtensor.types import Size, size_min

Outputs = Node | list[Node] | None


@dataclass(frozen=True)
class Arguments:
    """What `pt.scan` is asked for."""

    fn: Callable
    sequences: tuple[Tapped, ...]
    recurrences: tuple[Recurrence, ...] | None  # None: nothing is said of the outputs
    constants: tuple[Node, ...]
    steps: Size
    backwards: bool
    truncate: int | None
    strict: bool
    checkpoint: str | None

    def texts(self) -> list[str]:
        """What a step is given, for messages."""
        parts = (*self.sequences, *(self.recurrences or ()))
        return [text for part in parts for text in part.texts()] + [
            x.described for x in self.constants
        ]

    def names(self) -> list[str]:
        """The names of what a step is given: those of the parameters of `fn`. GraphError where it
        takes another number of arguments."""
        texts = self.texts()
        try:
            signature = inspect.signature(self.fn)
        except (TypeError, ValueError):  # a builtin function
            return texts
        try:
            signature.bind(*texts)
        except TypeError as error:
            given = ", ".join(texts) or "nothing"
            raise refusal(
                f"scan: fn{signature} is given {len(texts)} arguments: {given:.300}",
                f"{error}; the order is taps of sequences, taps of outputs, non_sequences",
                kind=GraphError,
            ) from None
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        named = [p.name for p in signature.parameters.values() if p.kind in kinds]
        return [*named, *texts[len(named) :]][: len(texts)]


def read_arguments(
    fn: Callable,
    sequences: object,
    outputs_info: object,
    non_sequences: object,
    n_steps: object,
    go_backwards: object,
    *,
    truncate: object = -1,
    strict: object = False,
    checkpoint: str | None = None,
) -> Arguments:
    """The arguments of `pt.scan`; GraphError for those that have no meaning."""
    if not callable(fn):
        raise refusal(f"scan: fn is a function of a step, not {fn!r:.60}", kind=GraphError)
    tapped = tuple(Tapped.of(entry, k) for k, entry in enumerate(listed(sequences)))
    steps, backwards = _steps(tapped, n_steps, flag(go_backwards, "scan: go_backwards"))
    recurrences = None
    if outputs_info is not None:
        recurrences = tuple(map_recurrences(listed(outputs_info)))
    return Arguments(
        fn, tapped, recurrences, tuple(as_tensor(x) for x in listed(non_sequences)), steps,
        backwards, _truncation(truncate), flag(strict, "scan: strict"),
        checked_checkpoint("scan", checkpoint),
    )  # fmt: skip


def map_recurrences(entries: Sequence[object]) -> list[Recurrence]:
    """The entries of `outputs_info`."""
    return [Recurrence.of(entry, k) for k, entry in enumerate(entries)]


def _steps(tapped: Sequence[Tapped], n_steps: object, backwards: bool) -> tuple[Size, bool]:
    """The number of steps, and whether sequences are read from their ends."""
    if n_steps is None:
        if not tapped:
            raise refusal("scan: nothing gives the number of steps", "give sequences, or n_steps=",
                          kind=GraphError)  # fmt: skip
        steps = tapped[0].length
        for other in tapped[1:]:
            steps = size_min(steps, other.length)
    else:
        steps = size_of(one_integer(n_steps, "scan: n_steps"))
        if isinstance(steps, int) and steps < 0:
            steps, backwards = -steps, not backwards
    check_lengths(tapped, steps)
    return steps, backwards


def _truncation(truncate: object) -> int | None:
    if truncate is None:
        return None
    found = one_integer(truncate, "scan: truncate_gradient", tensors=False)
    if not isinstance(found, int) or found < -1:
        raise refusal(
            f"scan: truncate_gradient is a number of steps, or -1 for all, not {truncate!r:.60}",
            kind=GraphError,
        )
    return None if found == -1 else found


def one_or_all(outputs: Sequence[Node], return_list: object = False) -> Outputs:
    """The only output, None where there is none, or the list of all."""
    if flag(return_list, "scan: return_list") or len(outputs) > 1:
        return list(outputs)
    return outputs[0] if outputs else None
