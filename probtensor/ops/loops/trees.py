"""Nested tuples, lists and dicts of tensors, as JAX's loops carry them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from probtensor.graph.node import Node, as_tensor
from probtensor.ops.complexes.pair import pair

Tree = object  # a leaf, or a tuple, list or dict of trees; None is a tree without leaves


def leaves(tree: Tree) -> list[object]:
    """The leaves, from left to right; those of a dict in the order of its keys. A complex tensor
    has two, its parts."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [*as_tensor(tree).inputs] if _is_complex(tree) else [tree]


def _is_complex(leaf: object) -> bool:
    """Whether a leaf is complex; it counts as two, its parts."""
    if isinstance(leaf, Node):
        return leaf.is_complex
    return isinstance(leaf, complex) or getattr(getattr(leaf, "dtype", None), "kind", "") == "c"


def filled(tree: Tree, values: Sequence[object]) -> Tree:
    """The tree with other leaves, from left to right."""
    return _filled(tree, iter(values))


def _filled(tree: Tree, values: Iterator[object]) -> Tree:
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: _filled(part, values) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [_filled(part, values) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if _is_complex(tree):
        return pair(as_tensor(next(values)), as_tensor(next(values)))
    return next(values)


def mapped(tree: Tree, change: Callable[[object], object]) -> Tree:
    """The tree with each leaf changed."""
    return filled(tree, [change(leaf) for leaf in leaves(tree)])


def structure(tree: Tree) -> str:
    """The structure as text, with `*` for leaves, `complex` for complex ones: trees of one
    structure have one text."""
    if tree is None:
        return "None"
    if isinstance(tree, dict):
        inner = ", ".join(f"{key!r}: {structure(part)}" for key, part in tree.items())
        return f"{{{inner}}}"
    if isinstance(tree, (list, tuple)):
        inner = ", ".join(map(structure, tree))
        return f"[{inner}]" if isinstance(tree, list) else f"({inner})"
    return "complex" if _is_complex(tree) else "*"
