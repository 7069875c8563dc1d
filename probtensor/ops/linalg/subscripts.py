"""einsum: any number of operands, reduced to contractions of two."""

from __future__ import annotations

import string

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.types import ShapeError, Size, SizeCheck, broadcast_size


@public(lacks=("out", "order", "casting"))
def einsum(
    subscripts: str,
    *operands: TensorLike,
    out: None = None,
    optimize: TensorLike = False,
    dtype: DTypeLike | None = None,
    order: str = "K",
    casting: str = "safe",
) -> Node:
    """NumPy's einsum: "ij,jk->ik", with repeated letters for diagonals, "..." for axes that
    broadcast, and an implied output. Operands are joined from left to right; an axis is summed over
    as soon as nothing later needs it. `optimize` makes no difference; with `dtype` operands are
    converted to it first.

    Returns a tensor with the axes of the output, in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for subscripts that do not fit the operands.

        >>> pt.einsum("ij,ij->i", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([ 5., 25.])
    """
    if not isinstance(subscripts, str):
        shown = f"{subscripts!r:.60}"
        raise GraphError(f"einsum: the subscripts come first, as 'ij,jk->ik', not {shown}")
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
