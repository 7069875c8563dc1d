"""The base of covariance functions: inputs, sums, products and powers."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import check_values, to_tensor
from probtensor.prob.distributions.support import NONNEGATIVE, POSITIVE, Support
from probtensor.types import shape_text

UNROLLED = 16  # coordinates of a distance that are written out one by one


@dataclass(frozen=True, eq=False)
class Covariance:
    """A covariance function k(x, x') of inputs, which are vectors of D coordinates.

    k(X) and k(X, Y) are matrices of the shapes (N, N) and (N, M) for inputs of the shapes (N, D)
    and (M, D), where a vector (N,) is N inputs of one coordinate; k.diag(X) is the diagonal of
    k(X). `k1 + k2`, `k1 * k2`, `k**n` and those with numbers or scalar tensors are covariance
    functions. `active_dims` are the coordinates that are read; None for all.

        >>> k = 2.0 * pt.gp.exp_quad(lengthscale=3.0) + pt.gp.white_noise(0.1)
        >>> k([0.0, 1.0, 2.0]).eval().shape, k([0.0, 1.0], [5.0]).eval().shape
        ((3, 3), (2, 1))
    """

    __array_ufunc__ = None  # arrays leave the operators to this class
    active_dims: tuple[int, ...] | None = field(default=None, kw_only=True)

    def __call__(self, X: TensorLike, Y: TensorLike | None = None) -> Node:
        x = as_inputs(X, "X")
        y = x if Y is None else as_inputs(Y, "Y")
        columns = x.shape[1], y.shape[1]
        if all(isinstance(n, int) for n in columns) and columns[0] != columns[1]:
            raise refusal(
                f"covariance: X has {columns[0]} coordinates an input, Y {columns[1]}",
                f"shapes {shape_text(x.shape)} and {shape_text(y.shape)}",
                kind=GraphError,
            )
        return self.matrix(x, y, Y is None)

    def diag(self, X: TensorLike) -> Node:
        """The variance at each input, a vector of the shape (N,)."""
        return self.variances(as_inputs(X, "X"))

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        """k of all pairs of rows; `same` says that they are the same inputs."""
        return self.between(self.active(x), self.active(y), same)

    def variances(self, x: Node) -> Node:
        """k of each row with itself."""
        return self.own(self.active(x))

    def between(self, x: Node, y: Node, same: bool) -> Node:
        """`matrix` of the active coordinates."""
        raise refusal(f"{type(self).__name__} has no values of its own")

    def own(self, x: Node) -> Node:
        """`variances` of the active coordinates."""
        raise refusal(f"{type(self).__name__} has no values of its own")

    def spectral_density(self, omega: Node) -> Node:
        """The spectral density at angular frequencies of the shape (M, D), a vector (M,)."""
        raise refusal(
            f"{type(self).__name__.lower()} has no spectral density here",
            "pt.gp.HSGP takes exp_quad, matern12, matern32, matern52, their sums and multiples, "
            "or periodic",
            kind=GraphError,
        )

    def active(self, x: Node) -> Node:
        """The coordinates that are read."""
        return columns(x, self.active_dims)

    def __add__(self, other: object) -> Covariance:
        return Sum((self, as_covariance(other)))

    def __radd__(self, other: object) -> Covariance:
        return Sum((as_covariance(other), self))

    def __mul__(self, other: object) -> Covariance:
        return Product((self, as_covariance(other)))

    def __rmul__(self, other: object) -> Covariance:
        return Product((as_covariance(other), self))

    def __pow__(self, exponent: object) -> Covariance:
        if not isinstance(exponent, int) or isinstance(exponent, bool) or exponent < 1:
            raise refusal(
                f"covariance: the power {exponent!r:.60} is not a whole number of at least 1",
                "other powers of a covariance function need not be one",
                kind=GraphError,
            )
        return Power(self, exponent)


@dataclass(frozen=True, eq=False)
class Constant(Covariance):
    """The same covariance for all pairs."""

    variance: Node

    def between(self, x: Node, y: Node, same: bool) -> Node:
        return ops.broadcast_to(self.variance, (x.shape[0], y.shape[0]))

    def own(self, x: Node) -> Node:
        return ops.broadcast_to(self.variance, (x.shape[0],))


@dataclass(frozen=True, eq=False)
class Sum(Covariance):
    """The sum of covariance functions."""

    parts: tuple[Covariance, ...]

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        return _total([k.matrix(x, y, same) for k in self.parts])

    def variances(self, x: Node) -> Node:
        return _total([k.variances(x) for k in self.parts])

    def spectral_density(self, omega: Node) -> Node:
        return _total([k.spectral_density(omega) for k in self.parts])


@dataclass(frozen=True, eq=False)
class Product(Covariance):
    """The product of covariance functions."""

    parts: tuple[Covariance, Covariance]

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        left, right = (_value(k, k.matrix, x, y, same) for k in self.parts)
        return left * right

    def variances(self, x: Node) -> Node:
        left, right = self.parts
        return left.variances(x) * right.variances(x)

    def spectral_density(self, omega: Node) -> Node:
        left, right = self.parts
        if isinstance(left, Constant):
            return left.variance * right.spectral_density(omega)
        if isinstance(right, Constant):
            return right.variance * left.spectral_density(omega)
        return super().spectral_density(omega)


@dataclass(frozen=True, eq=False)
class Power(Covariance):
    """A whole power of a covariance function."""

    base: Covariance
    exponent: int

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        return self.base.matrix(x, y, same) ** self.exponent

    def variances(self, x: Node) -> Node:
        return self.base.variances(x) ** self.exponent


def _value(k: Covariance, matrix: object, x: Node, y: Node, same: bool) -> Node:
    """The matrix of a factor: the number itself for a constant, which then broadcasts."""
    return k.variance if isinstance(k, Constant) else matrix(x, y, same)


def _total(parts: Sequence[Node]) -> Node:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def as_covariance(value: object) -> Covariance:
    """A covariance function; a number or scalar tensor is a constant one."""
    if isinstance(value, Covariance):
        return value
    node = to_tensor("covariance: the operand", value)
    if node.ndim:
        raise refusal(
            f"covariance: a tensor of shape {shape_text(node.shape)} is neither a covariance "
            "function nor a number",
            "pt.gp.scaled(k, func) scales by a function of the inputs",
            kind=GraphError,
        )
    return Constant(node)


def as_inputs(value: TensorLike, name: str) -> Node:
    """Inputs as a matrix with one row an input."""
    node = to_tensor(f"covariance: {name}", value)
    if not node.type.is_float:
        node = node.astype("float64")
    if node.ndim == 1:
        return node[:, None]
    if node.ndim != 2:
        raise refusal(
            f"covariance: {name} has shape {shape_text(node.shape)}",
            "inputs have the shape (N,) or (N, D): one row an input",
            kind=GraphError,
        )
    return node


def columns(x: Node, read: tuple[int, ...] | None) -> Node:
    """The coordinates of inputs that are read; None for all."""
    count = x.shape[1]
    if read is None or (isinstance(count, int) and read == tuple(range(count))):
        return x
    if isinstance(count, int) and max(read) >= count:
        raise refusal(
            f"covariance: active_dims={read} of inputs with {count} coordinates", kind=GraphError
        )
    return ops.stack([x[:, k] for k in read], axis=1)


def checked_dims(active_dims: object) -> tuple[int, ...] | None:
    """`active_dims` as a tuple of column numbers."""
    if active_dims is None:
        return None
    single = isinstance(active_dims, int)
    listed = (active_dims,) if single else active_dims
    good = isinstance(listed, (tuple, list, range)) and len(listed)
    if not good or not all(isinstance(k, int) and k >= 0 for k in listed):
        raise refusal(
            f"active_dims={active_dims!r:.60} is not a list of numbers of coordinates from 0 on",
            kind=GraphError,
        )
    return tuple(listed)


def parameter(what: str, value: TensorLike, rank: int = 0, domain: Support = POSITIVE) -> Node:
    """A parameter of a covariance function as a float tensor of at most `rank` axes. ValueError for
    a literal outside its domain."""
    node = to_tensor(what, value)
    if isinstance(node.op, Const):
        check_values(what, node.op.array, domain)
    node = node if node.type.is_float else node.astype("float64")
    if node.ndim > rank:
        allowed = "a number" if rank == 0 else "a number, or one for each coordinate"
        raise refusal(
            f"{what} has shape {shape_text(node.shape)}; it is {allowed}", kind=GraphError
        )
    return node


def scale_of(what: str, scale: TensorLike) -> Node | None:
    """The scale of a covariance function; None for the number 1."""
    if type(scale) in (int, float) and scale == 1:
        return None
    return parameter(f"scale of {what}", scale, 0, NONNEGATIVE)


def scaled_by(scale: Node | None, value: Node) -> Node:
    """`value` times the square of a scale."""
    return value if scale is None else ops.square(scale) * value


def column_differences(x: Node, y: Node) -> list[Node] | None:
    """The matrix of differences of each coordinate; None if there are many or unknown ones."""
    count = x.shape[1] if isinstance(x.shape[1], int) else y.shape[1]
    if not isinstance(count, int) or count > UNROLLED:
        return None
    return [x[:, d][:, None] - y[:, d][None, :] for d in range(count)]


def of_coordinate(value: Node, d: int, like: Node) -> Node:
    """The entry for coordinate `d` of a parameter that is a number or has one for each, in the
    dtype of the inputs."""
    found = value if not value.ndim or value.shape == (1,) else value[d]
    found = found[0] if found.ndim else found
    return found if found.dtype == like.dtype else found.astype(like.dtype)


def check_coordinates(what: str, value: Node, x: Node) -> None:
    """GraphError if a parameter has neither one entry nor one for each coordinate."""
    count, own = x.shape[1], value.shape[0] if value.ndim else 1
    if isinstance(count, int) and isinstance(own, int) and own not in (1, count):
        raise refusal(
            f"{what} has {own} entries, and the inputs have {count} active coordinates",
            kind=GraphError,
        )


def sum_of_coordinates(x: Node, y: Node, terms, *parameters: Node) -> Node:
    """The sum over coordinates of terms(difference, *parameters of the coordinate)."""
    gaps = column_differences(x, y)
    if gaps is None:
        all_gaps = x[:, None, :] - y[None, :, :]
        return ops.sum(terms(all_gaps, *(p.astype(x.dtype) for p in parameters)), axis=2)
    if not gaps:
        return ops.zeros((x.shape[0], y.shape[0]), dtype=x.dtype)
    found = [
        terms(gap, *(of_coordinate(p, d, x) for p in parameters)) for d, gap in enumerate(gaps)
    ]
    return _total(found)


def constant_variance(x: Node, scale: Node | None) -> Node:
    """The variance of a stationary covariance function at each input."""
    one = scaled_by(scale, as_tensor(1.0).astype(x.dtype))
    return ops.broadcast_to(one, (x.shape[0],))
