"""The type of a tensor, and how shapes broadcast."""

from __future__ import annotations

from probtensor.dataclass import dataclass
from probtensor.process import computed_once
from probtensor.types.dtype import DType, dtype_of
from probtensor.types.size import Shape, ShapeError, Size, size_joint, size_product


@dataclass(frozen=True)
class TensorType:
    """The static type of a tensor: its dtype and its shape.

    `dtype` is a dtype of the library, equal to its name; `shape` a tuple of integers and Dims.

        >>> print(pt.TensorType("float64", (2, 3)))
        float64[2, 3]
    """

    dtype: DType
    shape: Shape = ()

    def __post_init__(self) -> None:
        if self.dtype.__class__ is not DType:
            object.__setattr__(self, "dtype", dtype_of(self.dtype))

    def __reduce__(self) -> tuple:
        return TensorType, (self.dtype, self.shape)  # without what was computed

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return size_product(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"

    @computed_once
    def is_static(self) -> bool:
        """Whether all sizes are integers."""
        return all(isinstance(n, int) for n in self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    def with_dtype(self, dtype: str) -> TensorType:
        return TensorType(dtype, self.shape)


def broadcast_size(a: Size, b: Size) -> Size:
    """The size two axes broadcast to: of two different symbolic sizes, one that a call decides (see
    `size_joint`); ShapeError for two different integers other than 1."""
    if not isinstance(b, int):
        if isinstance(a, int):
            return b if a == 1 else a
        return a if a == b else size_joint(a, b)
    if b == 1:
        return a
    if not isinstance(a, int) or a == 1:
        return b
    if a != b:
        raise ShapeError(f"{a} and {b}")
    return a


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape several shapes broadcast to, by NumPy's rule; ShapeError if they do not."""
    joint: Shape = ()
    for shape in shapes:
        if shape and shape != joint:
            joint = _joined(joint, tuple(shape)) if joint else tuple(shape)
    return joint


def _joined(left: Shape, right: Shape) -> Shape:
    """The shape that two shapes with axes broadcast to."""
    ndim = max(len(left), len(right))
    padded = [(1,) * (ndim - len(s)) + s for s in (left, right)]
    return tuple(map(broadcast_size, *padded))
