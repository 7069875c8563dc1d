"""The rows of docs/features.md: {topic: {number: (feature, *tests or reasons)}}."""

from tests.docs.rows import (
    functions,
    graphs,
    inside,
    networks,
    probability,
    profiles,
    tensors,
    values,
)

_ALL: dict[str, dict] = {}
for _module in (tensors, functions, networks, graphs, inside, probability, profiles, values):
    for _topic, _rows in _module.ROWS.items():
        _ALL[_topic] = {**_ALL.get(_topic, {}), **_rows}
ROWS = dict(sorted(_ALL.items(), key=lambda row: (len(row[0].split(".")[0]), row[0])))
