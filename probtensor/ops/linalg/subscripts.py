"""einsum: any number of operands, reduced to contractions of two."""

from __future__ import annotations

import string
from collections.abc import Sequence
from numbers import Integral

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.types import ShapeError, Size, SizeCheck, broadcast_size

LETTERS = string.ascii_uppercase + string.ascii_lowercase


@public(lacks=("out", "order", "casting"))
def einsum(
    subscripts: str | TensorLike,
    *operands: TensorLike | Sequence[object],
    out: None = None,
    optimize: TensorLike = False,
    dtype: DTypeLike | None = None,
    order: str = "K",
    casting: str = "safe",
) -> Node:
    """NumPy's einsum: "ij,jk->ik", with repeated letters for diagonals, "..." for axes that
    broadcast, and an implied output. Operands are joined from left to right; an axis is summed over
    as soon as nothing later needs it. `optimize` makes no difference; with `dtype` operands are
    converted to it first. The other form, einsum(x, [0, 1], y, [1, 2], [0, 2]), names axes by
    integers from 0 to 51, and `...` by Ellipsis.

    Returns a tensor with the axes of the output, in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for subscripts that do not fit the operands.

        >>> pt.einsum("ij,ij->i", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([ 5., 25.])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _spelled((subscripts, *operands))
    nodes = [as_tensor(x) if dtype is None else ops.astype(x, dtype) for x in operands]
    inputs, output = _parsed(subscripts, nodes)
    _check_sizes(subscripts, inputs, nodes)
    terms = []
    for k, (letters, x) in enumerate(zip(inputs, nodes, strict=True)):
        others = "".join(inputs[:k] + inputs[k + 1 :])
        terms.append(_tidied(letters, x, others, output))
    letters, total = terms[0]
    for k, (next_letters, x) in enumerate(terms[1:], 1):
        needed = output + "".join(later for later, _ in terms[k + 1 :])
        needed_letters = "".join(c for c in dict.fromkeys(letters + next_letters) if c in needed)
        total = ops.contract(f"{letters},{next_letters}->{needed_letters}", total, x)
        letters = needed_letters
    return _laid_out(letters, total, output)


def _spelled(given: tuple) -> tuple[str, tuple]:
    """Subscripts in letters, and the operands, of x, [0, 1], y, [1, 2], and perhaps an output."""
    pairs = len(given) // 2
    if not pairs or not all(isinstance(axes, list | tuple) for axes in given[1::2]):
        shown = f"{given[0]!r:.60}"
        raise GraphError(
            f"einsum: the subscripts come first, as 'ij,jk->ik', not {shown}"
            "\n  or after each operand: einsum(x, [0, 1], y, [1, 2], [0, 2])"
        )
    terms = ",".join(_letters(axes) for axes in given[1 : 2 * pairs : 2])
    ending = f"->{_letters(given[-1])}" if len(given) % 2 else ""
    return terms + ending, given[0 : 2 * pairs : 2]


def _letters(axes: object) -> str:
    """A letter for each of the integers: capital ones are first, as sorted ones are implied."""
    if not isinstance(axes, list | tuple):
        raise GraphError(f"einsum: the axes of the output are a list of integers, not {axes!r:.60}")
    for k in axes:
        if k is not Ellipsis and not (isinstance(k, Integral) and 0 <= k < len(LETTERS)):
            raise GraphError(f"einsum: axes are named by integers from 0 to 51, not {k!r:.60}")
    return "".join("..." if k is Ellipsis else LETTERS[int(k)] for k in axes)


def _parsed(subscripts: str, nodes: list[Node]) -> tuple[list[str], str]:
    """Letters for each operand and the output; axes of "..." get letters too."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(nodes):
        raise GraphError(f"einsum: {subscripts!r} names {len(terms)} operands, not {len(nodes)}")
    used = set(left + right)
    spare = [c for c in string.ascii_letters if c not in used]
    hidden = [_hidden(term, x, subscripts) for term, x in zip(terms, nodes, strict=True)]
    names = "".join(spare[: max(hidden)])
    inputs = [
        term.replace("...", names[len(names) - count :]) for term, count in zip(terms, hidden)
    ]
    everything = "".join(inputs)
    if arrow:
        if names and "..." not in right:
            raise GraphError(f"einsum: the output of {subscripts!r} lacks the axes of '...'")
        output = right.replace("...", names)
    else:
        single = sorted(c for c in set(everything) if everything.count(c) == 1 and c not in names)
        output = names + "".join(single)
    for c in output:
        if c not in everything or output.count(c) > 1:
            raise GraphError(f"einsum: {c!r} of the output in {subscripts!r} must be named once")
    return inputs, output


def _hidden(term: str, x: Node, subscripts: str) -> int:
    """The number of axes of x that "..." stands for."""
    letters = term.replace("...", "")
    if not all(c in string.ascii_letters for c in letters):
        raise GraphError(f"einsum: {term!r} in {subscripts!r} is not made of letters and '...'")
    count = x.ndim - len(letters)
    if count < 0 or (count > 0 and "..." not in term):
        raise GraphError(f"einsum: {term!r} in {subscripts!r} is for an operand of {x.type}")
    return count


def _check_sizes(subscripts: str, inputs: list[str], nodes: list[Node]) -> None:
    sizes: dict[str, Size] = {}
    for letters, x in zip(inputs, nodes, strict=True):
        for c, n in zip(letters, x.shape, strict=True):
            try:
                sizes[c] = broadcast_size(sizes.get(c, 1), n)
            except ShapeError as error:
                raise GraphError(f"einsum: {subscripts!r}: sizes {error} of {c!r} differ") from None


def _tidied(letters: str, x: Node, others: str, output: str) -> tuple[str, Node]:
    """The operand with each letter once: diagonals are taken, axes of size 1 that broadcast are
    dropped, and axes that nothing else names are summed over."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            first = letters.index(c)
            second = letters.index(c, first + 1)
            n, m = x.shape[first], x.shape[second]
            text = (f"{c!r} stands for axes of sizes ", n, " and ", m)
            x = asked_for(x, "einsum", SizeCheck(n, "==", m, text))
            x = ops.diagonal(x, 0, first, second)
            letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + c
    ones = [k for k, c in enumerate(letters) if x.shape[k] == 1 and c in others]
    x = ops.squeeze(x, tuple(ones)) if ones else x
    letters = "".join(c for k, c in enumerate(letters) if k not in ones)
    alone = [k for k, c in enumerate(letters) if c not in others and c not in output]
    x = ops.sum(x, tuple(alone), dtype=x.dtype) if alone else x
    return "".join(c for k, c in enumerate(letters) if k not in alone), x


def _laid_out(letters: str, x: Node, output: str) -> Node:
    """The result with its axes in the order of the output. A missing letter had size 1 in every
    operand."""
    order = [letters.index(c) for c in output if c in letters]
    spent = tuple(k for k, c in enumerate(letters) if c not in output)
    x = ops.sum(x, spent, dtype=x.dtype) if spent else x
    remaining = [k for k in range(len(letters)) if k not in spent]
    x = ops.transpose(x, [remaining.index(k) for k in order]) if order else x
    missing = tuple(k for k, c in enumerate(output) if c not in letters)
    return ops.expand_dims(x, missing) if missing else x
