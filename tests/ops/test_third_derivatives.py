"""Third derivatives of every elementwise op, in all triples of its arguments, against mpmath."""

import itertools

import mpmath as mp
import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import GraphError, make
from probtensor.inspect.exact.values import meanings
from probtensor.ops.kinds import REGISTRY, Elementwise
from probtensor.ops.random.draws import Draw
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient

QUICK = ("gammainc", "log_beta_mass", "lbeta", "log_ndtr", "pow", "student_kernel")
COUNTS = ("counts", "n", "m")  # operands that stand for whole numbers
# Ops that say of themselves which derivatives they are: a third of a third is beyond their end.
ENDED = {"hyp1f1_in_parameters", "hyp2f1_in_parameters"}


def differentiable_ops():
    for name, op in sorted(REGISTRY.items()):
        plain = issubclass(op, Elementwise) and not issubclass(op, Draw) and name not in ENDED
        if plain and op.differentiable and name in meanings():
            yield pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)


def call_of(op):
    """One point as an array for each operand, nodes of them, the call, and the free operands."""
    columns = [np.asarray(c).ravel()[:1] for c in op.samples[0].make(np.random.default_rng(5))]
    nodes = [ops.vector(f"x{k}", shape=c.shape) for k, c in enumerate(columns)]
    operands, free = list(nodes), list(range(op.arity))
    if "beta_mass" in op.name or op.name == "beta_quantile":
        columns, nodes = columns[:-1], nodes[:-1]  # the last is 1 less the one before
        operands[-1], free = 1 - nodes[-1], free[:-1]
    names = op.operands or ()
    free = [k for k in free if not (k < len(names) and names[k] in COUNTS)]
    return columns, nodes, make(op, tuple(operands)), free


def exact(op, columns, orders):
    at = [mp.mpf(float(c[0])) for c in columns]

    def value(*moved):
        full = [*moved, 1 - moved[-1]] if len(moved) < op.arity else moved
        return meanings()[op.name](*full)

    with mp.workdps(70):
        moving = [k for k, order in enumerate(orders) if order]

        def of_moving(*parts):
            full = list(at)
            for k, part in zip(moving, parts, strict=True):
                full[k] = part
            return value(*full)

        point, counts = [at[k] for k in moving], [orders[k] for k in moving]
        single = len(moving) == 1
        arguments = (point[0], counts[0]) if single else (tuple(point), tuple(counts))
        return float(mp.diff(of_moving, *arguments, h=mp.mpf(10) ** -14))


@pytest.mark.parametrize("name", list(differentiable_ops()))
def test_third_derivatives_are_exact(name):
    op = REGISTRY[name]()
    if any(np.asarray(c).dtype.kind != "f" for c in op.samples[0].make(np.random.default_rng(5))):
        pytest.skip("of whole numbers")
    columns, nodes, call, free = call_of(op)
    for triple in itertools.combinations_with_replacement(free, 3):
        slope = call
        try:
            for k in triple:
                (slope,) = gradient(ops.sum(slope), [nodes[k]])
        except GraphError as error:
            assert "does not depend" in str(error) or "has no derivative" in str(error)
            assert "parameters" not in str(error)
            continue
        got = evaluate_numpy([slope], dict(zip(nodes, columns, strict=True)))[0][0]
        meant = exact(op, columns, [triple.count(k) for k in range(len(columns))])
        assert got == pytest.approx(meant, rel=1e-8, abs=1e-9), triple
