"""Random variables in the bodies of loops: the sequence of the values of all steps as one variable.

    op.py       the node of a sequence, which is a random variable
    convert.py  graphs in which sequences are nodes, and all other results follow from them
    resolve.py  the density of a sequence: a batch of ordinary random variables
    given.py    draws of some sequences of a loop, given others

The one idea is that of teacher forcing. Given the values of all random variables of a loop in all
steps, nothing is drawn in it: a step reads element t of each. The parameters of a random variable
are then stacked results of this loop, and the density of its sequence is that of a batch of
ordinary variables with these parameters, one for each step. So each term of the density of a model
is built as for any variable, whatever the order in which the variables depend on each other across
steps.

In a converted graph a loop with random variables has two forms: one that draws, with the random
variables as its only results, each the input of a `RandomSequence`; and loops over the sequences,
which give everything else. What is not part of a recurrence once the values are given is computed
for all steps at once, so that an autoregression is no loop at all.

Rejected: sequences whose inputs are their parameters, as those of other variables, since the
variables of a loop may depend on each other across steps in both directions.
"""
