"""What a step of `pt.scan` reads of the results of earlier steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.scan.sequences import fields_of, listed_taps, tap_text
from probtensor.ops.loops.trace import check_same_type

# The longest memory of which each value is a carry of its own.
MOST_REGISTERS = 16


@dataclass(frozen=True)
class Recurrence:
    """An output and its values before the first step: the oldest first, or None where a step reads
    none. `taps` says which of them a step reads; -1 is that of the step before."""

    initial: object
    taps: tuple[int, ...]
    label: str

    @staticmethod
    def of(entry: object, k: int) -> Recurrence:
        """An entry of `outputs_info`: None, an initial value, or a dict with `initial` and
        `taps`."""
        what, taps, label = f"output {k}", (-1,), None
        if isinstance(entry, Mapping):
            entry = fields_of(entry, what, ("initial", "taps", "inplace", "name"))
            taps = listed_taps(entry["taps"], what) if "taps" in entry else taps
            label, entry = entry.get("name"), entry.get("initial")
        if entry is None:
            return Recurrence(None, (), label or what)
        late = [tap for tap in taps if tap >= 0]
        if late:
            raise refusal(
                f"scan: {what} has the tap {late[0]}, but a step reads only results of steps "
                "before it",
                "taps of outputs are negative: -1 is that of the step before",
                kind=GraphError,
            )
        found = Recurrence(entry, taps, label or getattr(entry, "name", None) or what)
        if taps and found.depth > 1:
            found.check_rows()
        return found

    @property
    def depth(self) -> int:
        """The number of values that a step may read."""
        return -min(self.taps, default=0)

    @property
    def in_registers(self) -> bool:
        """Whether each of the values is a carry; else they are the rows of one."""
        return self.depth <= MOST_REGISTERS

    @property
    def carries(self) -> int:
        """The number of carries."""
        return (self.depth if self.in_registers else 1) if self.taps else 0

    def check_rows(self) -> None:
        """GraphError unless the initial value has a row for each value that the first step may
        read."""
        initial = as_tensor(self.initial)
        rows = initial.shape[0] if initial.ndim else None
        if rows is None or (isinstance(rows, int) and rows < self.depth):
            raise refusal(
                f"scan: {self.label} has taps {list(self.taps)}, so its initial value has "
                f"{self.depth} values along axis 0, not the shape {initial.type.shape}",
                initial.birthplace if initial.inputs or initial.name else "",
                "they are those of the steps before the first one, the oldest first",
                kind=GraphError,
            )

    def initial_carries(self) -> list[object]:
        """The carries before the first step; numbers of Python stay such."""
        if not self.taps or self.depth == 1:
            return [self.initial] * len(self.taps)
        value = self.initial
        if self.in_registers:
            value = value if isinstance(value, (list, tuple)) else as_tensor(value)
            return [value[k] for k in range(self.depth)]
        if isinstance(value, (list, tuple)):
            return [value[: self.depth]]
        return [as_tensor(value)[: self.depth]]

    def texts(self) -> list[str]:
        """What a step is given, for messages."""
        return [f"{self.label}[{tap_text(tap)}]" for tap in self.taps]

    def read(self, carries: Sequence[Node]) -> list[Node]:
        """What a step is given, of its carries."""
        values = carries if self.in_registers else carries[0]
        return [values[self.depth + tap] for tap in self.taps]

    def following(self, carries: Sequence[Node], value: Node) -> list[Node]:
        """The carries after a step with this value."""
        if not self.taps:
            return []
        if self.in_registers:
            return [*carries[1:], value]
        rows = carries[0]
        self.check(ops.astype(rows[0], value.dtype), value)
        return [ops.concatenate([rows[1:], ops.expand_dims(value, 0)])]

    def check(self, before: Node, value: Node) -> None:
        """GraphError unless the value has the type of that of the step before."""
        way_out = "start it with that type, or convert it in the step"
        if value.ndim > before.ndim:
            way_out = "start it with that shape, as in pt.zeros(shape)"
        elif value.dtype != before.dtype:
            way_out = f"start it as {value.dtype}, or convert it in the step by .astype"
        check_same_type(f"scan: {self.label}", value, before.type, way_out)
