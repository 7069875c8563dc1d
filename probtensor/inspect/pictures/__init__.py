"""Graphs, plans and models as data: one description in memory, and three writers of it.

    picture.py   items, arrows and groups: the description
    graphs.py    that of a graph, with bodies as groups, and of a plan: kernels and buffers
    writers.py   Graphviz, Mermaid, plain values for JSON
    face.py      `graph_model`, `to_dot`, `to_mermaid`, `to_json`, `from_json`

The one idea: who describes knows nothing of formats, and who writes knows nothing of graphs. So
models (`prob/modelling/pictures.py`) have the same three formats.
"""
