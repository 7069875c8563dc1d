"""The table of all distributions, docs/distributions.md, which `make docs` writes.

What it says is found by asking the classes: each method is called with inputs for the parameters.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil

import numpy as np

import probtensor as pt
import probtensor.prob
from probtensor.dataclass import fields
from probtensor.graph.node import GraphError, Node, new_input
from probtensor.prob.density import divergences
from probtensor.prob.distributions.continuous.families import Mapped
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.pathwise import has_pathwise
from tests.docs.peers import PEERS

SIZE = 3
TAILS = ("logcdf", "lower_quantile")
MARKS = ("logp", "logcdf", "icdf", "draw", "pathwise", "mean", "variance", "mode", "entropy", "KL")
HEAD = f"""\
# Distributions

Every distribution of `pt.random`, generated from their classes by `make docs`; `help` of a function
says more.

- *Parameters*: with their defaults, and what may be given instead of them.
- *logp*: `pt.logp` and models; *logcdf*: `pt.logcdf`, `pt.logccdf` and `constraint=`; *icdf*:
  `pt.icdf`; *draw*: `pt.draw`; *pathwise*: `pt.grad` through draws (of the discrete ones by
  `pt.score_function`); *mean*, *variance*, *mode*, *entropy*, *KL*: `pt.expectation`,
  `pt.variance`, `pt.mode`, `pt.entropy` and `pt.kl_divergence` from one of its kind. An empty cell:
  not known here, or there is none.
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
    return {
        name: min(found[name], key=lambda kind: kind.__name__.lower() != name.replace("_", ""))
        for name in sorted(pt.random.__all__) if name in found
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
             *("x" if known[mark] else "" for mark in MARKS), *PEERS[name]]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _parameters(name: str, kind: type[Distribution]) -> str:
    signature = inspect.signature(getattr(pt.random, name)).parameters.values()
    options = ("shape", "name", "dims", "constraint")
    own = [p for p in signature if p.name not in options and p.kind is not p.KEYWORD_ONLY]
    shown = [p.name if p.default in (p.empty, None) else f"{p.name}={p.default:g}"
             if isinstance(p.default, float) else f"{p.name}={p.default}" for p in own]  # fmt: skip
    ways = [", ".join(shown), *map(", ".join, kind.alternatives)]
    by_name = [p.name for p in signature if p.kind is p.KEYWORD_ONLY and p.name not in options]
    if not kind.alternatives:
        ways += by_name
    return " *or* ".join(ways) or "none"


def _support(name: str) -> str:
    lines = inspect.getdoc(getattr(pt.random, name)).splitlines()
    found = [line for line in lines if line.startswith("Support: ")]
    text = found[0].removeprefix("Support: ").replace("|", "\\|") if found else ""
    return text if text.endswith("...") else text.removesuffix(".")


def _first_sentence(name: str) -> str:
    text = inspect.getdoc(getattr(pt.random, name)).split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")


def example_of(name: str) -> Node:
    """The variable that the example in the documentation of a function makes."""
    own = {"pt": pt, "np": np}
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(getattr(pt.random, name))):
        for node in ast.walk(ast.parse(example.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pt.random.{name}":
                return eval(ast.unparse(node), own)
        exec(example.source, own)
    raise AssertionError(f"the example of pt.random.{name} makes no variable of it")


def known_of(name: str, kind: type[Distribution]) -> dict[str, bool]:
    """What a distribution has a formula for: of one with fields, or whose parameters are tables of
    places, that of its example."""
    if fields(kind) or ".processes." in kind.__module__:
        variable = example_of(name)
        distribution = variable.op.distribution
        inputs = list(variable.op.parameters_of(variable.inputs))
        shape = variable.shape[variable.ndim - distribution.event_ndim :]
    else:
        distribution = kind()
        inputs = [new_input(name, "float64", (SIZE,) * domain.event_ndim)
                  for name, domain in kind.parameters.items()]  # fmt: skip
        shape = (SIZE,) * distribution.event_ndim
    x, index = (new_input("x", dtype, shape) for dtype in ("float64", "int64"))
    log_p, key = new_input("log_p", "float64", ()), new_input("key", "uint64", ())

    def has(method: str, *args: object) -> bool:
        own = distribution
        while isinstance(own, Mapped):
            own = own.base
        if method in TAILS and getattr(type(own), method) is getattr(Distribution, method):
            return False
        if method in TAILS and not fields(kind):
            return True  # graphs of these are large
        try:
            getattr(distribution, method)(*args, *inputs)
        except Unknown:
            return False
        except GraphError:
            if not any(y is x for y in args):
                raise
            # The formula reads a table at the value.
            return has(method, *(index if y is x else y for y in args))
        return True

    ordered = not distribution.event_ndim and not distribution.indexes
    shape = (2, *x.shape)
    return {
        "logp": has("logpdf", x),
        "logcdf": ordered and has("logcdf", x),
        "icdf": ordered and has("lower_quantile", log_p),
        "draw": has("sample", key, shape),
        "pathwise": has_pathwise(distribution),
        **{method: has(method) for method in ("mean", "variance", "mode", "entropy")},
        "KL": kind.__name__ in divergences.FORMULAS,
    }
