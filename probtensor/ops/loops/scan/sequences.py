"""The arguments of `pt.scan` that a step reads and does not change: sequences, and their taps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.graph.symbolic import refusal
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.indexing.slicing import Slice
from probtensor.ops.reductions.folds import one_integer
from probtensor.types import Size, SizeCheck, never_negative


def listed(value: object) -> list[object]:
    """An argument of `pt.scan` as a list: what is none is the only one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def fields_of(entry: Mapping, what: str, allowed: Sequence[str]) -> Mapping:
    """A dict among the arguments; GraphError for a key that has no meaning."""
    unknown = [key for key in entry if key not in allowed]
    if unknown:
        raise refusal(f"scan: {what} has the key {unknown[0]!r:.60}, it may have "
                      f"{', '.join(allowed)}", kind=GraphError)  # fmt: skip
    return entry


def listed_taps(taps: object, what: str) -> tuple[int, ...]:
    """Taps as integers."""
    found = tuple(one_integer(tap, f"scan: a tap of {what}", tensors=False) for tap in listed(taps))
    if len(set(found)) < len(found):
        raise refusal(f"scan: {what} has the same tap twice, {found}", kind=GraphError)
    return found


def tap_text(tap: int) -> str:
    """The place of an element that a step reads: t, t-1, t+2."""
    return f"t{tap:+d}" if tap else "t"


@dataclass(frozen=True)
class Tapped:
    """A sequence, and the places that a step t reads: element t + tap for each tap, counted such
    that the first step reads no element before the first one."""

    sequence: Node
    taps: tuple[int, ...]

    @staticmethod
    def of(entry: object, k: int) -> Tapped:
        """An entry of `sequences`: a tensor, or a dict with `input` and `taps`."""
        taps = (0,)
        if isinstance(entry, Mapping):
            what = f"sequence {k}"
            entry = fields_of(entry, what, ("input", "taps"))
            if entry.get("input") is None:
                raise refusal(f"scan: {what} has no input=", kind=GraphError)
            taps = listed_taps(entry.get("taps"), what) or taps
            entry = entry["input"]
        sequence = as_tensor(entry)
        if not sequence.ndim:
            raise refusal(f"scan: sequence {k}, {sequence.described}, is a scalar: it has no "
                          "elements", "give what does not change from step to step as "
                          "non_sequences", kind=GraphError)  # fmt: skip
        return Tapped(sequence, taps)

    @property
    def lead(self) -> int:
        """The number of elements before the one that the first step calls t."""
        return -min(0, *self.taps)

    @property
    def length(self) -> Size:
        """The number of steps that the sequence has elements for."""
        return self.sequence.shape[0] - self.lead - max(0, *self.taps)

    def texts(self) -> list[str]:
        """What a step is given, for messages."""
        return [f"{self.sequence.described}[{tap_text(tap)}]" for tap in self.taps]

    def read(self, steps: Size, backwards: bool) -> list[Node]:
        """For each tap the elements that `steps` steps read, in their order."""
        x, length = self.sequence, self.length
        more = self.sequence.shape[0] - length
        for_taps = f" ({more} of them for its taps)" if more else ""
        text = (f"{x.described} has ", x.shape[0], f" elements{for_taps}, too few for ", steps,
                " steps")  # fmt: skip
        x = asked_for(x, "scan", SizeCheck(steps, "<=", length, text))
        others = tuple(range(1, x.ndim))
        found = []
        for tap in self.taps:
            first = tap + self.lead
            start = first + length - 1 if backwards else first
            if not backwards and first == 0 and steps == x.shape[0]:
                found.append(x)
                continue
            strides = (-1 if backwards else 1, *(1 for _ in others))
            sizes = (steps, *(x.shape[a] for a in others))
            found.append(make(Slice((start, *(0 for _ in others)), strides, sizes), (x,)))
        return found


def check_lengths(sequences: Iterable[Tapped], steps: Size) -> None:
    """GraphError for sequences that certainly have too few elements."""
    for tapped in sequences:
        length, x = tapped.length, tapped.sequence
        if any(never_negative(n - 1 - length) for n in (steps, 0)):
            more = x.shape[0] - length
            taken = f", {more} of them for its taps" if more else ""
            raise GraphError(
                f"scan: {x.described} has {x.shape[0]} elements{taken}: too few for {steps} steps"
                f"\n  at {line_text()}\n  {x.birthplace}\n"
                "  give a longer sequence, or fewer steps by n_steps="
            )
