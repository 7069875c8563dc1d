"""A function before compilation: inputs with names and defaults, outputs in their structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cython_ext.convert import frozen_copy, safe_array
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.device import DeviceArray
from probtensor.function.device.streams import borrowed_array, device_copy, is_on_device
from probtensor.function.shared import Shared
from probtensor.graph.node import GraphError, Node, as_tensor, line_of
from probtensor.graph.parts import Get
from probtensor.graph.symbolic import refusal
from probtensor.ops.complexes.pair import as_leaf, given_type, joined
from probtensor.ops.halves import HalfTensor
from probtensor.targets.base import Target

if TYPE_CHECKING:
    from probtensor.function.call import Function

REQUIRED = object()
DefaultValue = bool | int | float | np.ndarray | DeviceArray  # a default


@public
class In:
    """An input of a function with a default or another name: `In(x, value=1.0, name="rate")`.

    Without `value` the argument must be given. The value is copied here, so that later changes of
    an array do not change the default. TypeError unless `variable` is an input node, TypeError or
    ValueError where the value cannot be converted to its type without loss.

        >>> x, k = pt.scalar("x"), pt.scalar("k")
        >>> pt.function([x, pt.In(k, value=2.0)], x * k)(3.0)
        array(6.)
    """

    def __init__(self, variable: Node, value: object = REQUIRED, name: str | None = None) -> None:
        if not isinstance(variable, Node):
            raise refusal(
                f"an input of a function is a tensor, not {variable!r:.40} "
                f"({type(variable).__name__})",
                "make one with pt.scalar, pt.vector, pt.matrix or pt.tensor",
            )
        self.variable = variable = as_leaf(variable)
        self.name = name or variable.name
        self.value = (
            value if value is REQUIRED else _default_value(value, variable, self.name or "input")
        )

    @property
    def required(self) -> bool:
        return self.value is REQUIRED

    def __reduce__(self) -> tuple:
        given = () if self.required else (self.value,)
        return _input_of, (self.variable, self.name, *given)

    def __repr__(self) -> str:
        default = "" if self.required else f" = {self.value!r}"
        return f"{self.name or 'input'}: {self.variable.type}{default}"


def _default_value(value: object, variable: Node, name: str) -> DefaultValue:
    """A default value that cannot change: a Python number, or a read-only copy."""
    if is_on_device(value):
        array = borrowed_array(value, variable.dtype, variable.ndim, name, line_of(variable))
        return device_copy(array)
    kind = given_type(variable)
    array = safe_array(value, kind.dtype, kind.ndim, name, line_of(variable), copy=True)
    plain = isinstance(value, (bool, int, float, complex))
    return value if plain else frozen_copy(array, owned=True)


def literal_for(old: Node, new: object, name: str | None = None) -> Node:
    """The replacement of a tensor: a graph, or a literal converted to its dtype without loss.
    Messages call it by `name`, where the tensor stands for another."""
    value = as_tensor(new)
    graph = isinstance(new, Node) or (value.inputs and not value.is_complex)
    if graph or value.dtype == old.dtype:
        return value
    name = name or old.name or old.op.node_text(old)
    return as_tensor(safe_array(new, old.dtype, value.ndim, name, line_of(old)))


def _input_of(variable: Node, name: str | None, value: object = REQUIRED) -> In:
    return In(variable, value, name)


@public
@dataclass(frozen=True)
class Out:
    """An output of a function; with `borrow`, the array it returns is written to by the next call
    of the same sizes, which saves an allocation.

        >>> x = pt.vector("x")
        >>> pt.function([x], pt.Out(x * 2, borrow=True))([1.0])
        array([2.])
    """

    variable: object
    borrow: bool = False


@dataclass(frozen=True)
class Leaf:
    """An output in a nested structure, by its index."""

    index: int


@dataclass(frozen=True)
class Packed:
    """A part of the structure that a function makes, as a matrix of scipy.sparse of its data.

    make  from the values of the leaves of `part` to the result; it pickles
    """

    make: Callable[[object], object]
    part: Tree


Tree = Leaf | Packed | dict | list | tuple | None  # the nested structure of results


class Asked:
    """The outputs before the rules that a user gave with a function, and these rules, for the
    record of what they did. Rules are code, which does not pickle: it is lost there."""

    def __init__(self, outputs: Sequence[Node] = (), rules: object = ()) -> None:
        self.outputs, self.rules = tuple(outputs), rules

    def __reduce__(self) -> tuple:
        return type(None), ()


@dataclass(frozen=True)
class Program:
    """A function before it is compiled; a value that pickles.

    `output_memories` has the memory of each output, "cpu" or "cuda"; `tree` is the structure of the
    results with a Leaf for each output; `target` is a target or the name of one; `compiler` makes
    the Function of a program, as unpickling does; `verbose_errors` is what an error of a call says
    beside its message (see `request.LEVELS`), `check` what its results are looked at for, `asked`
    what rules of the user's were given.
    """

    inputs: tuple[In, ...]
    outputs: tuple[Node, ...]
    borrowed: tuple[bool, ...]
    output_memories: tuple[str, ...]
    tree: Tree
    updates: tuple[tuple[Shared, Node], ...]
    name: str | None
    target: str | Target
    seed: int | None
    compiler: Callable[[Program], Function]
    verbose_errors: str = "line"
    check: str | None = None
    asked: Asked | None = None

    @property
    def results(self) -> tuple[Node, ...]:
        """The outputs, then new values of shared variables."""
        return (*self.outputs, *(value for _, value in self.updates))

    @property
    def graph(self) -> tuple[Node, ...]:
        """All nodes that are computed: the results, those that are complex as pairs of reals, those
        of float16 as their bits."""
        return tuple(map(joined, self.results))

    def with_graph(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> Program:
        """A program of other inputs and outputs, a flat list of these, for the same target."""
        return replace(
            self, inputs=tuple(map(In, inputs)), outputs=tuple(outputs),
            borrowed=(False,) * len(outputs), output_memories=("cpu",) * len(outputs),
            tree=[Leaf(k) for k in range(len(outputs))], updates=(), asked=None,
        )  # fmt: skip


def flatten(structure: object) -> tuple[list[Out], Tree]:
    """The outputs in a nested structure of lists, tuples, dicts and what has a method `packed`, and
    the structure of leaves."""
    found: list[Out] = []

    def walk(part: object) -> Tree:
        if part is None:
            return None
        if isinstance(part, dict):
            return {key: walk(value) for key, value in part.items()}
        if isinstance(part, (list, tuple)):
            return (
                type(part)(*map(walk, part))
                if hasattr(part, "_fields")
                else type(part)(map(walk, part))
            )
        if hasattr(type(part), "packed"):
            make, inner = part.packed()
            return Packed(make, walk(inner))
        found.append(part if isinstance(part, Out) else Out(part))
        found[-1] = replace(found[-1], variable=result_of(found[-1].variable))
        return Leaf(len(found) - 1)

    return found, walk(structure)


def result_of(value: object) -> Node:
    """A result as a tensor, which may be of float16."""
    return value if isinstance(value, HalfTensor) else as_tensor(value)


def unflatten(
    tree: Tree, values: Sequence[object] | Mapping[int, object], making: bool = True
) -> object:
    """The structure with values in place of its leaves; without `making` they may be leaves."""
    if isinstance(tree, Leaf):
        return values[tree.index]
    if isinstance(tree, Packed):
        part = unflatten(tree.part, values, making)
        return tree.make(part) if making else Packed(tree.make, part)
    if isinstance(tree, dict):
        return {key: unflatten(part, values, making) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [unflatten(part, values, making) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def selected(program: Program, keys: object) -> Program:
    """The program of some of its outputs, without updates: one, or a list of them, by their places
    or names in the structure of the results. IndexError or KeyError for one that is not there."""
    tree = program.tree
    if not isinstance(tree, (list, tuple, dict)):
        raise refusal("subset: the function has one output", kind=IndexError)
    wanted = list(keys) if isinstance(keys, (list, tuple)) else [keys]
    places = tree if isinstance(tree, dict) else range(-len(tree), len(tree))
    for key in wanted:
        if isinstance(key, bool) or key not in places:
            kind = KeyError if isinstance(tree, dict) else IndexError
            have = ", ".join(map(repr, tree)) if isinstance(tree, dict) else f"0 to {len(tree) - 1}"
            raise refusal(f"subset: no output {key!r:.60}", f"there are {have}", kind=kind)
    if not isinstance(keys, (list, tuple)):
        chosen = tree[keys]
    elif isinstance(tree, dict):
        chosen = {key: tree[key] for key in wanted}
    else:
        chosen = [tree[key] for key in wanted]
    leaves = list(dict.fromkeys(_leaves(chosen)))
    renumbered = {old: Leaf(new) for new, old in enumerate(leaves)}
    chosen = unflatten(chosen, renumbered, making=False)
    return replace(
        program,
        outputs=tuple(program.outputs[k] for k in leaves),
        borrowed=tuple(program.borrowed[k] for k in leaves),
        output_memories=tuple(program.output_memories[k] for k in leaves),
        tree=chosen,
        updates=(),
        asked=None,
    )


def _leaves(tree: Tree) -> Iterator[int]:
    """The numbers of the leaves of a structure, in order."""
    if isinstance(tree, Leaf):
        yield tree.index
    elif isinstance(tree, Packed):
        yield from _leaves(tree.part)
    elif isinstance(tree, (dict, list, tuple)):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(part)


def is_flat_list(tree: Tree) -> bool:
    """Whether the structure is a flat list of all leaves in order, as `Entry` returns it."""
    return type(tree) is list and all(
        isinstance(part, Leaf) and part.index == k for k, part in enumerate(tree)
    )


def checked_inputs(inputs: object) -> tuple[In, ...]:
    """The inputs as In: distinct input nodes; TypeError or ValueError otherwise."""
    if isinstance(inputs, (Node, In, str, Mapping)) or not isinstance(inputs, Iterable):
        raise refusal(
            "function: the inputs are a list of tensors, as in pt.function([x], y), not "
            f"{type(inputs).__name__} {inputs!r:.40}"
        )
    found = tuple(x if isinstance(x, In) else In(x) for x in inputs)
    seen: set[Node] = set()
    for k, x in enumerate(found):
        node = x.variable
        if node.inputs or not hasattr(node.op, "tensor_type"):
            maker = node.inputs[0] if isinstance(node.op, Get) else node
            raise TypeError(
                f"function: input {k} is computed by {maker.op.user_name()}, made at "
                f"{line_of(node)}; replace it with givens={{node: new_input}} to make it an input"
            )
        if isinstance(node, Shared):
            raise TypeError(
                f"function: {node.name or 'a shared variable'} (made at {line_of(node)}) is "
                "shared: functions find it by themselves, so it is no input"
            )
        if node in seen:
            raise ValueError(f"function: input {x.name or k} is there twice")
        seen.add(node)
    return found


def pairs_of(given: object, name: str, shape: str) -> list[tuple[object, object]]:
    """A mapping, or pairs in a list, as pairs; TypeError for anything else."""
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if pairs is None:
        return []
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs
    ):
        raise refusal(
            f"{name} are {shape} or a list of such pairs, not {type(given).__name__} {given!r:.60}"
        )
    return [tuple(pair) for pair in pairs]


def checked_updates(updates: object) -> tuple[tuple[Shared, Node], ...]:
    """Updates as pairs; each a shared variable and a tensor of its dtype and rank."""
    found: list[tuple[Shared, Node]] = []
    for old, new in pairs_of(updates, "function: updates", "{shared: new value}"):
        old = as_leaf(old)
        if not isinstance(old, Shared):
            what = f"function: only shared variables are updated, not {old!r:.80}"
            raise refusal(what, "pt.shared(value) makes one")
        label = old.name or "the shared variable"
        if any(old is other for other, _ in found):
            raise ValueError(f"function: {label} is updated twice (made at {line_of(old)})")
        value, kind = result_of(new), given_type(old)
        if value.dtype != kind.dtype or value.ndim != kind.ndim:
            axes = f"pt.shared of an array with {value.ndim} axes would fit, or an update with"
            raise refusal(
                f"function: the update of {label} is {value.type}, it must be {kind.dtype} with "
                f"{kind.ndim} axes",
                f"{label} made at {line_of(old)}",
                f"its update made at {line_of(value)}",
                f"{axes} {kind.ndim}" if value.ndim != kind.ndim else "",
                f".astype({kind.dtype!r}) converts it" if value.dtype != kind.dtype else "",
                kind=GraphError,
            )
        found.append((old, value))
    return tuple(found)
