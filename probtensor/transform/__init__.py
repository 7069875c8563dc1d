"""Graph to graph: derivatives, batching, rewriting, and passes.

    facts.py     facts about values: bounds, integral, finite; one table, keyed by node
    autodiff.py  reverse and forward mode; reads `op.vjp` (public functions: rules.derivatives)
    batch.py     vmap, by the kind of each op
    draws.py     random variables as draws under a key
    pattern.py   graphs over variables: matching and instantiation
    chain.py     products and sums as lists of their operands
    ruleset.py   rules as data, and which of a set fit a form of nodes
    rewrite.py   how rules are written, and the driver that applies them to a fixed point
    recording.py what rules changed, node by node, where someone asks for it
    passes.py    a pass, and what surrounds passes: order, timing, verification, logs
    bodies.py    bodies of ops, to which every pass applies; what is known of their parameters
    branches.py  choices as branches, which compute one alternative, and back
    cotangents/  cotangents where slopes are infinite, masked cotangents, those of mixtures
    jacobians/   all products of a Jacobian together; sparse ones by colouring
    linalg/      facts about matrices
    loops/       loops that do less: unused, equal and invariant parts, merging

The one idea: a transformation is a function from nodes to nodes that makes new nodes and does not
modify existing ones. So derivatives compose to any order, a batch of a derivative is the derivative
of a batch, results of a rewrite are cached by node, and no step needs a copy. Every loop here is
iterative and linear in the number of nodes.

Rejected: a tape (it records the order of one run; a graph can be simplified before it runs),
separate forward-mode rules for each op (a second derivative rule for every op, which could disagree
with the first: the Jacobian of an elementwise op is diagonal, linear ops apply to tangents
directly, and the rest is reverse mode applied twice), and rewriting by priority numbers (see
`Ruleset`: the order is that of a list).
"""

from probtensor.transform.autodiff import gradient, pull_back, push_forward
from probtensor.transform.batch import vmap
from probtensor.transform.facts import FactTable
from probtensor.transform.jacobians import stacked_jacobian
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
