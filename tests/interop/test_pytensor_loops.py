"""Loops, branches, lists, graphs within ops and random variables of PyTensor, translated."""

import numpy as np
import pytest

pytest.importorskip("pytensor")

import pytensor
import pytensor.tensor as at
import pytensor.typed_list
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.replace import vectorize_graph
from pytensor.ifelse import ifelse
from pytensor.raise_op import Assert
from pytensor.scan.utils import until

from tests.interop.agreement import agree

rng = np.random.default_rng(7)
scan = pytensor.scan


def scans():
    x, a, m, n = at.vector("x"), at.scalar("a"), at.matrix("m"), at.lscalar("n")
    e = at.vector("e")
    values = {
        x: rng.normal(size=6), a: np.array(0.7), m: rng.normal(size=(6, 3)), n: np.array(4),
        e: np.zeros(0),
    }  # fmt: skip

    def one(*args, **options):
        return scan(*args, **options, return_updates=False)

    ar = one(lambda y, h: a * h + y, sequences=x, outputs_info=at.zeros(()))
    second = one(lambda y, h2, h1: a * h1 - 0.2 * h2 + y, sequences=x,
                 outputs_info={"initial": x[:2] * 2, "taps": [-2, -1]})  # fmt: skip
    rows = one(lambda r, h: at.tanh(h * a + r), sequences=m, outputs_info=at.ones(3))
    many = one(lambda y, p, q: (p + y * q, q * a, y**2), sequences=x,
               outputs_info=[at.zeros(()), at.ones(()), None])  # fmt: skip
    power = one(lambda h: h * a, outputs_info=at.ones(()), n_steps=n)
    nothing = one(lambda y, h: h + y, sequences=e, outputs_info=at.ones(()))
    nested = one(lambda r: one(lambda y, h: h * a + y, sequences=r, outputs_info=at.zeros(()))[-1],
                 sequences=m)  # fmt: skip
    taps = one(lambda before, now: now - before, sequences={"input": x, "taps": [-1, 0]})
    cases = {
        "sit-sot": [ar, ar[-1], ar[2:4]], "mit-sot": second, "rows": rows, "several": many,
        "steps": [power, power[-1]], "empty": nothing, "nested": nested, "taps": taps,
        "map": one(lambda r: r.sum() * a, sequences=m),
        "backwards": one(lambda y, h: h * a + y, sequences=x, outputs_info=at.zeros(()),
                         go_backwards=True),
        "gradients": [*at.grad(ar.sum(), [x, a]), *at.grad(rows[-1].sum(), [m, a]),
                      *at.grad((second**2).sum(), [x, a]), at.grad(nested.sum(), m),
                      *at.grad(sum(y.sum() for y in many), [x, a])],
        "gradient of a counted one": at.grad(power.sum(), a),
        "steps with sizes of their own": one(
            lambda i, h: h * a + x[:i].sum() + at.arange(i).sum(), sequences=at.arange(1, 5),
            outputs_info=at.zeros(())
        ),
        "second derivatives": at.grad(at.grad((ar**2).sum(), a), a),
    }  # fmt: skip
    return cases, values


def whiles():
    x, n = at.vector("x"), at.lscalar("n")
    def one(*args, **options):
        return scan(*args, **options, return_updates=False)

    doubled = one(lambda h: (h * 2.0, until(h * 2.0 > 20)), outputs_info=at.ones(()), n_steps=30)
    summed = one(lambda y, h: (h + y, until(h + y > 2.5)), sequences=x, outputs_info=at.zeros(()))
    squares = one(lambda y: (y**2, until(y > 2)), sequences=x)
    cases = {
        "doubled": [doubled, doubled[-1]], "sums": [summed, summed.shape], "squares": squares,
        "never": one(lambda y, h: (h + y, until(y > 99)), sequences=x, outputs_info=at.ones(())),
        "counted": one(lambda h: (h + 1.0, until(h > 2)), outputs_info=at.zeros(()), n_steps=n),
    }  # fmt: skip
    return cases, {x: np.arange(5.0), n: np.array(2)}


def branches_and_graphs():
    x, y, c = at.vector("x"), at.vector("y"), at.scalar("c")
    m, i = at.matrix("m"), at.lscalar("i")
    values = {x: rng.normal(size=3), y: rng.normal(size=3), c: np.array(0.5),
              m: rng.normal(size=(2, 3)), i: np.array(1)}  # fmt: skip
    inner = OpFromGraph([x, y], [at.exp(x) + y, x.sum()])
    made = pytensor.typed_list.make_list([x, y, x + y])
    batch = vectorize_graph(inner(x, y)[0], {x: m})
    row = vectorize_graph(at.linalg.norm(x), {x: m})
    part = vectorize_graph(x[i:].sum() + x[i], {x: m})
    cases = {
        "ifelse": [ifelse(c > 0, x, y), ifelse(c > 1, x, y), *ifelse(c > 0, [x, c], [y, c * 2])],
        "graph": [*inner(x, y * 2), *at.grad(inner(x, y)[0].sum(), [x, y])],
        "batch of graphs": [batch, row, part], "checked": Assert("positive")(x, c > 0),
        "lists": [made[1], pytensor.typed_list.basic.append(made, c * x)[-1],
                  pytensor.typed_list.basic.length(made)],
    }  # fmt: skip
    return cases, values


ALL = [scans, whiles, branches_and_graphs]


@pytest.mark.parametrize("made", ALL, ids=lambda f: f.__name__)
def test_results_are_those_of_pytensor(made):
    agree(*made())
