"""Densities of expressions of random variables, by rules that are data.

    law.py          what is known of values: density, tails, support, sources
    derivation.py   rules, and the recursion that tries them
    variable.py     an expression as one random variable: what is given, and the node
    rules/          the rules, by topic, and their table

The one idea: the law of a node follows from the laws of its operands, given everything that is not
a base variable. A law is a set of functions of a value (a density, tails), so a rule composes
functions of graphs, and what comes out is a graph like any other, simplified with the rest.

Base variables are the random variables in an expression that have no name, outside the parameters
of others. Named ones are given, as they are parameters of a model; so are parameters. Where all are
named and there is but one, it is the base.

An expression that is observed becomes one node (`DerivedVariable`), whose inputs are what is given;
its distribution holds the closed expression and derives the law again from the values of these, so
that facts about values, such as the sign of exp(u), are used.

Rejected: densities by enumeration of patterns of whole models, and by differentiation of
distribution functions, which cancel in the tails.
"""
