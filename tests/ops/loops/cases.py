"""Loops by `pt.scan` and its relatives, each with its meaning as a loop of NumPy."""

from dataclasses import dataclass, field

import numpy as np

import probtensor as pt

RNG = np.random.default_rng(7)
CASES = {}


@dataclass
class Case:
    """Symbolic outputs, the values of the inputs, and those that the outputs must have."""

    outputs: list
    expected: list
    values: dict = field(default_factory=dict)
    updates: dict = field(default_factory=dict)  # shared variable -> new value
    after: list = field(default_factory=list)  # the values of shared variables after a call


def case(function):
    CASES[function.__name__] = function
    return function


@case
def power_of_a_vector():
    k, A = pt.lscalar("k"), pt.vector("A")
    a = np.arange(10.0)
    powers, updates = pt.scan(
        fn=lambda prior_result, A: prior_result * A,
        outputs_info=pt.ones_like(A),
        non_sequences=A,
        n_steps=k,
    )
    assert updates == {}
    given = {A: a, k: np.int64(5)}
    return Case([powers, powers[-1]], [[a**j for j in range(1, 6)], a**5], given)


@case
def polynomial_over_a_longer_range():
    coefficients, x = pt.vector("coefficients"), pt.scalar("x")
    c = np.array([1.0, 0.0, 2.0])
    components, _ = pt.scan(
        fn=lambda c, power, free: c * free**power,
        outputs_info=None,
        sequences=[coefficients, pt.arange(10000)],
        non_sequences=x,
    )
    expected = sum(c[i] * 3.0**i for i in range(3))
    return Case([pt.sum(components)], [expected], {coefficients: c, x: 3.0})


@case
def polynomial_by_horner():
    coefficients, x = pt.vector("coefficients"), pt.scalar("x")
    c = np.array([4.0, -3.0, 0.5, 2.0])
    value, _ = pt.foldr(lambda c, total, x: c + x * total, coefficients, 0.0, x)
    return Case([value], [np.polyval(c[::-1], 1.5)], {coefficients: c, x: 1.5})


@case
def arithmetic_series_with_an_exact_dtype():
    up_to = pt.lvector("up_to")
    start = pt.as_tensor(np.asarray(0, "int64"))
    sums, _ = pt.scan(lambda n, total: total + n, outputs_info=start, sequences=up_to)
    return Case([sums], [np.cumsum(np.arange(15))], {up_to: np.arange(15)})


@case
def values_at_places_of_a_matrix():
    location, values, model = pt.lmatrix("location"), pt.vector("values"), pt.matrix("model")
    at = np.array([[1, 1], [2, 3]])

    def set_value(at, value, model):
        return pt.set_subtensor(pt.zeros_like(model)[at[0], at[1]], value)

    found, _ = pt.scan(set_value, [location, values], None, model)
    expected = np.zeros((2, 5, 5))
    expected[0, 1, 1], expected[1, 2, 3] = 42, 50
    given = {location: at, values: np.array([42.0, 50.0]), model: np.zeros((5, 5))}
    return Case([found], [expected], given)


@case
def taps_in_the_documented_order():
    """The call of the documentation: three sequences with taps, three outputs, two constants."""
    one, two, three = pt.vector("one"), pt.vector("two"), pt.vector("three")
    given = {x: RNG.normal(size=12) for x in (one, two, three)}
    starts = RNG.normal(size=5), 0.5
    seen = []

    def step(*arguments):
        seen[:] = [arguments]
        a, b, c, d, e, f, g, h, i, j = arguments
        first = a + 2 * b + 3 * c + 4 * d + 5 * e
        return [pt.tanh(first + 0.1 * f + 0.2 * g), first, pt.sin(h) * i + j]

    outputs, _ = pt.scan(
        step,
        sequences=[{"input": one, "taps": [-3, 2, -1]}, two, {"input": three, "taps": 3}],
        outputs_info=[
            {"initial": pt.as_tensor(starts[0]), "taps": [-3, -5]},
            {"initial": pt.as_tensor(np.zeros(9)), "taps": None},
            starts[1],
        ],
        non_sequences=[pt.as_tensor(2.0), pt.as_tensor(3.0)],
    )
    assert len(seen[0]) == 10
    x, y, z = (given[v] for v in (one, two, three))
    old, last, rows = list(starts[0]), starts[1], ([], [], [])
    for t in range(12 - 3 - 2):  # the first sequence has the fewest steps
        s = t + 3
        first = x[s - 3] + 2 * x[s + 2] + 3 * x[s - 1] + 4 * y[t] + 5 * z[t + 3]
        new = np.tanh(first + 0.1 * old[-3] + 0.2 * old[-5])
        last = np.sin(last) * 2 + 3
        old.append(new)
        for row, value in zip(rows, (new, first, last), strict=True):
            row.append(value)
    return Case(list(outputs), list(rows), given)


@case
def autoregression_of_third_order():
    e = pt.vector("e")
    noise, start = RNG.normal(size=20), np.array([0.3, -0.2, 0.1])

    def step(e, y3, y2, y1):
        return 0.5 * y1 - 0.3 * y2 + 0.1 * y3 + e

    y, _ = pt.scan(step, e, {"initial": pt.as_tensor(start), "taps": [-3, -2, -1]})
    found = list(start)
    for n in noise:
        found.append(0.5 * found[-1] - 0.3 * found[-2] + 0.1 * found[-3] + n)
    return Case([y], [found[3:]], {e: noise})


@case
def a_long_memory():
    e = pt.vector("e")
    noise = RNG.normal(size=30)
    start = RNG.normal(size=24)

    def step(e, season, before):
        return 0.6 * season + 0.2 * before + e

    y, _ = pt.scan(step, e, {"initial": pt.as_tensor(start), "taps": [-24, -1]})
    found = list(start)
    for n in noise:
        found.append(0.6 * found[-24] + 0.2 * found[-1] + n)
    return Case([y], [found[24:]], {e: noise})


@case
def recurrent_network_with_taps():
    u, x0, y0 = pt.matrix("u"), pt.matrix("x0"), pt.vector("y0")
    names = {"W": (3, 3), "W_in_1": (2, 3), "W_in_2": (2, 3), "W_back": (2, 3), "W_out": (3, 2)}
    weights = {name: pt.matrix(name) for name in names}
    values = {weights[name]: RNG.normal(size=shape) / 2 for name, shape in names.items()}
    values |= {u: RNG.normal(size=(10, 2)), x0: RNG.normal(size=(3, 3)), y0: RNG.normal(size=2)}

    def one_step(u_tm4, u_t, x_tm3, x_tm1, y_tm1, W, W_in_1, W_in_2, W_back, W_out):
        x_t = pt.tanh(
            pt.dot(x_tm1, W) + pt.dot(u_t, W_in_1) + pt.dot(u_tm4, W_in_2) + pt.dot(y_tm1, W_back)
        )
        return [x_t, pt.dot(x_tm3, W_out)]

    found, _ = pt.scan(
        fn=one_step,
        sequences={"input": u, "taps": [-4, -0]},
        outputs_info=[{"initial": x0, "taps": [-3, -1]}, y0],
        non_sequences=list(weights.values()),
        strict=True,
    )
    W, W1, W2, Wb, Wo = (values[weights[name]] for name in names)
    xs, y, rows = list(values[x0]), values[y0], ([], [])
    for t in range(4, 10):
        new = np.tanh(xs[-1] @ W + values[u][t] @ W1 + values[u][t - 4] @ W2 + y @ Wb)
        y = xs[-3] @ Wo
        xs.append(new)
        rows[0].append(new)
        rows[1].append(y)
    return Case(list(found), list(rows), values)


@case
def sequences_backwards():
    x = pt.vector("x")
    a = np.array([1.0, 2.0, 3.0, 4.0])
    read, _ = pt.scan(lambda before, now: 10 * before + now, {"input": x, "taps": [-1, 0]},
                      go_backwards=True)  # fmt: skip
    two, _ = pt.scan(lambda x, s: s + x, x, 0.0, n_steps=-2)
    again, _ = pt.scan(lambda x, s: s + x, x, 0.0, n_steps=-2, go_backwards=True)
    return Case([read, two, again], [[34.0, 23.0, 12.0], [4.0, 7.0], [1.0, 3.0]], {x: a})


@case
def fewer_steps_than_elements():
    x, y = pt.vector("x"), pt.vector("y")
    found, _ = pt.scan(lambda x, y: x * y, [x, y], n_steps=y.shape[0])
    return Case([found], [[4.0, 10.0]], {x: np.array([1.0, 2.0, 3.0]), y: np.array([4.0, 5.0])})


@case
def no_steps():
    x = pt.matrix("x")
    rows, _ = pt.scan(lambda row, s: [row * s, row], x, [pt.ones(3), None], n_steps=0)
    total, _ = pt.reduce(lambda row, s: s + row, x[:0], pt.ones(3))
    a = np.ones((4, 3))
    return Case([*rows, total], [np.zeros((0, 3)), np.zeros((0, 3)), np.ones(3)], {x: a})


@case
def forms_of_results():
    x = pt.vector("x")
    a = np.array([2.0, 5.0])
    alone, _ = pt.scan(lambda x: x + 1, x)
    in_list, _ = pt.scan(lambda x: [x + 1], x)
    (listed,), _ = pt.scan(lambda x: x + 1, x, return_list=True)
    pair, _ = pt.scan(lambda x: (x, 2 * x), x)
    with_empty, _ = pt.scan(lambda x: ([x, 3.0], {}), x)
    bare = pt.scan(lambda x: x - 1, x, return_updates=False)
    nothing = pt.scan(lambda x: None, x)
    assert nothing == (None, {}) and len(pair) == 2 and len(with_empty) == 2
    return Case(
        [alone, in_list, listed, *pair, *with_empty, bare],
        [a + 1, a + 1, a + 1, a, 2 * a, a, [3.0, 3.0], a - 1],
        {x: a},
    )


@case
def a_number_takes_the_dtype_of_the_steps():
    x, i = pt.vector("x", dtype="float32"), pt.vector("i", dtype="int32")
    a, b = np.array([0.5, 0.25], "float32"), np.array([3, 4], "int32")
    floats, _ = pt.scan(lambda x, s: s + x, x, 0)
    wide, _ = pt.scan(lambda i, s: s * 0.5 + i, i, 1)
    ints, _ = pt.scan(lambda i, s: s + i, i, 0)
    assert (floats.dtype, wide.dtype, ints.dtype) == ("float32", "float64", "int64")
    return Case([floats, wide, ints], [np.cumsum(a), [3.5, 5.75], [3, 7]], {x: a, i: b})


@case
def updates_of_a_shared_variable():
    a = pt.shared(1, "a")
    values, updates = pt.scan(lambda: {a: a + 1}, n_steps=10)
    assert values is None and list(updates) == [a]
    return Case([updates[a]], [11], {a: np.int64(1)}, updates, [11])


@case
def outputs_and_updates():
    s, x = pt.shared(2.0, "s"), pt.vector("x")
    given = np.array([1.0, 3.0, 5.0])
    outputs, updates = pt.scan(lambda x, s0: (s * x + s0, [(s, s + x)]), x, None, 10 * s)
    state, rows = 2.0, []
    for v in given:
        rows.append(state * v + 20.0)
        state += v
    return Case([outputs], [rows], {s: 2.0, x: given}, updates, [state])


@case
def one_update_in_nested_loops():
    s = pt.shared(0.0, "s")

    def inner(k):
        return s + k, {s: s + 1}

    def outer(k):
        return pt.scan(inner, pt.arange(3) + k)

    outputs, updates = pt.scan(outer, pt.as_tensor([10, 20]))
    expected = [[10.0 + t + t for t in range(3)], [20.0 + t + 3 + t for t in range(3)]]
    return Case([outputs], [expected], {s: 0.0}, updates, [6.0])


@case
def powers_of_two_until_a_limit():
    limit = pt.scalar("limit")

    def step(before, limit):
        return before * 2, pt.until(before * 2 > limit)

    values, _ = pt.scan(step, outputs_info=pt.as_tensor(1.0), non_sequences=limit, n_steps=1024)
    return Case([values, values[-1], values.sum()], [[2.0, 4.0, 8.0, 16, 32, 64], 64, 126],
                {limit: 45.0})  # fmt: skip


@case
def ends_of_loops():
    """The step that ends a loop is its last; a condition that is never true ends nothing."""
    x = pt.vector("x")
    a = np.array([1.0, 2.0, 3.0, 4.0])
    s = pt.shared(0, "count")

    def step(x, total):
        return [total + x, -x], {s: s + 1}, pt.until(total + x >= 3)

    (sums, minus), updates = pt.scan(step, x, [0.0, None])
    at_once, _ = pt.scan(lambda x: (x, pt.until(x > 0)), x)
    never, _ = pt.scan(lambda x: (x, pt.until(x > 9)), x, go_backwards=True)
    alone = pt.scan(lambda x: pt.until(x > 2), x)
    none, _ = pt.scan(lambda x: (x, pt.until(x > 0)), x[:0])
    last, _ = pt.reduce(lambda x, t: (t + x, pt.until(x > 2)), x, 0.0)
    assert alone == (None, {})
    return Case(
        [sums, minus, at_once, never, none, last],
        [[1.0, 3.0], [-1.0, -2.0], [1.0], a[::-1], [], 6.0],
        {x: a, s: np.int64(0)}, updates, [2],
    )  # fmt: skip


@case
def numbers_of_steps_that_data_decide():
    x, n = pt.vector("x"), pt.lscalar("n")
    a = np.array([1.0, 2.0, 3.0, 4.0])
    some, _ = pt.scan(lambda x: 2 * x, x, n_steps=n)
    computed, _ = pt.scan(lambda t: t + 1, None, 0.0, n_steps=pt.sum(x > 2) + n)
    none, _ = pt.scan(lambda x: x, x, n_steps=n - 3)
    kept = pt.loop.filter(lambda x: (x > 1) & (x < 4), x)
    pairs = pt.loop.filter(lambda p: p["x"] > 2, {"x": x, "i": pt.arange(x.shape[0])})
    return Case(
        [some, computed, none, kept, pairs["x"], pairs["i"]],
        [[2.0, 4.0, 6.0], np.arange(1.0, 6.0), [], [2.0, 3.0], [3.0, 4.0], [2, 3]],
        {x: a, n: np.int64(3)},
    )


@case
def nested_products():
    A, B = pt.matrix("A"), pt.matrix("B")
    a, b = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))

    def row(a):
        return pt.scan(lambda b, a: pt.sum(a * b), B.T, None, a)[0]

    found, _ = pt.scan(row, A)
    return Case([found], [a @ b], {A: a, B: b})


@case
def powers_by_nested_loops():
    x = pt.vector("x")
    a = np.array([1.0, 2.0, 3.0])

    def power(k, x):
        return pt.loop.fori_loop(0, k, lambda i, p: p * x, pt.ones_like(x))

    found, _ = pt.scan(power, pt.arange(4), non_sequences=x)
    return Case([found], [[a**k for k in range(4)]], {x: a})


@case
def items_that_take_other_numbers_of_steps():
    k, x = pt.lvector("k"), pt.vector("x")
    a = np.array([1.0, 2.0, 3.0])

    def power(k):
        return pt.loop.fori_loop(0, k, lambda i, p: p * x + i, pt.ones_like(x))

    def doubled(k):
        return pt.loop.while_loop(lambda v: v < 20, lambda v: 2 * v, k)

    def by_hand(k):
        p = np.ones(3)
        for i in range(k):
            p = p * a + i
        return p

    counts = np.array([3, 0, 25])
    return Case(
        [pt.vmap(power)(k), pt.vmap(doubled)(k + 1)],
        [[by_hand(n) for n in counts], [32, 32, 26]],
        {k: counts, x: a},
    )


@case
def a_list_of_rows():
    X, W, b = pt.matrix("X"), pt.matrix("W"), pt.vector("b")
    given = {X: RNG.normal(size=(4, 2)), W: RNG.normal(size=(2, 3)), b: RNG.normal(size=3)}
    found, _ = pt.scan(lambda v: pt.tanh(pt.dot(v, W) + b), sequences=X)
    return Case([found], [np.tanh(given[X] @ given[W] + given[b])], given)


@case
def state_and_input_from_both_ends():
    X, U, V, W = pt.vector("X"), pt.matrix("U"), pt.matrix("V"), pt.matrix("W")
    Y, P = pt.matrix("Y"), pt.matrix("P")
    given = {X: RNG.normal(size=2), Y: RNG.normal(size=(5, 2)), P: RNG.normal(size=(5, 2)),
             W: RNG.normal(size=(2, 2)), U: RNG.normal(size=(2, 2)),
             V: RNG.normal(size=(2, 2))}  # fmt: skip

    def step(y, p, x):
        return pt.tanh(pt.dot(x, W) + pt.dot(y, U) + pt.dot(p, V))

    found, _ = pt.scan(step, sequences=[Y, P[::-1]], outputs_info=[X])
    h, rows = given[X], []
    for t in range(5):
        h = np.tanh(h @ given[W] + given[Y][t] @ given[U] + given[P][4 - t] @ given[V])
        rows.append(h)
    return Case([found], [rows], given)


@case
def norms_of_rows_and_columns():
    X = pt.matrix("X")
    a = RNG.normal(size=(4, 3))
    rows, _ = pt.map(lambda x: pt.sqrt(pt.sum(x**2)), X)
    columns, _ = pt.map(lambda x: pt.sqrt(pt.sum(x**2)), X.T)
    norm = np.linalg.norm
    return Case([rows, columns], [norm(a, axis=1), norm(a, axis=0)], {X: a})


@case
def trace_of_a_matrix():
    X = pt.matrix("X")
    a = RNG.normal(size=(5, 5))
    traces, _ = pt.scan(
        lambda i, j, t_f: pt.cast(X[i, j] + t_f, "float64"),
        sequences=[pt.arange(X.shape[0]), pt.arange(X.shape[1])],
        outputs_info=np.asarray(0.0),
    )
    return Case([traces[-1]], [np.trace(a)], {X: a})


@case
def two_lags_of_a_matrix():
    """x[t] = x[t-2] U + x[t-1] V + tanh(x[t-1] W + b)"""
    X, W, U, V, b = (pt.matrix(n) for n in "XWUVb")
    b = pt.vector("b")
    given = {X: RNG.normal(size=(2, 2)), b: RNG.normal(size=2)}
    given |= {m: RNG.normal(size=(2, 2)) / 2 for m in (W, U, V)}

    def step(x_tm2, x_tm1):
        return pt.dot(x_tm2, U) + pt.dot(x_tm1, V) + pt.tanh(pt.dot(x_tm1, W) + b)

    found, _ = pt.scan(step, outputs_info=[{"initial": X, "taps": [-2, -1]}], n_steps=6)
    rows = list(given[X])
    for _ in range(6):
        new = rows[-2] @ given[U] + rows[-1] @ given[V]
        rows.append(new + np.tanh(rows[-1] @ given[W] + given[b]))
    return Case([found], [rows[2:]], given)


@case
def outer_products_of_a_range():
    x = pt.vector("x")
    a = np.array([1.0, -2.0, 0.5])
    found, _ = pt.scan(lambda i, x: x * i + pt.arange(x.shape[0]), pt.arange(4), None, x)
    return Case([found], [np.outer(np.arange(4), a) + np.arange(3)], {x: a})


@case
def folds_of_both_frames():
    x = pt.vector("x")
    a = np.array([3.0, 1.0, 2.0])
    found = [
        pt.reduce(lambda x, s: s + x, x, 0.0)[0],
        *pt.reduce(lambda x, s, p: [s + x, p * x], x, [0.0, 1.0])[0],
        pt.foldl(lambda x, s: 10 * s + x, x, 0.0)[0],
        pt.foldr(lambda x, s: 10 * s + x, x, 0.0)[0],
        pt.map(lambda x, c: x**c, x, 2.0)[0],
        pt.map(lambda x: -x, x, go_backwards=True)[0],
        pt.loop.foldl(lambda s, x: 10 * s + x, 0.0, x),
        pt.loop.foldr(lambda s, x: 10 * s + x, 0.0, x),
        pt.loop.reduce(lambda s, x: 10 * s + x, x),
        pt.loop.reduce(pt.maximum, x, 0.5),
        pt.loop.map(lambda pair: pair["a"] * pair["b"], {"a": x, "b": x}),
    ]
    expected = [6.0, 6.0, 6.0, 312.0, 213.0, a**2, -a[::-1], 312.0, 213.0, 312.0, 3.0, a * a]
    return Case(found, expected, {x: a})


@case
def the_last_of_outputs_that_no_step_reads():
    x = pt.vector("x")
    found, _ = pt.reduce(lambda x, s: [s + x, x - s], x, [0.0, None])
    return Case(found, [6.0, 3.0 - 3.0], {x: np.array([1.0, 2.0, 3.0])})


@case
def structured_carries():
    x = pt.vector("x")
    a = np.array([1.0, 4.0, 9.0])

    def step(carry, x):
        mean, (n,) = carry["mean"], carry["n"]
        n = n + 1
        mean = mean + (x - mean) / n
        return {"mean": mean, "n": (n,)}, [mean, {"twice": 2 * x}]

    last, (means, named) = pt.loop.scan(step, {"mean": 0.0, "n": (0,)}, x)
    means_expected = np.cumsum(a) / np.arange(1, 4)
    return Case(
        [last["mean"], last["n"][0], means, named["twice"]],
        [means_expected[-1], 3, means_expected, 2 * a],
        {x: a},
    )


@case
def loops_by_count_and_condition():
    n, x = pt.lscalar("n"), pt.vector("x")
    below = pt.loop.while_loop(lambda v: v < n, lambda v: 3 * v, 1)
    none = pt.loop.while_loop(lambda v: v < n, lambda v: 3 * v, 400)
    bounded = pt.loop.while_loop(lambda v: v < n, lambda v: 3 * v, 1, max_steps=2)
    count, total = pt.loop.while_loop(
        lambda v: v[1] < 3.5, lambda v: (v[0] + 1, v[1] + x[v[0]]), (0, 0.0)
    )
    factorial = pt.loop.fori_loop(1, 6, lambda i, p: p * i, 1)
    nothing = pt.loop.fori_loop(5, 2, lambda i, p: p * i, 7)
    to_tensor = pt.loop.fori_loop(n - 3, n, lambda i, s: s + i, 0.0)
    at_most = pt.loop.fori_loop(n - 3, n, lambda i, s: s + i, 0.0, max_steps=2)
    fixed = pt.loop.fori_loop(0, 9, lambda i, s: s + i, 0.0, max_steps=x.shape[0])
    to_size = pt.loop.fori_loop(1, x.shape[0], lambda i, s: s + x[i] * x[i - 1], 0.0)
    a = np.array([1.0, 2.0, 3.0, 4.0])
    return Case(
        [below, none, bounded, count, total, factorial, nothing, to_tensor, at_most, fixed]
        + [to_size],
        [243, 400, 9, 3, 6.0, 120, 7, 97.0 + 98 + 99, 97.0 + 98, 6.0, 2.0 + 6 + 12],
        {n: np.int64(100), x: a},
    )


@case
def prefix_products():
    x, m = pt.vector("x"), pt.tensor3("m")
    a, mats = RNG.normal(size=9), RNG.normal(size=(5, 2, 2))
    products = [mats[0]]
    for k in range(1, 5):
        products.append(products[-1] @ mats[k])

    def affine(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    scan = pt.loop.associative_scan
    slopes, values = scan(affine, (pt.as_tensor(a), pt.as_tensor(a + 1)))
    y, recurrence = 0.0, []
    for slope in a:
        y = slope * y + slope + 1
        recurrence.append(y)
    c = np.cumsum
    return Case(
        [
            scan(pt.add, x), scan(pt.add, pt.as_tensor(a)),
            scan(pt.add, pt.as_tensor(a), reverse=True), scan(pt.add, x, reverse=True),
            scan(lambda p, q: p @ q, m), scan(lambda p, q: p @ q, pt.as_tensor(mats)),
            scan(pt.maximum, pt.as_tensor(mats), axis=-1), slopes, values,
            scan(pt.add, pt.as_tensor(a[:1])), scan(pt.add, m.T, axis=2),
        ],
        [
            c(a), c(a), c(a[::-1])[::-1], c(a[::-1])[::-1], products, products,
            np.maximum.accumulate(mats, -1), np.cumprod(a), recurrence, a[:1], c(mats.T, 2),
        ],
        {x: a, m: mats},
    )  # fmt: skip


@case
def elements_of_computed_vectors():
    """Of ones that are computed as a whole, for scalars that a step carries, and in a branch."""
    v, x = pt.vector("v"), pt.vector("x")
    at, given = np.array([0.1, 0.4, 0.2]), np.array([1.0, -0.5])

    def far(y, v, cos):
        for _ in range(30):
            y = cos(y + v)
        return y

    def step(c, e):
        found = far(c * v, v, pt.cos)[1] + e
        chosen = pt.ifelse(e > 0, far(c - v, v, pt.cos)[2], found)
        return found, chosen

    last, chosen = pt.loop.scan(step, 0.3, x)
    first = far(0.3 * at, at, np.cos)[1] + 1.0
    second = far(first * at, at, np.cos)[1] - 0.5
    expected = [second, [far(0.3 - at, at, np.cos)[2], second]]
    return Case([last, chosen], expected, {v: at, x: given})
