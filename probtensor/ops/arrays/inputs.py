"""Inputs of functions: `tensor`, and Theano's constructors by number of axes and dtype.

A constructor is named by the letter of its dtype, or none for float64, and by its axes: `fmatrix`,
`lvector`, `tensor3`. With an "s" (`fmatrices`) it makes several inputs. `LETTERS` and `WORDS` are
the tables that all of them are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numpy.typing import DTypeLike

from probtensor.calls import line_text, public
from probtensor.graph.node import GraphError, Node, new_input
from probtensor.types import COMPLEX, DTYPES, Dim, Size, check_dtype, is_size, shape_text

# Names of dtypes that ProbTensor does not have, refused as names of inputs.
FOREIGN_DTYPES = ("floatX", "float16", "float128", "longdouble")
LETTERS = {
    "": "float64",
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "f": "float32",
    "d": "float64",
    "c": "complex64",
    "z": "complex128",
}
# What each word means: the sizes of its axes, and the word for several.
WORDS: dict[str, tuple[tuple[int | None, ...], str]] = {
    "scalar": ((), "scalars"),
    "vector": ((None,), "vectors"),
    "matrix": ((None, None), "matrices"),
    "row": ((1, None), "rows"),
    "col": ((None, 1), "cols"),
    **{f"tensor{n}": ((None,) * n, f"tensor{n}s") for n in range(3, 8)},
}


@public
def tensor(
    name: str | None = None, shape: Sequence[Size | None] = (), dtype: DTypeLike = "float64"
) -> Node:
    """An input of a function. `None` in `shape` is a size known only when the function is called,
    a Dim (as another input's x.shape[0]) one that must agree with it.

    Returns an input: a tensor without a value, in `dtype`.
    Raises GraphError, a TypeError, for a name that is no string or is that of a dtype, and for a
    shape that is not a sequence of sizes.

        >>> x = pt.tensor("x", shape=(None, 3))
        >>> x.ndim, x.dtype
        (2, 'float64')
    """
    return _input("tensor", name, shape, dtype)


def _input(what: str, name: object, shape: Size | Sequence[Size], dtype: DTypeLike) -> Node:
    _check_name(what, name)
    if not isinstance(shape, (tuple, list)):
        hint = f"shape=({shape},) for a vector of {shape}, shape=(None, None) for two unknown sizes"
        if not is_size(shape):
            hint = f"dtype={shape!r}" if _is_dtype(shape) else "shape=(None, 3)"
        raise GraphError(
            f"{what}: the shape of {name or 'an input'} is a sequence of sizes, not {shape!r:.60}"
            f"\n  at {line_text()}\n  write {hint}"
        )
    for n in shape:
        if n is not None and (not is_size(n) or (not isinstance(n, Dim) and n < 0)):
            raise GraphError(
                f"{what}: a size is None, a Dim or an integer, not {n!r:.60}, in the shape of "
                f"{name or 'an input'}"
            )
    return new_input(name, check_dtype(dtype, stored=True), shape)


def _check_name(what: str, name: object) -> None:
    """GraphError for a first argument that is no name, or the name of a dtype: Theano's
    `tensor("float32")` would otherwise make a float64 input of that name."""
    if isinstance(name, (tuple, list)) or is_size(name):
        raise GraphError(f"{what}: the name comes first: pt.{what}('x', shape=(None, 3))")
    if name is not None and (not isinstance(name, str) or _is_dtype(name)):
        said = name if isinstance(name, str) else getattr(name, "__name__", str(name))
        raise GraphError(
            f"{what}: the first argument is the name of the input, not a dtype or {name!r:.60}"
            f"\n  at {line_text()}\n  write pt.{what}('x', dtype={said!r:.60})"
        )


def _is_dtype(value: object) -> bool:
    return isinstance(value, str) and value in (*DTYPES, *COMPLEX, *FOREIGN_DTYPES)


_OF_ONE = """An input of a function with {axes}, {dtype} by default.

    name   what a function calls the argument, and messages the tensor
    dtype  its dtype
    shape  sizes of the axes: integers, Dims, or None for one known at the call (default: {default})

    Returns an input: a tensor without a value.
    Raises GraphError, a TypeError, for a name that is no string or is that of a dtype, and for a
    shape that is not a sequence of {ndim} sizes{fixed}.

        >>> x = pt.{word}("x")
        >>> x.ndim, x.dtype
        ({ndim}, '{dtype}')
    """
_OF_SEVERAL = """Several inputs of a function with {axes} each, {dtype} by default.

    names  a name for each, as several arguments, or in one string, by spaces or commas; a single
           word stands for its letters; or a number of inputs without names
    dtype  their dtype

    Returns a list of inputs (see `{word}`).
    Raises GraphError, a TypeError, for names that are no strings, or are those of dtypes.

        >>> x, y = pt.{words}("x y")
        >>> x.name, y.name, y.ndim, y.dtype
        ('x', 'y', {ndim}, '{dtype}')
    """


def _maker(word: str, sizes: tuple[int | None, ...], texts: dict[str, object]) -> Callable:
    """The constructor of one input."""

    def maker(
        name: str | None = None,
        dtype: DTypeLike = texts["dtype"],
        shape: Sequence[Size | None] | None = None,
    ) -> Node:
        shape = sizes if shape is None else shape
        if isinstance(shape, (tuple, list)):
            named = f": {name}" if name else ""
            if len(shape) != len(sizes):
                text = f"shape {shape_text(shape)} has {len(shape)} axes, not {len(sizes)}{named}"
                raise GraphError(f"{word}: {text}")
            pairs = zip(shape, sizes, strict=True)
            if any(n == 1 and given not in (1, None) for given, n in pairs):
                of_one = f"the size of axis {sizes.index(1)} is 1"
                raise GraphError(f"{word}: {of_one}, unlike in {shape_text(shape)}{named}")
            shape = tuple(n or given for given, n in zip(shape, sizes, strict=True))
        return _input(word, name, shape, dtype)

    return _entered(maker, word, _OF_ONE.format(word=word, **texts))


def _maker_of_several(one: Callable, word: str, words: str, texts: dict[str, object]) -> Callable:
    """The constructor of several inputs."""

    def maker(*names: str | int, dtype: DTypeLike = texts["dtype"]) -> list[Node]:
        if len(names) == 1 and is_size(names[0]) and not isinstance(names[0], Dim):
            return [one(None, dtype) for _ in range(int(names[0]))]
        if len(names) == 1 and isinstance(names[0], str):
            several = names[0].replace(",", " ").split()
            names = tuple(several if len(several) > 1 else "".join(several))
        elif len(names) == 1 and isinstance(names[0], (list, tuple)):
            names = tuple(names[0])
        return [one(name, dtype) for name in names]

    return _entered(maker, words, _OF_SEVERAL.format(word=word, words=words, **texts))


def _entered(maker: Callable, name: str, text: str) -> Callable:
    maker.__name__ = maker.__qualname__ = name
    maker.__doc__ = text
    return public(maker)


def _makers() -> dict[str, Callable]:
    """All constructors, by name."""
    found = {}
    for letter, dtype in LETTERS.items():
        for word, (sizes, words) in WORDS.items():
            axes = f"{len(sizes)} axes" if len(sizes) != 1 else "1 axis"
            one = 1 in sizes
            texts = {
                "axes": f"{axes}, of which axis {sizes.index(1)} has size 1," if one else axes,
                "ndim": len(sizes),
                "dtype": dtype,
                "default": "None for the other" if one else "all None",
                "fixed": ", one of them 1" if one else "",
            }
            made = _maker(letter + word, sizes, texts)
            found[letter + word] = made
            found[letter + words] = _maker_of_several(made, letter + word, letter + words, texts)
    return found


globals().update(_makers())
