"""Fourier transforms, convolutions, pads and windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import fft, ops, signal
from probtensor.graph import Const, Node
from probtensor.interop.pytensor.rows.control import op_from_graph
from probtensor.interop.pytensor.translate import Translator, folded, number, row, sizes_of

_CONVOLVE = {1: signal.convolve1d, 2: signal.convolve2d}


@row("RFFTOp")
def rfft(t: Translator, apply: Any, x: Node, sizes: Node) -> Node:
    """Real and imaginary parts are along a last axis."""
    found = fft.rfftn(x, s=sizes_of(sizes), axes=_last(x.ndim - 1))
    return ops.stack([ops.real(found), ops.imag(found)], axis=-1)


@row("IRFFTOp")
def irfft(t: Translator, apply: Any, x: Node, sizes: Node) -> Node:
    """The inverse without its division by the number of elements."""
    found = ops.complex(x[..., 0], x[..., 1])
    return fft.irfftn(found, s=sizes_of(sizes), axes=_last(x.ndim - 2), norm="forward")


def _last(count: int) -> tuple[int, ...]:
    return tuple(range(-count, 0))


@row("Fourier")
def fourier(t: Translator, apply: Any, x: Node, n: Node, axis: Node) -> Node:
    """The discrete Fourier transform along one axis, cut or padded to n."""
    return fft.fft(x, n=number(n), axis=int(number(axis)))


@row("Convolve1d", batched=True)
def convolve1d(t: Translator, apply: Any, x: Node, kernel: Node, full: Node) -> Node:
    """Convolution along the last axis."""
    return convolution(x, kernel, full, 1)


@row("Convolve2d", batched=True)
def convolve2d(t: Translator, apply: Any, x: Node, kernel: Node, full: Node) -> Node:
    """Convolution along the last two axes."""
    return convolution(x, kernel, full, 2)


def convolution(x: Node, kernel: Node, full: Node, axes: int) -> Node:
    """The discrete convolution over the last axes, by its sums: of all elements, or of those where
    the smaller array lies within the other."""
    n, k = x.shape[x.ndim - axes :], kernel.shape[kernel.ndim - axes :]
    full = folded(full[(0,) * full.ndim]) if full.ndim else full  # one for all of a batch
    known = bool(full.op.array) if isinstance(full.op, Const) else None
    if known is not None:
        return _CONVOLVE[axes](x, kernel, "full" if known else "valid")
    found = _CONVOLVE[axes](x, kernel)
    key: list[object] = [Ellipsis]
    for size, taps in zip(n, k):
        size, taps = ops.as_tensor(size), ops.as_tensor(taps)
        first = ops.where(full, 0, ops.minimum(size, taps) - 1)
        last = ops.where(full, size + taps - 1, ops.maximum(size, taps))
        key.append(slice(number(first), number(last)))
    return found[tuple(key)]


@row("Pad")
def pad(t: Translator, apply: Any, x: Node, width: Node, *extra: Node) -> Node | list[Node]:
    """An array with elements put before and after it."""
    op = apply.op
    if op.static_pad_width is not None:
        widths = np.asarray(op.static_pad_width)
    elif isinstance(width.op, Const):
        widths = np.broadcast_to(width.op.array, (x.ndim, 2))
    else:
        return op_from_graph(t, apply, x, width, *extra)
    names = {"constant": "constant_values", "linear_ramp": "end_values"}
    options: dict[str, object] = {}
    if extra:
        given = ops.broadcast_to(extra[0], (x.ndim, 2))
        if op.has_stat_length:
            options["stat_length"] = [[number(given[k, j]) for j in (0, 1)] for k in range(x.ndim)]
        else:
            values = [[given[k, j] for j in (0, 1)] for k in range(x.ndim)]
            options[names[op.pad_mode]] = values
    return ops.pad(x, [tuple(map(int, pair)) for pair in widths], op.pad_mode, **options)


@row("Bartlett")
def bartlett(t: Translator, apply: Any, n: Node) -> Node:
    """The Bartlett window of n numbers."""
    return ops.bartlett(number(n))
