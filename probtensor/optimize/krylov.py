"""Linear systems from products with the matrix alone: `cg`, `bicgstab`, `gmres`.

The methods and their signatures are those of scipy.sparse.linalg. Derivatives are those of the
solution: another system, of the transposed matrix, whose products are vector-Jacobian products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import inputs_of, replace
from probtensor.ops.loops.whiles import fori_loop, while_loop
from probtensor.rules.custom import with_pullback
from probtensor.transform.autodiff import pull_back
from probtensor.types import shape_text

Product = Callable[[Node], Node]
TINY = 1e-300


class KrylovResult(NamedTuple):
    """What `pt.optimize.cg`, `bicgstab` and `gmres` return.

    x     the solution, of the shape of b
    info  int64 scalar: 0 where it was found, else the number of iterations that were not enough
    """

    x: Node
    info: Node


class _System(NamedTuple):
    """A system of products: what a method is given."""

    product: _Linear
    precondition: _Linear
    right: Node
    start: Node
    least: Node  # the norm of the residual at which it ends
    maxiter: Node


_SHARED = """
    A        a matrix of shape (n, n), or a linear function of a vector, which may read tensors
    b        float vector of shape (n,)
    x0       where the iteration begins; by default zeros
    rtol, atol  it ends when norm(b - A x) <= max(rtol * norm(b), atol)
    maxiter  the most iterations; by default 10 n
    M        a preconditioner, about the inverse of A: a matrix or a linear function

    Derivatives by b and by all that A is made of are those of the solution, by one more system of
    the transposed matrix; to any order.

    Returns (x, info): x of shape (n,), and info, an int64 scalar that is 0 where the method ended.
    Raises GraphError, a TypeError, for what is no vector or no square matrix.
"""


@public(name="optimize.cg")
def cg(
    A: TensorLike | Product,
    b: TensorLike,
    x0: TensorLike | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: TensorLike | None = None,
    M: TensorLike | Product | None = None,
) -> KrylovResult:
    """The solution of A x = b for a symmetric positive definite A, by conjugate gradients.
    {shared}
        >>> pt.optimize.cg(lambda v: 2 * v, np.array([2.0, 4.0])).x.eval()
        array([1., 2.])

    Source: Barrett et al. (1994), "Templates for the Solution of Linear Systems", 2.3.1.
    """
    return _solved("cg", _cg, True, A, b, x0, (rtol, atol, maxiter, M))


@public(name="optimize.bicgstab")
def bicgstab(
    A: TensorLike | Product,
    b: TensorLike,
    x0: TensorLike | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: TensorLike | None = None,
    M: TensorLike | Product | None = None,
) -> KrylovResult:
    """The solution of A x = b for a general A, by stabilised biconjugate gradients.
    {shared}
        >>> pt.optimize.bicgstab(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0])).x.eval()
        array([1., 2.])

    Source: van der Vorst (1992), SIAM J. Sci. Stat. Comput. 13:631.
    """
    return _solved("bicgstab", _bicgstab, False, A, b, x0, (rtol, atol, maxiter, M))


@public(name="optimize.gmres")
def gmres(
    A: TensorLike | Product,
    b: TensorLike,
    x0: TensorLike | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    restart: int = 20,
    maxiter: TensorLike | None = None,
    M: TensorLike | Product | None = None,
) -> KrylovResult:
    """The solution of A x = b for a general A, by minimal residuals, restarted.
    {shared}
    restart  the number of products between restarts; maxiter counts restarts

        >>> pt.optimize.gmres(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0])).x.eval()
        array([1., 2.])

    Source: Saad and Schultz (1986), SIAM J. Sci. Stat. Comput. 7:856.
    """
    if isinstance(restart, bool) or not isinstance(restart, int) or restart < 1:
        text = f"optimize.gmres: restart is a positive integer, not {restart!r:.60}"
        raise refusal(text, kind=ValueError)

    def method(system: _System) -> tuple[Node, Node]:
        return _gmres(system, restart)

    return _solved("gmres", method, False, A, b, x0, (rtol, atol, maxiter, M))


for _function in (cg, bicgstab, gmres):
    _function.__doc__ = _function.__doc__.replace("{shared}", _SHARED)


def _solved(
    name: str,
    method: Callable[[_System], tuple[Node, Node]],
    symmetric: bool,
    A: TensorLike | Product,
    b: TensorLike,
    x0: TensorLike | None,
    options: tuple,
) -> KrylovResult:
    """The solution by a method, with the derivatives of a solution."""
    right = as_tensor(b)
    right = right if right.type.is_float else ops.astype(right, "float64")
    if right.ndim != 1:
        text = f"optimize.{name}: b has shape {shape_text(right.shape)}, not that of a vector"
        raise refusal(text, right.birthplace, kind=GraphError)
    rtol, atol, maxiter, M = options
    start = ops.zeros_like(right) if x0 is None else ops.astype(as_tensor(x0), right.dtype)
    own, v = _like(right, "b"), _like(right, "v")
    maps = _Linear(_product(name, A, v), v), _Linear(v if M is None else _product(name, M, v), v)
    besides = [x for x in inputs_of([start, *(m.result for m in maps)]) if x is not v]
    copies = [new_input(x.name, x.dtype, x.shape) for x in besides]
    (start,) = replace([start], dict(zip(besides, copies, strict=True)))
    maps = [m.of(dict(zip(besides, copies, strict=True))) for m in maps]

    def solve(maps: Sequence[_Linear], first: Node, right: Node) -> tuple[Node, Node]:
        least = ops.maximum(rtol * ops.sqrt(ops.sum(right**2)), atol)
        most = ops.astype(as_tensor(10 * right.size if maxiter is None else maxiter), "int64")
        return method(_System(*maps, right, first, least, most))

    def pull(xs: list[Node], kept: list[Node], cotangents: list[Node]) -> list[Node | None]:
        again = [m.of(dict(zip(copies, xs[1:], strict=True))) for m in maps]
        turned = again if symmetric else [m.transposed() for m in again]
        weight, _ = solve(turned, ops.zeros_like(cotangents[0]), cotangents[0])
        floats = [x for x in xs[1:] if x.type.is_float]
        slopes = pull_back([again[0](kept[0])], floats, [-weight]) if floats else []
        found = dict(zip(floats, slopes, strict=True))
        return [weight, *(found.get(x) for x in xs[1:])]

    x, info = solve(maps, start, own)
    arguments = [right, *besides]
    found = with_pullback((name, "A"), [x], arguments, [own, *copies], [x], pull)[0]
    count = replace([info], dict(zip([own, *copies], arguments, strict=True)))[0]
    return KrylovResult(found, count)


def _like(x: Node, name: str) -> Node:
    return new_input(name, x.dtype, x.shape)


class _Linear(NamedTuple):
    """A linear function: a graph and the vector that it is of."""

    result: Node
    vector: Node

    def __call__(self, x: Node) -> Node:
        return replace([self.result], {self.vector: x})[0]

    def of(self, changes: Mapping[Node, Node]) -> _Linear:
        """The function of other tensors."""
        return _Linear(replace([self.result], dict(changes))[0], self.vector)

    def transposed(self) -> _Linear:
        """The function by the transposed matrix."""
        weight = _like(self.vector, "w")
        return _Linear(pull_back([self.result], [self.vector], [weight])[0], weight)


def _product(name: str, A: TensorLike | Product, x: Node) -> Node:
    """A x; GraphError for what is no square matrix and no linear function of a vector."""
    if callable(A) and not isinstance(A, Node):
        found = as_tensor(A(x))
        if found.type.dtype != x.dtype or found.ndim != 1:
            text = f"optimize.{name}: A gives {found.type} for a vector of type {x.type}"
            raise refusal(text, found.birthplace, kind=GraphError)
        return found
    matrix = as_tensor(A)
    if matrix.ndim != 2:
        text = f"optimize.{name}: A has shape {shape_text(matrix.shape)}, not that of a matrix"
        raise refusal(text, matrix.birthplace, kind=GraphError)
    return ops.astype(matrix, x.dtype) @ x


def _norm(x: Node) -> Node:
    return ops.sqrt(ops.sum(x * x))


def _info(residual: Node, system: _System, count: Node) -> Node:
    return ops.where(_norm(residual) <= system.least, 0, count)


def _cg(system: _System) -> tuple[Node, Node]:
    residual = system.right - system.product(system.start)
    z = system.precondition(residual)

    def goes_on(state: tuple) -> Node:
        return ops.logical_and(_norm(state[1]) > system.least, state[4] < system.maxiter)

    def step(state: tuple) -> tuple:
        x, r, p, rz, count = state
        mapped = system.product(p)
        length = rz / ops.sum(p * mapped)
        x, r = x + length * p, r - length * mapped
        z = system.precondition(r)
        following = ops.sum(r * z)
        return x, r, z + following / rz * p, following, count + 1

    first = (system.start, residual, z, ops.sum(residual * z), as_tensor(0))
    x, r, _, _, count = while_loop(goes_on, step, first)
    return x, _info(r, system, count)


def _bicgstab(system: _System) -> tuple[Node, Node]:
    residual = system.right - system.product(system.start)
    shadow = residual

    def goes_on(state: tuple) -> Node:
        return ops.logical_and(_norm(state[1]) > system.least, state[4] < system.maxiter)

    def step(state: tuple) -> tuple:
        x, r, p, rho, count = state
        towards = system.precondition(p)
        mapped = system.product(towards)
        length = rho / ops.sum(shadow * mapped)
        half = r - length * mapped
        smooth = system.precondition(half)
        turned = system.product(smooth)
        size = ops.sum(turned * turned)
        omega = ops.where(size > 0, ops.sum(turned * half) / ops.where(size > 0, size, 1.0), 0.0)
        x = x + length * towards + omega * smooth
        r = half - omega * turned
        following = ops.sum(shadow * r)
        p = r + following / rho * (length / omega) * (p - omega * mapped)
        return x, r, p, following, count + 1

    first = (system.start, residual, residual, ops.sum(residual * residual), as_tensor(0))
    x, r, _, _, count = while_loop(goes_on, step, first)
    return x, _info(r, system, count)


def _gmres(system: _System, restart: int) -> tuple[Node, Node]:
    def goes_on(state: tuple) -> Node:
        return ops.logical_and(_norm(state[1]) > system.least, state[2] < system.maxiter)

    def cycle(state: tuple) -> tuple:
        x, r, count = state
        z = system.precondition(r)
        size = _norm(z)
        basis = ops.zeros((restart + 1, *x.shape), x.dtype)
        basis = basis.at[0].set(z / ops.maximum(size, TINY))
        table = ops.zeros((restart + 1, restart), x.dtype)
        basis, table = fori_loop(0, restart, _arnoldi(system), (basis, table))
        target = ops.zeros((restart + 1,), x.dtype).at[0].set(size)
        weights = ops.lstsq(table, target)[0]
        x = x + weights @ basis[:-1]
        return x, system.right - system.product(x), count + 1

    first = (system.start, system.right - system.product(system.start), as_tensor(0))
    x, r, count = while_loop(goes_on, cycle, first)
    return x, _info(r, system, count)


def _arnoldi(system: _System) -> Callable[[Node, tuple], tuple]:
    """A step of the Arnoldi iteration: row k + 1 of the basis, and column k of its table. What is
    left of a product is made orthogonal twice; where nothing is left, the row is zeros."""

    def step(k: Node, state: tuple) -> tuple:
        basis, table = state
        left = system.precondition(system.product(basis[k]))
        before = _norm(left)
        column = ops.zeros_like(table[:, 0])
        for _ in range(2):
            part = basis @ left
            left, column = left - part @ basis, column + part
        size = _norm(left)
        size = ops.where(size > 1e-14 * before, size, 0.0)
        following = ops.where(size > 0, left / ops.where(size > 0, size, 1.0), 0.0)
        column = column.at[k + 1].set(size)
        return basis.at[k + 1].set(following), table.at[:, k].set(column)

    return step
