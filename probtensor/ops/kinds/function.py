"""Ops that are functions for users: name, signature, documentation, and promotion of operands."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import REASONS, WRONG, add_line, line_text, refusal
from probtensor.graph.node import (
    METHODS,
    Const,
    Frozen,
    Node,
    TensorLike,
    array_of,
    as_tensor,
    make,
)
from probtensor.ops.kinds.base import Kind


class Documentation:
    """The `__doc__` of an op: that of the class is its docstring, that of the instance, which users
    call, is complete documentation (see `ops.documented`)."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, instance: object, owner: type) -> str:
        if instance is None:
            return self.text
        return ops.documented.documentation(instance, self.text)


class Signature:
    """The signature of an op's one instance, for `inspect.signature` and `help`."""

    def __get__(self, instance: object, owner: type) -> inspect.Signature | None:
        return None if instance is None else instance.signature_of_operands()


class Function(Kind):
    """A kind whose ops have no parameters: the op's single instance is a function for users.

    `help` and `inspect` treat it as one: it has a name, a signature and documentation, and it is a
    descriptor (that does not bind), which makes it a routine, not data.
    """

    operands: ClassVar[tuple[str, ...]] = ()  # their names, where they are not those of `vjp`
    example: ClassVar[tuple[object, ...]] = ()  # operands of the documentation's example
    for_users: ClassVar[bool] = True  # is the instance a name of `pt`?
    __signature__ = Signature()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = Documentation(cls.__dict__.get("__doc__") or "")

    @property
    def __name__(self) -> str:
        return self.public_name()

    def __get__(self, instance: object, owner: type | None = None) -> Function:
        return self

    def __call__(self, *inputs: TensorLike, **keywords: object) -> Node:
        try:
            if keywords or len(inputs) != self.count():
                raise TypeError(self._wrong_call(inputs, keywords))
            return self.apply(*inputs)
        except WRONG as error:
            add_line(error, self.public_name())
            raise

    def apply(self, *inputs: TensorLike) -> Node:
        """The node of the op for operands given by the user."""
        raise NotImplementedError(f"{self.name} does not say how it is applied")

    def count(self) -> int:
        """The number of operands."""
        raise NotImplementedError(f"{self.name} does not say how many operands it has")

    def signature_of_operands(self) -> inspect.Signature:
        """The operands, positional only, as NumPy's are."""
        of_slopes = inspect.signature(type(self).vjp).parameters.values()
        named = [p.name for p in of_slopes if p.kind is p.POSITIONAL_OR_KEYWORD][3:]
        names = self.operands or named or ("x", "y")[: self.count()]
        only = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, only) for name in names])

    def public_name(self) -> str:
        """The public name of the op: its name in NumPy if it has one there."""
        return min(self.all_names(), key=lambda name: not hasattr(np, name), default=self.name)

    def all_names(self) -> list[str]:
        """All public names of the op, the canonical one first."""
        names = [name for name, value in vars(ops).items() if value is self]
        return sorted(names, key=lambda name: name != self.name)

    def user_name(self) -> str:
        return self.name if getattr(ops, self.name, None) is self else self.public_name()

    def _wrong_call(self, inputs: Sequence[TensorLike], keywords: Mapping[str, TensorLike]) -> str:
        label, signature = self.public_name(), self.signature_of_operands()
        unknown = [name for name in keywords if name not in signature.parameters]
        if unknown and unknown[0] in REASONS:
            return refusal(label, unknown[0])
        if keywords:
            first = (unknown or list(keywords))[0]
            wrong = f": no argument {first!r}" if unknown else f": {first!r} goes by position"
        else:
            wrong = f" takes {self.count()} arguments, not {len(inputs)}"
        return f"{label}{wrong}\n  at {line_text()}\n  it takes {label}{signature}"


# Advice if a Python number does not fit in the dtype of the other operand.
WIDER = (
    "\n  a Python number takes the dtype of the tensor beside it: for a wider result, give a NumPy "
    "scalar such as np.int64(...) or cast the tensor with .astype"
)


_BARE = (bool, int, float, complex)


def weak_operand(value: TensorLike) -> TensorLike:
    """The operand for promotion: a Python number, which is weak, or the dtype."""
    if isinstance(value, Node):
        return as_tensor(value).type.dtype
    if isinstance(value, _BARE) and not isinstance(value, np.generic):
        return value
    return as_tensor(value).dtype


def as_tensor_of(value: TensorLike, dtype: str, what: str = "", hint: str = "") -> Node:
    """The operand as a node of exactly this dtype. A Python number, alone or in a list, must fit in
    it, as in NumPy: else OverflowError, which begins with `what` and ends with `hint`.
    """
    if isinstance(value, Node):
        node = value.node if value.stands_for_another else value
        return node if node.type.dtype == dtype else METHODS["astype"](node, dtype)
    if type(value) in (int, float) and value and dtype in ("float64", "float32"):
        try:
            return make(_float_literal(value, dtype), ())
        except OverflowError:
            pass  # the call below raises it with a complete message
    bare = isinstance(value, (*_BARE, list, tuple)) and not isinstance(value, np.generic)
    node = as_tensor(value) if not bare or isinstance(value, (list, tuple)) else None
    if bare and (node is None or isinstance(node.op, Const)):
        return as_tensor(array_of(value, dtype, what, hint))
    return node if node.dtype == dtype else METHODS["astype"](node, dtype)


@lru_cache(maxsize=1024, typed=True)
def _float_literal(value: float, dtype: str) -> Const:
    """The literal of a number other than zero, whose signs are equal as keys."""
    return Const(Frozen(array_of(value, dtype)))
