"""A scalar function applied to each element of broadcast inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from cython_ext.graph import common_float, common_type
from cython_ext.scalars import apply, has_function
from probtensor.graph.node import GraphError, Node, TensorLike, located, make
from probtensor.ops.elementwise.values import Needed, Pole
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.kinds.function import WIDER, Function, as_tensor_of, weak_operand
from probtensor.ops.size_laws import aligned
from probtensor.types import (
    ShapeError,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    promote,
    promote_float,
    shape_text,
)


class Elementwise(Function):
    """A scalar function applied to each element of broadcast inputs.

    `dtypes` is the rule of promotion:
    "float": integers become float64, and the output has the dtype of the inputs; "same": NumPy's
    promotion, output likewise; "bool": NumPy's promotion, output bool; "logic": bool inputs and
    output; "integer": integers only.
    Exactly one of `c` (a C function: double -> double) and `symbol` (an operator that each target
    spells) is given. A C name `pt_scipy_...` is a function of SciPy, see
    `cython_ext/scipy_special.py`.
    Results of targets, whose compilers round differently, may differ by `condition` times 16 ulps,
    and by `rounding` times 16 ulps of the largest element.
    """

    arity: ClassVar[int] = 1
    condition: ClassVar[float] = 1.0
    rounding: ClassVar[float] = 0.0
    dtypes: ClassVar[str] = "float"
    c: ClassVar[str | None] = None
    symbol: ClassVar[str | None] = None
    numbers_only: ClassVar[bool] = False  # not of bools, for which `on_bools` has another op
    keeps_type: ClassVar[bool] = False  # has the result of floats their dtype?
    # What a call is refused by where it does not hold of the values.
    needed: ClassVar[Needed | None] = None
    # Where slopes are not finite: a derivative is 0 there where it is weighed by 0.
    poles: ClassVar[tuple[Pole, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        usual = cls.infer is Elementwise.infer and cls.result_dtype is Elementwise.result_dtype
        cls.keeps_type = usual and cls.dtypes in ("float", "same")

    @staticmethod
    def has_code(cls: type) -> bool:
        return (cls.c is None) != (cls.symbol is None)

    def count(self) -> int:
        return self.arity

    def apply(self, *inputs: TensorLike) -> Node:
        if self.keeps_type:
            known = common_type(Node, inputs)
            if known is not None:
                return make(self, inputs, known=known)
        return self.applied(self.meeting_dtype(inputs), inputs)

    def on_bools(self, *inputs: TensorLike) -> Node:
        """The same for bools, of a function of numbers: another op, or GraphError."""
        text = f"{self.name}: is not defined for booleans; cast them with .astype first"
        raise GraphError(located(text))

    def applied(self, dtype: str, inputs: Sequence[TensorLike]) -> Node:
        """The node for operands that are cast to a dtype."""
        if self.numbers_only and dtype == "bool":
            return self.on_bools(*inputs)
        operands = tuple([
            x if x.__class__ is Node and x.type.dtype is dtype
            else as_tensor_of(x, dtype, self.name, WIDER)
            for x in inputs
        ])  # fmt: skip
        return make(self, operands, known=common_type(Node, operands) if self.keeps_type else None)

    def meeting_dtype(self, inputs: tuple[TensorLike, ...]) -> str:
        """The dtype the inputs are cast to before the function is applied."""
        if self.dtypes == "logic":
            return "bool"
        found = common_float(Node, inputs)
        if found is not None:
            return found
        operands = [weak_operand(x) for x in inputs]
        return promote_float(*operands) if self.dtypes == "float" else promote(*operands)

    def infer(self, *types: TensorType) -> TensorType:
        first = types[0]
        dtype = first.dtype
        if self.numbers_only and dtype == "bool":
            raise TypeError("needs numbers, not bools")
        alike = True
        for t in types:
            if t is not first:
                alike = False
                if t.dtype != dtype:
                    raise TypeError(f"dtypes {', '.join(t.dtype for t in types)} differ")
        if self.dtypes == "float" and dtype.kind != "f":
            raise TypeError(f"needs floats, not {dtype}")
        if self.dtypes == "integer" and dtype.kind == "f":
            raise TypeError(f"needs integers or bools, not {dtype}")
        result = self.result_dtype(dtype)
        if alike and result is dtype:
            return first
        shape = first.shape
        for t in types if not alike else ():
            if t.shape and t.shape != shape:
                if shape:
                    shape = joint_shape(types)
                    break
                shape = t.shape
        for known in types:
            if known.dtype == result and known.shape == shape:
                return known
        return TensorType(result, shape)

    def values(self, *operands: np.ndarray) -> np.ndarray:
        """By compiled code, as in a kernel but in float64, where there is some. SciPy, which the
        `numpy` of many functions imports, would take longer than all of a model's compilation."""
        if self.c is not None and has_function(self.c):
            return apply(self.c, *operands)
        return self.numpy(*operands)

    def result_dtype(self, dtype: str) -> str:
        return "bool" if self.dtypes in ("bool", "logic") else dtype

    def batched(self, batch: Batch) -> Node:
        return make(self, batch.aligned(batch.node.ndim))

    def poles_of(self, position: int, *inputs: Node) -> tuple[Pole, ...]:
        """The poles of the slope by the input at this position."""
        return self.poles

    def requires(self, node: Node) -> Iterable[SizeCheck]:
        first = node.inputs[0].type.shape
        for x in node.inputs:
            shape = x.type.shape
            if shape is not first and shape != first:
                return aligned([x.type.shape for x in node.inputs])
        return ()


class Masking(Elementwise):
    """Comparisons and casts. Of numbers of elements alone, as in `tril` and `eye`, they are masks,
    which no buffer stores."""


def joint_shape(types: Sequence[TensorType]) -> tuple:
    """The broadcast shape of operand types; ShapeError says which shapes do not fit."""
    try:
        return broadcast_shapes(*[t.shape for t in types])
    except ShapeError as error:
        shapes = " and ".join(shape_text(t.shape) for t in types)
        raise ShapeError(f"shapes {shapes} do not broadcast: sizes {error}") from None
