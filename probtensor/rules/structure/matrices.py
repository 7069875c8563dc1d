"""Linear algebra by the structure of matrices: systems in place of inverses, factors in place of
determinants, and no work on what is zero or known.

A solution by substitution or by a factor is more accurate than one by an inverse, the logarithm of
a determinant by its factor does not overflow, and a product in another order rounds other sums.
These rules are tested on matrices, against results in higher precision.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Frozen, Node, make
from probtensor.graph.parts import Get
from probtensor.ops.kinds import Core
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.linalg.blocks import is_turned
from probtensor.transform.linalg.masks import index_of, mask_of
from probtensor.transform.linalg.structure import (
    is_square,
    is_transpose_of,
    product_of,
    structure_of,
)
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Size, size_product

MAX_TERMS = 8  # of a sum that is looked at
MAX_FOLDED = 2**16  # elements of a constant that is factored while it is compiled


def _a(*shape: int) -> Node:
    return ops.tensor("a", shape or (3, 3))


def _b(*shape: int) -> Node:
    return ops.tensor("b", shape or (3, 2))


def _positive(*shape: int) -> Node:
    return ops.assume(_a(*shape), positive_definite=True)


def _factor() -> Node:
    return ops.where(ops.eye(3, dtype="bool"), 1 + ops.sigmoid(_a()), ops.tril(ops.sigmoid(_a())))


def _gram(factor: Node) -> Node:
    return factor @ ops.matrix_transpose(factor)


def _diagonal_of(a: Node) -> Node:
    return ops.diagonal(a, axis1=-2, axis2=-1)


def _on_diagonal(values: Node) -> Node:
    """The matrices with these values on their diagonals."""
    unit = ops.eye(values.shape[-1], dtype="bool")
    return ops.where(unit, ops.expand_dims(values, -1), 0.0)


# Systems.


@rewrite(
    on=ops.Contract,
    operands=ops.Inv,
    example=lambda: (
        ops.inv(_a()) @ _b(),
        ops.inv(_a()) @ _b(3),
        _b(2, 3) @ ops.inv(_a()),
        _b(3) @ ops.inv(_a()),
        ops.inv(_a(2, 3, 3)) @ _b(2, 3, 1),
    ),
)
def solve_instead_of_inverse(node: Node) -> Node | None:
    """inv(a) @ b -> solve(a, b): fewer operations, and more accurate."""
    found = product_of(node)
    if found is None:
        return None
    left, right = found.operands()
    if isinstance(found.left.op, ops.Inv):
        a = found.left.inputs[0]
        return found.shaped(make(ops.Solve(found.left_turned), (a, right)))
    if isinstance(found.right.op, ops.Inv):
        a, solve = found.right.inputs[0], ops.Solve(not found.right_turned)
        if found.row:
            column = ops.expand_dims(ops.squeeze(left, -2), -1)
            return ops.squeeze(make(solve, (a, column)), -1)
        solved = make(solve, (a, ops.matrix_transpose(left)))
        return found.shaped(ops.matrix_transpose(solved))
    return None


def _factored_solve(factor: Node, b: Node) -> Node:
    """x with L @ L.mT @ x == b."""
    return ops.solve_lower_transposed(factor, ops.solve_lower(factor, b))


@rewrite(
    on=ops.Solve,
    example=lambda: (
        ops.solve(ops.tril(_a()), _b()),
        ops.solve(ops.matrix_transpose(ops.triu(_a())), _b()),
        ops.solve(ops.where(ops.eye(3, dtype="bool"), _a(), 0.0), _b()),
        ops.solve(_positive(), _b()),
        ops.solve(ops.assume(_a(), orthogonal=True), _b()),
        ops.solve(ops.matrix_transpose(_a()), _b()),
        ops.solve(_gram(ops.cholesky(_a())), _b()),
    ),
)
def solve_by_structure(node: Node, facts: FactTable) -> Node | None:
    """A system of a diagonal matrix is divided, of a triangular one substituted, of a positive
    definite one solved by its Cholesky factor, of an orthogonal one multiplied by the transpose."""
    a, b = node.inputs
    if a.dtype != "float64":
        return None
    turned, found = node.op.transposed, structure_of(a, facts)
    if found.diagonal:
        return b / ops.expand_dims(_diagonal_of(a), -1)
    if found.lower:
        return (ops.solve_lower_transposed if turned else ops.solve_lower)(a, b)
    if found.upper:
        return (ops.solve_upper_transposed if turned else ops.solve_upper)(a, b)
    factor = _gram_factor(a, facts)
    if factor is not None:
        return _factored_solve(factor, b)
    if found.positive:
        return _factored_solve(ops.cholesky(a), b)
    if found.orthogonal:
        return (a if turned else ops.matrix_transpose(a)) @ b
    if is_turned(a):
        return make(ops.Solve(not turned), (a.inputs[0], b))
    return make(ops.Solve(False), (a, b)) if turned and found.symmetric else None


def _gram_factor(a: Node, facts: FactTable) -> Node | None:
    """L, where a is L @ L.mT and L a Cholesky factor; else None."""
    if not isinstance(a.op, ops.Contract):
        return None
    found = product_of(a)
    if found is None or found.row or found.column or not is_transpose_of(found):
        return None
    return found.left if not found.left_turned and structure_of(found.left, facts).factor else None


_TURNED = {
    ops.SolveLower: ops.solve_upper_transposed,
    ops.SolveUpper: ops.solve_lower_transposed,
    ops.SolveLowerTransposed: ops.solve_upper,
    ops.SolveUpperTransposed: ops.solve_lower,
}


@rewrite(
    on=tuple(_TURNED),
    operands=[ops.Transpose, ops.Where],
    example=lambda: (
        *(solve(ops.matrix_transpose(_a()), _b()) for solve in (
            ops.solve_lower, ops.solve_upper, ops.solve_lower_transposed,
            ops.solve_upper_transposed,
        )),
        ops.solve_lower(ops.tril(_a()), _b()),
        ops.solve_upper_transposed(ops.triu(_a()), _b()),
    ),
)  # fmt: skip
def read_triangle_in_place(node: Node) -> Node | None:
    """A triangular system of a transpose is one of the other triangle, and what is 0 in the
    triangle that is not read need not be so."""
    a, b = node.inputs
    if is_turned(a):
        return _TURNED[type(node.op)](a.inputs[0], b)
    lower = isinstance(node.op, (ops.SolveLower, ops.SolveLowerTransposed))
    full = _without_mask(a, lower)
    return None if full is a else make(node.op, (full, b))


def _without_mask(x: Node, lower: bool) -> Node:
    """x, or a matrix with the same triangle."""
    if not isinstance(x.op, ops.Where):
        return x
    band, wanted = mask_of(x.inputs[0]), (np.inf, 0) if lower else (0, np.inf)
    others = (-1, np.inf) if lower else (np.inf, -1)  # which is 0
    if band == wanted and constant_of(x.inputs[2]) == 0:
        kept = x.inputs[1]
    elif band == others and constant_of(x.inputs[1]) == 0:
        kept = x.inputs[2]
    else:
        return x
    return kept if kept.type == x.type else x


@rewrite(
    on=(ops.Cholesky, ops.CholeskyGradient),
    operands=[ops.Where, ops.Add],
    example=lambda: (
        ops.cholesky(ops.tril(_a())),
        ops.cholesky_gradient(_a(), ops.tril(_b(3, 3))),
        ops.cholesky_gradient(_a(), _a() + ops.tril(_b(3, 3))),
    ),
)
def read_lower_triangle_in_place(node: Node) -> Node | None:
    """What is 0 above the diagonal, which is not read, need not be so."""
    *others, x = node.inputs
    if isinstance(x.op, ops.Add):
        terms = [_without_mask(t, lower=True) for t in x.inputs]
        same = all(t is u for t, u in zip(terms, x.inputs, strict=True))
        full = x if same else x.op(*terms)
    else:
        full = _without_mask(x, lower=True)
    return None if full is x or full.type != x.type else make(node.op, (*others, full))


# Factors, inverses and determinants.


@rewrite(
    on=ops.Cholesky,
    operands=ops.Contract,
    example=lambda: (
        ops.cholesky(_gram(ops.cholesky(_a()))),
        ops.cholesky(_gram((1 + ops.sigmoid(ops.tensor("s", (3, 1)))) * _factor())),
    ),
)
def factor_of_factors(node: Node, facts: FactTable) -> Node | None:
    """cholesky(L @ L.mT) -> L, where L is a Cholesky factor: lower triangular with a positive
    diagonal."""
    return _gram_factor(node.inputs[0], facts)


@rewrite(
    on=Get,
    example=lambda: ops.lu_factor(np.array([[2.0, 1.0], [1.0, 3.0]]))[0] * _b(2, 2),
)
def fold_constant_factors(node: Node, facts: FactTable) -> Node | None:
    """Factors of constant matrices, as of data that are bound, are computed once."""
    producer = node.inputs[0]
    if not isinstance(producer.op, Core):
        return None
    if not all(isinstance(x.op, Const) and x.op.array.size <= MAX_FOLDED for x in producer.inputs):
        return None
    value = facts.remember(producer, _results)[node.op.index]
    return make(Const(Frozen(np.asarray(value).astype(node.dtype))), ())


def _results(producer: Node) -> tuple[np.ndarray, ...]:
    with np.errstate(all="ignore"):
        return producer.op.numpy(*(x.op.array for x in producer.inputs))


@rewrite(
    on=ops.Inv,
    example=lambda: (
        ops.inv(ops.tril(_a())),
        ops.inv(ops.triu(_a())),
        ops.inv(ops.where(ops.eye(3, dtype="bool"), _a(), 0.0)),
        ops.inv(_positive()),
        ops.inv(ops.assume(_a(), orthogonal=True)),
    ),
)
def invert_by_structure(node: Node, facts: FactTable) -> Node | None:
    """The inverse of a triangular matrix is substituted, that of a positive definite one made of
    its Cholesky factor, and that of an orthogonal one is the transpose."""
    a = node.inputs[0]
    if a.dtype != "float64":
        return None
    found = structure_of(a, facts)
    if found.diagonal:
        return _on_diagonal(1 / _diagonal_of(a))
    if found.lower or found.upper:
        solve = ops.solve_lower if found.lower else ops.solve_upper
        return solve(a, ops.broadcast_to(ops.eye(a.shape[-1]), a.shape))
    if found.positive:
        factor = _gram_factor(a, facts)
        factor = ops.cholesky(a) if factor is None else factor
        return ops.cholesky_gradient(factor, _on_diagonal(2 / _diagonal_of(factor)))
    return ops.matrix_transpose(a) if found.orthogonal else None


@rewrite(
    on=ops.Det,
    example=lambda: (
        ops.det(ops.tril(_a())),
        ops.det(ops.where(ops.eye(3, dtype="bool"), _a(), 0.0)),
        ops.det(_positive()),
    ),
)
def determinant_by_structure(node: Node, facts: FactTable) -> Node | None:
    """The determinant of a triangular matrix is the product of its diagonal, that of a positive
    definite one the square of its factor's."""
    found = _diagonal_of_factor(node.inputs[0], facts)
    if found is None or type(node.op) is not ops.Det:
        return None
    diagonal, is_root = found
    return ops.prod(ops.square(diagonal) if is_root else diagonal, -1)


def _diagonal_of_factor(a: Node, facts: FactTable) -> tuple[Node, bool] | None:
    """Numbers whose product is the determinant, or the root of it, and which of these."""
    found = structure_of(a, facts) if a.dtype == "float64" else None
    if found is not None and (found.lower or found.upper):
        return _diagonal_of(a), False
    if found is not None and found.positive:
        factor = _gram_factor(a, facts)
        return _diagonal_of(ops.cholesky(a) if factor is None else factor), True
    return None


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    example=lambda: (
        ops.slogdet(_positive()).logabsdet,
        ops.slogdet(ops.triu(_a())).sign,
        ops.slogdet(ops.triu(_a())).logabsdet,
        ops.slogdet(_positive()).sign,
    ),
)
def log_determinant_by_structure(node: Node, facts: FactTable) -> Node | None:
    """The logarithm of the determinant of a triangular matrix is the sum of those of its diagonal,
    that of a positive definite one twice the sum of those of its factor's."""
    found = _diagonal_of_factor(node.inputs[0], facts)
    if found is None:
        return make(node.op, node.inputs[0].inputs) if is_turned(node.inputs[0]) else None
    diagonal, is_root = found
    if isinstance(node.op, ops.SignOfDet):
        return ops.prod(ops.sign(diagonal), -1)
    if is_root:
        return 2 * ops.sum(ops.log(diagonal), -1)
    return ops.sum(ops.log(ops.abs(diagonal)), -1)


@rewrite(
    on=ops.Log,
    operands=[ops.Det, ops.Abs],
    example=lambda: (ops.log(ops.det(_a())), ops.log(ops.abs(ops.det(_a())))),
)
def log_of_determinant(node: Node) -> Node | None:
    """log(det(a)) -> logabsdet where the determinant is not negative: it overflows and underflows
    where its logarithm does not."""
    x = node.inputs[0]
    inner = x.inputs[0] if isinstance(x.op, ops.Abs) else x
    if type(inner.op) is not ops.Det:
        return None
    a = inner.inputs[0]
    logarithm = make(ops.LogAbsDet(), (a,))
    if isinstance(x.op, ops.Abs):
        return logarithm
    return ops.where(make(ops.SignOfDet(), (a,)) < 0, np.nan, logarithm)


@rewrite(
    on=ops.CholeskyGradient,
    operands=[ops.Mul, ops.Sub, ops.Add, ops.Neg],
    example=lambda: (lambda factor, z: ops.cholesky_gradient(
        factor,
        _on_diagonal(1 / _diagonal_of(factor))
        - ops.solve_lower_transposed(factor, -z) * ops.squeeze(z, -1),
    ))(*(lambda factor: (factor, ops.solve_lower(factor, _b(3, 1))))(ops.cholesky(_a()))),
)  # fmt: skip
def outer_part_of_gradient(node: Node) -> Node | None:
    """Of a cotangent u * z.mT of a factor L, with u = solve(L.mT, c * z) for a literal c: what the
    matrix gets is u * u.mT / (2 * c), by no further system. It is that of a quadratic form."""
    factor, cotangent = node.inputs
    if cotangent.ndim != 2:
        return None
    rest, found = [], []
    for sign, term in _terms(cotangent):
        part = _outer_part(term, factor)
        if part is None:
            rest.append(-term if sign < 0 else term)
        else:
            found.append(sign * part)
    if not found:
        return None
    total = make(node.op, (factor, _total(rest))) if rest else None
    return _total(found if total is None else [total, *found])


def _terms(x: Node) -> list[tuple[int, Node]]:
    """The terms of a sum of a few matrices, with their signs."""
    found, stack = [], [(1, x)]
    while stack:
        sign, x = stack.pop()
        small = len(found) + len(stack) < MAX_TERMS
        if small and isinstance(x.op, ops.Neg):
            stack.append((-sign, x.inputs[0]))
        elif (
            small
            and isinstance(x.op, (ops.Add, ops.Sub))
            and all(y.type == x.type for y in x.inputs)
        ):
            second = -sign if isinstance(x.op, ops.Sub) else sign
            stack += [(second, x.inputs[1]), (sign, x.inputs[0])]
        else:
            found.append((sign, x))
    return found


def _total(terms: list[Node]) -> Node:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _outer_part(term: Node, factor: Node) -> Node | None:
    """What the matrix gets of one term of the cotangent of its factor; see the rule."""
    if not isinstance(term.op, ops.Mul):
        return None
    for u, z in (term.inputs, term.inputs[::-1]):
        if not isinstance(u.op, ops.SolveLowerTransposed) or u.inputs[0] is not factor:
            continue
        scale, given = _scaled_vector(u.inputs[1])
        if u.shape[-1] != 1 or z.shape[-1] != factor.shape[-1] or not scale:
            continue
        times, vector = _scaled_vector(z)
        if times == 1 and vector is given:
            return (0.5 / scale) * (u * ops.matrix_transpose(u))
    return None


def _scaled_vector(x: Node) -> tuple[float, Node]:
    """(c, v), where the elements of x are those of v times a literal c."""
    scale = 1.0
    while True:
        if isinstance(x.op, (ops.ExpandDims, ops.DropAxes)) or is_turned(x):
            x = x.inputs[0]
        elif isinstance(x.op, ops.Neg):
            scale, x = -scale, x.inputs[0]
        elif isinstance(x.op, ops.Mul) and constant_of(x.inputs[0]) is not None:
            scale, x = scale * constant_of(x.inputs[0]), x.inputs[1]
        else:
            return scale, x


# Products.


@rewrite(
    on=ops.Contract,
    operands=ops.Transpose,
    example=lambda: (
        ops.matrix_transpose(_a(3, 4)) @ _b(3, 2),
        _a(2, 3) @ ops.matrix_transpose(_b(4, 3)),
    ),
)
def contract_transposed(node: Node) -> Node | None:
    """A contraction of a transpose is one of its operand, if no product of matrices is lost."""
    found, operands = node.op, list(node.inputs)
    for k in range(2):
        x = operands[k]
        if isinstance(x.op, ops.Transpose):
            letters = list(found.parts())
            order = sorted(range(x.ndim), key=lambda axis: x.op.axes[axis])
            letters[k] = "".join(letters[k][axis] for axis in order)
            made = ops.Contract(f"{letters[0]},{letters[1]}->{letters[2]}")
            if made.matrix_form() is not None or found.matrix_form() is None:
                found, operands[k] = made, x.inputs[0]
    return None if found is node.op else make(found, operands)


@rewrite(
    on=ops.Contract,
    example=lambda: (_a(3, 1) @ _b(1, 4), ops.contract("i,j->ij", _a(3), _b(4))),
)
def outer_product(node: Node) -> Node | None:
    """A contraction that sums over axes of size 1, or over none, is a product of elements."""
    first, second, out = node.op.parts()
    sizes = dict(zip(first, node.inputs[0].shape)) | dict(zip(second, node.inputs[1].shape))
    gone = {c for c in sizes if c not in out}
    if not node.type.is_float or any(sizes[c] != 1 for c in gone) or len(out) < 2:
        return None
    operands = []
    for letters, x in zip((first, second), node.inputs, strict=True):
        if any(n == 1 and sizes[c] != 1 for c, n in zip(letters, x.shape, strict=True)):
            return None
        kept = [c for c in letters if c in out]
        x = ops.squeeze(x, tuple(k for k, c in enumerate(letters) if c in gone)) if gone else x
        x = ops.transpose(x, sorted(range(len(kept)), key=lambda k: out.index(kept[k])))
        operands.append(ops.expand_dims(x, tuple(k for k, c in enumerate(out) if c not in kept)))
    return operands[0] * operands[1]


@rewrite(
    on=ops.Contract,
    operands=ops.Contract,
    example=lambda: (
        (_a(4, 3) @ _b(3, 5)) @ ops.tensor("x", (5,)),
        ops.tensor("x", (4,)) @ (_a(4, 3) @ _b(3, 5)),
        (_a(9, 2) @ _b(2, 9)) @ ops.tensor("c", (9, 2)),
    ),
)
def multiply_the_cheaper_pair(node: Node) -> Node | None:
    """(a @ b) @ x -> a @ (b @ x) where that takes fewer multiplications."""
    found = product_of(node)
    if found is None:
        return None
    left, right = found.operands()
    for inner, on_left in ((found.left, True), (found.right, False)):
        pair = product_of(inner) if isinstance(inner.op, ops.Contract) else None
        turned = found.left_turned if on_left else found.right_turned
        if pair is None or pair.row or pair.column:
            continue
        a, b = map(ops.matrix_transpose, pair.operands()[::-1]) if turned else pair.operands()
        m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
        r = right.shape[-1] if on_left else left.shape[-2]
        before = size_product((m, k, n)) + size_product((m, n, r))
        after = (
            size_product((k, n, r)) + size_product((m, k, r)) if on_left
            else size_product((r, m, k)) + size_product((r, k, n))
        )  # fmt: skip
        if _is_less(after, before, vector=r == 1):
            if node.ndim == 1:
                left = ops.squeeze(left, -2) if found.row else left
                right = ops.squeeze(right, -1) if found.column else right
                return a @ (b @ right) if on_left else (left @ a) @ b
            return found.shaped(a @ (b @ right) if on_left else (left @ a) @ b)
    return None


def _is_less(count: Size, other: Size, vector: bool) -> bool:
    """Is a number of operations at most the other for all sizes, and less for some? Where that
    depends on sizes, it counts as less for a product with a vector."""
    gap = other - count
    if isinstance(gap, int):
        return gap > 0
    return vector or all(factor > 0 for _, factor in gap.terms)


@rewrite(
    on=ops.Contract,
    example=lambda: (lambda x: ops.contract(
        "i,i->", ops.squeeze(_factored_solve(_a(), ops.expand_dims(x, 1)), 1), x
    ))(_b(3)),
)  # fmt: skip
def quadratic_form_by_factor(node: Node) -> Node | None:
    """x @ solve(L @ L.mT, x) -> sum(square(solve(L, x))): one system, and never negative."""
    first, second, _ = node.op.parts()
    if first != second or node.inputs[0].ndim != 1:
        return None
    for solved, x in (node.inputs, node.inputs[::-1]):
        if not isinstance(solved.op, ops.DropAxes):
            continue
        outer = solved.inputs[0]
        if not isinstance(outer.op, ops.SolveLowerTransposed):
            continue
        factor, inner = outer.inputs
        if not isinstance(inner.op, ops.SolveLower) or inner.inputs[0] is not factor:
            continue
        column = inner.inputs[1]
        if isinstance(column.op, ops.ExpandDims) and column.inputs[0] is x:
            return ops.sum(ops.square(inner))
    return None


# Diagonals.


@rewrite(
    on=ops.Scatter,
    example=lambda: (
        ops.diag(_b(3)),
        ops.zeros((3, 3)).at[ops.arange(3), ops.arange(3)].add(_b(3)),
    ),
)
def choose_the_diagonal(node: Node) -> Node | None:
    """zeros.at[i, i].set(v) for all i -> where(row == column, v, 0), which loops over the matrix
    compute along with other elements."""
    base, values, *indices = node.inputs
    whole = node.op.axes == (0, 1) and base.ndim == 2 and is_square(base) and values.ndim == 1
    if not whole or node.op.mode not in ("add", "set") or constant_of(base) != 0:
        return None
    if values.shape[0] != base.shape[0] or not values.type.is_float:
        return None
    if any(index_of(x) != (-1, 0) or x.shape != values.shape for x in indices):
        return None
    return _on_diagonal(values)


MATRICES = Ruleset(
    contract_transposed,
    solve_instead_of_inverse,
    solve_by_structure,
    read_triangle_in_place,
    read_lower_triangle_in_place,
    factor_of_factors,
    fold_constant_factors,
    outer_part_of_gradient,
    log_determinant_by_structure,
    log_of_determinant,
    quadratic_form_by_factor,
    multiply_the_cheaper_pair,
    outer_product,
    choose_the_diagonal,
)
# After the others: of an inverse that is multiplied, and of the logarithm of a determinant, other
# forms are better.
INVERSES = Ruleset(invert_by_structure, determinant_by_structure)
