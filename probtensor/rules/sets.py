"""The rules joined into what passes use."""

from probtensor.rules.algebra import ALGEBRA
from probtensor.rules.links import LINKS
from probtensor.rules.products import PRODUCT_FORM
from probtensor.rules.shapes import SHAPES
from probtensor.rules.stabilize import STABILIZE
from probtensor.rules.sums import SUMS
from probtensor.transform.rewrite import Ruleset

TOPICS: dict[str, Ruleset] = {
    "algebra": ALGEBRA,
    "products": PRODUCT_FORM,
    "sums": SUMS,
    "shapes": SHAPES,
    "links": LINKS,
    "stabilize": STABILIZE,
}
SIMPLIFY = ALGEBRA + PRODUCT_FORM + SUMS + SHAPES
STABLE = LINKS + STABILIZE + SIMPLIFY
