"""Arguments of loops, and the messages about those that do not fit."""

import re

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.graph.walk import inputs_of
from probtensor.testing.reference import evaluate_numpy

X, M, N = pt.vector("x"), pt.matrix("m"), pt.lscalar("n")
FIXED = pt.vector("fixed", shape=(4,))
S = pt.shared(1.0, "s")
TWICE = 2 * X
RANDOM = pt.random.normal(0, 1, name="r")

WRONG = {
    "no function": (lambda: pt.scan(3, X), "fn is a function of a step, not 3"),
    "nothing says how long": (lambda: pt.scan(lambda: 1.0), "nothing gives the number of steps"),
    "too few parameters": (
        lambda: pt.scan(lambda a: a, [X, {"input": M, "taps": [-1, 2]}], 0.0),
        r"fn\(a\) is given 4 arguments: x\[t\], m\[t-1\], m\[t\+2\], output 0\[t-1\]",
    ),
    "a scalar sequence": (
        lambda: pt.scan(lambda a: a, N), "sequence 0, n, is a scalar.*\n.*\n.*non_sequences",
    ),
    "a misspelt key": (
        lambda: pt.scan(lambda a: a, {"inputs": X}), "the key 'inputs', it may have input, taps",
    ),
    "a dict without input": (lambda: pt.scan(lambda a: a, {"taps": [0]}), "has no input="),
    "a tap twice": (
        lambda: pt.scan(lambda a, b: a, {"input": X, "taps": [1, 1]}), "the same tap twice",
    ),
    "a tap that is no number": (
        lambda: pt.scan(lambda a: a, {"input": X, "taps": [0.5]}), "a tap of .* is an integer",
    ),
    "a future tap of an output": (
        lambda: pt.scan(lambda a: a, None, {"initial": X, "taps": [1]}, n_steps=2),
        "has the tap 1, but a step reads only results of steps before it",
    ),
    "too few rows before the first step": (
        lambda: pt.scan(lambda a: a, None, {"initial": [1.0, 2.0], "taps": [-3]}, n_steps=2),
        r"has 3 values along axis 0, not the shape \(2,\)",
    ),
    "no rows before the first step": (
        lambda: pt.scan(lambda a: a, None, {"initial": N, "taps": [-2]}, n_steps=2),
        r"has 2 values along axis 0, not the shape \(\)",
    ),
    "a shorter sequence": (
        lambda: pt.scan(lambda a: a, FIXED, n_steps=7), "fixed has 4 elements: too few for 7 steps",
    ),
    "a sequence shorter than its taps": (
        lambda: pt.scan(lambda a, b: a, {"input": FIXED, "taps": [-3, 2]}),
        "fixed has 4 elements, 5 of them for its taps: too few",
    ),
    "fewer elements than steps, whatever their number": (
        lambda: pt.scan(lambda a, b: a, {"input": X, "taps": [-1, 1]}, n_steps=X.shape[0] - 1),
        r"x has x.shape\[0\] elements, 2 of them for its taps: too few for x.shape\[0\] - 1 steps",
    ),
    "another number of outputs": (
        lambda: pt.scan(lambda a: [a, a], X, [None]), "returns 2 outputs.*has 1 entries",
    ),
    "a text as an output": (lambda: pt.scan(lambda a: [a, "b"], X), "returns 'b' as an output"),
    "None as an output": (lambda: pt.scan(lambda a: [a, None], X), "returns None as an output"),
    "two updates": (lambda: pt.scan(lambda a: (a, {S: a}, {S: a}), X), "returns two updates"),
    "two conditions": (
        lambda: pt.scan(lambda a: (a, pt.until(a > 0), pt.until(a > 1)), X),
        "returns two conditions",
    ),
    "an update of what is not shared": (
        lambda: pt.scan(lambda a: (a, {N: a}), X), "updates <n: .*which is no shared variable",
    ),
    "an update of another type": (
        lambda: pt.scan(lambda a: (a, {S: X}), X), "the update of s is float64.*must be float64",
    ),
    "updates that are not returned": (
        lambda: pt.scan(lambda a: (a, {S: a}), X, return_updates=False), "return_updates=False",
    ),
    "another dtype after a step": (
        lambda: pt.scan(lambda a, s: s * 0.5, X, pt.as_tensor(1)),
        r"is float64\[\] after a step, but int64\[\] before it.*\n.*\n.*start it as float64",
    ),
    "another shape after a step": (
        lambda: pt.scan(lambda a, s: s + X, X, 0.0),
        r"after a step, but float64\[\] before it\n.*\n.*pt.zeros\(shape\)",
    ),
    "a float that would become an integer": (
        lambda: pt.scan(lambda s: pt.as_tensor(3), None, 0.5, n_steps=2),
        r"is int64\[\] after a step, but float64\[\] before it",
    ),
    "another row after a step": (
        lambda: pt.scan(lambda a, b: b[:1], None, {"initial": pt.zeros((30, 2)), "taps": [-30, -1]},
                        n_steps=2),
        r"is float64\[1\] after a step, but float64\[2\]",
    ),
    "a tensor from outside": (
        lambda: pt.scan(lambda a: a * S, X, strict=True),
        "strict=True, but fn reads s, which is none of non_sequences\n.*\n.*s made at",
    ),
    "a tensor computed from one outside": (
        lambda: pt.scan(lambda a: a * TWICE, M, strict=True), "fn reads x,",
    ),
    "a random variable from outside": (
        lambda: pt.scan(lambda a: a * RANDOM, X, strict=True),
        "fn reads .*r.*, which is none",
    ),
    "steps to truncate": (
        lambda: pt.scan(lambda a: a, X, truncate_gradient=-3), "or -1 for all, not -3",
    ),
    "a checkpoint": (lambda: pt.scan(lambda a: a, X, checkpoint=3), 'None or "sqrt", not 3'),
    "a mode": (lambda: pt.scan(lambda a: a, X, mode="JAX"), "mode= is not supported: target="),
    "a condition that is no bool": (lambda: pt.until(N), r"until: the condition is int64\[\]"),
    "a number of steps with a fraction": (
        lambda: pt.scan(lambda a: a, X, n_steps=2.5), "n_steps is an integer, not 2.5",
    ),
    "no pair": (lambda: pt.loop.scan(lambda c, x: c, 0.0, X), "f gives .*, not a pair"),
    "another structure": (
        lambda: pt.loop.scan(lambda c, x: ((c, c), x), 0.0, X),
        r"the carry is \(\*, \*\) after a step, but \* before it",
    ),
    "unequal lengths": (
        lambda: pt.loop.map(lambda p: p[0], (FIXED, pt.zeros(3))), "fixed has 4 elements, .* has 3",
    ),
    "a while condition that is no bool": (
        lambda: pt.loop.while_loop(lambda v: v, lambda v: v, 1), "int64.*, not a bool scalar",
    ),
    "a bound that is no integer": (
        lambda: pt.loop.fori_loop(0, 2.5, lambda i, v: v, 1), "upper is an integer, not 2.5",
    ),
    "a bound of the steps that is no size": (
        lambda: pt.loop.while_loop(lambda v: v < 3, lambda v: v, 1, max_steps=N),
        "max_steps is a size, not <n",
    ),
    "a negative bound of the steps": (
        lambda: pt.loop.while_loop(lambda v: v < 3, lambda v: v, 1, max_steps=-1),
        r"loop.while_loop: max_steps is -1.*\n  at .*test_scan_arguments",
    ),
    "a negative bound of the steps of a count": (
        lambda: pt.loop.fori_loop(0, N, lambda i, v: v, 1, max_steps=np.int64(-2)),
        "loop.fori_loop: max_steps is -2",
    ),
    "a negative length": (
        lambda: pt.loop.scan(lambda c, _: (c, c), 1.0, length=-3),
        r"loop.scan: length is -3.*\n  at .*test_scan_arguments",
    ),
    "a join of another dtype": (
        lambda: pt.loop.associative_scan(lambda a, b: a > b, FIXED), r"fn gives bool\[2\] for two",
    ),
    "no such axis": (
        lambda: pt.loop.associative_scan(pt.add, FIXED, axis=1), "has no axis 1",
    ),
    "a filter that is no condition": (
        lambda: pt.loop.filter(lambda x: 2 * x, X), r"f gives float64\[\], not a bool scalar",
    ),
    "steps that a step decides": (
        lambda: pt.scan(lambda n: pt.scan(lambda: 1.0, n_steps=n)[0], pt.arange(3)),
        "a step or a branch would have sizes of its own",
    ),
    "steps that are computed from what a step decides": (
        lambda: pt.scan(lambda n: pt.scan(lambda: 1.0, n_steps=2 * n)[0], pt.arange(3)),
        "a step or a branch would have sizes of its own",
    ),
    "the name of the function called": (
        lambda: pt.loop.foldr(lambda c, x: (c, c), 0.0, X), "^loop.foldr: the carry is",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_messages_name_the_fault_and_the_line(name):
    call, pattern = WRONG[name]
    with pytest.raises(TypeError) as caught:
        call()
    text = str(caught.value)
    assert re.search(pattern, text, re.DOTALL if "\\n" in pattern else 0), text
    assert text.count("\n") < 8 and len(set(re.findall(r"at (.*\.py):\d+", text))) == 1, text
    assert __file__ in text


def test_values_that_leave_a_step_by_other_means_name_the_loop():
    kept = []

    def step(c, x):
        kept.append(c * x * X[0])
        return c + x, x

    def grown(c):
        kept.append(c * X[0])
        return 2 * c

    loops = {
        "loop.scan": lambda: pt.loop.scan(step, 0.0, X),
        "scan": lambda: pt.scan(step, X, [0.0, None]),
        "while_loop": lambda: pt.loop.while_loop(lambda c: c < 9, grown, 1.0),
        "fori_loop": lambda: pt.loop.fori_loop(0, 3, lambda i, c: kept.append(i * X[0]) or c, 1.0),
    }
    for name, loop in loops.items():
        loop()
        with pytest.raises(TypeError, match="of a single step of a loop") as caught:
            pt.function([X], kept[-1], target="interp")
        text = str(caught.value)
        assert text.count("\n") == 2 and __file__ in text and "is returned" in text, (name, text)


def test_calls_with_too_few_elements_name_both_numbers():
    f = pt.function([X], pt.scan(lambda a: a, X, n_steps=5)[0], target="interp")
    with pytest.raises(ValueError, match="scan: x has 3 elements, too few for 5 steps"):
        f(np.zeros(3))
    taps = pt.scan(lambda a, b: a + b, {"input": X, "taps": [-2, 1]}, n_steps=4)[0]
    f = pt.function([X], taps, target="interp")
    with pytest.raises(ValueError, match=r"x has 6 elements \(3 of them for its taps\), too few"):
        f(np.zeros(6))
    f = pt.function([X, N], pt.scan(lambda a: a, X, n_steps=N)[0], target="interp")
    with pytest.raises(ValueError, match="scan: x has 3 elements, too few for 5 steps"):
        f(np.zeros(3), 5)
    with pytest.raises(ValueError, match="the size n would be -1"):
        f(np.zeros(3), -1)


def test_parameters_of_a_step_have_the_names_of_the_function():
    seen = []
    pt.scan(lambda e_t, *rest: seen.extend([e_t, *rest]) or e_t, X, {"initial": [1.0, 2.0],
            "taps": [-2, -1]})  # fmt: skip
    assert [x.name for x in seen[:3]] == ["e_t", "output 0", "output 0"]


def test_constants_are_given_as_they_are():
    weights = pt.shared(np.ones(3), "weights")
    seen = []
    pt.scan(lambda x, w, c: seen.extend([w, c]) or x, X, None, [weights, TWICE], strict=True)
    assert seen[0] is weights and seen[1] is TWICE


def test_the_shortest_sequence_decides_the_number_of_steps():
    y = pt.vector("y")
    sums, _ = pt.scan(lambda a, b: a + b, [X, {"input": y, "taps": [1]}])
    for n, m in ((3, 9), (9, 3)):
        assert evaluate_numpy([sums], {X: np.ones(n), y: np.ones(m)})[0].shape == (min(n, m - 1),)


def test_work_that_is_the_same_in_every_step_stays_outside():
    found, _ = pt.scan(lambda row, s: s + pt.dot(row, pt.exp(X)), M, 0.0)
    loop = found.inputs[0]
    assert [x.op.name for x in loop.inputs[2:]] == ["exp"]
    assert inputs_of([found]) == [M, X] or set(inputs_of([found])) == {M, X}


def test_errors_are_graph_errors():
    with pytest.raises(GraphError):
        pt.scan(lambda a: a, FIXED, n_steps=7)


def test_a_size_that_a_step_decides_is_of_the_present_program():
    """Steps of two programs are one graph, whose nodes are of the lines of the first."""
    text = "def made(pt):\n    f = lambda k: pt.loop.fori_loop(0, k + 1, lambda i, c: c, 1.0)\n"
    text += "    pt.scan(f, pt.arange(2))\n"
    text += "    pt.scan(lambda k: pt.zeros(k + 1), pt.arange(2))\n"
    for file in ("first.py", "second.py"):
        names = {}
        exec(compile(text, file, "exec"), names)
        with pytest.raises(GraphError) as caught:
            names["made"](pt)
        found = set(re.findall(r"at (\w+\.py):", str(caught.value)))
        assert found == {file}, str(caught.value)
