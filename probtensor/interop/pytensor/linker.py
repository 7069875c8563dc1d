"""`mode="PROBTENSOR"`: functions of PyTensor that are compiled here.

The graph of a function is translated whole, with symbolic sizes, and compiled once. Updates and
shared variables are PyTensor's own. A generator is an input from which a key is taken in each call;
the generator that an update stores is the same one, advanced by one number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from pytensor.compile.mode import Mode, predefined_modes, register_linker, register_mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.basic import Container, JITLinker
from pytensor.link.utils import map_storage
from pytensor.tensor.random.type import RandomType

from probtensor import ops
from probtensor.calls import line_text
from probtensor.compile import function
from probtensor.graph import GraphError, Node
from probtensor.graph.node import new_input
from probtensor.interop.pytensor.translate import Translator, wide
from probtensor.process import numpy_part

NAME = "PROBTENSOR"
# Rewrites for other ways to compute a graph, and those that overwrite inputs.
EXCLUDED = (
    "cxx_only", "BlasOpt", "fusion", "inplace", "local_careduce_fusion", "scan_make_inplace",
    "scan_reduce_trace_prealloc", "numba", "jax",
)  # fmt: skip


class ProbTensorLinker(JITLinker):
    """Compiles the whole graph of a function as one function of this library.

    target  as of `pt.function`

    The linker of mode="PROBTENSOR" has the default target; `pytensor.compile.mode.Mode` takes one
    with another.
    """

    required_rewrites = ("minimum_compile",)
    incompatible_rewrites = EXCLUDED

    def __init__(self, *args: Any, target: object = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.target = target

    def accept(self, fgraph: Any, no_recycling: Any = None, profile: Any = None) -> Any:
        """This linker for a graph, or another one if this has a graph already."""
        if self.fgraph is not None and self.fgraph is not fgraph:
            other = type(self)(self.allow_gc, target=self.target)
            return other.accept(fgraph, no_recycling, profile)
        return super().accept(fgraph, no_recycling, profile)

    def fgraph_convert(self, fgraph: Any, **_: Any) -> Callable[..., Sequence[object]]:
        """The compiled function, of the values of the inputs of a graph."""
        return compiled(fgraph, self.target)

    def create_thunk_inputs(self, storage_map: dict[Any, list[Any]]) -> list[list[Any]]:
        """The cells of the inputs."""
        return [storage_map[x] for x in self.fgraph.inputs]

    def jit_compile(self, fn: Callable) -> Callable:
        """What `fgraph_convert` gives is compiled."""
        return fn

    def make_all(
        self, input_storage: Any = None, output_storage: Any = None, storage_map: Any = None
    ) -> tuple:
        """A function without arguments that runs on the cells of inputs, with these cells."""
        fgraph = self.fgraph
        nodes = self.schedule(fgraph)
        cells, results, storage_map = map_storage(
            fgraph, nodes, input_storage, output_storage, storage_map
        )
        call = self.fgraph_convert(fgraph)
        run = _runner(call, cells)
        run.jit_fn, run.allow_gc, run.storage_map = call, self.allow_gc, storage_map
        run.inputs, run.outputs, run.lazy = cells, results, False
        ends = [
            [Container(x, cell, readonly=only) for x, cell in zip(xs, cs, strict=True)]
            for xs, cs, only in (
                (fgraph.inputs, cells, False), (fgraph.outputs, results, True)
            )
        ]  # fmt: skip
        last = [x.owner for x in fgraph.outputs if x.owner is not None][:1]
        return run, *ends, [run], last


def _runner(call: Callable, cells: Sequence[list[Any]]) -> Callable[[], list[Any]]:
    """A call with what is in the cells. The commonest numbers of inputs have no loop."""
    if len(cells) == 1:
        (one,) = cells

        def run() -> list[Any]:
            return call(one[0])

    elif len(cells) == 2:
        one, two = cells

        def run() -> list[Any]:
            return call(one[0], two[0])

    else:

        def run() -> list[Any]:
            return call(*[cell[0] for cell in cells])

    return run


def compiled(fgraph: Any, target: object = None) -> Callable[..., list[object]]:
    """The graph of a function of PyTensor as a function of the values of its inputs.

    Results have the dtypes that PyTensor declares. GraphError for an input that is no tensor and no
    generator, and for an op that has no translation.
    """
    inputs = [_input(x) for x in fgraph.inputs]
    given = {
        x: _widened(node, x) for x, node in zip(fgraph.inputs, inputs, strict=True)
    }
    updates = getattr(fgraph, "update_mapping", None) or {}
    own = [_advanced(fgraph, k, updates.get(k)) for k in range(len(fgraph.outputs))]
    wanted = [x for x, source in zip(fgraph.outputs, own, strict=True) if source is None]
    checks: list[tuple[Node, str]] = []
    nodes = Translator(given, checks).nodes(wanted)
    nodes = [_result(x, node) for x, node in zip(wanted, nodes, strict=True)]
    nodes += [ops.all(holds) for holds, _ in checks]
    run = function(inputs, nodes, target=target, on_unused_input="ignore")
    if checks:
        run = _checking(run, len(wanted), [text for _, text in checks])
    places = [k for k, x in enumerate(fgraph.inputs) if isinstance(x.type, RandomType)]
    if not places:
        return run
    kept = {own[k] for k in range(len(own)) if own[k] is not None}
    return _drawing(run, places, kept, own, [isinstance(x.type, RandomType) for x in wanted])


def _input(x: Any) -> Node:
    if isinstance(x.type, RandomType):
        return new_input(x.name, "uint64", ())
    dtype = getattr(x.type, "dtype", None)
    if not isinstance(dtype, str) or not hasattr(x.type, "ndim"):
        raise GraphError(
            f"mode={NAME!r}: the input {x} is of type {x.type}, and inputs are tensors and "
            f"generators\n  at {line_text()}\n  give the parts of it that are tensors, or compile "
            "this function in another mode"
        )
    return new_input(x.name, dtype, getattr(x.type, "shape", ()))


def _widened(node: Node, x: Any) -> Node:
    """An input as it is computed with."""
    return node if isinstance(x.type, RandomType) else node.astype(wide(node.dtype))


def _result(x: Any, node: Node | None) -> Node:
    """An output in its declared dtype."""
    if isinstance(x.type, RandomType) and node is not None:
        return node
    dtype = getattr(x.type, "dtype", None)
    sparse = type(x.type).__name__ == "SparseTensorType"
    if sparse or not isinstance(node, Node) or not isinstance(dtype, str):
        raise GraphError(
            f"mode={NAME!r}: the output {x} is of type {x.type}, and outputs are dense tensors\n"
            f"  at {line_text()}"
        )
    return node.astype(dtype)


def _advanced(fgraph: Any, k: int, updated: int | None) -> int | None:
    """The input whose advanced generator output k is, if it is the update of that input and made
    of no other generator."""
    from pytensor.graph.traversal import ancestors

    x = fgraph.outputs[k]
    if updated is None or not isinstance(x.type, RandomType):
        return None
    sources = [y for y in ancestors([x]) if y.owner is None and isinstance(y.type, RandomType)]
    return updated if sources == [fgraph.inputs[updated]] else None


def _checking(run: Callable, count: int, texts: Sequence[str]) -> Callable[..., list[object]]:
    """`run` without its last results, which are flags: AssertionError with the text of one that is
    false."""

    def call(*values: Any) -> list[object]:
        found = run(*values)
        for holds, text in zip(found[count:], texts):
            if not holds:
                raise AssertionError(text)
        return found[:count]

    return call


def _drawing(
    run: Callable, places: Sequence[int], kept: set[int], own: Sequence[int | None],
    made: Sequence[bool],
) -> Callable[..., list[object]]:  # fmt: skip
    """`run`, with keys for the generators at these places of the inputs.

    kept  the places of those that are advanced; others stay as they are
    own   for each output the place of the generator that it is, or None
    made  for each other output whether it is a generator
    """

    def call(*values: Any) -> list[object]:
        values, given = list(values), values
        for k in places:
            bits = values[k].bit_generator
            values[k] = np.uint64((bits if k in kept else deepcopy(bits)).random_raw())
        random = numpy_part("random")
        found = iter([
            random.Generator(random.PCG64(int(y))) if generator else y
            for y, generator in zip(run(*values), made)
        ])  # fmt: skip
        return [next(found) if k is None else given[k] for k in own]

    return call


def mode_of(target: object = None) -> str | Mode:
    """The mode of functions that are compiled for a target."""
    return NAME if target is None else Mode(ProbTensorLinker(target=target), _query())


def _query() -> RewriteDatabaseQuery:
    return RewriteDatabaseQuery(include=["minimum_compile"], exclude=list(EXCLUDED))


def register() -> None:
    """Make the mode known to PyTensor, once."""
    if NAME in predefined_modes:
        return
    linker = ProbTensorLinker()
    register_linker(NAME.lower(), linker)
    register_mode(NAME, Mode(linker, _query()))
