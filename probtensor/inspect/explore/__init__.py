"""The explorer: one page that shows a compiled function, for a browser, without a server.

    page.py     what the page shows, as JSON, and the file
    graphs.py   nodes as a table that the graphs of all passes share
    history.py  passes and rewrites, from the record of a compilation
    kernels.py  kernels and generated code as rows, and the names that link them to nodes
    sources.py  the user's files
    costs.py    operations, bytes and memory of statements
    times.py    the seconds of a profile
    assets/     the page: styles, and scripts in the order in which they are joined
    vendor/     dagre, which lays out graphs of up to a few hundred nodes

The one idea: links are made where things are made. A statement is called by what it defines; the
lowering records which node that is, and the renderers mark the lines that they write for it. No
text is compared with another to guess what belongs together.

Larger graphs have a layout of our own, in layers, in time linear in the number of edges: dagre
takes seconds for a thousand nodes, and elk is ten times its size. Rejected: a server, which a file
sent by mail does not have; SVG, which is slow from some thousand elements on.
"""
