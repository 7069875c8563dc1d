"""`pt.loop`: loops and branches inside a graph, by the names and signatures of JAX."""

from probtensor.calls import absent
from probtensor.ops.branches.structured import cond, switch
from probtensor.ops.loops.prefix import associative_scan
from probtensor.ops.loops.structured import filter_ as filter
from probtensor.ops.loops.structured import foldl, foldr, reduce, scan
from probtensor.ops.loops.structured import map_ as map
from probtensor.ops.loops.whiles import fori_loop, while_loop

__all__ = [
    "associative_scan",
    "cond",
    "filter",
    "foldl",
    "foldr",
    "fori_loop",
    "map",
    "reduce",
    "scan",
    "switch",
    "while_loop",
]

__getattr__ = absent("pt.loop", dict.fromkeys(__all__))
