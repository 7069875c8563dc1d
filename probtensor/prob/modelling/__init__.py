"""What is done with whole models: change them, reparametrise them, show them, check them.

All of it is made of replacements of nodes and of what a posterior knows about itself, so nothing
below depends on this package; it is imported when one of its functions is first used.

    handlers.py       do, observe, replace: interventions, further data, other variables; batches
    reparametrize.py  coordinates relative to location and scale, chosen from short runs
    priors.py         find_constrained_prior: parameters from probabilities between bounds
    structure.py      the named parts of a model, for the following
    expressions.py    graphs as short expressions, in text and LaTeX
    pictures.py       model_graph, latex: text, mermaid, Graphviz
    lint/             lint: faults that can be found before sampling
    tables.py         table: the parts of a model, the terms of its density
"""
