"""The ops of PyTensor that have no translation, each with the reason."""

from __future__ import annotations

from typing import Any

SPARSE = (
    "tensors here are dense: a product of a dense tensor and a sparse matrix of data is known, and "
    "what depends on data alone is evaluated by PyTensor"
)
NAMED = "it has named dimensions: PyTensor's own rewrite makes an op of tensors of it"
SEARCH = "it calls SciPy with functions of Python: pt.optimize has minima and roots of graphs"
BLACK_BOX = "it is a function of Python, of which nothing is known: evaluate it beside the graph"
ABSTRACT = "it is a base class, which makes no nodes"
LIST = "a list is known while a graph is translated, and this op compares its elements by value"

# The module of PyTensor and the classes there -> the reason.
ABSENT: dict[str, tuple[tuple[str, ...], str]] = {
    "pytensor.breakpoint": (("PdbBreakpoint",), "it stops in a debugger"),
    "pytensor.compile.ops": (("FromFunctionOp",), BLACK_BOX),
    "pytensor.conditional.op": (
        ("LazyIfElse",), "PyTensor makes it of IfElse, when it rewrites a graph for its own loop",
    ),
    "pytensor.graph.op": (("_NoPythonOp",), ABSTRACT),
    "pytensor.link.c.op": (
        ("COp", "ExternalCOp", "OpenMPOp", "_NoPythonCOp"), "it is code in C, unless it has a row",
    ),
    "pytensor.link.jax.ops": (("JAXOp",), BLACK_BOX),
    "pytensor.scalar.basic": (
        ("BinaryBitOp", "BinaryScalarOp", "FixedLogicalComparison", "LogicalComparison",
         "ScalarInnerGraphOp", "ScalarOp", "UnaryBitOp", "UnaryScalarOp"),
        ABSTRACT,
    ),
    "pytensor.tensor.blas.blas_c": (("BaseBLAS",), ABSTRACT),
    "pytensor.tensor.linalg.constructors": (("BaseBlockDiagonal",), ABSTRACT),
    "pytensor.tensor.linalg.solvers.core": (("SolveBase",), ABSTRACT),
    "pytensor.tensor.optimize": (
        ("MinimizeOp", "MinimizeScalarOp", "RootOp", "RootScalarOp", "ScipyScalarWrapperOp",
         "ScipyVectorWrapperOp", "ScipyWrapperOp"),
        SEARCH,
    ),
    "pytensor.tensor.random.op": (
        ("AbstractRNGConstructor", "DefaultGeneratorMakerOp", "RNGConsumerOp"),
        "it makes a generator from a seed in the graph: pass the generator as an input",
    ),
    "pytensor.typed_list.basic": (("Count", "Index", "Remove"), LIST),
    "pytensor.sparse": ((), SPARSE),  # all of these modules
    "pytensor.xtensor": ((), NAMED),
}  # fmt: skip


def reason_for(op: Any) -> str | None:
    """Why an op has no translation, or None if that is not known."""
    kind = type(op) if not isinstance(op, type) else op
    for module, (names, reason) in ABSENT.items():
        inside = kind.__module__ == module or (not names and kind.__module__.startswith(module))
        if inside and (not names or kind.__name__ in names):
            return reason
    return None
