"""What the tests of linear algebra share: one function of many outputs, derivatives by differences.

`agree` compiles all outputs as one function for the machine, so that many cases cost one build.
"""

import numpy as np

import probtensor as pt
from probtensor import ops
from probtensor.testing.conform import Case, assert_close, check_derivatives
from tests.ops.numpy_twin import static

SEED = 20
RNG = np.random.default_rng(SEED)


def run(inputs, outputs, *arrays, target="machine"):
    """The outputs of one function of these inputs."""
    f = pt.function(inputs, outputs, target=target, on_unused_input="ignore")
    return f(*arrays)


def agree(build, meant, *arrays, rtol=1e-10, atol=1e-11, target="machine"):
    """`build(*nodes)` gives outputs whose values are `meant(*arrays)`, both flat lists; nan equals
    nan."""
    nodes = [static(a) for a in arrays]
    found = run(nodes, list(build(*nodes)), *arrays, target=target)
    with np.errstate(all="ignore"):
        wanted = list(meant(*arrays))
    assert len(found) == len(wanted)
    for k, (got, value) in enumerate(zip(found, wanted, strict=True)):
        assert got.shape == np.shape(value), (k, got.shape, np.shape(value))
        np.testing.assert_allclose(got, value, rtol=rtol, atol=atol, err_msg=f"output {k}")


def slopes(build, *arrays, rtol=2e-6):
    """First and second derivatives of `build(*nodes)` against differences, and forward against
    reverse mode. All float64 arrays vary."""
    nodes = tuple(static(a) for a in arrays)
    out = build(*nodes)
    case = Case(ops.Inv(), nodes, tuple(arrays), out, True)
    check_derivatives(case, rtol)


def close(got, meant, rtol=1e-10, atol=1e-11):
    assert_close(got, meant, rtol, atol, "value")


def batch(*shape):
    return RNG.normal(size=shape)


def definite(*shape):
    """Symmetric positive definite matrices."""
    a = RNG.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])
