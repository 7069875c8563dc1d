"""The table of all distributions, docs/distributions.md, which `make docs` writes.

What it says is found by asking the classes: each method is called with inputs for the parameters.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import probtensor as pt
import probtensor.prob
from probtensor import ops
from probtensor.graph import GraphError
from probtensor.graph.node import new_input
from probtensor.prob.density import divergences
from probtensor.prob.distributions.continuous.families import Mapped
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.pathwise import has_pathwise, moves
from tests.docs.peers import PEERS
from tests.docs.variables import VARIABLES

SIZE = 3
TAILS = ("logcdf", "lower_quantile")
MARKS = ("logp", "logcdf", "icdf", "draw", "gradient of draws", "mean", "variance", "mode",
         "entropy", "KL")  # fmt: skip
# What is no parameter of a distribution.
OPTIONS = frozenset((
    "shape", "name", "dims", "constraint", "steps", "init_dist", "constant", "ar_order",
    "initial_value", "n_zerosum_axes", "seed", "sum_stat", "epsilon", "distance", "random",
    "logcdf", "support", "discrete", "signature", "centered",
))  # fmt: skip
HEAD = f"""\
# Distributions

Every distribution of `pt.random`, generated from their classes by `make docs`; `help` of a function
says more.

- *Parameters*: with their defaults, and what may be given instead of them.
- *logp*: `pt.logp` and models; *logcdf*: `pt.logcdf`, `pt.logccdf` and `constraint=`; *icdf*:
  `pt.icdf`; *draw*: `pt.draw`; *mean*, *variance*, *mode*, *entropy*, *KL*: `pt.expectation`,
  `pt.variance`, `pt.mode`, `pt.entropy` and `pt.kl_divergence` from one of its kind. An empty cell:
  not known here, or there is none.
- *gradient of draws*: `pt.grad` through draws (pathwise, or reparameterised, gradients).
  *quantiles*: a draw moves as the quantile at its probability; *draw*: as the graph that makes it,
  of normal, uniform and gamma numbers; *not by* a parameter that draws jump with. *none*: draws are
  whole numbers, there are none, or how they move is not known. `pt.score_function` gives gradients
  of expectations over those, and by those parameters.
- *PyMC*, *NumPyro*, *Stan*: the name there; the parameters may differ.

| Function | Parameters | Support | {" | ".join(MARKS)} | PyMC | NumPyro | Stan |
|{"---|" * (len(MARKS) + 6)}
"""
OTHERS = """
## By other names, and made of these

| Function | What it gives |
|---|---|
"""


def classes() -> dict[str, type[Distribution]]:
    """The class of each function of `pt.random` that has one."""
    for module in pkgutil.walk_packages(probtensor.prob.__path__, "probtensor.prob."):
        importlib.import_module(module.name)
    found: dict[str, list[type[Distribution]]] = {}
    stack = [Distribution]
    while stack:
        for kind in stack.pop().__subclasses__():
            stack.append(kind)
            if kind.__module__.startswith("probtensor."):
                found.setdefault(kind.name, []).append(kind)
    names = {name for name in found if isinstance(name, str)} | {*VARIABLES}
    return {
        name: type(VARIABLES[name]().op.distribution) if name in VARIABLES
        else min(found[name], key=lambda kind: kind.__name__.lower() != name.replace("_", ""))
        for name in sorted(pt.random.__all__) if name in names
    }  # fmt: skip


def table() -> str:
    """The text of docs/distributions.md."""
    kinds = classes()
    missing = sorted(set(kinds) - set(PEERS))
    if missing:
        raise AssertionError(
            f"say what {', '.join(missing)} is called in PyMC, NumPyro and Stan: a row each in "
            "tests/docs/peers.py"
        )
    rows = [_row(name, kind) for name, kind in kinds.items()]
    others = [f"| `{name}` | {_first_sentence(name)} |"
              for name in sorted(pt.random.__all__) if name not in kinds]  # fmt: skip
    return HEAD + "\n".join(rows) + "\n" + OTHERS + "\n".join(others) + "\n"


def _row(name: str, kind: type[Distribution]) -> str:
    known = known_of(name, kind)
    cells = [f"`{name}`", _parameters(name, kind), _support(name),
             *(mark_text(known[mark]) for mark in MARKS), *PEERS[name]]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def mark_text(known: bool | str) -> str:
    return known if isinstance(known, str) else "x" if known else ""


def gradient_of_draws(distribution: Distribution) -> str:
    """How draws move with the parameters."""
    if not distribution.parameters:
        return ""
    if has_pathwise(distribution):
        return "quantiles"
    if moves(distribution):
        return "draw" + "".join(f", not by {name}" for name in distribution.steps)
    if distribution.discrete:
        return "none: whole numbers"
    return "none: no draws" if distribution.improper else "none: not known"


def _parameters(name: str, kind: type[Distribution]) -> str:
    signature = inspect.signature(getattr(pt.random, name)).parameters.values()
    own = [p for p in signature if p.name not in OPTIONS and p.kind is not p.KEYWORD_ONLY]
    shown = [p.name if p.default in (p.empty, None) else f"{p.name}={p.default:g}"
             if isinstance(p.default, float) else f"{p.name}={p.default}" for p in own]  # fmt: skip
    ways = [", ".join(shown), *map(", ".join, kind.alternatives)]
    by_name = [p.name for p in signature if p.kind is p.KEYWORD_ONLY and p.name not in OPTIONS]
    if not kind.alternatives:
        ways += by_name
    return " *or* ".join(ways) or "none"


def _support(name: str) -> str:
    # Up to the next line with a heading of its own, or an empty one.
    found = re.search(r"^Support: (.*?)(?=\n[A-Z]\w*: |\n\n|\Z)",
                      inspect.getdoc(getattr(pt.random, name)), re.M | re.S)  # fmt: skip
    text = " ".join(found[1].split()).replace("|", "\\|") if found else ""
    return text if text.endswith("...") else text.removesuffix(".")


def _first_sentence(name: str) -> str:
    text = inspect.getdoc(getattr(pt.random, name)).split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")


def known_of(name: str, kind: type[Distribution]) -> dict[str, bool | str]:
    """What a distribution has a formula for."""
    if name in VARIABLES:
        variable = VARIABLES[name]()
        distribution = variable.op.distribution
        inputs = [*variable.op.parameters_of(variable.inputs)]
        event = variable.shape[variable.ndim - distribution.event_ndim :]
    else:
        distribution = kind()
        inputs = [new_input(label, "float64", (SIZE,) * domain.event_ndim)
                  for label, domain in kind.parameters.items()]  # fmt: skip
        event = (SIZE,) * distribution.event_ndim
    distribution = distribution.sized(event)
    dtype = "int64" if distribution.indexes else "float64"
    x = new_input("x", dtype, event)
    log_p, key = new_input("log_p", "float64", ()), new_input("key", "uint64", ())

    def has(method: str, *args: object) -> bool:
        own = distribution
        while isinstance(own, Mapped):
            own = own.base
        if method in TAILS and getattr(type(own), method) is getattr(Distribution, method):
            return False
        if method in TAILS and name not in VARIABLES:
            return True  # their graphs are large
        try:
            getattr(distribution, method)(*args, *inputs)
        except (Unknown, GraphError):  # custom distributions say the latter
            return False
        return True

    ordered = not distribution.event_ndim and not distribution.indexes
    shape = (2, *x.shape)
    return {
        "logp": has("logpdf", ops.astype(x, dtype)),
        "logcdf": ordered and has("logcdf", x),
        "icdf": ordered and has("lower_quantile", log_p),
        "draw": has("sample", key, shape),
        "gradient of draws": gradient_of_draws(distribution),
        **{method: has(method) for method in ("mean", "variance", "mode", "entropy")},
        "KL": kind.__name__ in divergences.FORMULAS,
    }
