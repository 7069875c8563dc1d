"""The kinds of op. A kind defines what follows from structure; an op only its mathematics.

    Elementwise   out[i] = f(x[i], y[i], ...) with broadcasting; inputs promoted to one dtype
    Reduction     out[o] = combine over the reduced axes of x[o, r]
    View          out[i] = x[map(i)]: reshape, transpose, slices, gathers, arange
    Join          inputs concatenated along an axis (not a View: each input is computed directly
                  into its part of the output)
    Scatter       a copy of a base with updates written or added at computed indices
    Contraction   out[o] = sum over r of x[..] * y[..]: every matrix product, by subscripts
    Accumulation  a Contraction that is a product of matrices, scaled and added to a base
    Core          a routine on the last axes, batched over the others: factorisations, solves
    Loop          a body, a closed graph, applied step by step to what it carries
    Choice        results of one of several alternatives; what only the others need is not computed
    Branch        the same, with the alternatives as bodies: the form in which it is compiled
    Passing       out = x: other inputs are computed for its sake, and shown, or checked
    Composite     a name for a graph of other ops, into which it expands after differentiation
    Random        a random variable, which is replaced by a draw
    DrawKey       the key of that draw, for its derivatives

Type inference, promotion, lowering and batching follow from the kind. An op adds: `numpy`, its
meaning on arrays; `vjp`, its derivative; a C name; `samples`, the inputs it is tested on; and if
that of its kind is not enough, `requires`, the size law that calls are checked against.
"""

from probtensor.ops.elementwise.values import Needed, Pole
from probtensor.ops.kinds.base import (
    NONNEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    REAL,
    REGISTRY,
    UNIT,
    Derivatives,
    Facts,
    Kind,
    Range,
    method,
    op,
    operator,
)
from probtensor.ops.kinds.batch import Batch, item_numbers, shifted
from probtensor.ops.kinds.branch import Branch, Choice, chosen, opened
from probtensor.ops.kinds.contraction import Accumulation, Contraction
from probtensor.ops.kinds.core import Core
from probtensor.ops.kinds.elementwise import Elementwise, Masking, joint_shape
from probtensor.ops.kinds.function import WIDER, Function, Signature, as_tensor_of, weak_operand
from probtensor.ops.kinds.join import Join
from probtensor.ops.kinds.loop import Loop
from probtensor.ops.kinds.placeholders import (
    Composite,
    DrawKey,
    Limitable,
    Observing,
    Passing,
    Random,
    Requiring,
    bound_to_steps,
    has_effect,
    has_limitable,
    limited,
    limited_where_taken,
    random_nodes,
)
from probtensor.ops.kinds.reduction import Reduction
from probtensor.ops.kinds.scatter import Scatter, gathered_shape
from probtensor.ops.kinds.view import View

__all__ = [
    "NONNEGATIVE",
    "OPEN_UNIT",
    "POSITIVE",
    "REAL",
    "REGISTRY",
    "UNIT",
    "WIDER",
    "Accumulation",
    "Batch",
    "Branch",
    "Choice",
    "Composite",
    "Contraction",
    "Core",
    "Derivatives",
    "DrawKey",
    "Elementwise",
    "Facts",
    "Function",
    "Join",
    "Kind",
    "Limitable",
    "Loop",
    "Masking",
    "Needed",
    "Observing",
    "Passing",
    "Pole",
    "Random",
    "Range",
    "Reduction",
    "Requiring",
    "Scatter",
    "Signature",
    "View",
    "as_tensor_of",
    "bound_to_steps",
    "chosen",
    "gathered_shape",
    "has_effect",
    "has_limitable",
    "item_numbers",
    "joint_shape",
    "limited",
    "limited_where_taken",
    "method",
    "op",
    "opened",
    "operator",
    "random_nodes",
    "shifted",
    "weak_operand",
]
