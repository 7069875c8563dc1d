"""Rules as data, by topic. Each says what it changes, why, and what it is tested on.

    arithmetic/   identities, constants, casts; powers; products; sums; one division for a loop
    structure/    views of views, repetition after computing; few elements read; choices out of sums
    probability/  logarithms of probabilities by the way these are written, distribution functions,
                  mixtures and products of probabilities, differences of log gammas
    stabilize.py  overflow, underflow, cancellation, in naive code and in its gradients
    sets.py       the rules joined into what passes use
    derivatives.py  derivatives of the stable form of a graph: what users call

The one idea: a rule must be no worse than what it replaces, judged against the exact value. The
soundness test evaluates both sides of every rule over the whole range of floats, subnormals and the
largest numbers together, beside 2,000 bits of precision, and on graphs near its examples. A true
-inf or nan has to stay, what is exact has to stay exact, and a result that is correctly rounded
has to stay so, since a floor or a difference may read it. So a rule that is only almost right
(`log(x * y) -> log x + log y`, `x / s -> x * (1 / s)`) does not pass, and one that only helps speed
has to keep the digits.

SIMPLIFY is what a graph is brought into first, and again after every other change; STABLE adds the
stabilising rules, which need simplified graphs to match, and FINAL what must not be differentiated.
Functions of literals that lose digits stay as they are until FINAL, so that STABLE sees them.
PICKS come after STABLE: log(a - b)[i] has a stable form, and choices of log(a[i] - b[i]) have not.

Rejected: rules hidden in passes (they can be neither listed nor tested alone), a canonical form of
polynomials (it reorders sums, and with them roundings), and fast-math assumptions (nan is data).
"""

from probtensor.rules.arithmetic.reciprocals import divide_once
from probtensor.rules.derivatives import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stabilized,
    value_and_grad,
    vjp,
)
from probtensor.rules.sets import FINAL, SIMPLIFY, STABLE, TOPICS
from probtensor.rules.structure.picks import PICKS

__all__ = [
    "FINAL",
    "PICKS",
    "SIMPLIFY",
    "STABLE",
    "TOPICS",
    "divide_once",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "listing",
    "stabilized",
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
