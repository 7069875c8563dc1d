"""The rulesets that passes apply, and the rules by topic."""

from probtensor.rules.arithmetic.algebra import ALGEBRA, LATE
from probtensor.rules.arithmetic.powers import FAST_POWERS, POWERS
from probtensor.rules.arithmetic.products import PRODUCT_FORM
from probtensor.rules.arithmetic.redundant import REDUNDANT
from probtensor.rules.arithmetic.sums import SUMS
from probtensor.rules.hyperbolic import HYPERBOLIC
from probtensor.rules.probability.bessels import BESSELS, LOGS_OF_BESSELS
from probtensor.rules.probability.gammas import GAMMAS
from probtensor.rules.probability.links import LINKS
from probtensor.rules.stabilize import STABILIZE
from probtensor.rules.structure.bands import DIAGONALS, INVERSES_BY_DIAGONALS
from probtensor.rules.structure.blocks import BLOCKS, INVERSES_BY_BLOCKS
from probtensor.rules.structure.choices import CHOICES
from probtensor.rules.structure.joins import JOINS, LATE_JOINS
from probtensor.rules.structure.low_rank import INVERSES as INVERSES_BY_LOW_RANK
from probtensor.rules.structure.low_rank import LOW_RANK, LOW_RANK_OF_EQUAL_SIZES
from probtensor.rules.structure.matrices import INVERSES as INVERSES_BY_FACTORS
from probtensor.rules.structure.matrices import MATRICES
from probtensor.rules.structure.picks import PICKS
from probtensor.rules.structure.shapes import EQUAL_SIZES as SHAPES_OF_EQUAL_SIZES
from probtensor.rules.structure.shapes import SHAPES
from probtensor.rules.structure.totals import TOTALS
from probtensor.transform.rewrite import Ruleset

# What few diagonals, parts and low ranks allow is tried first.
OF_MATRICES = BLOCKS + DIAGONALS + LOW_RANK + MATRICES + TOTALS
INVERSES = (
    INVERSES_BY_BLOCKS + INVERSES_BY_DIAGONALS + INVERSES_BY_LOW_RANK + INVERSES_BY_FACTORS
)
EQUAL_SIZES = SHAPES_OF_EQUAL_SIZES + LOW_RANK_OF_EQUAL_SIZES

TOPICS: dict[str, Ruleset] = {
    "algebra": ALGEBRA + LATE,
    "powers": POWERS + FAST_POWERS,
    "redundant": REDUNDANT,
    "choices": CHOICES,
    "picks": PICKS,
    "products": PRODUCT_FORM,
    "sums": SUMS,
    "shapes": SHAPES + SHAPES_OF_EQUAL_SIZES,
    "joins": JOINS + LATE_JOINS,
    "matrices": OF_MATRICES + LOW_RANK_OF_EQUAL_SIZES + INVERSES,
    "links": LINKS,
    "stabilize": STABILIZE,
    "hyperbolic": HYPERBOLIC,
    "gammas": GAMMAS,
    "bessels": BESSELS + LOGS_OF_BESSELS,
}
SIMPLIFY = (
    ALGEBRA + POWERS + REDUNDANT + CHOICES + PRODUCT_FORM + SUMS + SHAPES + JOINS + OF_MATRICES
)
_STABLE = HYPERBOLIC + LINKS + STABILIZE + GAMMAS + BESSELS + SIMPLIFY
_AFTER = EQUAL_SIZES + LATE + FAST_POWERS + LOGS_OF_BESSELS + LATE_JOINS
_ALL = _STABLE + _AFTER
STABLE = _ALL.part(_STABLE)
# For the passes.
COMPILED = _ALL.part(_STABLE + EQUAL_SIZES)
# For the last pass: its result is not differentiated.
FINAL = _ALL.part(SIMPLIFY + _AFTER)
