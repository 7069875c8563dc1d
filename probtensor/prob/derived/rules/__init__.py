"""The rules, by topic.

    table.py        the table of rules, with their conditions and examples
    families.py     which distribution a function or sum of variables is
    elementwise.py  monotone functions: the change of variables
    powers.py       powers and reciprocals
    branches.py     even and periodic functions: sums over branches
    solve.py        monotone functions whose inverse is found numerically
    counts.py       comparisons, roundings, censoring: probabilities of sets
    mixtures.py     choices by conditions and indices
    tensors/        views, joins, linear functions, vectors and matrices
    arithmetic.py   sums, products, ratios of independent variables
    convolutions.py sums of few numbers, and of a uniform variable
    folds.py        extremes, order statistics, totals, running totals

The one idea: a rule is a function of a derivation and a node that returns a law, or nothing; the
table says at which ops it is tried, what it gives and under which conditions, for people, and has
examples, which the tests compare with draws.

Rejected: rules as patterns of graphs, as rewriting rules are: most depend on laws of operands and
on independence, which no pattern of nodes can say.
"""
