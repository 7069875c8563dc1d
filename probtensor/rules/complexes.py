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
from probtensor.ops.complexes.pair import leaf_of, pair, parts_of_value
from probtensor.transform.autodiff import Nodes, fit_to, listed


@dataclass(frozen=True)
class Opened:
    """Variables of a derivative, `nodes` with complex inputs as the real ones that hold their
    parts. `single` is whether one tensor was given."""

    given: tuple[Node, ...]
    nodes: tuple[Node, ...]
    single: bool

    @staticmethod
    def of(what: str, wrt: Nodes) -> Opened:
        """GraphError for a complex tensor that is computed."""
        given = tuple(listed(wrt))
        nodes = tuple(_leaf(what, x) if x.is_complex else x for x in given)
        return Opened(given, nodes, isinstance(wrt, Node))

    def gathered(self, slopes: Sequence[Node | None]) -> Node | list:
        """Gradients by the real inputs as those by the variables."""
        pairs = zip(self.given, slopes, strict=True)
        found = [g if g is None or not x.is_complex else conjugate_pair(g) for x, g in pairs]
        return found[0] if self.single else found

    def tangents(self, given: object) -> list[object]:
        """Tangents of the variables as those of the real inputs."""
        many = isinstance(given, (list, tuple))
        moved = list(given) if many and not self.single else [given]
        if len(moved) != len(self.given):
            raise GraphError(f"{len(moved)} tangents for {len(self.given)} wrt")
        pairs = zip(moved, self.given)
        return [_stacked(t, x) if x.is_complex else t for t, x in pairs]


def _leaf(what: str, z: Node) -> Node:
    found = leaf_of(z)
    if found is None:
        raise refusal(
            f"{what}: {z.described} is complex and computed, and other tensors may share its parts",
            z.birthplace,
            "differentiate by a complex input or shared variable, or by pt.real(z) and pt.imag(z), "
            "which counts all that depends on these",
            kind=GraphError,
        )
    return found


def conjugate_pair(g: Node) -> Node:
    """x - iy for parts x and y along the last axis."""
    return pair(g[..., 0], -g[..., 1])


def _stacked(value: object, like: Node) -> Node:
    """A tangent as parts along a last axis, of the type of a complex tensor."""
    parts = [fit_to(part, like.inputs[0], "jvp: a tangent") for part in parts_of_value(value)]
    return ops.stack(parts, -1)


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
