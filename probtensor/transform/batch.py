"""vmap: a graph over one item becomes a graph over a batch of them, in a new leading axis.
`vectorize` and NumPy's `apply_along_axis` are that for each axis of an array of items.

Each kind of op defines how its ops are batched. A node that depends on no batched input is left as
it is, and broadcasts. There is no loop and no batch op: the result is an ordinary graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import is_

from probtensor import ops
from probtensor.calls import line_text, parameter_names, public
from probtensor.dataclass import dataclass
from probtensor.graph.node import (
    GraphError,
    Node,
    TensorLike,
    as_tensor,
    line_of,
    made_by,
    new_input,
)
from probtensor.graph.sizes import refuse_measured
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.complexes.pair import pair, parts_of
from probtensor.ops.kinds import Batch, limited_where_taken
from probtensor.ops.reductions.folds import described, listed_axes, one_axis
from probtensor.types import (
    ShapeError,
    Size,
    SizeCheck,
    broadcast_shapes,
    broadcast_size,
    shape_text,
    sourced_atoms,
)

# A signature of core axes, as "(m,n),(n)->(m)".
_CORE = r"\((?:\s*\w+\s*(?:,\s*\w+\s*)*)?\)"
_SIGNATURE = re.compile(rf"\s*(?:{_CORE}\s*(?:,\s*{_CORE}\s*)*)?->\s*{_CORE}\s*(?:,\s*{_CORE}\s*)*")


@public
def vmap(
    function: Callable[..., object], in_axes: object = 0, out_axes: int = 0
) -> Callable[..., object]:
    """A function of batches from a function of items, both on graph nodes.

    in_axes: the axis of each argument that runs over the batch, or one axis for all; None for an
    argument that is shared. `function` returns a node or a list or tuple of them; the batch is
    axis `out_axes` of each result.

    Returns a function of as many tensors; its results have the batch axis, of the size that the
    batch axes of the arguments.
    Raises GraphError, a TypeError, for what is no function; and when it is called, for another
    number of arguments than axes, axes that they have not, sizes that differ, and no batch axis at
    all.

        >>> x = pt.matrix("x")
        >>> pt.vmap(pt.sum)(x).eval({x: [[1.0, 2.0], [3.0, 4.0]]})
        array([3., 7.])
    """

    if not callable(function):
        raise GraphError(
            f"vmap: takes a function of tensors, as in pt.vmap(pt.exp)(x), not {function!r:.60}\n"
            f"  at {line_text()}"
        )

    @public(name="vmap")
    def batched(*arguments: object) -> object:
        nodes = [as_tensor(x) for x in arguments]
        axes = list(in_axes) if isinstance(in_axes, (tuple, list)) else [in_axes] * len(nodes)
        if len(axes) != len(nodes):
            raise GraphError(f"vmap: in_axes has {len(axes)} entries for {len(nodes)} arguments")
        items, batches = [], {}
        names = parameter_names(function, len(nodes))
        for x, axis, name in zip(nodes, axes, names, strict=True):
            item = x if axis is None else _item(x, axis, name)
            items.append(item)
            if axis is not None:
                moved = ops.moveaxis(x, axis, 0)
                batches.update(zip(parts_of(item), parts_of(moved), strict=True))
        _check_batches(nodes, [x.shape[0] for x in batches.values()])
        if not batches:
            raise GraphError("vmap: at least one argument must have a batch axis")
        results = function(*items)
        many = isinstance(results, (tuple, list))
        wanted = [as_tensor(y) for y in (results if many else [results])]
        found = iter(vmap_nodes([part for y in wanted for part in parts_of(y)], batches))
        found = [pair(next(found), next(found)) if y.is_complex else next(found) for y in wanted]
        found = [ops.moveaxis(y, 0, one_axis(out_axes, y, "vmap")) for y in found]
        return type(results)(found) if many else found[0]

    return batched


def _check_batches(nodes: Sequence[Node], sizes: Sequence[Size]) -> None:
    """GraphError if batch axes of fixed size have different sizes, other than 1."""
    fixed = [n for n in sizes if isinstance(n, int)]
    if any(n not in (1, max(fixed)) for n in fixed):
        shapes = ", ".join(f"{x.described} {shape_text(x.shape)}" for x in nodes)
        raise GraphError(
            f"vmap: the batch axes have sizes {' and '.join(map(str, dict.fromkeys(fixed)))}, in "
            f"{shapes}\n  at {line_text()}\n  in_axes= says which axis of each argument it is"
        )


def _item(x: Node, axis: int, name: str) -> Node:
    shape = list(x.shape)
    del shape[one_axis(axis, x, "vmap")]
    return new_input(x.name or name, x.dtype, shape)


def vmap_nodes(outputs: Sequence[Node], batches: Mapping[Node, Node]) -> list[Node]:
    """The outputs with nodes replaced by batches of them, which have one more, leading axis. Every
    result has the batch axis too."""
    size: Size = 1
    for x in batches.values():
        size = broadcast_size(size, x.shape[0])
    done = {x: _repeated(batch, size) for x, batch in batches.items()}
    order = toposort(outputs)
    limited = limited_where_taken(outputs, order, batches)
    if not all(map(is_, limited, outputs)):
        outputs, order = limited, toposort(limited)
    for node in order:
        if node not in done:
            _check_sizes(node, done)
        if node not in done and any(x in done for x in node.inputs):
            with made_by(node):
                inputs = tuple(done.get(x) for x in node.inputs)
                done[node] = node.op.batched(Batch(node, inputs, size, vmap_nodes))
    return [done[y] if y in done else ops.broadcast_to(y, (size, *y.shape)) for y in outputs]


def _check_sizes(node: Node, done: Mapping[Node, Node]) -> None:
    """GraphError if a size of a node differs between the items of a batch."""
    for atom in sourced_atoms((node.op, node.type)):
        if atom.source in done:
            text = "vmap: items would have different sizes"
            refuse_measured([node], text, f"it is used at {line_of(node)}")


def _repeated(batch: Node, size: Size) -> Node:
    """The batch; one of a single item as many times as the others have items."""
    if batch.shape[0] == size:
        return batch
    return ops.broadcast_to(batch, (size, *batch.shape[1:]))


@dataclass(frozen=True)
class _Cores:
    """The names of the core axes of each argument and of each result."""

    arguments: tuple[tuple[str, ...], ...]
    results: tuple[tuple[str, ...], ...]


@public
def vectorize(
    func: Callable[..., object], signature: str | None = None
) -> Callable[..., Node | list[Node]]:
    """A function of tensors with leading axes, from a function of tensors without them.

    signature  the core axes of arguments and results, as of NumPy's generalised functions:
               "(m,n),(n)->(m)" takes a matrix and a vector, and gives a vector; a number is a size
               that an axis must have. None for functions of scalars that give scalars

    The leading axes of all arguments broadcast, and are those of each result. There is no loop: the
    graph of `func` is made for a batch (see `vmap`), which has derivatives as any other.

    Returns a function of as many tensors, which gives a tensor, or a list of them if there are
    several results.
    Raises GraphError, a TypeError, for what is no function or no signature; and when it is called,
    for another number of arguments, too few axes, core axes of one name whose sizes differ, leading
    axes that do not broadcast, and results that the signature does not name.

        >>> solve = pt.vectorize(lambda A, x: A @ x, "(m,n),(n)->(m)")
        >>> solve(np.ones((5, 2, 3)), np.ones(3)).shape
        (5, 2)
    """
    if not callable(func):
        raise GraphError(
            f"vectorize: takes a function of tensors, not {func!r:.60}\n  at {line_text()}"
        )
    cores = None if signature is None else _parsed(signature)

    @public(name="vectorize")
    def of_arrays(*arguments: TensorLike) -> Node | list[Node]:
        nodes = [as_tensor(x) for x in arguments]
        known = cores or _Cores(((),) * len(nodes), ())
        if len(nodes) != len(known.arguments) or not nodes:
            wanted = f"{len(known.arguments)} arguments" if nodes else "at least one argument"
            raise GraphError(f"vectorize: {wanted}, not {len(nodes)}, for {signature or 'scalars'}")
        nodes = _checked(nodes, known.arguments)
        leading = [x.ndim - len(core) for x, core in zip(nodes, known.arguments, strict=True)]
        try:
            broadcast_shapes(*(x.shape[:k] for x, k in zip(nodes, leading, strict=True)))
        except ShapeError as error:
            shapes = ", ".join(f"{x.described} {shape_text(x.shape)}" for x in nodes)
            text = f"vectorize: sizes of leading axes differ, {error}: {shapes}"
            raise GraphError(text) from None
        batched = _of_items(func, known.results)
        for axis in reversed(range(max(leading))):
            level = max(leading) - axis
            batched = vmap(batched, tuple(0 if k >= level else None for k in leading))
        found = batched(*nodes)
        return found[0] if len(found) == 1 else list(found)

    return of_arrays


def _parsed(signature: object) -> _Cores:
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise GraphError(
            f'vectorize: a signature is text as "(m,n),(n)->(m)", not {signature!r:.60}'
            f"\n  at {line_text()}"
        )
    sides = [
        tuple(tuple(re.findall(r"\w+", core)) for core in re.findall(_CORE, side))
        for side in signature.split("->")
    ]
    return _Cores(*sides)


def _checked(nodes: Sequence[Node], cores: Sequence[tuple[str, ...]]) -> list[Node]:
    """The arguments; GraphError if axes are missing, or if core axes of one name have different
    sizes: those that a call decides are checked by it."""
    sizes: dict[str, tuple[Size, Node]] = {}
    found = []
    for x, core in zip(nodes, cores, strict=True):
        if x.ndim < len(core):
            axes = f"({','.join(core)})"
            raise GraphError(f"vectorize: an argument {axes} of {x.ndim} axes{described(x)}")
        laws = []
        for name, n in zip(core, x.shape[x.ndim - len(core) :], strict=True):
            first, other = sizes.setdefault(name, (int(name) if name.isdigit() else n, x))
            if isinstance(n, int) and isinstance(first, int) and n != first:
                raise GraphError(
                    f"vectorize: axis {name} has size {first} in {other.described}, and {n} in "
                    f"{x.described}{described(x)}"
                )
            text = (f"axis {name} has size ", n, f" in {x.described}, not ", first)
            laws.append(SizeCheck(n, "==", first, text))
        found.append(asked_for(x, "vectorize", *laws))
    return found


def _of_items(
    func: Callable[..., object], results: Sequence[tuple[str, ...]]
) -> Callable[..., tuple[Node, ...]]:
    """`func` with a tuple of results, which must be those of the signature."""

    def of_items(*items: Node) -> tuple[Node, ...]:
        given = func(*items)
        found = tuple(map(as_tensor, given if isinstance(given, (list, tuple)) else (given,)))
        wanted = results or ((),) * len(found)
        if [x.ndim for x in found] != [len(core) for core in wanted]:
            shown = ", ".join(str(x.type) for x in found)
            named = ",".join(f"({','.join(core)})" for core in wanted)
            raise GraphError(f"vectorize: the function gives {shown}, which are not {named}")
        return found

    return of_items


@public
def apply_along_axis(
    func1d: Callable[..., TensorLike], axis: int, arr: TensorLike, *args: object, **kwargs: object
) -> Node:
    """A function of vectors, applied along an axis of `arr` for each index of the others; it is
    called once, with further arguments, for the graph of a vector.

    Returns a tensor with the axes of the function's result in place of `axis`.
    Raises GraphError, a TypeError, for an axis that `arr` has not.

        >>> pt.apply_along_axis(lambda v: v[0] + v[-1], 1, [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([3., 7.])
    """
    x = as_tensor(arr)
    position = one_axis(axis, x, "apply_along_axis")
    batched = lambda v: as_tensor(func1d(v, *args, **kwargs))  # noqa: E731
    for _ in range(x.ndim - 1):
        batched = vmap(batched)
    y = batched(ops.moveaxis(x, position, -1))
    new = y.ndim - (x.ndim - 1)
    return ops.moveaxis(y, tuple(range(x.ndim - 1, y.ndim)), tuple(range(position, position + new)))


@public
def apply_over_axes(
    func: Callable[[Node, int], TensorLike], a: TensorLike, axes: int | Sequence[int]
) -> Node:
    """func(a, axis) for each axis in turn, as of a reduction; an axis that it drops has size 1.

    Returns a tensor of as many axes as `a` has.
    Raises GraphError, a TypeError, for an axis that `a` has not, and a result of other axes.

        >>> pt.apply_over_axes(pt.sum, [[1.0, 2.0], [3.0, 4.0]], (0, 1)).eval()
        array([[10.]])
    """
    x = as_tensor(a)
    for axis in listed_axes(axes if isinstance(axes, int) else tuple(axes), x, "apply_over_axes"):
        y = as_tensor(func(x, axis))
        y = ops.expand_dims(y, axis) if y.ndim == x.ndim - 1 else y
        if y.ndim != x.ndim:
            raise GraphError(f"apply_over_axes: the function gives {y.ndim} axes of {x.ndim}")
        x = y
    return x
