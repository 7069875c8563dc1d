"""Convolutions and correlations of two vectors, by NumPy's signatures."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.convolutions.op import correlated
from probtensor.ops.reductions.folds import described
from probtensor.types import Size, size_floordiv, size_max, size_min

MODES = ("full", "same", "valid")


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
    return a, v


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
