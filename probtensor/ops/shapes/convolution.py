"""The op of all convolutions, sums of products of windows of an input and a kernel; those of two
vectors, by NumPy's signatures.

The op stays one node until it is compiled, and its derivatives are convolutions again. Then it is a
product of matrices, of the kernel and the windows, which are copied for it; or loops over
neighbouring sums, where there is little to sum over or a dtype that BLAS has not.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import Batch, Composite, op
from probtensor.ops.reductions.folds import described
from probtensor.ops.samples import Sample, cases
from probtensor.ops.shapes.windows import Placed, span_of, windows_of
from probtensor.types import (
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    promote,
    size_floordiv,
    size_max,
    size_min,
    size_product,
)

MODES = ("full", "same", "valid")
BLOCK = 32  # neighbouring sums that a loop accumulates together
MOST_TERMS = 16  # of sums, and of results, by loops: a product of matrices is slower for fewer
MOST_RESULTS = 7
MOST_WRITTEN = 9  # terms of sums that are written out
MOST_COPIED = 1 << 26  # elements of windows that are copied for a product of matrices


@op
class Convolution(Composite):
    """The correlation of an input (batch, channels, *sizes) and a kernel (results, channels of a
    group, *taps), without padding: the results of each of the groups of channels, at all places
    where the kernel lies within the input."""

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int
    samples = (
        *cases((2, 3, 6), (2, 3, 3), strides=[(1,), (2,)], dilations=[(1,), (2,)], groups=[1, 1]),
        *cases((2, 4, 9), (2, 2, 2), strides=[(3,)], dilations=[(2,)], groups=[2]),
        *cases((1, 2, 5, 4), (2, 1, 2, 3), strides=[(1, 1)], dilations=[(2, 1)], groups=[2]),
        Sample(
            lambda rng: (rng.integers(-9, 9, (1, 2, 40)), rng.integers(-9, 9, (1, 2, 3))),
            {"strides": (1,), "dilations": (1,), "groups": 1},
            smooth=False,
        ),
    )

    def infer(self, x: TensorType, w: TensorType) -> TensorType:
        rank = len(self.strides) + 2
        if x.ndim != rank or w.ndim != rank:
            raise ShapeError(f"needs {rank} axes each, not {x.ndim} and {w.ndim}")
        if x.dtype != w.dtype:
            raise TypeError(f"dtypes {x.dtype} and {w.dtype} differ")
        if isinstance(w.shape[0], int) and w.shape[0] % self.groups:
            raise ShapeError(f"{w.shape[0]} results of {self.groups} groups")
        for law in self._laws(x, w):
            if not law.names():
                SizeCheck(law.left, law.relation, law.right, law.message, ShapeError).verify({})
        return TensorType(x.dtype, (x.shape[0], w.shape[0], *self._counts(x.shape, w.shape)))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        x, w = node.inputs
        yield from self._laws(x.type, w.type)

    def _laws(self, x: TensorType, w: TensorType) -> Iterator[SizeCheck]:
        channels, each = x.shape[1], w.shape[1]
        of = f" in each of {self.groups} groups" if self.groups > 1 else ""
        text = ("the kernel is for ", each, f" channels{of}, and the input has ", channels)
        yield SizeCheck(each * self.groups, "==", channels, text)
        groups = size_floordiv(w.shape[0], self.groups) * self.groups
        yield SizeCheck(w.shape[0], "==", groups, (w.shape[0], f" results of {self.groups} groups"))
        for k, (n, taps) in enumerate(zip(x.shape[2:], w.shape[2:])):
            span = span_of(taps, self.dilations[k])
            yield SizeCheck(1, "<=", taps, ("the kernel has ", taps, " taps"))
            text = ("the kernel reaches over ", span, " of ", n, " elements")
            yield SizeCheck(span, "<=", n + self.strides[k], text)

    def _counts(self, x: Sequence[Size], w: Sequence[Size]) -> list[Size]:
        quads = zip(x[2:], w[2:], self.strides, self.dilations)
        return [size_floordiv(n - span_of(m, d) + s, s) for n, m, s, d in quads]

    def numpy(self, x, w):
        counts = self._counts(x.shape, w.shape)
        results = w.shape[0] // self.groups
        out = np.zeros((x.shape[0], self.groups, results, *counts), x.dtype)
        parts = x.reshape(x.shape[0], self.groups, w.shape[1], *x.shape[2:])
        kernels = w.reshape(self.groups, results, *w.shape[1:])
        for place in np.ndindex(*w.shape[2:]):
            quads = zip(place, counts, self.strides, self.dilations)
            key = [slice(k * d, k * d + n * s, s) for k, n, s, d in quads]
            found = parts[(..., *key)]
            out += np.einsum("bgc...,goc->bgo...", found, kernels[(..., *place)])
        return out.reshape(x.shape[0], w.shape[0], *counts)

    def vjp(self, g, out, x, w):
        over = transposed(g, w, self.strides, self.dilations, self.groups, x.shape[2:])
        return over, self._kernel_gradient(g, x, w)

    def _kernel_gradient(self, g: Node, x: Node, w: Node) -> Node:
        """Sums over the batch and all places, of results times windows."""
        names = _Names(len(self.strides), self.groups)
        group, places, taps = names.group, names.places, names.taps
        slid, parts = self._windows(_grouped(x, self.groups, 1), w), _grouped(g, self.groups, 1)
        channels, results = w.shape[1], parts.shape[parts.ndim - len(places) - 1]
        windows = f"b{group}c{places}{taps}"
        if self._is_copied(slid) and not channels == results == 1:
            slid = _laid(slid, windows, f"{group}c{taps}b{places}")
            parts = _laid(parts, f"b{group}o{places}", f"{group}ob{places}")
            found = ops.contract(
                f"{group}ob{places},{group}c{taps}b{places}->{group}oc{taps}", parts, slid
            )
        else:
            # Along one axis sums are over neighbouring elements; along several it is the sums that
            # are neighbours.
            laid = f"{group}c{taps}b{places}" if len(places) == 1 else windows
            slid = _laid(slid, windows, laid)
            found = ops.contract(f"{laid},b{group}o{places}->{group}oc{taps}", slid, parts)
        return ops.reshape(found, w.shape)

    def _windows(self, x: Node, w: Node) -> Node:
        """The windows of the last axes of x, whose axes follow."""
        first = x.ndim - len(self.strides)
        for k, taps in enumerate(w.shape[2:]):
            x = windows_of(x, first + k, taps, self.strides[k], self.dilations[k])
        return x

    def expand(self, x, w):
        slid = self._windows(_grouped(x, self.groups, 1), w)
        terms = size_product(w.shape[1:])
        written = isinstance(terms, int) and terms <= MOST_WRITTEN
        found = self._terms(x, w) if written else self._loops(x, w)
        if is_product(w, self.groups) and self._is_copied(slid):
            found = self._product(slid, w)
        places = found.shape[found.ndim - len(self.strides) :]
        return ops.reshape(found, (x.shape[0], w.shape[0], *places))

    def _is_copied(self, slid: Node) -> bool:
        """Whether windows are copied, for a product of matrices."""
        count = slid.type.size
        many = isinstance(count, int) and count > MOST_COPIED
        return slid.dtype in ("float64", "float32") and not many

    def _product(self, slid: Node, w: Node) -> Node:
        """A product of matrices, (groups, results, batch, *places), with its axes in order."""
        names = _Names(len(self.strides), self.groups)
        group, places, taps = names.group, names.places, names.taps
        slid = _laid(slid, f"b{group}c{places}{taps}", f"{group}c{taps}b{places}")
        kernel = _grouped(w, self.groups)
        form = f"{group}oc{taps},{group}c{taps}b{places}->{group}ob{places}"
        found = ops.contract(form, kernel, slid)
        return _laid(found, f"{group}ob{places}", f"b{group}o{places}")

    def _terms(self, x: Node, w: Node) -> Node:
        """Sums whose terms are written out."""
        counts = self._counts(x.shape, w.shape)
        x, kernel = _split(x, self.groups, 1), _split(w, self.groups, 0)
        lengths = [(n - 1) * s + 1 for n, s in zip(counts, self.strides)]
        terms = []
        for channel, *place in np.ndindex(*w.shape[1:]):
            part = x[:, :, channel]
            for k, (tap, d, length) in enumerate(zip(place, self.dilations, lengths)):
                part = ops.narrow(part, 2 + k, tap * d, length)
            part = part[(..., *(slice(None, None, s) for s in self.strides))]
            factor = kernel[(slice(None), slice(None), channel, *place)]
            factor = ops.expand_dims(factor, tuple(range(2, 2 + len(counts))))
            terms.append(ops.expand_dims(part, 2) * factor)
        return reduce(ops.add, terms)

    def _loops(self, x: Node, w: Node) -> Node:
        """Sums, of which a block along the last axis is accumulated together."""
        names = _Names(len(self.strides), self.groups)
        lead, kernels = f"b{names.group}c", f"{names.group}oc{names.taps}"
        results = f"b{names.group}o{names.places}"
        count = self._counts(x.shape, w.shape)[-1]
        x, kernel = _grouped(x, self.groups, 1), _grouped(w, self.groups)
        first, last = x.ndim - len(self.strides), x.ndim - 1
        for k, taps in enumerate(w.shape[2:-1]):
            x = windows_of(x, first + k, taps, self.strides[k], self.dilations[k])
        taps, stride, dilation = w.shape[-1], self.strides[-1], self.dilations[-1]
        blocks, span = size_floordiv(count, BLOCK), span_of(taps, dilation)
        known = isinstance(count, int)
        # Without a block it would be of stride - span elements less than none.
        short = stride > 1 and not (isinstance(span, int) and span >= stride)
        if count <= 2 * BLOCK if known else short:
            blocks = 0
        parts = []
        if not (isinstance(blocks, int) and blocks == 0):
            width = (BLOCK - 1) * stride + span
            whole = ops.narrow(x, last, 0, (blocks * BLOCK - 1) * stride + span)
            whole = windows_of(whole, last, width, BLOCK * stride)
            whole = windows_of(whole, whole.ndim - 1, taps, stride, dilation)
            given = lead + names.places + names.taps[:-1] + "m" + names.taps[-1]
            laid = lead + names.places + names.taps + "m"
            sums = ops.contract(
                f"{laid},{kernels}->{results}m", _laid(whole, given, laid), kernel
            )
            parts.append(ops.reshape(sums, (*sums.shape[:-2], blocks * BLOCK)))
        if not (isinstance(count, int) and blocks * BLOCK == count):
            start = blocks * BLOCK * stride
            rest = ops.narrow(x, last, start, x.shape[last] - start)
            rest = windows_of(rest, last, taps, stride, dilation)
            given = lead + names.places + names.taps
            laid = lead + names.places[:-1] + names.taps + names.places[-1]
            sums = ops.contract(
                f"{laid},{kernels}->{results}", _laid(rest, given, laid), kernel
            )
            parts.append(sums)
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, -1)

    def batched(self, batch: Batch) -> Node:
        x, w = batch.inputs
        if w is None:
            return _over_items(batch, self)
        n = batch.size
        x = ops.moveaxis(batch.full(0), 0, 1)
        channels = x.shape[2]
        many = Convolution(self.strides, self.dilations, self.groups)
        if not isinstance(n, int):
            return super().batched(batch)
        many = Convolution(self.strides, self.dilations, self.groups * n)
        x = ops.reshape(x, (x.shape[0], n * channels, *x.shape[3:]))
        kernels = ops.reshape(w, (n * w.shape[1], *w.shape[2:]))
        found = make(many, (x, kernels))
        found = ops.reshape(found, (found.shape[0], n, w.shape[1], *found.shape[2:]))
        return ops.moveaxis(found, 1, 0)


def _over_items(batch: Batch, op_: Convolution) -> Node:
    """The batch of inputs as one larger input."""
    x, w = batch.first, batch.node.inputs[1]
    found = make(op_, (ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])), w))
    return ops.reshape(found, (x.shape[0], x.shape[1], *found.shape[1:]))


class _Names:
    """Letters of the axes that count places, of those of taps, and of that of groups, if any."""

    def __init__(self, rank: int, groups: int) -> None:
        self.group = "g" if groups > 1 else ""
        self.places = string.ascii_uppercase[:rank]
        self.taps = string.ascii_uppercase[rank : 2 * rank]


def _laid(x: Node, given: str, wanted: str) -> Node:
    return ops.transpose(x, [given.index(c) for c in wanted])


def _grouped(x: Node, groups: int, axis: int = 0) -> Node:
    """An axis as (groups, elements of each), if there are groups."""
    return x if groups == 1 else _split(x, groups, axis)


def _split(x: Node, groups: int, axis: int) -> Node:
    n = x.shape[axis]
    each = size_floordiv(n, groups)
    return ops.reshape(x, (*x.shape[:axis], groups, each, *x.shape[axis + 1 :]))


def is_product(w: Node, groups: int) -> bool:
    """Whether a convolution of floats by this kernel is faster as a product of matrices."""
    terms = size_product(w.shape[1:])
    results = size_floordiv(w.shape[0], groups)
    few = isinstance(terms, int) and terms <= MOST_TERMS
    return not few and not (isinstance(results, int) and results <= MOST_RESULTS)


def transposed(
    g: Node,
    w: Node,
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    sizes: Sequence[Size],
) -> Node:
    """The transpose of a convolution: from results (batch, results, *places) to an input of these
    sizes. Without strides it is a convolution by the kernel back to front."""
    rank = len(strides)
    names = _Names(rank, groups)
    group, places, taps = names.group, names.places, names.taps
    if all(s == 1 for s in strides):
        pads = [(span_of(m, d) - 1,) * 2 for m, d in zip(w.shape[2:], dilations)]
        kernel = ops.swapaxes(_split(w, groups, 0), 1, 2)
        turned = ops.flip(kernel, tuple(range(-rank, 0)))
        turned = ops.reshape(turned, (groups * w.shape[1], *turned.shape[2:]))
        padded = ops.pad(g, [(0, 0), (0, 0), *pads])
        return make(Convolution(tuple(strides), tuple(dilations), groups), (padded, turned))
    kernel, parts = _grouped(w, groups), _grouped(g, groups, 1)
    kernels = f"{group}oc{taps}"
    wanted = f"b{group}c{places}{taps}"
    if g.dtype in ("float64", "float32"):
        parts = _laid(parts, f"b{group}o{places}", f"{group}ob{places}")
        given = f"{group}c{taps}b{places}"
        found = ops.contract(f"{kernels},{group}ob{places}->{given}", kernel, parts)
        found = _laid(found, given, wanted)
    else:
        found = ops.contract(f"b{group}o{places},{kernels}->{wanted}", parts, kernel)
    for k in reversed(range(rank)):
        n = sizes[k]
        placed = Placed(len(group) + 2 + k, w.shape[2 + k], strides[k], dilations[k], n)
        found = ops.sum(make(placed, (found,)), -1)
    return ops.reshape(found, (g.shape[0], groups * w.shape[1], *sizes))


def correlated(
    x: Node,
    w: Node,
    strides: Sequence[int],
    dilations: Sequence[int],
    groups: int = 1,
    what: str | None = None,
) -> Node:
    """The `Convolution` in the dtype that both promote to, for the function `what`; of complex
    numbers, that of their parts; of bools, whether any product is true."""
    dtype = promote(x.dtype, w.dtype)
    if dtype.kind == "c":
        both = [(ops.real(y), ops.imag(y)) for y in (x, w)]
        rr, ri, ir, ii = (
            correlated(y, z, strides, dilations, groups, what) for y in both[0] for z in both[1]
        )
        return ops.complex(rr - ii, ri + ir)
    summed = dtype if dtype.kind == "f" else "int64"
    operands = ops.astype(x, summed), ops.astype(w, summed)
    made = Convolution(tuple(strides), tuple(dilations), groups)
    found = make(made, operands, what=what)
    return ops.ne(found, 0) if dtype == "bool" else ops.astype(found, dtype)



@public
def convolve(a: TensorLike, v: TensorLike, mode: str = "full") -> Node:
    """The discrete convolution of two vectors: out[k] = sum over j of a[j] v[k - j]; NumPy's
    signature.

    mode  "full": all of it, where the vectors overlap in one element and more; "same": as many
          elements as the longer vector has, in the middle of that; "valid": where the shorter
          vector lies within the longer one

    Returns a vector in the dtype that the operands promote to. In as many steps as it has elements
    for each element of the shorter vector (of `v`, where only a call knows which is shorter);
    `pt.signal.fftconvolve` takes fewer for long ones.
    Raises GraphError, a TypeError, for what is no vector, no elements and another mode; ValueError
    for a call without elements.

        >>> pt.convolve([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).eval()
        array([0. , 1. , 2.5, 4. , 1.5])
        >>> pt.convolve([1.0, 2.0, 3.0], [0.5, 0.5], mode="valid").eval()
        array([1.5, 2.5])
    """
    a, v = _vectors("convolve", a, v, mode)
    return _convolved("convolve", a, v, mode, 0)


@public
def correlate(a: TensorLike, v: TensorLike, mode: str = "valid") -> Node:
    """The cross-correlation of two vectors: out[k] = sum over j of a[j + k] conj(v[j]); NumPy's
    signature. The modes are those of `pt.convolve`.

    Returns a vector in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for what is no vector, no elements and another mode; ValueError
    for a call without elements.

        >>> pt.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5], mode="same").eval()
        array([2. , 3.5, 3. ])
    """
    a, v = _vectors("correlate", a, v, mode)
    # NumPy reverses what it finds for the exchanged vectors: the middle is one later for even ones.
    exchanged = size_min(1, size_max(v.shape[0] - a.shape[0], 0))
    return _convolved("correlate", a, ops.conj(ops.flip(v)), mode, exchanged)


def _vectors(what: str, a: TensorLike, v: TensorLike, mode: str) -> tuple[Node, Node]:
    if not isinstance(mode, str) or mode not in MODES:
        names = ", ".join(repr(name) for name in MODES)
        raise GraphError(f"{what}: mode is one of {names}, not {mode!r:.60}")
    a, v = as_tensor(a), as_tensor(v)
    for name, x in (("a", a), ("v", v)):
        if x.ndim != 1:
            raise GraphError(f"{what}: {name} is a vector{described(x)}; pt.ravel makes one")
        if isinstance(x.shape[0], int) and x.shape[0] == 0:
            raise GraphError(f"{what}: {name} has no elements{described(x)}")
    return asked_for(a, what, _some(a, "a")), asked_for(v, what, _some(v, "v"))


def _some(x: Node, name: str) -> SizeCheck:
    return SizeCheck(1, "<=", x.shape[0], (f"{name} has no elements",))


def _convolved(what: str, a: Node, v: Node, mode: str, later: Size) -> Node:
    """A part of the full convolution; of "same", the middle that many halves `later`."""
    n, m = a.shape[0], v.shape[0]
    if isinstance(n, int) and isinstance(m, int) and n < m:
        a, v, n, m = v, a, m, n
    short, long = size_min(n, m), size_max(n, m)
    start, size = {
        "full": (0, n + m - 1),
        "same": (size_floordiv(short - 1 + later, 2), long),
        "valid": (short - 1, long - short + 1),
    }[mode]
    if not (isinstance(n, int) and isinstance(m, int) and mode == "valid"):
        a = ops.narrow(ops.pad(a, m - 1), 0, start, size + m - 1)
    found = correlated(a[None, None], ops.flip(v)[None, None], (1,), (1,), what=what)
    return found[0, 0]
