"""How the nodes of each kind are computed, a file a kind.

    base.py         what a kind says, `Lowering` and `Task`, and what it may ask, `Writer`
    elementwise.py  a statement an element
    reduction.py    folds
    contraction.py  matrix products, by a routine or as folds of products
    view.py         views, inputs and constants: index expressions
    join.py         pieces laid one after the other
    scatter.py      updates at computed indices
    core.py         routines on whole buffers

To add a kind: one file here, with its place in `KINDS`.
"""

from functools import cache

from probtensor.graph.node import Op
from probtensor.lower.kinds.base import Access, Lowering, Task
from probtensor.lower.kinds.contraction import ContractionLowering
from probtensor.lower.kinds.core import CoreLowering, PartLowering
from probtensor.lower.kinds.elementwise import ElementwiseLowering
from probtensor.lower.kinds.join import JoinLowering
from probtensor.lower.kinds.reduction import ReductionLowering
from probtensor.lower.kinds.scatter import ScatterLowering
from probtensor.lower.kinds.view import LeafLowering, ViewLowering

__all__ = ["KINDS", "Access", "Lowering", "Task", "lowering"]

KINDS = (
    ElementwiseLowering(),
    ViewLowering(),
    LeafLowering(),
    ReductionLowering(),
    ContractionLowering(),
    ScatterLowering(),
    JoinLowering(),
    CoreLowering(),
    PartLowering(),
)


def lowering(op: Op) -> Lowering:
    """How nodes of this op are computed; TypeError for an op of no kind that is lowered."""
    return _lowering_of(type(op))


@cache
def _lowering_of(cls: type[Op]) -> Lowering:
    for kind in KINDS:
        if issubclass(cls, kind.kind):
            return kind
    raise TypeError(f"no lowering for the op {cls.name} of kind {cls.__mro__[1].__name__}")
