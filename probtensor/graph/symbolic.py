"""Operations of Python that need a value, which a symbolic tensor does not have: each raises an
error with the tensor, the user's line and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from weakref import WeakKeyDictionary

import numpy as np

from probtensor.calls import line_text
from probtensor.late import late

difflib = late("difflib")


def refusal(what: str, *hints: str, kind: type[Exception] = TypeError) -> Exception:
    """The exception that says what is wrong, on which line of the user, and what helps."""
    return kind("\n  ".join([what, f"at {line_text()}", *filter(None, hints)]))


# What to write instead of setting an attribute.
SETTERS = {
    "shape": "write y = x.reshape(shape); the shape of an input is fixed where it is made",
    "name": "names are given where a tensor is made, as in pt.vector('x'), or by pt.deterministic",
    "dtype": "write y = x.astype(dtype)",
    "value": "a shared variable changes by w.set_value(value), or by updates= of pt.function",
}


# What the user has called, an op and its operands, for tensors that stand for the result, as the
# real tensors that a call with complex operands makes.
CALLED: WeakKeyDictionary[object, tuple] = WeakKeyDictionary()


def described(node: object, depth: int) -> str:
    """A node in a message: its name, or the calls that make it, nested as deeply as is short."""
    op, inputs = CALLED.get(node) or (node.op, node.inputs)
    named = getattr(op, "label", None)
    if named or not inputs:
        return named or op.spelled()
    if depth == 0:
        return op.user_name()
    text = op.call_text([described(x, depth - 1) for x in inputs])
    return text if len(text) <= 60 else described(node, depth - 1)


def no_attribute(node: object, name: str, methods: Iterable[str]) -> AttributeError:
    """The error for an attribute that tensors do not have, with a similar name and advice."""
    if name.startswith("_"):
        return AttributeError(f"tensors have no attribute {name!r}", name=name, obj=node)
    attributes = [*methods, "shape", "ndim", "dtype", "size", "T"]
    close = difflib.get_close_matches(name, attributes, 1, 0.75)
    hint = f"did you mean x.{close[0]}? " if close else ""
    text = refusal(
        f"tensors have no attribute {name!r}",
        node.birthplace,
        f"{hint}x.eval({{input: value}}) or a compiled function gives an array of NumPy",
    )
    return AttributeError(str(text), name=name, obj=node)


class TypeOnly:
    """A method of the type that is None on its instances. NumPy looks methods up on the type;
    masked arrays read that of the instance, and return NotImplemented if it is None."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function

    def __get__(self, instance: object, owner: type | None = None) -> object:
        return self.function if instance is None else None


class Symbolic:
    """Base class of nodes: the methods by which Python and NumPy convert to values, all of which
    raise.

    `described` and `birthplace` are the node's texts for messages.
    """

    __slots__ = ()

    described: str
    birthplace: str
    shape: tuple
    ndim: int

    def _refused(self, what: str, *hints: str) -> Exception:
        return refusal(f"{self.described} is symbolic: {what}", self.birthplace, *hints)

    def __bool__(self) -> bool:
        raise self._refused(
            "it has no truth value until a function is compiled and called",
            "pt.where(condition, a, b) chooses inside the graph, pt.maximum and pt.minimum for max "
            "and min; & | ~ stand for and, or, not; `is` compares nodes",
        )

    def _no_number(self, call: str) -> Exception:
        return self._refused(
            f"{call} needs a number",
            "functions of tensors are in pt, as pt.exp for math.exp; x.astype converts; "
            "x.eval({input: value}) or pt.function gives the number",
        )

    def __float__(self) -> float:
        raise self._no_number("float(), or a function of math,")

    def __int__(self) -> int:
        raise self._no_number("int()")

    def __complex__(self) -> complex:
        raise self._no_number("complex()")

    def __trunc__(self) -> int:
        raise self._no_number("math.trunc()")

    def __floor__(self) -> int:
        raise self._no_number("math.floor()")

    def __ceil__(self) -> int:
        raise self._no_number("math.ceil()")

    def __index__(self) -> int:
        raise self._refused(
            "it cannot index a list or array, or count a range",
            "pt.as_tensor(values)[x] indexes inside the graph; x.eval({input: value}) gives the "
            "number",
        )

    def __bytes__(self) -> bytes:
        raise self._refused("it has no bytes", "x.eval({input: value}) gives an array")

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        raise self._refused(
            f"the format {spec!r} needs a number", "x.eval({input: value}) gives the number"
        )

    def __len__(self) -> int:
        if not self.shape:
            raise refusal(f"{self.described} has no axes: len() is of its first", self.birthplace)
        if not isinstance(self.shape[0], int):
            raise refusal(
                f"the length of {self.described} is symbolic, {self.shape[0]}: it has "
                "no len(), and no loop can go over it",
                self.birthplace,
                "x.shape[0] is the length inside the graph, and functions such as pt.sum, pt.any "
                "and pt.vmap go over it; give the input a shape= to fix it",
            )
        return self.shape[0]

    def __iter__(self) -> Iterator[object]:
        if not self.shape:
            raise refusal(
                f"{self.described} has no axes: there is nothing to go over", self.birthplace
            )
        # The length is read at the first step: an error raised here would be replaced by NumPy's.
        return (self[i] for one in (self,) for i in range(len(one)))

    def __contains__(self, value: object) -> bool:
        raise self._refused(
            "`in` has no answer until a function is compiled and called",
            "pt.any(x == value) is the answer inside the graph",
        )

    def __setitem__(self, key: object, value: object) -> None:
        raise refusal(
            f"{self.described} is a tensor, and tensors are immutable: no item can be assigned",
            self.birthplace,
            "write y = x.at[key].set(value), or .add(value) for x[key] += value",
        )

    def __delitem__(self, key: object) -> None:
        raise refusal(
            f"{self.described} is a tensor, and tensors are immutable: no item can be deleted",
            self.birthplace,
            "index with what is to stay, as in x[1:]",
        )

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise self._refused(
            "it cannot become a NumPy array, nor index one",
            "use functions of pt in place of NumPy's or SciPy's, pt.as_tensor(array)[x] for "
            "array[x], pt.sparse.as_sparse(M) or M.toarray() for a sparse matrix M",
            "x.eval({input: value}) or pt.function gives an array",
        )
