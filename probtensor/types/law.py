"""What must hold of the sizes of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import eq, le, lt

from probtensor.dataclass import dataclass
from probtensor.types.joint import joints, without_joints
from probtensor.types.size import Shape, Size, never_negative, shape_text, size_names, size_value

# Those of broadcasting hold of more sizes than an equality, which is what is compiled for them.
BROADCASTING: dict[str, Callable[[int, int], bool]] = {
    "broadcasts to": lambda a, b: a in (1, b),
    "broadcasts with": lambda a, b: a == b or 1 in (a, b),
}
RELATIONS: dict[str, Callable[[int, int], bool]] = {"==": eq, "<=": le, "<": lt, **BROADCASTING}


@dataclass(frozen=True)
class SizeCheck:
    """`left relation right` must hold for the sizes of a call; otherwise `error` is raised.

    `relation` is a key of `RELATIONS`. `message` is a sequence of texts, and of sizes and shapes
    that are replaced by their values in the call.
    """

    left: Size
    relation: str
    right: Size
    message: tuple[str | Size | Shape, ...]
    error: type[Exception] = ValueError

    @property
    def proved(self) -> bool:
        """Whether the relation holds for all values of the names."""
        if self.relation == "==" or self.relation in BROADCASTING:
            one = self.relation in BROADCASTING and (
                self.left == 1 or (self.relation == "broadcasts with" and self.right == 1)
            )
            return one or self.left == self.right
        return never_negative(self.right - self.left - int(self.relation == "<"))

    def holds(self, names: Mapping[str, int]) -> bool:
        """Whether the relation holds for these values of the names."""
        values = size_value(self.left, names), size_value(self.right, names)
        return RELATIONS[self.relation](*values)

    @property
    def without_broadcasting(self) -> SizeCheck:
        """The check for calls in which sizes that may be broadcast together are equal."""
        law = self
        if self.relation in BROADCASTING:
            law = SizeCheck(self.left, "==", self.right, self.message, self.error)
        return law.map(without_joints) if joints(self.left) or joints(self.right) else law

    def map(self, change: Callable[[Size], Size]) -> SizeCheck:
        """The same check with every size changed."""
        parts = [
            part if isinstance(part, str)
            else tuple(n if isinstance(n, str) else change(n) for n in part)
            if isinstance(part, tuple) else change(part)
            for part in self.message
        ]  # fmt: skip
        return SizeCheck(
            change(self.left), self.relation, change(self.right), tuple(parts), self.error
        )

    def names(self) -> set[str]:
        """The keys of all names in the relation and in the message."""
        parts = [part if isinstance(part, tuple) else (part,) for part in self.message]
        sizes = (self.left, self.right, *(n for part in parts for n in part))
        return {name for size in sizes for name in size_names(size)}

    def verify(self, names: Mapping[str, int]) -> None:
        """Raise `error` unless the relation holds for these values of the names."""
        if not self.holds(names):
            raise self.error("".join(_shown(part, names) for part in self.message))


def _shown(part: str | Size | Shape, names: Mapping[str, int]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        return shape_text([n if isinstance(n, str) else size_value(n, names) for n in part])
    return str(size_value(part, names))
