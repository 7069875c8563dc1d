"""Planted faults: each is a function with one wrong line, marked `# here`, that calls one tool.

`@fault(kind, *words)` registers a function that returns (line, text): the line that the tool blames
and what it prints, in which all `words` stand.
"""

FAULTS = []


def fault(kind, *words):
    """Register a planted fault of a kind, with words that the tool's text must have."""

    def register(function):
        FAULTS.append((kind, function, words))
        return function

    return register
