"""Running sums, products and maxima along the last axis, and the recurrence of their derivatives.

The derivative of a running product needs no division: it is a linear recurrence, whose derivative
is one, too. So derivatives of any order are right where factors are zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.reductions.folds import before
from probtensor.ops.samples import Sample, arrays
from probtensor.types import ShapeError, TensorType


def _positive(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.uniform(0.5, 2, shape)


def _numbers(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.integers(-9, 9, shape)


INTEGERS = sum((arrays(_numbers(*shape), smooth=False) for shape in ((5,), (2, 3, 4), (3, 0))), ())


def _running_sums(x: np.ndarray) -> np.ndarray:
    """np.cumsum along the last axis with compensated summation (Neumaier 1974, ZAMM 54:39), unless
    a sum is not finite."""
    sums = np.cumsum(x, axis=-1)
    if not np.issubdtype(sums.dtype, np.floating):
        return sums
    with np.errstate(invalid="ignore", over="ignore"):
        before = np.zeros_like(sums)
        before[..., 1:] = sums[..., :-1]
        added = sums - before
        lost = np.cumsum((before - (sums - added)) + (x - added), axis=-1)
        return np.where(np.isfinite(lost), sums + lost, sums)


@op
class Cumsum(Core):
    """out[i] = x[0] + ... + x[i] along the last axis."""

    core, routine = "(n)->(n)", "pt_cumsum"
    device = True
    linear = True
    # Of one sign: where terms cancel, rounding depends on the order of summation of the target.
    samples = sum((arrays(_positive(*shape)) for shape in ((5,), (2, 3, 4), (3, 0))), ())

    def numpy(self, x):
        return _running_sums(x)

    def vjp(self, g, out, x):
        return (ops.flip(self(ops.flip(g, -1)), -1),)


@op
class CumsumIntegers(Core):
    """out[i] = x[0] + ... + x[i] along the last axis, of int64, which wraps around."""

    core, routine = "(n)->(n)", "pt_cumsum_int64"
    device = True
    takes, gives = ("int64",), ("int64",)
    differentiable = False
    samples = INTEGERS

    def numpy(self, x):
        return np.cumsum(x, axis=-1)


def _columns(*shape: int, draw: Callable = _positive) -> tuple[Sample, ...]:
    return arrays(draw(*shape), smooth=draw is _positive)


COLUMNS = ((5, 3), (2, 3, 4), (0, 3), (3, 0))


@op
class CumsumColumns(Core):
    """out[i, j] = x[0, j] + ... + x[i, j]: along the axis before the last one."""

    core, routine = "(n,m)->(n,m)", "pt_cumsum_columns"
    device = True
    linear = True
    for_users = False
    samples = sum((_columns(*shape) for shape in COLUMNS), ())

    def workspace(self, sizes):
        return 2 * sizes["m"]

    def numpy(self, x):
        return np.swapaxes(_running_sums(np.swapaxes(x, -1, -2)), -1, -2)

    def vjp(self, g, out, x):
        return (ops.flip(self(ops.flip(g, -2)), -2),)


@op
class CumsumColumnsIntegers(Core):
    """out[i, j] = x[0, j] + ... + x[i, j]: along the axis before the last one, of int64, which
    wraps around."""

    core, routine = "(n,m)->(n,m)", "pt_cumsum_columns_int64"
    device = True
    takes, gives = ("int64",), ("int64",)
    differentiable = for_users = False
    samples = sum((_columns(*shape, draw=_numbers) for shape in COLUMNS), ())

    def numpy(self, x):
        return np.cumsum(x, axis=-2)


@op
class Cumprod(Core):
    """out[i] = x[0] * ... * x[i] along the last axis."""

    core, routine = "(n)->(n)", "pt_cumprod"
    device = True
    samples = (
        *sum((arrays(_positive(*shape)) for shape in ((5,), (2, 3, 4), (3, 0))), ()),
        *arrays(lambda rng: np.array([[1.5, 0.0, 2.0, -3.0], [0.0, 2.0, 0.0, 1.0]])),
        *arrays(lambda rng: np.array([[2.0, np.inf, 0.0], [np.nan, 0.0, 1.0]]), smooth=False),
    )

    def numpy(self, x):
        with np.errstate(invalid="ignore", over="ignore"):
            return np.cumprod(x, axis=-1)

    def vjp(self, g, out, x):
        # x[i] stands in out[k] for k >= i, with the factors before it and those between.
        return (before(out, 1) * backwards(x, g),)


@op
class CumprodIntegers(Core):
    """out[i] = x[0] * ... * x[i] along the last axis, of int64, which wraps around."""

    core, routine = "(n)->(n)", "pt_cumprod_int64"
    device = True
    takes, gives = ("int64",), ("int64",)
    differentiable = False
    samples = INTEGERS

    def numpy(self, x):
        return np.cumprod(x, axis=-1)


@op
class Recurrence(Core):
    """out[i] = a[i] * out[i - 1] + b[i] along the last axis, the first one being b[0]; what
    rounding loses is carried along while all is finite."""

    core, routine = "(n),(n)->(n)", "pt_recurrence"
    device = True
    for_users = False
    samples = (
        *arrays(_positive(2, 4), _positive(2, 4)),
        *arrays(lambda rng: np.array([3.0, 0.0, -2.0, 0.0]), _positive(4)),
        *arrays(_positive(2, 0), _positive(2, 0)),
    )

    def numpy(self, a, b):
        out = np.empty_like(b)
        total = np.zeros(b.shape[:-1], np.longdouble)
        for i in range(b.shape[-1]):
            total = a[..., i] * total + b[..., i] if i else b[..., 0].astype(np.longdouble)
            out[..., i] = total
        return out

    def vjp(self, g, out, a, b):
        slopes = backwards(a, g)
        return slopes * before(out, 0), slopes


recurrence = Recurrence()


def backwards(a: Node, b: Node) -> Node:
    """y[i] = a[i + 1] * y[i + 1] + b[i], the last one being that of b."""
    return ops.flip(recurrence(before(ops.flip(a, -1), 1), ops.flip(b, -1)), -1)


class RunningMaximum(Core):
    """The largest of the elements up to each one, a nan being the largest, and the index of the
    first element that is it, int64."""

    core = "(n)->(n),(n)"
    device = True

    def numpy(self, x):
        out = np.maximum.accumulate(x, axis=-1) if x.shape[-1] else x
        larger = (x > before_array(out)) | ((x != x) & (before_array(out) == before_array(out)))
        numbers = np.where(larger, np.arange(x.shape[-1]), 0)
        return out, np.maximum.accumulate(numbers, axis=-1) if x.shape[-1] else numbers

    def vjp(self, g, out, x):
        taken = ops.take_along_axis(x, out[1], -1)
        return taken.op.vjp(g[0], taken, *taken.inputs)[:1]


def before_array(x: np.ndarray) -> np.ndarray:
    """The element before each one along the last axis; the first one for the first one."""
    return np.concatenate([x[..., :1], x[..., :-1]], -1)


@op
class Cummax(RunningMaximum):
    """The largest of the elements up to each one along the last axis, a nan being the largest, and
    the index of the first element that is it, int64. The vjp adds up at these."""

    routine = "pt_cummax"
    gives = ("float64", "int64")
    for_users = False
    samples = (
        *arrays(lambda rng: rng.permutation(12).reshape(2, 6) + rng.uniform(0, 0.5, (2, 6))),
        *arrays(lambda rng: np.array([[1.0, np.nan, 2.0, np.nan], [-np.inf, -np.inf, 0.0, np.inf]]),
                smooth=False),
        *arrays(_positive(3, 0), smooth=False),
    )  # fmt: skip


@op
class CummaxIntegers(RunningMaximum):
    """The largest of the int64 up to each one along the last axis, and the index of the first
    element that is it."""

    routine = "pt_cummax_int64"
    takes, gives = ("int64",), ("int64", "int64")
    differentiable = False
    for_users = False
    samples = INTEGERS


@op
class LogCumsumExp(Composite):
    """log(exp(x[0]) + ... + exp(x[i])) along the last axis, without overflow; -inf where all of
    these are -inf, inf from the first inf on."""

    samples = (
        *arrays(lambda rng: rng.normal(size=(2, 3, 4))),
        *arrays(lambda rng: np.array([[-np.inf, 1.0, -np.inf], [800.0, -800.0, 799.0]]),
                smooth=False),
        *arrays(lambda rng: np.array([[-np.inf, -np.inf, 0.0], [1.0, np.inf, -np.inf]]),
                smooth=False),
        Sample(lambda rng: (np.array([[0.0, np.nan, 1.0]]),), smooth=False),
        Sample(lambda rng: (np.zeros((2, 0)),), smooth=False),
    )  # fmt: skip

    def infer(self, x: TensorType) -> TensorType:
        if not x.ndim:
            raise ShapeError("needs an axis")
        if not x.is_float:
            raise TypeError(f"needs floats, not {x.dtype}")
        return x

    def numpy(self, x):
        with np.errstate(invalid="ignore"):
            return np.logaddexp.accumulate(x, axis=-1) if x.shape[-1] else x

    def vjp(self, g, out, x):
        # The weight of x[i] in out[k] is exp(x[i] - out[i]), times exp(out[j] - out[j + 1]) for
        # all j from i to before k: no factor is larger than 1.
        flat = ops.isinf(out)
        later = ops.flip(before(ops.flip(out, -1), np.inf), -1)
        step = ops.where(flat, ops.astype(ops.eq(out, np.inf), x.dtype), ops.exp(out - later))
        own = ops.where(flat, ops.astype(ops.eq(x, np.inf), x.dtype), ops.exp(x - out))
        return (own * ops.astype(backwards(before(step, 1), g), x.dtype),)

    def expand(self, x):
        top = ops.astype(parts(Cummax()(x))[0], x.dtype)
        shift = ops.where(ops.isinf(top), 0, top)
        earlier = before(top, -np.inf)
        scale = ops.where(ops.eq(earlier, top), 1, ops.exp(earlier - top))
        total = ops.astype(recurrence(scale, ops.exp(x - shift)), x.dtype)
        return ops.log(total) + ops.where(ops.eq(top, np.inf), np.inf, shift)
