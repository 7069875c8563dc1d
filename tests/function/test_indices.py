"""Index arrays as inputs: checked at the entry, unchanged for all other readers."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import line_of

TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])
X = np.array([1.0, 2.0, 3.0])
I = np.array([-1, 0, 1])


@TARGETS
def test_an_index_that_is_a_number_too_keeps_its_sign(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i], i * 2, i, x[i[:, None]] + i, pt.sum(i)], target=target)
    found = f(X, I)
    expected = [X[I], I * 2, I, X[I[:, None]] + I, I.sum()]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(IndexError, match="out of bounds"):
        f(X, [3])


@TARGETS
def test_a_returned_index_keeps_its_sign(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    first, second = pt.function([x, i], [x[i], pt.expand_dims(i, 1)], target=target)(X, I)
    assert list(first) == list(X[I])
    assert second.tolist() == [[-1], [0], [1]]


@TARGETS
def test_an_index_that_only_points_is_checked_at_the_entry(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i] * 2, x.at[i].add(1.0)], target=target)
    assert f.plan.index_checks
    first, second = f(X, I)
    assert list(first) == list(X[I] * 2)
    assert list(second) == [2, 3, 4]


@TARGETS
@pytest.mark.parametrize("mode", ["wrap", "clip"])
def test_modes_see_the_sign(target, mode):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i], pt.take(x, i, mode=mode)], target=target)
    found = f(X, I)
    assert list(found[0]) == list(X[I])
    assert list(found[1]) == list(np.take(X, I, mode=mode))


M = np.arange(12.0).reshape(3, 4)
READS = {  # of a vector x of size 3, a matrix m of 3 rows, and an index array of size 3
    "gather": lambda x, m, i: x[i],
    "rows": lambda x, m, i: m[i],
    "columns": lambda x, m, i: m.T[:, i],
    "two axes": lambda x, m, i: m[i, pt.minimum(i, 0)],
    "in a sum": lambda x, m, i: pt.sum(x[i] * x),
    "in a product": lambda x, m, i: m[i] @ pt.ones(4),
    "scalar": lambda x, m, i: x[i[1]],
    "row": lambda x, m, i: pt.exp(m[i[1]]),
    "column of index": lambda x, m, i: x[i[:, None]],
    "add": lambda x, m, i: x.at[i].add(x),
    "add rows": lambda x, m, i: m.at[i].add(1.0),
    "set": lambda x, m, i: x.at[i].set(2.0),
    "mul": lambda x, m, i: x.at[i].multiply(2.0),
    "max": lambda x, m, i: x.at[i].max(5.0),
    "gradient": lambda x, m, i: pt.grad(pt.sum(pt.square(x[i])), x),
}
WAYS = {  # the same values, as an input that the entry checks, and computed where they are read
    "input": lambda i: i,
    "computed": lambda i: i * 2 - i,
    "sum": lambda i: pt.cumsum(pt.concatenate([i[:1], i[1:] - i[:-1]])),
}


PAIRS = [(read, way) for way in WAYS for read in READS]


@pytest.fixture(scope="module", params=["interp", "cython"])
def readers(request):
    """One function of (x, m) and an index array for each read and way, all with one output each."""
    x, m = pt.vector("x"), pt.matrix("m")
    indices = [pt.vector(f"i{k}", dtype="int64") for k in range(len(PAIRS))]
    outputs = [
        READS[read](x, m, WAYS[way](i)) for (read, way), i in zip(PAIRS, indices, strict=True)
    ]
    return pt.function([x, m, *indices], outputs, target=request.param)


def by_numpy(read, i):
    y, n = X.copy(), M.copy()
    if read in ("add", "set", "mul", "max"):
        {"add": lambda: np.add.at(y, i, X), "set": lambda: y.__setitem__(i, 2.0),
         "mul": lambda: np.multiply.at(y, i, 2.0), "max": lambda: np.maximum.at(y, i, 5.0)}[read]()
        return y
    if read == "add rows":
        np.add.at(n, i, 1.0)
        return n
    if read == "gradient":
        y[:] = 0
        np.add.at(y, i, 2 * X[i])
        return y
    return {
        "gather": lambda: X[i], "rows": lambda: M[i], "columns": lambda: M.T[:, i],
        "two axes": lambda: M[i, np.minimum(i, 0)], "in a sum": lambda: np.sum(X[i] * X),
        "in a product": lambda: M[i] @ np.ones(4), "scalar": lambda: X[i[1]],
        "row": lambda: np.exp(M[i[1]]), "column of index": lambda: X[i[:, None]],
    }[read]()  # fmt: skip


@pytest.mark.parametrize("i", [[-3, -2, -1], [0, 1, 2], [2, -3, 0]])
def test_indices_reach_from_minus_n_to_n(readers, i):
    for (read, way), found in zip(PAIRS, readers(X, M, *[i] * len(PAIRS)), strict=True):
        expected = by_numpy(read, np.array(i))
        np.testing.assert_allclose(found, expected, rtol=1e-15, err_msg=f"{read}, {way}")


@pytest.mark.parametrize("bad", [-4, 3, -5, 2**40, -(2**40)])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_indices_beyond_are_refused_where_they_are_read(readers, bad, position):
    good, beyond = [0, -1, 2], [0, -1, 2]
    beyond[position] = bad
    for k, (read, way) in enumerate(PAIRS):
        if position != 1 and read in ("scalar", "row"):
            continue  # which read entry 1 alone
        indices = [good] * len(PAIRS)
        indices[k] = beyond
        try:
            readers(X, M, *indices)
        except IndexError as error:
            assert "out of bounds" in str(error), (read, way)
        else:
            pytest.fail(f"{read} of an index {way}: {bad} at {position} was read")


@TARGETS
@pytest.mark.parametrize("way", WAYS)
def test_the_line_that_reads_is_named_not_the_one_that_makes_the_index(target, way):
    x, y, i = pt.vector("x"), pt.vector("y"), pt.vector("i", dtype="int64")
    j = WAYS[way](i)
    k = j
    first = x[k]
    total = first + 1.0
    second = y[k]
    f = pt.function([x, y, i], [total, second], target=target)
    for sizes, reading, name in (((3, 9), first, "x"), ((9, 3), second, "y")):
        with pytest.raises(IndexError) as caught:
            f(np.ones(sizes[0]), np.ones(sizes[1]), [0, 5])
        assert line_of(reading) in str(caught.value)
        assert f"axis 0 of {name}" in str(caught.value)
        assert len({line_of(j), line_of(first), line_of(second)}) == 3
