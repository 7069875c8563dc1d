"""Distributions of fields on graphs: conditional and intrinsic autoregressions of neighbours.

A graph is given as the matrix of its weights, dense or sparse, whose nonzero entries are the edges.
Densities are sums over edges; the eigenvalues that the determinant needs are computed once for a
graph, when a variable is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from cython_ext.convert import number_array
from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.distribution import Distribution, Unknown, element_indices
from probtensor.prob.distributions.formulas import LOG_2PI, log_of
from probtensor.prob.distributions.multivariate.factors import as_float, whitened
from probtensor.prob.distributions.parameters import variable_text
from probtensor.prob.distributions.support import (
    POSITIVE,
    REAL_VECTOR,
    Interval,
    Vector,
)
from probtensor.types import Size, promote_float, shape_text

Dims = str | tuple[str, ...] | list[str] | None
NORMAL = Normal()
# Weights of both directions may differ by this much, relative to the largest; so may eigenvalues
# from -1, which those of other graphs are further away from.
CLOSE = 1e-12


class Indices(Vector):
    """Vectors of indices, which stay whole numbers beside parameters that are floats."""

    indexes: ClassVar[bool] = True

    def contains(self, x: TensorLike) -> TensorLike:
        return None

    def __str__(self) -> str:
        return "a vector of indices"


INDICES = Indices()
OPEN_INTERVAL = Interval(-1.0, 1.0, low_open=True, high_open=True)


@dataclass(frozen=True, eq=False)
class Graph:
    """The edges of a graph, each once, with their weights.

    first, second   int64 (edges,): the nodes of each edge, first > second
    weights         float64 (edges,)
    degrees         float64 (nodes,): the sum of the weights of each node's edges
    """

    first: np.ndarray
    second: np.ndarray
    weights: np.ndarray
    degrees: np.ndarray

    def eigenvalues(self) -> np.ndarray:
        """The eigenvalues of D^(-1/2) W D^(-1/2), in increasing order, from -1 to 1."""
        edges = self.first.tobytes(), self.second.tobytes()
        found = _eigenvalues(len(self.degrees), *edges, self.weights.tobytes())
        # The largest one of each part is 1, and is needed exactly where alpha is close to it; so is
        # the least one, -1, of a part of two kinds of nodes.
        parts = int(self.parts().max(initial=-1)) + 1
        found = np.where(found < CLOSE - 1, -1.0, found)
        return np.where(np.arange(len(found)) < len(found) - parts, found, 1.0)

    def parts(self) -> np.ndarray:
        """The number of the connected part that each node belongs to."""
        label = np.arange(len(self.degrees))
        while True:
            least = label.copy()
            np.minimum.at(least, self.first, label[self.second])
            np.minimum.at(least, self.second, label[self.first])
            least = least[least]
            if np.array_equal(least, label):
                return np.unique(label, return_inverse=True)[1]
            label = least


@lru_cache(maxsize=4)
def _eigenvalues(size: int, first: bytes, second: bytes, weights: bytes) -> np.ndarray:
    """The eigenvalues of D^(-1/2) W D^(-1/2), in increasing order. They lie between -1 and 1.

    Nodes are put in an order in which neighbours are close (Cuthill and McKee 1969), so that the
    matrix has a narrow band: the time is proportional to the square of the number of nodes and to
    the width of the band, some square root of that number for maps.
    """
    from scipy.linalg import eigvals_banded
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    rows, columns = (np.frombuffer(x, np.int64) for x in (first, second))
    own = np.frombuffer(weights)
    if not size:
        return np.zeros(0)
    degrees = np.bincount(rows, own, size) + np.bincount(columns, own, size)
    scaled = own / np.sqrt(degrees[rows]) / np.sqrt(degrees[columns])
    whole = coo_array((own, (rows, columns)), shape=(size, size))
    place = np.empty(size, np.int64)
    place[reverse_cuthill_mckee((whole + whole.T).tocsr(), True)] = np.arange(size)
    low, high = np.sort((place[rows], place[columns]), axis=0)
    band = np.zeros((int(np.max(high - low)) + 1, size))
    band[high - low, low] = scaled
    found = np.clip(eigvals_banded(band, lower=True, check_finite=False), -1.0, 1.0)
    found.setflags(write=False)
    return found


def graph_of(what: str, W: object) -> Graph:
    """A graph from its weights, an array or a sparse matrix of SciPy. ValueError for what is no
    symmetric matrix of weights, and for nodes without neighbours."""
    if isinstance(W, Node):
        raise TypeError(
            f"W of {what} is a tensor; its edges must be known\n  at {line_text()}\n"
            "  give an array, or a sparse matrix of SciPy"
        )
    rows, columns, weights, size = _entries(what, W)
    _check_entries(what, rows, columns, weights)
    lower = rows > columns
    order = np.lexsort((columns[lower], rows[lower]))
    first, second, own = (x[lower][order] for x in (rows, columns, weights))
    _check_symmetric(what, (first, second, own), rows, columns, weights)
    degrees = np.bincount(first, own, size) + np.bincount(second, own, size)
    alone = np.flatnonzero(degrees == 0)
    if len(alone):
        more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
        raise ValueError(
            f"W of {what}: node {alone[0]} has no neighbour{more}\n  at {line_text()}\n"
            "  leave such nodes out, and give them an independent variable"
        )
    return Graph(first, second, own, degrees)


def _entries(what: str, W: object) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The rows, columns and values of the entries other than 0 of a square matrix, and its size."""
    if hasattr(W, "tocoo"):
        shape = tuple(W.shape)
        if len(shape) == 2:
            sparse = W.tocoo(copy=True)
            sparse.sum_duplicates()
            parts = sparse.row, sparse.col, sparse.data
    else:
        dense = number_array(W, f"W of {what}", f"\n  at {line_text()}")
        shape = dense.shape
        if len(shape) == 2:
            places = np.nonzero(dense)
            parts = *places, dense[places]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(
            f"W of {what} is a square matrix of the weights of edges, not of shape {shape}\n"
            f"  at {line_text()}"
        )
    rows, columns = (np.asarray(x, np.int64) for x in parts[:2])
    weights = np.asarray(parts[2], np.float64)
    kept = weights != 0
    return rows[kept], columns[kept], weights[kept], int(shape[0])


def _check_entries(what: str, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> None:
    """ValueError for weights that are not positive numbers, and for edges from a node to itself."""
    wrong = np.flatnonzero(~((weights > 0) & np.isfinite(weights)))
    if len(wrong):
        k = wrong[0]
        raise ValueError(
            f"W of {what}: weights are 0 or positive, and W[{rows[k]}, {columns[k]}] is "
            f"{weights[k]:g}\n  at {line_text()}"
        )
    loops = rows[rows == columns]
    if len(loops):
        raise ValueError(
            f"W of {what}: node {loops[0]} is its own neighbour, as W[{loops[0]}, {loops[0]}] is "
            f"not 0\n  at {line_text()}\n  the diagonal of a matrix of neighbours is 0"
        )


def _check_symmetric(
    what: str,
    lower: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
) -> None:
    """ValueError if the entries above the diagonal are not those below it."""
    above = rows < columns
    order = np.lexsort((rows[above], columns[above]))
    mirrored = columns[above][order], rows[above][order], weights[above][order]
    same = all(len(a) == len(b) for a, b in zip(lower, mirrored))
    same = same and all(np.array_equal(a, b) for a, b in zip(lower[:2], mirrored[:2]))
    largest = np.max(weights, initial=0.0)
    if same and np.all(np.abs(lower[2] - mirrored[2]) <= CLOSE * largest):
        return
    known = {(i, j): w for i, j, w in zip(*(x.tolist() for x in (rows, columns, weights)))}
    i, j = next(
        (i, j) for (i, j), w in known.items() if abs(known.get((j, i), 0.0) - w) > CLOSE * largest
    )
    raise ValueError(
        f"W of {what} is not symmetric: W[{i}, {j}] is {known[i, j]:g}, and W[{j}, {i}] is "
        f"{known.get((j, i), 0.0):g}\n  at {line_text()}\n  neighbours are neighbours of each "
        "other: (W + W.T) / 2"
    )


def weights_matrix(size: Size, first: Node, second: Node, weights: Node) -> Node:
    """The matrix of weights."""
    return ops.zeros((size, size), dtype=weights.dtype).at[first, second].add(weights)


def once(graph: Sequence[Node]) -> list[Node]:
    """The arrays of a graph without batch axes, along which they are repeated."""
    return [x[(0,) * (x.ndim - 1)] if x.ndim > 1 else x for x in graph]


AXES = {"first": "e", "second": "e", "weights": "e"}  # of edges, not of nodes


class Car(Distribution):
    """det(P)^(1/2) / (2 pi)^(n/2) exp(-(x - mu)^T P (x - mu) / 2), where P = tau (D - alpha W) and
    D is the diagonal matrix of the sums of the rows of W."""

    name = "car"
    parameters = {
        "mu": REAL_VECTOR,
        "alpha": OPEN_INTERVAL,
        "tau": POSITIVE,
        "degrees": REAL_VECTOR,
        "eigenvalues": REAL_VECTOR,
        "first": INDICES,
        "second": INDICES,
        "weights": REAL_VECTOR,
    }
    axes = AXES
    over = REAL_VECTOR
    smooth_draws = True

    def logpdf(self, x, mu, alpha, tau, *graph):
        degrees, eigenvalues, first, second, weights = once(graph)
        offset = x - mu
        # With s the sign of alpha, x^T (D - alpha W) x is (1 - |alpha|) times the sum of D x^2 plus
        # |alpha| times that of w (x_i - s x_j)^2 over the edges: no term of it is negative.
        sign = ops.where(alpha >= 0, 1.0, -1.0).astype(alpha.dtype)
        size = sign * alpha
        along = sign[..., None] if sign.ndim else sign
        gaps = offset[..., first] - along * offset[..., second]
        own = ops.sum(degrees * ops.square(offset), axis=-1)
        shared = ops.sum(weights * ops.square(gaps), axis=-1)
        products = (alpha[..., None] if alpha.ndim else alpha) * eigenvalues
        heights = ops.sum(ops.log1p(-products), axis=-1) + ops.sum(ops.log(degrees), axis=-1)
        count = as_float(x.shape[-1], offset)
        scale = count * (log_of(tau) - LOG_2PI) + heights
        return 0.5 * (scale - tau * ((1 - size) * own + size * shared))

    def _factor(self, alpha, degrees, first, second, weights):
        """The lower Cholesky factor of D - alpha W."""
        half = weights_matrix(degrees.shape[0], first, second, weights)
        size = alpha[..., None, None] if alpha.ndim else alpha
        own = ops.eye(degrees.shape[0], dtype=degrees.dtype) * degrees
        return ops.cholesky(own - size * (half + ops.matrix_transpose(half)))

    def sample(self, key, shape, mu, alpha, tau, *graph):
        degrees, _, first, second, weights = once(graph)
        z = ops.draw_normal(key, element_indices(shape))
        found = whitened(self._factor(alpha, degrees, first, second, weights), z, transposed=True)
        return mu + found / ops.sqrt(tau[..., None] if tau.ndim else tau)

    def mean(self, mu, *others):
        return mu

    def variance(self, mu, alpha, tau, *graph):
        degrees, _, first, second, weights = once(graph)
        factor = self._factor(alpha, degrees, first, second, weights)
        size = degrees.shape[0]
        columns = ops.solve_triangular(factor, ops.eye(size, dtype=factor.dtype), lower=True)
        own = ops.sum(ops.square(columns), axis=-2)
        return own / (tau[..., None] if tau.ndim else tau)


@public
def car(mu: TensorLike, W: object, alpha: TensorLike, tau: TensorLike = 1.0, *, shape=None,
        name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """Conditional autoregression: values at the nodes of a graph, each normal given its neighbours,
    with mean mu + alpha times the weighted mean of their deviations and precision tau * degree.

    mu     the mean: a number, or a vector along the last axis
    W      the weights of edges, an array or a sparse matrix of SciPy: symmetric, 0 where two nodes
           are no neighbours and on the diagonal, positive elsewhere. Each node has a neighbour
    alpha  the strength of the dependence, between -1 and 1
    tau    the precision of an edge of weight 1

    With D the diagonal matrix of the degrees, the sums of the rows of W, the precision matrix is
    tau * (D - alpha * W). The density is normalised, and takes a time in proportion to the number
    of edges: the determinant is that of the eigenvalues of D**(-1/2) @ W @ D**(-1/2), which are
    computed when the variable is made, once for a graph. A draw takes a dense Cholesky factor.

    Support: all real vectors.
    Mean: mu.
    Variance: the diagonal of inv(tau * (D - alpha * W)).
    Source: Besag (1974), "Spatial interaction and the statistical analysis of lattice systems",
    J. R. Stat. Soc. B 36:192; the determinant: Jin, Carlin and Banerjee (2005), Biometrics 61:950.
    Returns a random variable, a float tensor. Raises ValueError for a matrix of weights as it must
    not be and for a literal parameter outside its range, TypeError for a W that is a tensor,
    GraphError for shapes that do not fit.

        >>> W = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
        >>> x = pt.random.car(0.0, W, alpha=0.9, tau=2.0)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 3)
    """
    what = variable_text("car", name)
    graph = graph_of(what, W)
    dtype = promote_float(*(weak_operand(x) for x in (mu, alpha, tau)))
    values = graph.eigenvalues()
    parts = [x.astype(dtype) for x in (graph.degrees, values, graph.weights)]
    mean = _vector(f"mu of {what}", mu, graph, dtype)
    parameters = mean, alpha, tau, parts[0], parts[1], graph.first, graph.second, parts[2]
    return random_variable(Car(), parameters, shape, name, dims)


def _vector(what: str, mu: TensorLike, graph: Graph, dtype: str) -> Node:
    """The mean as a vector along the last axis."""
    node, size = as_tensor_of(to_tensor(what, mu), dtype), len(graph.degrees)
    if not node.ndim:
        return ops.broadcast_to(node, (size,))
    if isinstance(node.shape[-1], int) and node.shape[-1] != size:
        raise GraphError(
            f"{what} has shape {shape_text(node.shape)}, and W has {size} nodes\n  at {line_text()}"
        )
    return node


@dataclass(frozen=True)
class Icar(Distribution):
    """exp(-sum over edges of w (x_i - x_j)^2 / (2 sigma^2)) / sigma^(n - parts), times the normal
    density of the sum of x with the standard deviation n zero_sum_stdev."""

    parts: int

    name = "icar"
    parameters: ClassVar = {
        "degrees": REAL_VECTOR,
        "sigma": POSITIVE,
        "zero_sum_stdev": POSITIVE,
        "first": INDICES,
        "second": INDICES,
        "weights": REAL_VECTOR,
    }
    axes = AXES
    over = REAL_VECTOR
    smooth_draws = True

    @property
    def improper(self) -> bool:
        return self.parts > 1

    def logpdf(self, x, degrees, sigma, zero_sum_stdev, *graph):
        first, second, weights = once(graph)
        count = as_float(x.shape[-1], x)
        over = 1 / sigma
        gaps = (x[..., first] - x[..., second]) * (over[..., None] if over.ndim else over)
        smooth = -0.5 * ops.sum(weights * ops.square(gaps), axis=-1)
        total = NORMAL.logpdf(ops.sum(x, axis=-1), ops.zeros_like(sigma), zero_sum_stdev * count)
        return smooth - (count - self.parts) * log_of(sigma) + total

    def sample(self, key, shape, degrees, sigma, zero_sum_stdev, *graph):
        if self.improper:
            raise Unknown(
                f"icar cannot be drawn from, as its graph has {self.parts} unconnected parts, and "
                "the sum of each is free"
            )
        degrees, first, second, weights = once((degrees, *graph))
        size = degrees.shape[0]
        half = weights_matrix(size, first, second, weights)
        own = ops.eye(size, dtype=degrees.dtype) * degrees
        laplacian = own - half - ops.matrix_transpose(half)
        # That of x / sigma: the constraint has the standard deviation n zero_sum_stdev / sigma.
        weak = ops.square(sigma / (zero_sum_stdev * as_float(size, degrees)))
        factor = ops.cholesky(laplacian + (weak[..., None, None] if weak.ndim else weak))
        z = ops.draw_normal(key, element_indices(shape))
        return whitened(factor, z, transposed=True) * (sigma[..., None] if sigma.ndim else sigma)

    def mean(self, degrees, *parameters):
        return ops.zeros_like(degrees)


@public
def icar(W: object, sigma: TensorLike = 1.0, zero_sum_stdev: TensorLike = 0.001, *, shape=None,
         name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """Intrinsic conditional autoregression: values at the nodes of a graph whose differences along
    edges are normal, with a sum that is held near 0.

    W               the weights of edges, as in `car`
    sigma           the standard deviation of the difference along an edge of weight 1
    zero_sum_stdev  the standard deviation of the mean of the values

    The log density is -sum(w * (x[i] - x[j])**2) / (2 * sigma**2) over the edges, each once, minus
    (n - c) * log(sigma) for n nodes in c connected parts, plus the normal log density of sum(x)
    with the standard deviation n * zero_sum_stdev. It is known up to a constant of the graph, and
    improper for c > 1, since only the sum over all nodes is held.

    Support: all real vectors.
    Mean: 0 for a connected graph.
    Variance: none in closed form.
    Source: Besag and Kooperberg (1995), "On conditional and intrinsic autoregressions",
    Biometrika 82:733; Morris et al. (2019), "Bayesian hierarchical spatial models", Spat.
    Spatiotemporal Epidemiol. 31:100301.
    Returns a random variable, a float tensor. Raises ValueError for a matrix of weights as it must
    not be and for a literal parameter outside its range, TypeError for a W that is a tensor,
    GraphError for shapes that do not fit.

        >>> W = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
        >>> x = pt.random.icar(W, sigma=0.5)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 3)
    """
    what = variable_text("icar", name)
    graph = graph_of(what, W)
    dtype = promote_float(*(weak_operand(x) for x in (sigma, zero_sum_stdev)))
    degrees, weights = (x.astype(dtype) for x in (graph.degrees, graph.weights))
    parameters = degrees, sigma, zero_sum_stdev, graph.first, graph.second, weights
    parts = int(graph.parts().max(initial=-1)) + 1
    return random_variable(Icar(parts), parameters, shape, name, dims)
