"""`pt.loop`: loops inside a graph, by the names and signatures of JAX."""

from probtensor.calls import absent
from probtensor.ops.loops.structured import scan

__all__ = ["scan"]

__getattr__ = absent("pt.loop", dict.fromkeys(__all__))
