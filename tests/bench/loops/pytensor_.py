"""The models in PyTensor, compiled by its default linker."""

import numpy as np
import pytensor
import pytensor.tensor as tensor


def _with_gradient(inputs, values, value, wrt):
    f = pytensor.function(inputs, [value, *tensor.grad(value, wrt)], trust_input=True)
    values = [np.asarray(x) for x in values]
    return lambda: f(*values)


def garch(case):
    q, y = tensor.dvector("q"), tensor.dvector("y")
    mu, omega, alpha, beta = q[0], q[1], q[2], q[3]

    def step(x, h):
        return omega + alpha * (x - mu) ** 2 + beta * h

    start = tensor.constant(np.float64(case.h0), dtype="float64")
    found = pytensor.scan(step, sequences=[y], outputs_info=[start], return_updates=False)
    h = tensor.concatenate([start[None], found[:-1]])
    value = tensor.sum(-0.5 * tensor.log(h) - 0.5 * (y - mu) ** 2 / h)
    return _with_gradient([q, y], [case.q, case.y], value, [q])


def hmm(case):
    initial, moves, e = tensor.dvector("initial"), tensor.dmatrix("moves"), tensor.dmatrix("e")
    top = tensor.max(e, axis=1)
    b = tensor.exp(e - top[:, None])
    first = initial * b[0]

    def step(row, p):
        new = (p @ moves) * row
        total = tensor.sum(new)
        return new / total, total

    _, totals = pytensor.scan(
        step, sequences=[b[1:]], outputs_info=[first / tensor.sum(first), None],
        return_updates=False,
    )  # fmt: skip
    value = tensor.log(tensor.sum(first)) + tensor.sum(tensor.log(totals)) + tensor.sum(top)
    inputs = [initial, moves, e]
    return _with_gradient(inputs, [case.initial, case.moves, case.e], value, inputs)


MODELS = {"garch": garch, "hmm4": hmm, "hmm32": hmm}
