"""The lowering of each kind of op, one file per kind.

    base.py         the interface of a kind, `Lowering` and `Task`, and that of the `Writer` it uses
    elementwise.py  one statement per element
    reduction.py    folds
    contraction.py  matrix products, by a routine or as folds of products, and added to a base
    view.py         views, inputs and constants: index expressions
    join.py         concatenation
    scatter.py      updates at computed indices
    core.py         routines on entire buffers
    loop.py         loops in order
    passing.py      a node that is its first input, beside an effect or a check
    branch.py       branches, of which one body runs

To add a kind: one file here, and an entry in `KINDS`.
"""

from collections.abc import Callable
from functools import cache

from probtensor.graph.node import Op
from probtensor.kernel.ir import Expr
from probtensor.lower.kinds.base import Access, Lowering, Task
from probtensor.lower.kinds.branch import BranchLowering, ChoiceLowering
from probtensor.lower.kinds.contraction import AccumulationLowering, ContractionLowering
from probtensor.lower.kinds.core import CoreLowering, PartLowering
from probtensor.lower.kinds.elementwise import ElementwiseLowering, MaskLowering
from probtensor.lower.kinds.join import JoinLowering
from probtensor.lower.kinds.loop import LoopLowering
from probtensor.lower.kinds.passing import PassingLowering
from probtensor.lower.kinds.reduction import ReductionLowering
from probtensor.lower.kinds.scatter import ScatterLowering
from probtensor.lower.kinds.view import LeafLowering, ViewLowering

__all__ = ["KINDS", "Access", "Lowering", "Task", "inliner", "lowering"]

KINDS = (
    MaskLowering(),
    ElementwiseLowering(),
    ViewLowering(),
    LeafLowering(),
    ReductionLowering(),
    ContractionLowering(),
    AccumulationLowering(),
    ScatterLowering(),
    JoinLowering(),
    CoreLowering(),
    LoopLowering(),
    ChoiceLowering(),
    BranchLowering(),
    PartLowering(),
    PassingLowering(),
)


def lowering(op: Op) -> Lowering:
    """The lowering of an op; TypeError if its kind has none."""
    return _lowering_of(type(op))


@cache
def inliner(cls: type[Op]) -> Callable[..., Expr | None] | None:
    """`Lowering.inline` of an op's class; None where a task computes all of its nodes."""
    found = _lowering_of(cls)
    return None if type(found).inline is Lowering.inline else found.inline


@cache
def _lowering_of(cls: type[Op]) -> Lowering:
    for kind in KINDS:
        if issubclass(cls, kind.kind):
            return kind
    raise TypeError(f"no lowering for the op {cls.name} of kind {cls.__mro__[1].__name__}")
