"""Functions of complex tensors: parts, conjugates, angles, tests. Of real ones they have NumPy's
meaning too."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import METHODS, GraphError, Node, TensorLike, as_tensor
from probtensor.ops.complexes.pair import Part, called, pair, part_of
from probtensor.ops.kinds import as_tensor_of, method, weak_operand
from probtensor.types import promote_float


@public
def complex(re: TensorLike, im: TensorLike) -> Node:
    """The complex tensor re + i im of two real ones, which broadcast.

    Returns a tensor of the shape that the parts broadcast to: complex64 if both are float32, else
    complex128.
    Raises GraphError, a TypeError, for complex parts and for shapes that do not broadcast.

        >>> pt.complex([1.0, 2.0], 3.0).eval()
        array([1.+3.j, 2.+3.j])
    """
    dtype = promote_float(weak_operand(re), weak_operand(im))
    if dtype.kind == "c":
        raise GraphError("complex: the parts are real tensors; z + 1j * w adds complex ones")
    parts = as_tensor_of(re, dtype, "complex"), as_tensor_of(im, dtype, "complex")
    return pair(*ops.broadcast_arrays(*parts))


@public
def complex_from_polar(abs: TensorLike, angle: TensorLike) -> Node:
    """The complex tensor abs * exp(i angle), of real tensors that broadcast.

    Returns a tensor of the shape that both broadcast to: complex64 if both are float32, else
    complex128.
    Raises GraphError, a TypeError, for complex operands and for shapes that do not broadcast.

        >>> pt.complex_from_polar(2.0, np.pi).eval().real
        array(-2.)
    """
    return complex(abs * ops.cos(angle), abs * ops.sin(angle))


@public
def real(val: TensorLike) -> Node:
    """The real part; a real tensor itself.

    Returns a tensor of the shape of `val`: float32 for complex64, float64 for complex128.

        >>> pt.real([1.0 + 2.0j, 3.0]).eval()
        array([1., 3.])
    """
    z = as_tensor(val)
    return part_of(z, 0) if z.is_complex else z


@public
def imag(val: TensorLike) -> Node:
    """The imaginary part; zeros for a real tensor.

    Returns a tensor of the shape of `val`: float32 for complex64, float64 for complex128.

        >>> pt.imag([1.0 + 2.0j, 3.0]).eval()
        array([2., 0.])
    """
    z = as_tensor(val)
    return part_of(z, 1) if z.is_complex else ops.zeros_like(z)


METHODS["real"], METHODS["imag"] = property(real), property(imag)


@method
@public
def conj(x: TensorLike) -> Node:
    """The complex conjugate; a real tensor itself.

    Returns a tensor of the type of x.

        >>> pt.conj([1.0 + 2.0j]).eval()
        array([1.-2.j])
    """
    z = as_tensor(x)
    if not z.is_complex:
        return z
    return called(pair(z.inputs[0], -z.inputs[1]), Part("conj"), (z,))


@method
@public
def conjugate(x: TensorLike) -> Node:
    """The complex conjugate, as `conj`.

    Returns a tensor of the type of x.

        >>> pt.conjugate([1.0 + 2.0j]).eval()
        array([1.-2.j])
    """
    return conj(x)


@public
def angle(z: TensorLike, deg: bool = False) -> Node:
    """The angle of a complex number with the positive real axis, in (-pi, pi], or in degrees; 0 or
    pi for a real one.

    Returns a tensor of the shape of z: float32 for complex64 and float32, else float64.

        >>> pt.angle([1.0, 1.0j]).eval()
        array([0.        , 1.57079633])
    """
    z = as_tensor(z)
    found = called(ops.arctan2(imag(z), real(z)), Part("angle"), (z,))
    return found * (180 / math.pi) if deg else found


@public
def iscomplexobj(x: TensorLike) -> bool:
    """Whether the dtype is complex, whatever the values.

    Returns a bool, not a tensor.

        >>> pt.iscomplexobj(pt.tensor("z", dtype="complex128"))
        True
    """
    return as_tensor(x).is_complex


@public
def isrealobj(x: TensorLike) -> bool:
    """Whether the dtype is not complex, whatever the values.

    Returns a bool, not a tensor.

        >>> pt.isrealobj(pt.tensor("z", dtype="complex128"))
        False
    """
    return not as_tensor(x).is_complex


@public
def isreal(x: TensorLike) -> Node:
    """True where the imaginary part is 0.

    Returns a tensor of bools of the shape of x.

        >>> pt.isreal([1.0, 1.0j]).eval()
        array([ True, False])
    """
    return ops.eq(imag(x), 0)


@public
def iscomplex(x: TensorLike) -> Node:
    """True where the imaginary part is not 0.

    Returns a tensor of bools of the shape of x.

        >>> pt.iscomplex([1.0, 1.0j]).eval()
        array([False,  True])
    """
    return ops.ne(imag(x), 0)
