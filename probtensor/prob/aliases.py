"""Distributions of `pt.random` by the names and parameters of other libraries, where these differ.

A row of ALIASES is all of an alias that only renames; the others are functions here."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from probtensor import ops
from probtensor.calls import WRONG, add_line, line_text, public, wrong_call
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob import random
from probtensor.prob.distributions.base import broadcasts_to, deterministic
from probtensor.prob.distributions.parameters import check_literal, variable_text
from probtensor.prob.distributions.support import Interval, Ordered, Support, interval
from probtensor.types import shape_text

NEEDED = inspect.Parameter.empty
Dims = str | tuple[str, ...] | list[str] | None


@dataclass(frozen=True)
class Alias:
    """A distribution under another name.

    target      its function
    parameters  (name here, default, name there), in their order
    origin      the library whose name it is
    shown       parameters in the example of the documentation
    """

    target: str
    parameters: tuple[tuple[str, object, str], ...]
    origin: str
    shown: str


ALIASES = {
    "betabinom": Alias("beta_binomial", (("n", NEEDED, "n"), ("a", NEEDED, "alpha"),
                       ("b", NEEDED, "beta")), "PyTensor", "10, 2.0, 3.0"),
    "beta_proportion": Alias("beta", (("mu", NEEDED, "mu"), ("kappa", NEEDED, "kappa")),
                             "NumPyro and Stan", "0.3, 5.0"),
    "chisquare": Alias("chi_squared", (("df", NEEDED, "nu"),), "PyTensor", "3.0"),
    "gengamma": Alias("generalized_gamma", (("alpha", 1.0, "alpha"), ("p", 1.0, "p"),
                      ("lambd", 1.0, "lambd")), "PyTensor", "2.0, 1.5, 3.0"),
    "inverse_gaussian": Alias("wald", (("mu", NEEDED, "mu"), ("lam", NEEDED, "lam")),
                              "textbooks", "2.0, 3.0"),
    "invgamma": Alias("inverse_gamma", (("alpha", NEEDED, "alpha"), ("scale", 1.0, "beta")),
                      "PyTensor", "3.0, 2.0"),
    "lognormal": Alias("log_normal", (("mean", 0.0, "mu"), ("sigma", 1.0, "sigma")), "PyTensor",
                       "0.0, 0.5"),
    "nbinom": Alias("negative_binomial", (("n", NEEDED, "n"), ("p", NEEDED, "p")), "PyTensor",
                    "3, 0.4"),
    "standard_normal": Alias("normal", (), "NumPy", ""),
    "t": Alias("student_t", (("df", NEEDED, "nu"), ("loc", 0.0, "mu"), ("scale", 1.0, "sigma")),
               "PyTensor", "4.0, 0.0, 2.0"),
    "vonmises": Alias("von_mises", (("mu", NEEDED, "mu"), ("kappa", NEEDED, "kappa")), "PyTensor",
                      "0.5, 2.0"),
}  # fmt: skip
_POSITIONAL, _KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


def function_of(name: str) -> Callable[..., Node]:
    """The function of a row of ALIASES."""
    row = ALIASES[name]
    target = getattr(random, row.target)
    options = [p for p in ("shape", "name", "dims", "constraint")
               if p in inspect.signature(target).parameters]  # fmt: skip
    theirs = {own: there for own, _, there in row.parameters} | {p: p for p in options}

    def make_variable(*args: TensorLike, **kwargs: TensorLike) -> Node:
        try:
            try:
                given = make_variable.__signature__.bind(*args, **kwargs)
            except TypeError as error:
                text = wrong_call(make_variable, name, args, kwargs, str(error))
                raise TypeError(text) from None
            given.apply_defaults()
            return target(**{theirs[k]: v for k, v in given.arguments.items()})
        except WRONG as error:
            add_line(error, name)
            raise

    make_variable.__signature__ = inspect.Signature(
        [inspect.Parameter(p, _POSITIONAL, default=d) for p, d, _ in row.parameters]
        + [inspect.Parameter(p, _KEYWORD, default=None) for p in options]
    )
    make_variable.__name__ = make_variable.__qualname__ = name
    make_variable.__doc__ = _documentation(name, row)
    make_variable.for_users = True
    return make_variable


def _documentation(name: str, row: Alias) -> str:
    pairs = [f"`{own}` for `{there}`" for own, _, there in row.parameters if own != there]
    renamed = f", with {', '.join(pairs)}" if pairs else ""
    return (
        f"`pt.random.{row.target}` by its name in {row.origin}{renamed}.\n\n"
        f"Support, moments and source are those of `pt.random.{row.target}`.\n"
        f"Returns a random variable, as `{row.target}` does. Raises what it raises.\n\n"
        f"    >>> pt.draw(pt.random.{name}({row.shown}), draws=5, seed=1).shape\n"
        "    (5,)\n"
    )


@public
def halfnormal(loc=0.0, scale=1.0, *, shape=None, name=None, dims: Dims = None) -> Node:
    """`loc` plus a half normal with scale `scale` (PyTensor's name and parameters);
    `pt.random.half_normal` itself where `loc` is 0. Else a `name` is that of the sum,
    and NAME_z is the half normal one.

    Returns a random variable, or a tensor made of one. Raises what `half_normal` raises.

        >>> pt.draw(pt.random.halfnormal(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    what = variable_text("halfnormal", name)
    return _moved(what, loc, random.half_normal, (scale,), shape, name, dims)


@public
def halfcauchy(loc=0.0, scale=1.0, *, shape=None, name=None, dims: Dims = None) -> Node:
    """`loc` plus a half Cauchy with scale `scale` (PyTensor's name and parameters);
    `pt.random.half_cauchy` itself where `loc` is 0. Else a `name` is that of the sum,
    and NAME_z is the half Cauchy one.

    Returns a random variable, or a tensor made of one. Raises what `half_cauchy` raises.

        >>> pt.draw(pt.random.halfcauchy(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    what = variable_text("halfcauchy", name)
    return _moved(what, loc, random.half_cauchy, (scale,), shape, name, dims)


@public
def truncexpon(b, loc=0.0, scale=1.0, *, shape=None, name=None, dims: Dims = None) -> Node:
    """`loc` plus an exponential with mean `scale` that is cut at b * scale (PyTensor's name and
    parameters); where `loc` is 0, `pt.random.exponential` with `constraint=`. Else a `name` is
    that of the sum, and NAME_z is the exponential one.

    Returns a random variable, or a tensor made of one. Raises ValueError for literals `b` and
    `scale` that are not positive, and GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.truncexpon(2.0), draws=99, seed=1).max() <= 2
        np.True_
    """
    what = variable_text("truncexpon", name)
    high = check_literal(what, b=b) * check_literal(what, scale=scale)
    own = {"constraint": interval(0.0, float(high.eval()) if _is_literal(b, scale) else high)}
    if shape is None and dims is None and high.shape:
        scale = ops.broadcast_to(scale, high.shape)
    return _moved(what, loc, random.exponential, (), shape, name, dims, scale=scale, **own)


def _is_literal(*values: TensorLike) -> bool:
    return all(isinstance(as_tensor(x).op, Const) and not as_tensor(x).shape for x in values)


def _moved(what, loc, make, parameters, shape, name, dims, **others) -> Node:
    """A variable plus `loc`, with room for its shape. The name is that of the sum."""
    node = as_tensor(loc)
    if isinstance(node.op, Const) and not node.shape and node.op.array == 0:
        return make(*parameters, shape=shape, name=name, dims=dims, **others)
    if shape is None and node.shape:
        scales = [as_tensor(x) for x in (*parameters, *others.values()) if x is not None
                  and not isinstance(x, Support)]  # fmt: skip
        shape = ops.broadcast_arrays(node, *scales)[0].shape
    inner = None if name is None else f"{name}_z"
    made = make(*parameters, shape=shape, name=inner, dims=dims, **others)
    if not broadcasts_to(node.shape, made.shape):
        raise GraphError(
            f"{what}: shape={shape_text(made.shape)} does not hold loc of shape "
            f"{shape_text(node.shape)}\n  at {line_text()}"
        )
    moved = node + made
    return moved if name is None else deterministic(moved, name, dims)


@public
def integers(low, high=None, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Whole numbers from `low` up to, but not including, `high`; or from 0 to low - 1, as NumPy's
    `Generator.integers`. `pt.random.discrete_uniform` includes both ends.

    Returns a random variable, an int64 tensor. Raises ValueError where no number is left, and
    for literals that are no whole numbers.

        >>> set(pt.draw(pt.random.integers(3), draws=99, seed=1).tolist())
        {0, 1, 2}
    """
    low, high = (0, low) if high is None else (low, high)
    end = as_tensor(high)
    past = end.op.array if isinstance(end.op, Const) else end
    last = (past if end.type.is_float else past.astype("int64")) - 1  # unsigned ones have no -1
    return random.discrete_uniform(low, last, shape=shape, name=name, dims=dims)


@public
def exp_mod_normal(mu, sigma, lam, *, shape=None, name=None, dims: Dims = None,
                   constraint=None) -> Node:  # fmt: skip
    """The sum of a normal with mean `mu` and standard deviation `sigma`, and an exponential with
    rate `lam` (Stan's name and parameters); `pt.random.ex_gaussian` takes the mean 1 / lam.

    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, and GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.exp_mod_normal(0.0, 1.0, 0.5), draws=5, seed=1).shape
        (5,)
    """
    nu = 1 / check_literal("exp_mod_normal", lam=lam)
    return random.ex_gaussian(mu, sigma, nu, shape=shape, name=name, dims=dims,
                              constraint=constraint)  # fmt: skip


@public
def truncated_normal(mu=0.0, sigma=1.0, lower=None, upper=None, *, tau=None, shape=None, name=None,
                     dims: Dims = None) -> Node:  # fmt: skip
    """Normal with mean `mu` and standard deviation `sigma`, or precision `tau`, before it is cut to
    the interval from `lower` to `upper` (PyMC's parameters): `pt.random.normal` with `constraint=`.

    Returns a random variable, a float tensor. Raises ValueError for bounds that are not in order
    and for a literal scale outside its range, and GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.truncated_normal(0.0, 1.0, lower=2.0), draws=99, seed=1).min() >= 2
        np.True_
    """
    scale = {"sigma": sigma} if tau is None else {"tau": tau}
    if tau is not None and not (isinstance(sigma, (int, float)) and sigma == 1.0):
        raise TypeError(f"truncated_normal: give sigma or tau, not both\n  at {line_text()}")
    bounds = {"low": lower, "high": upper}
    found = interval(**bounds) if lower is not None or upper is not None else None
    return random.normal(mu, **scale, shape=shape, name=name, dims=dims, constraint=found)


@public
def truncated_polya_gamma(truncation_point=2.5, *, shape=None, name=None,
                          dims: Dims = None) -> Node:  # fmt: skip
    """Polya-gamma with h = 1 and z = 0 below `truncation_point` (NumPyro's name):
    `pt.random.polya_gamma` with `constraint=`.

    Returns a random variable, a float tensor. Raises ValueError for a point that is not positive,
    and GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.truncated_polya_gamma(), 3.0).eval()
        array(-inf)
    """
    own = interval(0.0, truncation_point)
    return random.polya_gamma(1.0, 0.0, shape=shape, name=name, dims=dims, constraint=own)


@public
def improper_uniform(support=None, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Density 1 on a support, `pt.interval(low, high)` or `pt.ordered()`, or on all real numbers:
    improper, unless the support has both bounds. `pt.random.flat` with `constraint=`.

    Returns a random variable, a float tensor. Raises GraphError for what is no such support.

        >>> pt.logp(pt.random.improper_uniform(pt.interval(low=0.0)), [-1.0, 3.0]).eval()
        array([-inf,   0.])
    """
    if support is not None and not isinstance(support, (Interval, Ordered)):
        raise GraphError(
            f"improper_uniform: support={support!r:.60} is no support; use pt.interval(low, high) "
            f"or pt.ordered()\n  at {line_text()}"
        )
    return random.flat(shape=shape, name=name, dims=dims, constraint=support)
