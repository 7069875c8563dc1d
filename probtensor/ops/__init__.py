"""The ops and functions of the tensor language: each op is one class, each function one name.

An op class (`Exp`, `Sum`, `Gather`) is a frozen dataclass of one of the kinds in `kinds/`. It
defines its mathematics: NumPy meaning, derivative, C name, samples. All that follows from structure
(types, promotion, broadcasting, lowering, batching, tests) is defined by the kind. Users call
functions with NumPy's signatures; for an elementwise op that is the op's single instance.

    kinds/         the kinds, a file each; @op, REGISTRY, Facts
    elementwise/   arithmetic, comparison, logic, casts, elementary functions
    special/       logistic and gamma families, the normal integral, small differences of logarithms
    arrays/        creation, views, joins, NumPy's functions that rearrange elements
    indexing/      x[key], x.at[key], slices, gather and scatter, take, nonzero
    reductions/    sum, max, mean, var, logsumexp, argmax
    ordering/      sort, partition, searches, sets, counts, running sums and products
    branches/      one of several graphs is computed
    complexes/     complex tensors, which are pairs of real ones
    fourier/       discrete Fourier, cosine and sine transforms; their names are those of pt.fft
    linalg/        matrix products, einsum, triangular systems, factors, norms
    random/        draws as pure functions of a key, an index and the parameters
    assumptions.py assume: declared properties
    derivatives.py stop_gradient, grad_clip: the same value, another derivative
    halves.py      float16 as what inputs and results are stored in
    size_laws.py   the parts of size laws that ops share
    values/        values that are shown, handed to Python, or checked, in compiled code
    shapes/        joins, pads, new axes and grids, as graphs of the ops above
    methods.py     methods of tensors that are functions here
    samples.py     the inputs ops are tested on
    numpy_calls.py np.exp(x), np.sum(x): calls the function of that name here
    documented.py  the documentation of ops that are functions

To add an op, write its class in the file of its topic; the conformance tests find it through
REGISTRY. Functions marked `@public` and ops that are functions become names of `pt`: this package
gathers op classes, op instances and public functions from the modules listed below. Derivatives
refer to other families through this package (`ops.sum`), which is complete when they run, so the
files need no circular imports.

Rejected: an op with methods for each backend (a new target would touch every op), and functions
that hide which op they make (rules match on op classes).
"""

from importlib import import_module
from types import ModuleType

from probtensor.calls import is_public
from probtensor.graph.node import Op, as_tensor  # noqa: F401
from probtensor.ops import documented, methods  # noqa: F401 - `documented` gives ops their `help`
from probtensor.ops.arrays.transfer import Transfer  # noqa: F401 - its function is `pt.transfer`
from probtensor.ops.indexing.slicing import narrow  # noqa: F401
from probtensor.ops.kinds.base import REGISTRY
from probtensor.ops.kinds.function import as_tensor_of  # noqa: F401

_MODULES = (
    "arrays.creation",
    "arrays.diagonals",
    "arrays.differences",
    "arrays.inputs",
    "arrays.layout",
    "arrays.rearrange",
    "arrays.require",
    "arrays.views",
    "elementwise.arithmetic",
    "elementwise.elementary",
    "elementwise.equality",
    "elementwise.floats",
    "elementwise.logic",
    "elementwise.whole",
    "indexing.along",
    "indexing.choosing",
    "indexing.flat",
    "indexing.gather",
    "indexing.index",
    "indexing.places",
    "indexing.segments",
    "indexing.slicing",
    "indexing.writing",
    "linalg.banded.definite",
    "linalg.banded.spectra",
    "linalg.bands",
    "linalg.eigen",
    "linalg.factors",
    "linalg.functions.composed",
    "linalg.functions.diagonals",
    "linalg.functions.equations",
    "linalg.functions.exponential",
    "linalg.functions.forms",
    "linalg.functions.logarithm",
    "linalg.functions.riccati",
    "linalg.functions.special_matrices",
    "linalg.functions.tridiagonal",
    "linalg.inverses",
    "linalg.logdet",
    "linalg.norms",
    "linalg.orthogonal",
    "linalg.products",
    "linalg.singular",
    "linalg.solving",
    "linalg.subscripts",
    "linalg.triangular",
    "reductions.composite",
    "reductions.folds",
    "reductions.moments",
    "reductions.nans",
    "reductions.quantiles",
    "reductions.statistics",
    "shapes.axes",
    "shapes.checks",
    "shapes.choices",
    "shapes.convolution",
    "shapes.edits",
    "shapes.grids",
    "shapes.interpolation",
    "shapes.joins",
    "shapes.pads",
    "shapes.scalars",
    "shapes.splits",
    "shapes.windows",
    "ordering.counting",
    "ordering.cumulative",
    "ordering.routines",
    "ordering.running",
    "ordering.searching",
    "ordering.selection",
    "ordering.sets",
    "ordering.sorting",
    "ordering.unique",
    "special.bessel",
    "special.divergence",
    "special.factorials",
    "special.functions",
    "special.hypergeometric",
    "special.incomplete_beta",
    "special.incomplete_gamma",
    "special.integrals",
    "special.links",
    "special.rising",
    "special.smooth",
    "special.tails",
    "special.zetas",
    "assumptions",
    "random.draws",
    "derivatives",
    "halves",
    "numpy_calls",
    "branches.op",
    "loops.op",
    "loops.scan.functions",
    "loops.scan.returned",
    "complexes.factors",
    "complexes.functions",
    "values.watch",
    "values.check",
    "fourier.real_transforms",
    "fourier.transforms",
)


def _declared(module: ModuleType) -> dict[str, object]:
    """The ops and public functions that a module defines, by name."""
    home = module.__name__
    return {
        name: value
        for name, value in vars(module).items()
        if name[0] != "_" and getattr(value, "__module__", None) == home and _is_entered(value)
    }


def _is_entered(value: object) -> bool:
    """Whether a value is an op, the class of one, or a public function."""
    if isinstance(value, type):
        return issubclass(value, Op) and REGISTRY.get(value.name) is value
    return isinstance(value, Op) or is_public(value)


for _name in _MODULES:
    globals().update(_declared(import_module(f"{__name__}.{_name}")))

methods.enter(globals())
