"""Reports on a compilation, for the user and for a maintainer.

    costs.py      flops and bytes of nodes by a table: enough to compare two forms of an expression
    arguments.py  values for all inputs of a function: what a call would use, or a sample
    values.py     values of nodes by their NumPy meaning, in bodies too, also in longer precision
    witness.py    each rewrite evaluated before and after: the first that changed a value
    report.py     the compile report: each rule that fired, by the user's line, with its costs
    dump.py       a zip with all that a maintainer needs, and a script that makes the function again
    script.py     that script
"""
