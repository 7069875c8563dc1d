"""The rows of docs/features.md: {topic: {number: (feature, *tests or reasons)}}."""

from tests.docs.rows import functions, graphs, tensors

ROWS = dict(sorted((tensors.ROWS | functions.ROWS | graphs.ROWS).items()))
