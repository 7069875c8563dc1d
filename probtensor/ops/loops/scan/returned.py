"""What the function of a step of `pt.scan` returns, taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.graph.node import GraphError, Node, as_tensor, line_of
from probtensor.graph.symbolic import refusal
from probtensor.types import Dim

FORMS = (
    "it returns outputs, a tensor or a list of them; updates, {shared: value}; "
    "pt.until(condition); or a tuple of these"
)


class Until:
    """A condition that ends a loop; see `until`."""

    def __init__(self, condition: Node) -> None:
        self.condition = condition


@public
def until(condition: Node) -> Until:
    """What the function of a step of `pt.scan` returns beside its outputs to end the loop.

    The loop ends after the first step whose `condition`, a bool scalar, is true; the outputs have a
    row for each step that was run, that one included.

    Returns an object for `pt.scan` alone. Raises GraphError, a TypeError, for a condition that is
    no bool scalar.

        >>> def step(x):
        ...     return 2 * x, pt.until(x > 10)
        >>> powers, _ = pt.scan(step, outputs_info=1, n_steps=100)
        >>> powers.eval()
        array([ 2,  4,  8, 16, 32])
    """
    found = as_tensor(condition)
    if found.dtype != "bool" or found.shape:
        raise no_condition("until", found)
    return Until(found)


def no_condition(what: str, found: Node) -> Exception:
    """The error about a condition that is no bool scalar."""
    return refusal(
        f"{what}: the condition is {found.type}, not a bool scalar",
        found.birthplace if found.inputs else "",
        "compare, as in x > 0, and join what several elements give with pt.all or pt.any",
        kind=GraphError,
    )


@dataclass(frozen=True)
class Returned:
    """The outputs of a step, the new values of shared variables, and the condition that ends the
    loop."""

    outputs: list[Node] = field(default_factory=list)
    updates: dict[Node, Node] = field(default_factory=dict)
    stop: Node | None = None

    @property
    def nodes(self) -> list[Node]:
        """All tensors of the step."""
        return [*self.outputs, *self.updates.values(), *([] if self.stop is None else [self.stop])]


def returned(value: object) -> Returned:
    """What a step returned; GraphError where that has no meaning."""
    if value is None:
        return Returned()
    if _are_updates(value) and value:
        return Returned(updates=_updates(value))
    parts = list(value) if isinstance(value, (list, tuple)) else [value]
    stops = [x.condition for x in parts if isinstance(x, Until)]
    updates = [x for x in parts if isinstance(x, Mapping) or _are_updates(x)]
    outputs = [x for x in parts if not isinstance(x, (Until, Mapping)) and not _are_updates(x)]
    if len(stops) > 1 or len(updates) > 1:
        raise refusal(f"scan: fn returns two {'conditions' if len(stops) > 1 else 'updates'}",
                      FORMS, kind=GraphError)  # fmt: skip
    if (stops or updates) and len(outputs) == 1 and isinstance(outputs[0], (list, tuple)):
        outputs = list(outputs[0])
    found = _updates(updates[0]) if updates else {}
    return Returned(_outputs(outputs), found, stops[0] if stops else None)


def _are_updates(value: object) -> bool:
    """Whether a value is a list of pairs (shared variable, new value); so is an empty list."""
    if not isinstance(value, (list, tuple)):
        return False
    return all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and _is_shared(pair[0]) for pair in value
    )


def _is_shared(value: object) -> bool:
    return isinstance(value, Node) and getattr(value.op, "persistent", False)


def _outputs(values: Sequence[object]) -> list[Node]:
    for x in values:
        if x is None or isinstance(x, (str, bytes, Until, Mapping)):
            raise refusal(f"scan: fn returns {x!r:.60} as an output", FORMS, kind=GraphError)
    return [as_tensor(x) for x in values]


def _updates(given: Mapping | Sequence[Sequence]) -> dict[Node, Node]:
    pairs = given.items() if isinstance(given, Mapping) else given
    found: dict[Node, Node] = {}
    for shared, value in pairs:
        if not _is_shared(shared):
            raise refusal(
                f"scan: fn updates {shared!r:.60}, which is no shared variable", FORMS,
                "pt.shared(value) makes one", kind=GraphError,
            )  # fmt: skip
        label = shared.name or "the shared variable"
        if shared in found:
            raise refusal(f"scan: {label} is updated twice in a step", kind=GraphError)
        weak = isinstance(value, (bool, int, float, Dim)) and not hasattr(value, "dtype")
        node = as_tensor(value, shared.dtype) if weak else as_tensor(value)
        if node.dtype != shared.dtype or node.ndim != shared.ndim:
            raise GraphError(
                f"scan: the update of {label} is {node.type}, it must be {shared.dtype} with "
                f"{shared.ndim} axes\n  at {line_of(node)}\n  {label} made at {line_of(shared)}\n"
                f"  .astype({shared.dtype!r}) converts it"
            )
        found[shared] = node
    return found
