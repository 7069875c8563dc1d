"""The rows of docs/features.md: {topic: {number: (feature, *tests or reasons)}}."""

from tests.docs.rows import functions, graphs, inside, probability, tensors

_ALL = tensors.ROWS | functions.ROWS | graphs.ROWS | probability.ROWS
_ALL |= inside.ROWS
ROWS = dict(sorted(_ALL.items(), key=lambda row: (len(row[0].split(".")[0]), row[0])))
