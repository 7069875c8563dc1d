"""Parametrisations that graphs of PyTensor hold, as far as they are the same numbers.

PyMC keeps one parametrisation of each distribution: `Bernoulli(logit_p=x)` has p = sigmoid(x). A
density in x neither rounds nor overflows where p is 0 or 1, so x is looked for in the graph of p.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

Variable = Any  # of PyTensor
SAME = ("ViewOp", "DeepCopyOp", "Identity", "TensorFromScalar", "ScalarFromTensor")
SEARCHED = 300  # nodes above a variable in which a pattern is looked for


def class_of(op: Any) -> str:
    """The name of the class of an op; of an elementwise one, that of its scalar op."""
    return type(getattr(op, "scalar_op", op)).__name__


def bare(variable: Variable) -> Variable:
    """A variable without the copies and casts between real numbers around it."""
    while variable.owner is not None and _is_copy(variable):
        variable = variable.owner.inputs[0]
    return variable


def _is_copy(variable: Variable) -> bool:
    kind = class_of(variable.owner.op)
    if kind == "Cast":
        kinds = {np.dtype(x.type.dtype).kind for x in (variable, variable.owner.inputs[0])}
        return kinds == {"f"}
    return kind in SAME


def arguments(variable: Variable, kind: str) -> list[Variable] | None:
    """The arguments of an elementwise function of this name that gives a variable, or None. New
    axes around the function are put around its arguments."""
    variable = bare(variable)
    apply = variable.owner
    if apply is None:
        return None
    if class_of(apply.op) == kind:
        return list(apply.inputs)
    if not _adds_axes(apply.op):
        return None
    found = arguments(apply.inputs[0], kind)
    return found and [apply.op(x) for x in found]


def argument(variable: Variable, kind: str) -> Variable | None:
    """The argument of an elementwise function of one argument, as `arguments`."""
    found = arguments(variable, kind)
    return found[0] if found else None


def _adds_axes(op: Any) -> bool:
    """Does an op only put new axes somewhere?"""
    order = getattr(op, "new_order", None)
    return order is not None and [k for k in order if k != "x"] == [*range(op.input_ndim)]


def without_axes(variable: Variable) -> tuple[Variable, int]:
    """A variable without new leading axes, and how many these were."""
    variable = bare(variable)
    count = 0
    while variable.owner is not None and _adds_axes(variable.owner.op):
        order = variable.owner.op.new_order
        kept = variable.owner.inputs[0].ndim
        if any(k == "x" for k in order[len(order) - kept :]):
            break
        count += len(order) - kept
        variable = bare(variable.owner.inputs[0])
    return variable, count


def softmax_argument(variable: Variable) -> Variable | None:
    """x of softmax(x) along the last axis."""
    inner, count = without_axes(variable)
    op = getattr(inner.owner, "op", None)
    if class_of(op) != "Softmax" or tuple(np.atleast_1d(op.axis)) not in {(inner.ndim - 1,), (-1,)}:
        return None
    return padded(inner.owner.inputs[0], count)


def padded(variable: Variable, count: int) -> Variable:
    """A variable with so many new leading axes; a number as it is."""
    if isinstance(variable, (int, float)):
        return variable
    return variable.dimshuffle(*"x" * count, *range(variable.ndim)) if count else variable


def same(x: Variable, y: Variable) -> bool:
    """Are two variables the same number, by their graphs, new axes apart?"""
    x, y = (stripped(v) for v in (x, y))
    if x is y:
        return True
    return import_module("pytensor.graph.basic").equal_computations([x], [y])


def stripped(variable: Variable) -> Variable:
    """A variable without copies and new axes."""
    variable = bare(variable)
    while variable.owner is not None and _adds_axes(variable.owner.op):
        variable = bare(variable.owner.inputs[0])
    return variable


def mean_of_counts(n: Variable, p: Variable) -> Variable | None:
    """mu of a negative binomial distribution whose p is n / (n + mu), as PyMC writes it, with
    p = sigmoid(log(n) - log(mu)), or as a user does."""
    logit = argument(p, "Sigmoid")
    parts = arguments(logit, "Sub") if logit is not None else None
    if parts and len(parts) == 2:
        logs = [argument(x, "Log") for x in parts]
        if all(x is not None for x in logs) and same(logs[0], n):
            return logs[1]
    ratio = arguments(p, "TrueDiv")
    terms = arguments(ratio[1], "Add") if ratio and same(ratio[0], n) else None
    if terms and len(terms) == 2:
        for first, second in (terms, terms[::-1]):
            if same(first, n):
                return second
    return None


def above(variable: Variable) -> Iterator[Variable]:
    """The variables above one, nearest first, as far as patterns are looked for."""
    found, seen = [variable], set()
    while found and len(seen) < SEARCHED:
        x = found.pop(0)
        if x in seen or x.owner is None:
            continue
        seen.add(x)
        yield x
        found += x.owner.inputs


def ordered_parts(p: Variable, link: str) -> tuple[Variable, ...] | None:
    """(eta, cutpoints) of probabilities of ordered categories by a logistic `link`, or (eta,
    cutpoints, sigma) by "probit": those whose probabilities, made by PyMC, have the same graph."""
    p, count = without_axes(p)
    top, below = {"logistic": ("Sub", "Subtensor"), "probit": ("Exp", "Join")}[link]
    if _made_by(p) != top or _made_by(p.owner.inputs[0]) != below:
        return None
    make = {"logistic": "OrderedLogistic", "probit": "OrderedProbit"}[link]
    compute = getattr(import_module("pymc"), make).compute_p
    equal = import_module("pytensor.graph.basic").equal_computations
    for x in above(p):
        if class_of(x.owner.op) != "Sub" or len(x.owner.inputs) != 2:
            continue
        first, second = x.owner.inputs if link == "probit" else x.owner.inputs[::-1]
        if not _is_padded_right(first):
            continue
        eta = first.owner.inputs[0]
        for rest in _scales(p) if link == "probit" else [()]:
            for cutpoints in (without_axes(second)[0], second):
                if equal([compute(eta, cutpoints, *rest)], [p]):
                    wide = count if cutpoints.ndim > 1 else 0
                    rest = [padded(s, count if getattr(s, "ndim", 0) else 0) for s in rest]
                    return padded(eta, count), padded(cutpoints, wide), *rest
    return None


def _made_by(variable: Variable) -> str | None:
    return None if variable.owner is None else class_of(variable.owner.op)


def _is_padded_right(variable: Variable) -> bool:
    order = getattr(getattr(variable.owner, "op", None), "new_order", None)
    return bool(order) and order == (*range(len(order) - 1), "x")


def _scales(p: Variable) -> Iterator[tuple[Any]]:
    """What may be the scale of a probit: 1, or what is divided by."""
    yield (1,)
    yield (1.0,)
    divisors = [x.owner.inputs[1] for x in above(p) if _made_by(x) == "TrueDiv"]
    several = [y for d in divisors for y in (d, stripped(d))]
    for x in {_literal_key(y): y for y in several}.values():
        yield (x,)


def _literal_key(variable: Variable) -> object:
    """What is equal for literals that are the same number, and a variable itself else."""
    array = getattr(variable, "data", None)
    return variable if np.ndim(array) or array is None else (variable.type.dtype, float(array))


def factor_of(cov: Variable) -> Variable | None:
    """L where a matrix is L L' and L is known to be lower triangular with a positive diagonal."""
    inner, count = without_axes(cov)
    apply = inner.owner
    if apply is None or class_of(_core(apply.op)) not in ("Dot", "Matmul"):
        return None
    left, right = map(bare, apply.inputs)
    order = getattr(getattr(right.owner, "op", None), "new_order", None)
    n = left.ndim
    if order != (*range(n - 2), n - 1, n - 2) or bare(right.owner.inputs[0]) is not left:
        return None
    return padded(left, count) if is_factor(left) else None


def _core(op: Any) -> Any:
    return getattr(op, "core_op", op)


def inverse_argument(matrix: Variable) -> Variable | None:
    """A where a matrix is the inverse of A."""
    inner, count = without_axes(matrix)
    op = getattr(inner.owner, "op", None)
    return padded(inner.owner.inputs[0], count) if class_of(_core(op)) == "MatrixInverse" else None


def is_factor(matrix: Variable) -> bool:
    """Is a matrix a Cholesky factor: by how it was made, as a literal, or as PyMC marks what is
    given as `chol=` and what it unpacks?"""
    if getattr(matrix.tag, "lower_triangular", False):
        return True
    array = getattr(matrix, "data", None)
    if array is not None:
        diagonal = np.diagonal(array, axis1=-2, axis2=-1)
        return bool((np.tril(array) == array).all() and (diagonal > 0).all())
    apply = matrix.owner
    if apply is None:
        return False
    op = _core(apply.op)
    return bool(op.lower) if class_of(op) == "Cholesky" else class_of(op) == "LKJCorrRV"
