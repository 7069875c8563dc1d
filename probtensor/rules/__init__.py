"""Rewrite rules as data, by topic. Each has two sides, a reason, and a test domain.

    arithmetic/   identities, constants, casts; powers; products; sums; one division for a loop
    structure/    views of views, late broadcasting, reads before what is read, conditions
    probability/  logarithms of probabilities derived from their expressions, distribution
                  functions, mixtures and products of probabilities, differences of log gammas
    stabilize.py  overflow, underflow, cancellation, in naive code and in its gradients
    hyperbolic.py  quotients of exponentials, functions that undo each other
    sets.py       the rulesets that passes apply
    derivatives.py  derivatives of the stable form of a graph: the public functions
    given.py      rules and passes that a user gives
    custom.py     functions with derivatives of the user's own
    sparse.py     Jacobians and Hessians that are mostly zeros

The one idea: the right side of a rule must be at least as accurate as the left side, compared with
the exact value. The soundness test evaluates both sides of every rule over the full range of
floats, subnormals and the largest numbers included, with 2,000 bits of precision as the reference,
and on graphs near its examples. A true -inf or nan must be preserved, an exact result must remain
exact, and a correctly rounded result must remain correctly rounded, since a floor or a difference
may read it. So a rule that is only almost right (`log(x * y) -> log x + log y`, `x / s -> x *
(1 / s)`) is refused, and one that only improves speed must not lose accuracy.

SIMPLIFY is applied first, and again after every other change. STABLE adds the stabilising rules,
whose patterns are written for simplified graphs; FINAL adds rules whose results must not be
differentiated. COMPILED, and FINAL, take sizes for equal that may be broadcast together, as they
are in what is compiled. Functions of literals that lose digits are not folded before FINAL, so
that STABLE can match them. PICKS come after STABLE: log(a - b)[i] has a stable form, log(a[i] -
b[i]) inside a `where` has none.

Rejected: rules hidden in passes (they can be neither listed nor tested alone), a canonical form of
polynomials (it reorders sums, and with them roundings), and fast-math assumptions (nan is data).
"""

from probtensor.rules.arithmetic.reciprocals import divide_once
from probtensor.rules.custom import checkpoint, custom_jvp, custom_vjp
from probtensor.rules.derivatives import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stabilized,
    subgraph_grad,
    value_and_grad,
    vjp,
)
from probtensor.rules.given import rewrite_graph
from probtensor.rules.sets import COMPILED, FINAL, INVERSES, SIMPLIFY, STABLE, TOPICS
from probtensor.rules.sparse import sparse_hessian, sparse_jacobian
from probtensor.rules.structure.accumulate import add_products
from probtensor.rules.structure.factors import factor_once
from probtensor.rules.structure.picks import PICKS
from probtensor.rules.structure.reads import read_parts

__all__ = [
    "COMPILED",
    "FINAL",
    "INVERSES",
    "PICKS",
    "SIMPLIFY",
    "STABLE",
    "TOPICS",
    "add_products",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "divide_once",
    "factor_once",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "listing",
    "read_parts",
    "rewrite_graph",
    "sparse_hessian",
    "sparse_jacobian",
    "stabilized",
    "subgraph_grad",
    "value_and_grad",
    "vjp",
]


def listing() -> str:
    """Every rule, by topic, with its reason, as `make rules` prints it."""
    rows = []
    for topic, rules in TOPICS.items():
        rows.append(f"{topic} ({len(rules)})")
        for rule in rules:
            rows.append(f"    {rule.name}    [{rule.line}]")
            rows.append(f"        {rule.why}")
    return "\n".join(rows) + "\n"
