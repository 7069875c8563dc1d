"""Tools that look into compiled functions: what they compute, at what cost, and what went wrong.

    subject.py  what the tools ask of a function
    stages.py   each stage of compilation as text: `f.explain(stage)`
    trace.py    the record of a compilation: every rewrite in order, the graph after each
    profile.py  seconds for each kernel: `f.profile(...)`
    explore/    a page that shows all of this side by side: `f.explore(...)`

The one idea: every tool is a function of a `Subject` (a compiled function, seen from below) and
of arguments; the methods of `Function` and `Posterior` are one line each, which arranges the
arguments and calls the tool when it is first used. A function that nobody inspects pays nothing:
no module of this package is imported by `import probtensor`.

Rejected: a slower mode of compilation in which the tools work (PyTensor's DebugMode, JAX without
jit). What is inspected is the program that runs: its kernels, its fused loops, its rewrites.
"""
