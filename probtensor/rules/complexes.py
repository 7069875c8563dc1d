"""Derivatives of and by complex tensors, as those of and by their parts.

The convention is that of JAX and Autograd. The gradient of a real cost by z = x + iy is du/dx - i
du/dy: it is f'(z) where the cost is the real part of a holomorphic f, and z - step * conj(gradient)
descends. A cotangent c + id of an output u + iv stands for c du - d dv; a tangent is what moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.ops.complexes.arithmetic import is_real
from probtensor.ops.complexes.pair import leaf_of, pair, parts_of_value
from probtensor.transform.autodiff import Nodes, fit_to, listed


@dataclass(frozen=True)
class Opened:
    """Variables of a derivative, and the real tensors that stand for each: itself, the input that
    holds the parts of a complex one, or the two parts of one that is computed. `single` is whether
    one tensor was given."""

    given: tuple[Node, ...]
    groups: tuple[tuple[Node, ...], ...]
    single: bool

    @staticmethod
    def of(what: str, wrt: Nodes) -> Opened:
        """GraphError for a complex tensor that is computed and has no parts of its own."""
        given = tuple(listed(wrt))
        groups = tuple(_real_of(what, x) if x.is_complex else (x,) for x in given)
        return Opened(given, groups, isinstance(wrt, Node))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The real tensors of all variables."""
        return tuple(x for group in self.groups for x in group)

    def by_group(self, slopes: Sequence[Node | None]) -> list[list[Node | None]]:
        """What belongs to the real tensors, for each variable."""
        rest = iter(slopes)
        return [[next(rest) for _ in group] for group in self.groups]

    def gathered(self, slopes: Sequence[Node | None]) -> Node | list:
        """Gradients by the real tensors as those by the variables."""
        found = [
            _gradient(g) if x.is_complex else g[0]
            for x, g in zip(self.given, self.by_group(slopes), strict=True)
        ]
        return found[0] if self.single else found

    def tangents(self, given: object) -> list[object]:
        """Tangents of the variables as those of the real tensors."""
        many = isinstance(given, (list, tuple))
        moved = list(given) if many and not self.single else [given]
        if len(moved) != len(self.given):
            raise GraphError(f"{len(moved)} tangents for {len(self.given)} wrt")
        found: list[object] = []
        for t, x, group in zip(moved, self.given, self.groups):
            if not x.is_complex:
                found.append(t)
            elif len(group) == 1:
                found.append(ops.stack(_fitted(t, x), -1))
            else:
                found += _fitted(t, x)
        return found


def _real_of(what: str, z: Node) -> tuple[Node, ...]:
    """The real tensors by which a derivative by a complex one is."""
    found = leaf_of(z)
    if found is not None:
        return (found,)
    re, im = z.inputs
    if not is_real(z) and re not in set(toposort([im])) and im not in set(toposort([re])):
        return re, im
    raise refusal(
        f"{what}: {z.described} is complex and computed, and its parts depend on one another",
        z.birthplace,
        "differentiate by a complex input or shared variable, or by what it is computed from",
        kind=GraphError,
    )


def _gradient(g: Sequence[Node | None]) -> Node | None:
    """x - iy for slopes x and y by the parts, one of which may be None, or both along the last axis
    of one tensor."""
    if all(x is None for x in g):
        return None
    if len(g) == 1:
        return conjugate_pair(g[0])
    re, im = (ops.zeros_like(g[1 - k]) if x is None else x for k, x in enumerate(g))
    return pair(re, -im)


def conjugate_pair(g: Node) -> Node:
    """x - iy for parts x and y along the last axis."""
    return pair(g[..., 0], -g[..., 1])


def _fitted(value: object, like: Node) -> list[Node]:
    """The parts of a tangent, of the type of those of a complex tensor."""
    return [fit_to(part, like.inputs[0], "jvp: a tangent") for part in parts_of_value(value)]


@dataclass(frozen=True)
class Outputs:
    """Outputs of which some are complex: `nodes` are those and the parts of these."""

    given: tuple[Node, ...]
    nodes: tuple[Node, ...]
    single: bool

    @staticmethod
    def of(outputs: Nodes) -> Outputs:
        given = tuple(listed(outputs))
        nodes = tuple(part for y in given for part in (y.inputs if y.is_complex else (y,)))
        return Outputs(given, nodes, isinstance(outputs, Node))

    def cotangents(self, given: object) -> list[object]:
        """Cotangents of the outputs as those of the nodes."""
        many = isinstance(given, (list, tuple))
        weights = list(given) if many and not self.single else [given]
        if len(weights) != len(self.given):
            raise GraphError(f"{len(weights)} cotangents for {len(self.given)} outputs")
        found: list[object] = []
        for y, g in zip(self.given, weights):
            if y.is_complex:
                re, im = parts_of_value(g)
                found += [re, -im]
            else:
                found.append(g)
        return found

    def gathered(self, values: Sequence[Node]) -> Node | list:
        """Values for the nodes as those for the outputs."""
        rest = iter(values)
        found = [pair(next(rest), next(rest)) if y.is_complex else next(rest) for y in self.given]
        return found[0] if self.single else found


def refuse_complex(what: str) -> NoReturn:
    """GraphError: second derivatives by complex tensors have no one form."""
    raise refusal(
        f"{what}: is of a real cost by real tensors",
        "make the input of its parts: z = pt.complex(x, y) of two real inputs",
        kind=GraphError,
    )


def require_real_cost(cost: Node) -> None:
    """GraphError for a complex cost."""
    if cost.is_complex:
        raise refusal(
            f"grad: the cost {cost.described} is complex, and a gradient is that of a real number",
            cost.birthplace,
            "take pt.real(cost), whose gradient is the complex derivative where the cost is "
            "holomorphic, or pt.abs(cost)",
            kind=GraphError,
        )


def parts_of_constants(nodes: object) -> list[Node]:
    """Tensors with complex ones as their parts."""
    return [part for x in listed(nodes) for part in (x.inputs if x.is_complex else (x,))]


def parts_of_known(known: Mapping[Node, object]) -> dict[Node, object]:
    """Known gradients with those of complex tensors as those of their parts."""
    found: dict[Node, object] = {}
    for node, g in known.items():
        if as_tensor(node).is_complex:
            re, im = parts_of_value(g)
            found |= {node.inputs[0]: re, node.inputs[1]: -im}
        else:
            found[node] = g
    return found
