"""The table of rules, in the order in which they are tried at a node."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Op
from probtensor.prob import random as r
from probtensor.prob.derived.derivation import Rule
from probtensor.prob.derived.rules import (
    arithmetic,
    branches,
    counts,
    elementwise,
    folds,
    mixtures,
    powers,
    solve,
)
from probtensor.prob.derived.rules.tensors import joins, linear, vectors, views

_COMPARISONS = (ops.Lt, ops.Le, ops.Gt, ops.Ge)
_RUNNING = (
    ops.Cumsum, ops.CumsumColumns, ops.CumsumIntegers, ops.CumsumColumnsIntegers, ops.Cumprod,
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    # Choices and selections.
    Rule(
        "where",
        (ops.Where,),
        mixtures.derive_where,
        "log sum of the probability of each choice times its density",
        "a random condition is independent of the values, or all are functions of one variable",
        (
            lambda: ops.where(r.bernoulli(0.3), r.normal(-1.0, 0.5), r.normal(2.0, 1.0)),
            lambda: ops.where((x := r.normal(0.3, 1.0)) > 0, x, 0.1 * x),
            lambda: ops.where(r.bernoulli(0.3), 0, r.poisson(2.0)),
        ),
    ),
    Rule(
        "ifelse",
        (ops.IfElse,),
        mixtures.derive_ifelse,
        "that of where, with one choice for the whole tensor",
        "a random condition is independent of the branches",
        (lambda: ops.ifelse(r.bernoulli(0.3), r.normal(-1.0, 0.5), r.normal(2.0, 1.0)),),
    ),
    Rule(
        "pick of a component",
        (ops.Gather,),
        mixtures.derive_picked,
        "log sum of the probability of each index times the density of its component",
        "one index, given or independent of the components",
        (lambda: ops.stack([r.normal(-1.0, 0.5), r.normal(2.0, 1.0)])[r.categorical([0.3, 0.7])],),
    ),
    Rule(
        "order statistic",
        (ops.Slice,),
        folds.derive_order_statistic,
        "n! / (k! (n - 1 - k)!) F(y)^k (1 - F(y))^(n - 1 - k) f(y)",
        "continuous independent entries with one distribution",
        (lambda: ops.sort(r.exponential(1.5, shape=5))[3], lambda: ops.median(r.normal(shape=3))),
    ),
    Rule(
        "linear function of normal variables",
        (
            ops.Slice,
            ops.Gather,
            ops.Sum,
            ops.Contract,
            ops.Concatenate,
            ops.SetSlice,
            ops.Reshape,
        ),
        linear.derive_correlated,
        "multivariate normal, with the covariance of its coefficients",
        "a scalar or vector with at most as many entries as there are random ones",
        (
            lambda: r.multivariate_normal([0.2, -0.3], cov=[[1.0, 0.5], [0.5, 2.0]])[1],
            lambda: (x := r.normal(0.2, 0.7, shape=3))[0] - 2 * x[1] + ops.sum(x),
        ),
    ),
    Rule(
        "block of a covariance matrix",
        (ops.Slice,),
        vectors.derive_block,
        "Wishart, inverse Wishart; gamma and inverse gamma for one entry",
        "a block on the diagonal of wishart or inverse_wishart",
        (lambda: r.wishart(4.5, [[1.0, 0.3], [0.3, 2.0]])[1, 1],),
    ),
    Rule(
        "part of a vector of shares or tallies",
        (ops.Slice,),
        vectors.derive_part,
        "beta, dirichlet with the rest; binomial, beta_binomial",
        "entries of dirichlet, one entry of multinomial and dirichlet_multinomial",
        (lambda: r.dirichlet([1.0, 2.0, 3.0])[1], lambda: r.multinomial(5, [0.2, 0.3, 0.5])[1]),
    ),
    Rule(
        "inverse of a matrix",
        (ops.Inv,),
        vectors.derive_inverse,
        "inverse Wishart, Wishart",
        "wishart or inverse_wishart",
        (),
    ),
    Rule(
        "determinant",
        (ops.Det, ops.LogAbsDet),
        vectors.derive_determinant,
        "that of a power of a gamma variable",
        "wishart or inverse_wishart of one or two rows",
        (
            lambda: ops.det(r.wishart(4.5, [[1.0, 0.3], [0.3, 2.0]])),
            lambda: ops.slogdet(r.inverse_wishart(4.5, [[1.0, 0.3], [0.3, 2.0]]))[1],
        ),
    ),
    Rule(
        "product from both sides",
        (ops.Contract,),
        vectors.derive_congruence,
        "Wishart, inverse Wishart; gamma for a vector",
        "A @ W @ A.mT for a given A, square for inverse_wishart",
        (
            lambda: (a := np.array([1.0, 0.5])) @ r.wishart(4.5, [[1.0, 0.3], [0.3, 2.0]]) @ a,
        ),
    ),
    Rule(
        "scaled covariance matrix",
        (ops.Mul, ops.Div),
        vectors.derive_scaled,
        "Wishart, inverse Wishart",
        "a given positive factor",
        (lambda: (2.0 * r.wishart(4.5, [[1.0, 0.3], [0.3, 2.0]]))[1, 1],),
    ),
    Rule(
        "sum of covariance matrices",
        (ops.Add,),
        vectors.derive_sum_of_matrices,
        "Wishart",
        "independent wishart matrices with one scale",
        (lambda: (r.wishart(4.5, np.eye(2)) + r.wishart(3.0, np.eye(2)))[1, 1],),
    ),
    Rule(
        "shares of a total",
        (ops.Div, ops.Softmax),
        vectors.derive_normalised,
        "dirichlet",
        "g / sum(g) and softmax(log(g)) for gamma entries of one rate",
        (lambda: ops.softmax(ops.log(r.gamma([1.0, 2.0, 3.0], 1.5)))[1],),
    ),
    Rule(
        "factor of a matrix",
        (ops.Cholesky,),
        vectors.derive_factor,
        "that of the Cholesky factor",
        "wishart or inverse_wishart",
        (),
    ),
    Rule(
        "selection",
        (ops.Slice, ops.Gather),
        views.derive_selected,
        "that of the entries that are read",
        "each entry or vector is read once, at places that are literals",
        (lambda: r.gamma([1.0, 2.0, 3.0], 2.0)[1],),
    ),
    Rule(
        "rearrangement",
        (ops.Reshape, ops.Transpose, ops.ExpandDims, ops.DropAxes),
        views.derive_rearranged,
        "that of the same entries in their old places",
        "entries, and whole vectors with a joint density",
        (lambda: ops.exp(r.normal(0.2, 0.5, shape=1)).reshape(()),),
    ),
    Rule(
        "broadcast",
        (ops.BroadcastTo,),
        views.derive_broadcast,
        "that of the entries that are repeated, where these are equal",
        "as the last function: of repeated entries no function is derived",
        (lambda: ops.reshape(ops.broadcast_to(r.gamma(2.0, 1.0, shape=1), (1, 1)), ()),),
    ),
    Rule(
        "join",
        (ops.Concatenate,),
        joins.derive_joined,
        "those of the pieces, side by side",
        "independent pieces, also given ones; variables whose parameters are other pieces",
        (lambda: ops.max(ops.stack([r.normal(0.5, 1.0), r.logistic(0.0, 1.0)])),),
    ),
    Rule(
        "write",
        (ops.SetSlice, ops.Scatter),
        joins.derive_written,
        "those of what is kept and what is written",
        "both are independent or given, the places literals",
        (lambda: ops.sum(r.normal(shape=3).at[1].set(r.normal(1.0, 2.0))),),
    ),
    # Two variables, or one several times.
    Rule(
        "sum",
        (ops.Add, ops.Sub),
        arithmetic.derive_sum,
        "that of the sum: normal, cauchy, gamma, poisson, ...; sums of the densities at what is "
        "left; (F(y - a) - F(y - b)) / (b - a)",
        "independent: a known pair of families; at most 64 whole numbers and anything; uniform and "
        "continuous variables with a known distribution function",
        (
            lambda: r.uniform(-1.0, 2.0) + r.logistic(0.2, 0.7),
            lambda: r.normal(0.2, 0.7) - r.uniform(-1.0, 2.0),
            lambda: r.normal(0.2, 0.7) + r.binomial(3, 0.4),
            lambda: r.bernoulli(0.4) - r.poisson(1.5),
            lambda: r.binomial(5, 0.4) - r.binomial(3, 0.7),
            lambda: r.normal(0.2, 0.7) - r.exponential(0.8),
            lambda: r.normal(0.2, 0.7) + r.normal(0.5, 1.2),
            lambda: r.poisson(1.5) + r.poisson(0.7),
            lambda: r.poisson(1.5) - r.poisson(0.7),
            lambda: r.exponential(1.5) + r.exponential(0.7),
            lambda: r.exponential(1.5) - r.exponential(0.7),
            lambda: r.uniform(0.0, 1.0) + r.uniform(-1.0, 2.0),
            lambda: r.gumbel(0.3, 1.5) - r.gumbel(0.1, 1.5),
            lambda: r.normal(0.2, 0.7) + r.exponential(0.8),
        ),
    ),
    Rule(
        "product",
        (ops.Mul,),
        arithmetic.derive_product,
        "log_normal; Bessel functions, logarithms",
        "independent: log_normal; normal around 0; exponential; uniform from 0",
        (
            lambda: r.log_normal(0.2, 0.5) * r.log_normal(-0.1, 0.4),
            lambda: r.normal(0.0, 1.5) * r.normal(0.0, 0.5),
            lambda: r.exponential(1.5) * r.exponential(0.5),
            lambda: r.uniform(0.0, 1.5) * r.uniform(0.0, 0.7),
        ),
    ),
    Rule(
        "ratio",
        (ops.Div,),
        arithmetic.derive_ratio,
        "cauchy, log_normal, beta prime and F, student_t, beta",
        "independent: normal around 0; log_normal; gamma; uniform from 0; z / sqrt(gamma); "
        "g / (g + h)",
        (
            lambda: r.uniform(0.0, 1.5) / r.uniform(0.0, 0.7),
            lambda: r.normal(0.0, 1.5) / r.normal(0.0, 0.5),
            lambda: (r.chi_squared(5.0) / 5) / (r.chi_squared(8.0) / 8),
            lambda: r.normal(0.0, 1.0) / ops.sqrt(r.chi_squared(5.0) / 5),
            lambda: (x := r.gamma(2.0, 1.5)) / (x + r.gamma(3.0, 1.5)),
        ),
    ),
    Rule(
        "angle",
        (ops.Arctan2,),
        arithmetic.derive_angle,
        "uniform",
        "independent normal variables around 0 with one scale",
        (lambda: ops.arctan2(r.normal(0.0, 1.5), r.normal(0.0, 1.5)),),
    ),
    Rule(
        "larger of two",
        (ops.Maximum, ops.Minimum),
        arithmetic.derive_larger,
        "f(y) G(y) + g(y) F(y)",
        "independent variables with known distribution functions",
        (lambda: ops.maximum(r.normal(0.5, 1.0), r.logistic(0.0, 1.0)),),
    ),
    # Elementwise functions of one variable.
    Rule(
        "censoring",
        (ops.Maximum, ops.Minimum),
        counts.derive_censored,
        "the density inside the bound, the probability of what lies beyond it on the bound",
        "a given bound",
        (lambda: ops.clip(r.normal(0.3, 1.0), -0.5, 1.2), lambda: ops.minimum(r.poisson(2.0), 3)),
    ),
    Rule(
        "shift and scale",
        (ops.Add, ops.Sub, ops.Mul, ops.Div),
        elementwise.derive_affine,
        "f((y - b) / a) / |a|",
        "the other operand is given",
        (lambda: 3.0 - 2.0 * r.gumbel(0.3, 1.0), lambda: 2 - r.poisson(2.0)),
    ),
    Rule(
        "reciprocal",
        (ops.Div,),
        powers.derive_reciprocal,
        "f(c / y) c / y^2",
        "a given numerator; also of values of both signs",
        (lambda: 1 / r.gamma(3.0, 1.0), lambda: 1 / r.normal(0.5, 1.0)),
    ),
    Rule(
        "monotone function",
        tuple(elementwise.UNARY),
        elementwise.derive_unary,
        "f(g(y)) |g'(y)| for the inverse g",
        "monotone on the support",
        (
            lambda: ops.exp(r.logistic(0.2, 0.5)),
            lambda: ops.log(r.gamma(2.0, 1.5)),
            lambda: ops.sigmoid(r.normal(0.2, 1.2)),
            lambda: ops.tanh(r.normal(0.2, 0.7)),
            lambda: ops.softplus(r.normal(0.2, 1.2)),
            lambda: ops.log1mexp(-r.gamma(2.0, 1.5)),
        ),
    ),
    Rule(
        "power",
        (ops.Pow,),
        powers.derive_power,
        "f(y^(1/c)) |y^(1/c - 1) / c|",
        "positive values, or a known power; c**x for a positive c",
        (
            lambda: r.gamma(2.0, 1.5) ** 1.7,
            lambda: r.normal(0.5, 1.0) ** 3,
            lambda: r.normal(0.5, 1.0) ** -3,
        ),
    ),
    Rule(
        "even function",
        (ops.Abs, ops.Square, ops.Cosh, ops.Pow),
        branches.derive_even,
        "f(g(y)) |g'(y)| + f(-g(y)) |g'(y)|",
        "abs, square, cosh and even powers",
        (
            lambda: ops.abs(r.normal(0.5, 1.0)),
            lambda: r.normal(0.5, 1.0) ** 4,
            lambda: ops.cosh(r.normal(0.5, 1.0)),
        ),
    ),
    Rule(
        "remainder",
        (ops.Mod,),
        branches.derive_remainder,
        "the sum of f over all periods",
        "normal, cauchy, exponential, or a bounded support; a positive given divisor",
        (lambda: ops.mod(r.normal(0.5, 0.6), 2.0), lambda: ops.mod(r.cauchy(0.5, 0.6), 2.0)),
    ),
    Rule(
        "periodic function",
        (ops.Sin, ops.Cos, ops.Tan),
        branches.derive_wave,
        "the density of the remainder at the places of one period",
        "as for the remainder",
        (
            lambda: ops.sin(r.normal(0.5, 0.6)),
            lambda: ops.cos(r.uniform(-1.0, 5.0)),
            lambda: ops.tan(r.normal(0.5, 0.6)),
        ),
    ),
    Rule(
        "logaddexp",
        (ops.Logaddexp,),
        elementwise.derive_logaddexp,
        "f(g(y)) |g'(y)|",
        "the other operand is given",
        (lambda: ops.logaddexp(r.normal(0.5, 1.0), 0.3),),
    ),
    Rule(
        "cast",
        (ops.Cast,),
        elementwise.derive_cast,
        "the same",
        "from whole numbers to any numbers, and between floats",
        (lambda: ops.exp(r.poisson(2.0).astype("float64")),),
    ),
    # Probabilities.
    Rule(
        "comparison",
        _COMPARISONS,
        counts.derive_compared,
        "the probabilities F(c) and 1 - F(c), exact in both tails",
        "a given bound, or two variables whose difference is derived",
        (lambda: (r.normal(0.5, 1.0) > 0.2).astype("float64"), lambda: r.poisson(2.0) <= 1),
    ),
    Rule(
        "equality",
        (ops.Eq, ops.Ne),
        counts.derive_equal,
        "the probability of the number",
        "whole numbers, compared with given ones",
        (lambda: ops.eq(r.poisson(2.0), 1),),
    ),
    Rule(
        "negation of truth",
        (ops.LogicalNot,),
        counts.derive_not,
        "the probabilities change places",
        "independent truth values",
        (lambda: ops.logical_not(r.normal(0.5, 1.0) > 0.2),),
    ),
    Rule(
        "conjunction",
        (ops.LogicalAnd, ops.LogicalOr),
        counts.derive_both,
        "the product of the probabilities",
        "independent truth values",
        (lambda: (r.normal(0.5, 1.0) > 0.2) & (r.exponential(1.0) > 0.5),),
    ),
    Rule(
        "all, any",
        (ops.All, ops.Any_),
        counts.derive_all,
        "the product of the probabilities",
        "independent truth values",
        (lambda: ops.all(r.normal(0.5, 1.0, shape=3) > 0.2),),
    ),
    Rule(
        "rounding",
        (ops.Floor, ops.Ceil, ops.Round),
        counts.derive_rounded,
        "F(k + 1) - F(k), from the tail in which both are small",
        "continuous values with a known distribution function",
        (lambda: ops.floor(r.normal(0.5, 1.5)), lambda: ops.round(r.gamma(2.0, 1.0))),
    ),
    Rule(
        "truncation to a whole number",
        (ops.Trunc,),
        counts.derive_trunc,
        "the probability of the interval",
        "continuous values with a known distribution function",
        (lambda: ops.trunc(r.normal(0.5, 1.5)),),
    ),
    # Reductions.
    Rule(
        "extreme",
        (ops.Max, ops.Min),
        folds.derive_extreme,
        "sum over i of f_i(y) times the F_j(y) of all others",
        "independent entries with known distribution functions, continuous or whole numbers",
        (
            lambda: ops.max(r.normal([0.0, 0.5, 1.0], 1.0)),
            lambda: ops.min(r.poisson([1.0, 2.0, 3.0])),
        ),
    ),
    Rule(
        "order",
        (ops.Sort, ops.SortFloat32, ops.SortIntegers, ops.SortInt32),
        folds.derive_sorted,
        "n! times the product of f over ordered vectors",
        "continuous independent entries with one distribution",
        (),
    ),
    Rule(
        "order of indices",
        (ops.Argsort,),
        folds.derive_argsort,
        "1 / n!",
        "continuous independent entries with one distribution",
        (),
    ),
    Rule(
        "index of an extreme",
        (ops.Argmax, ops.Argmin),
        folds.derive_argmax,
        "categorical",
        "argmax of gumbel variables of one scale, argmin of exponential ones, or weibull ones of "
        "one shape; one distribution",
        (
            lambda: ops.argmax(r.gumbel([0.0, 0.5, 1.0], 1.5)),
            lambda: ops.argmin(r.exponential([1.0, 2.0, 3.0])),
        ),
    ),
    Rule(
        "sum of squares",
        (ops.Sum,),
        linear.derive_squares,
        "a scaled chi squared",
        "deviations of normal entries with one scale from their mean, or another projection",
        (lambda: ops.var(r.normal(0.3, 1.5, shape=4)),),
    ),
    Rule(
        "total",
        (ops.Sum,),
        folds.derive_total,
        "that of the sum: normal, cauchy, gamma, poisson, binomial, ...",
        "independent entries of one family, with equal rates where it needs these; whole numbers "
        "of which there are few",
        (
            lambda: ops.sum(r.discrete_uniform(1, 6, shape=3)),
            lambda: ops.sum(r.gamma([1.0, 2.0, 0.5], 1.5)),
            lambda: ops.mean(r.normal(0.3, 1.5, shape=4)),
            lambda: ops.sum(r.bernoulli(0.3, shape=4)),
        ),
    ),
    Rule(
        "product over axes",
        (ops.Prod,),
        folds.derive_product,
        "log_normal; of uniform shares (-log y)^(n - 1) / (n - 1)!",
        "log_normal entries, or uniform ones from 0 to 1",
        (
            lambda: ops.prod(r.log_normal(0.2, 0.3, shape=3)),
            lambda: ops.prod(r.uniform(0.0, 1.0, shape=3)),
        ),
    ),
    Rule(
        "running total",
        _RUNNING,
        folds.derive_running,
        "that of each step, given the entry before it",
        "independent entries",
        (),
    ),
    Rule(
        "matrix",
        (ops.Contract,),
        linear.derive_matrix,
        "f(A^-1 y) / |det A|",
        "given square matrices; entries, or vectors, that move freely",
        (),
    ),
    # What is tried last, at any node.
    Rule(
        "linear function of shared normal variables",
        (Op,),
        linear.derive_normal,
        "multivariate normal, with the covariance of its coefficients",
        "a scalar or vector with at most as many entries as there are random ones",
        (lambda: (x := r.normal(0.2, 0.7)) + 2 * (x + r.normal(0.5, 1.0)),),
    ),
    Rule(
        "monotone function by solution",
        (Op,),
        solve.derive_solved,
        "f(g(y)) |g'(y)|, the inverse g by bisection",
        "one variable, used any number of times, without jumps, with a derivative that is seen to "
        "have one sign",
        (
            lambda: (x := r.beta(2.0, 3.0)) / (1 - x),
            lambda: (x := r.normal(0.2, 0.7)) + x**3,
            lambda: (x := r.gamma(2.0, 1.0)) * ops.exp(x),
        ),
    ),
)


def _by_op(rules: tuple[Rule, ...]) -> dict[type[Op], tuple[Rule, ...]]:
    found: dict[type[Op], list[Rule]] = {}
    for rule in rules:
        for kind in rule.on:
            found.setdefault(kind, []).append(rule)
    return {kind: tuple(own) for kind, own in found.items()}


RULES_BY_OP = _by_op(RULES)
