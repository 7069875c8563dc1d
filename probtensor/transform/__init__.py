"""Graph to graph: derivatives, batching, rewriting, and the passes that are made of them.

    facts.py     what is known of values: bounds, whole, finite; one table, keyed by node
    autodiff.py  reverse and forward mode; reads `op.vjp` (rules.derivatives: for users)
    edges.py     cotangents that are zero where a slope is infinite
    layers.py    choices in cotangents, taken off and put back
    mixtures.py  logsumexp of logarithms, by what these are of
    batch.py     vmap; asks the kind of an op
    draws.py     random variables as draws under a key
    pattern.py   graphs over variables: matching and filling in
    chain.py     products and sums as lists of their members
    rewrite.py   rules as data, and the driver that applies them to a fixed point
    passes.py    a pass, and everything around passes: order, timing, verification, logs

The one idea: a transformation is a function from nodes to nodes that makes new nodes and never
touches old ones. So derivatives compose to any order, a batch of a derivative is the derivative of
a batch, a rewrite remembers what each node became by the node itself, and no step needs a copy.
Every loop here is iterative and linear in the nodes it meets.

Rejected: a tape (it fixes one order of one run; a graph can be simplified before it runs), separate
forward-mode rules for each op (a second derivative rule for every op, that can disagree with the
first: the Jacobian of an elementwise op is diagonal, linear ops push as they are, and the rest is
reverse mode twice), and rewriting by priority numbers (see `Ruleset`: order is a list).
"""

from probtensor.transform.autodiff import gradient, pull_back, push_forward, stacked_jacobian
from probtensor.transform.batch import vmap
from probtensor.transform.facts import FactTable
from probtensor.transform.passes import Pass, PassRecord, expand_composites, run
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Rule, Ruleset, apply_rules, rewrite, rule

__all__ = [
    "FactTable",
    "Pass",
    "PassRecord",
    "Rule",
    "Ruleset",
    "apply_rules",
    "expand_composites",
    "gradient",
    "pull_back",
    "push_forward",
    "rewrite",
    "rule",
    "run",
    "stacked_jacobian",
    "var",
    "vmap",
]
