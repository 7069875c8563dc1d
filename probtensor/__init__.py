"""ProbTensor: a tensor compiler for probabilistic programming.

Tensor functions have NumPy's names and stand in this one namespace; `fft` is as in NumPy, `linalg`
and `special` are as in SciPy, `random` makes random variables. `function` compiles a graph.
"""

import sys as _sys
from collections import ChainMap as _ChainMap
from math import e, inf, nan, pi

from numpy import euler_gamma, newaxis

from probtensor.late import load as _load
from probtensor.process import uncollected as _uncollected

# The names of parts that few programs use, which are imported when they are first used.
_LATE = {
    "ImputationWarning": ("prob.model.missing", "ImputationWarning"),
    "Cuda": ("targets.cuda.launches", "CudaTarget"),
    "Lop": ("autodiff", "Lop"),
    "Rop": ("autodiff", "Rop"),
    "autodiff": ("autodiff", ""),
    "basis": ("basis", ""),
    "debugprint": ("inspect.texts.tree", "debugprint"),
    "dprint": ("inspect.texts.tree", "debugprint"),
    "check_model": ("testing.models", "check_model"),
    "bijectors": ("prob.bijectors.public", ""),
    "debug": ("debug", ""),
    "do": ("prob.modelling.handlers", "do"),
    "entropy": ("prob.density.summaries", "entropy"),
    "expectation": ("prob.density.summaries", "expectation"),
    "fft": ("fft", ""),
    "find_MAP": ("approximate", "find_MAP"),
    "find_constrained_prior": ("prob.modelling.priors", "find_constrained_prior"),
    "fit_advi": ("approximate", "fit_advi"),
    "fit_laplace": ("approximate", "fit_laplace"),
    "from_json": ("inspect.pictures.face", "from_json"),
    "gp": ("gp", ""),
    "graph_hash": ("inspect.texts.hashing", "graph_hash"),
    "graph_model": ("inspect.pictures.face", "graph_model"),
    "kl_divergence": ("prob.density.summaries", "kl_divergence"),
    "latex": ("prob.modelling.pictures", "latex"),
    "lint": ("prob.modelling.lint", "lint"),
    "minibatches": ("prob.modelling.handlers", "minibatches"),
    "mode": ("prob.density.summaries", "mode"),
    "model_graph": ("prob.modelling.pictures", "model_graph"),
    "nn": ("nn", ""),
    "observe": ("prob.modelling.handlers", "observe"),
    "ode": ("ode", ""),
    "optimize": ("optimize", ""),
    "pathfinder": ("approximate", "pathfinder"),
    "pp": ("prob.modelling.pictures", "pprint"),
    "pprint": ("prob.modelling.pictures", "pprint"),
    "profiling": ("inspect.profile.calls", "profiling"),
    "quad": ("quadrature", "quad"),
    "recover_marginals": ("prob.enumeration.recover", "recover_marginals"),
    "reparametrize": ("prob.modelling.reparametrize", "reparametrize"),
    "replace": ("prob.modelling.handlers", "replace"),
    "scaled": ("prob.model.weights", "scaled"),
    "score_function": ("prob.density.summaries", "score_function"),
    "signal": ("signal", ""),
    "sparse": ("sparse", ""),
    "table": ("prob.modelling.tables", "table"),
    "test_value": ("inspect.trial", "test_value"),
    "test_values": ("inspect.trial", "test_values"),
    "timeseries": ("timeseries", ""),
    "to_dot": ("inspect.pictures.face", "to_dot"),
    "to_json": ("inspect.pictures.face", "to_json"),
    "to_mermaid": ("inspect.pictures.face", "to_mermaid"),
    "variance": ("prob.density.summaries", "variance"),
}
_SUPPORTS = (
    "cholesky_factor_corr", "cholesky_factor_cov", "circular", "column_stochastic", "corr_matrix",
    "cov_matrix", "l1_ball", "positive_ordered", "row_stochastic", "simplex", "unit_vector",
    "zero_sum",
)  # fmt: skip
_LATE |= {name: ("prob.distributions.structured", name) for name in _SUPPORTS}
with _uncollected():
    from probtensor import evaluate as _evaluate  # noqa: F401 - it gives tensors their `eval`
    from probtensor import linalg, loop, special
    from probtensor import ops as _ops
    from probtensor.calls import absent as _absent
    from probtensor.calls import is_public as _is_public
    from probtensor.calls import public as _public
    from probtensor.compile import function
    from probtensor.device import DeviceArray, DeviceError, device_array
    from probtensor.function import (
        Function,
        In,
        Out,
        Shared,
        clone_replace,
        equal_computations,
        graph_replace,
        shared,
        stream,
        transfer,
    )
    from probtensor.graph import GraphError, Node
    from probtensor.graph import as_tensor as _as_tensor
    from probtensor.graph import line_of as _line_of
    from probtensor.graph.text import to_text
    from probtensor.ops.absent import REASONS as _REASONS
    from probtensor.prob import (
        Posterior,
        condition,
        data,
        deterministic,
        draw,
        hmm,
        icdf,
        interval,
        log_likelihood,
        logccdf,
        logcdf,
        logp,
        ordered,
        potential,
        random,
        sample_posterior_predictive,
        sample_prior,
    )
    from probtensor.rules import (
        checkpoint,
        custom_jvp,
        custom_vjp,
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        rewrite_graph,
        sparse_hessian,
        sparse_jacobian,
        subgraph_grad,
        value_and_grad,
        vjp,
    )
    from probtensor.sample import SamplerWarning, SamplingError, sample
    from probtensor.targets.base import BuildError
    from probtensor.transform import vmap
    from probtensor.transform.batch import apply_along_axis, apply_over_axes, vectorize
    from probtensor.types import Dim, ShapeError, TensorType
    from probtensor.version import __version__

# The two that the library calls at every turn answer wrong calls only here.
as_tensor, line_of = _public(_as_tensor), _public(_line_of)
as_tensor.__module__ = line_of.__module__ = __name__  # where pickle finds these

TensorVariable = Node  # PyTensor's name

# Functions of the tensor language: those that say themselves that they are public.
_LANGUAGE = {name: value for name, value in vars(_ops).items() if _is_public(value)}
globals().update(_LANGUAGE)

__all__ = [
    "BuildError",
    "Cuda",
    "DeviceArray",
    "DeviceError",
    "Dim",
    "Function",
    "GraphError",
    "ImputationWarning",
    "In",
    "Node",
    "Out",
    "Posterior",
    "SamplerWarning",
    "SamplingError",
    "ShapeError",
    "Shared",
    "TensorType",
    "TensorVariable",
    "__version__",
    "apply_along_axis",
    "apply_over_axes",
    "as_tensor",
    "basis",
    "checkpoint",
    "clone_replace",
    "condition",
    "custom_jvp",
    "custom_vjp",
    "data",
    "debugprint",
    "deterministic",
    "device_array",
    "do",
    "dprint",
    "draw",
    "e",
    "entropy",
    "equal_computations",
    "euler_gamma",
    "expectation",
    "fft",
    "find_MAP",
    "find_constrained_prior",
    "fit_advi",
    "fit_laplace",
    "from_json",
    "function",
    "gp",
    "grad",
    "graph_hash",
    "graph_model",
    "graph_replace",
    "hessian",
    "hmm",
    "hvp",
    "icdf",
    "inf",
    "interval",
    "jacobian",
    "jvp",
    "kl_divergence",
    "latex",
    "linalg",
    "line_of",
    "lint",
    "log_likelihood",
    "logccdf",
    "logcdf",
    "logp",
    "loop",
    "minibatches",
    "mode",
    "model_graph",
    "nan",
    "newaxis",
    "nn",
    "observe",
    "ode",
    "optimize",
    "ordered",
    "pathfinder",
    "pi",
    "potential",
    "pp",
    "pprint",
    "quad",
    "random",
    "recover_marginals",
    "reparametrize",
    "replace",
    "rewrite_graph",
    "sample",
    "sample_posterior_predictive",
    "sample_prior",
    "scaled",
    "score_function",
    "shared",
    "signal",
    "sparse",
    "sparse_hessian",
    "sparse_jacobian",
    "special",
    "stream",
    "subgraph_grad",
    "table",
    "timeseries",
    "to_dot",
    "to_json",
    "to_mermaid",
    "to_text",
    "transfer",
    "value_and_grad",
    "variance",
    "vectorize",
    "vjp",
    "vmap",
]
__all__.extend([*_SUPPORTS, *sorted(_LANGUAGE)])
_SUBMODULES = (
    "fft", "random", "linalg", "loop", "hmm", "autodiff", "ode", "optimize", "special",
    "basis", "gp", "timeseries", "bijectors", "nn", "signal", "sparse",
)  # fmt: skip


def _others() -> dict[str, list[str]]:
    return {f"pt.{name}": getattr(_sys.modules[__name__], name).__all__ for name in _SUBMODULES}


_missing = _absent("pt", _ChainMap(globals(), _LATE), _others, _REASONS)


def __getattr__(name: str) -> object:
    """A part that is imported when it is first used; AttributeError for a name that is none."""
    if name not in _LATE:
        return _missing(name)
    part, attribute = _LATE[name]
    module = _load(f"probtensor.{part}")
    return globals().setdefault(name, getattr(module, attribute) if attribute else module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
