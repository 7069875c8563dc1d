"""The passes over loops in order: the values they give, and what they leave in memory."""

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from probtensor.kernel import interp
from probtensor.kernel.check import KernelError, check
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    Call,
    Check,
    Choice,
    For,
    If,
    IndexValue,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    State,
    Store,
    walk,
)
from probtensor.kernel.scans import Storage, with_small_states
from probtensor.kernel.scans.choose import MAX_OPERATIONS
from probtensor.kernel.scans.substitute import Names
from probtensor.kernel.scans.unroll import unrolled
from probtensor.kernel.tidy import inline_locals
from probtensor.kernel.touch import buffers_of
from probtensor.types import Dim, size_value

T, J, L, N = (Dim.name(c) for c in "tjln")
K = 3
STEPS = 4
# Buffers: s, u and w are private, q has indices, the others are inputs and outputs.
STORAGES = {
    **{name: Storage("float64", K, True) for name in "suvw"},
    "m": Storage("float64", K * K, True),
    "k": Storage("float64", K * K, False),
    "q": Storage("int64", K, False),
    "x": Storage("float64", N * K, False),
    "y": Storage("float64", N * K, False),
    "z": Storage("float64", K, False),
}


def load(buffer, index, dtype="float64"):
    return Load(buffer, index, dtype)


def ref(name, dtype="float64"):
    return Ref(name, dtype)


def number(value):
    return Lit(float(value), "float64")


def apply(fn, *args):
    return Apply(fn, args, "bool" if fn in ("<", "<=", "==", "and") else "float64")


def run(body, steps=STEPS, zeros=True):
    """The buffers after a run of the statements, and the status. Private memory holds zeros."""
    rng = np.random.default_rng(0)
    buffers = {}
    for name, storage in STORAGES.items():
        count = size_value(storage.count, {"n": steps})
        buffers[name] = np.zeros(count) if storage.private else rng.normal(size=count)
    buffers["q"] = np.arange(K)[::-1].copy()
    routines = {"halve": lambda a, b, n: np.copyto(b[:n], a[:n] / 2)}
    machine = Machine(buffers, {"n": steps}, {}, routines)
    status = machine.run(Kernel("k", body))
    return {name: buffers[name] for name in "xyz"} | {"status": status}


def accepted(body):
    counts = {name: storage.count for name, storage in STORAGES.items()}
    check(Kernel("k", body), counts, ["n"])


def changed(body):
    """The statements after the passes; the checker accepts them before and after, also once locals
    are inlined, and they have the same values for any number of steps."""
    accepted(body)
    after = with_small_states(body, STORAGES)
    accepted(after)
    accepted(inline_locals(after))
    for steps, same in itertools.product((0, 1, STEPS), (after, inline_locals(after))):
        expected, got = run(body, steps), run(same, steps)
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value, err_msg=f"{name}, {steps} steps")
    return after


def in_memory(body):
    return {name for stmt in body for name in buffers_of(stmt)}


def over(var, *body, accs=(), extent=K):
    return For(str(var), extent, body, accs)


def fill(buffer, source="z"):
    return over(L, Store(buffer, L, load(source, L)))


def copy(target, source, offset=0):
    return over(L, Store(target, L + offset, load(source, L)))


def scan(*body, states=(), **options):
    return Scan("t", N, body, states, **options)


@pytest.fixture
def plain_sums(monkeypatch):
    """The interpreter without its correction of rounding errors in folds."""
    monkeypatch.setattr(interp, "_error", lambda a, b, total: 0.0)


PRODUCT = (
    over(J, over(L, accs=(Acc("a", "add", 0.0, apply("*", load("s", L), load("z", L))),)),
         Store("w", J, apply("*", ref("a"), load("x", T * K + J)))),
    over(J, accs=(Acc("b", "add", 0.0, load("w", J)),)),
    over(J, Store("u", J, apply("/", load("w", J), ref("b")))),
)  # fmt: skip


def test_a_short_state_and_its_temporaries_become_scalars(plain_sums):
    body = (fill("s"), scan(*PRODUCT, copy("s", "u")), copy("z", "s"))
    after = changed(body)
    assert in_memory(after) == {"x", "z"}
    assert not any(isinstance(stmt, For) for stmt in walk(after))
    (loop,) = (stmt for stmt in after if isinstance(stmt, Scan))
    assert len(loop.states) == K


def test_folds_without_compensation_are_as_accurate_as_their_few_terms():
    body = (fill("s"), scan(*PRODUCT, copy("s", "u")), copy("z", "s"))
    expected, got = run(body), run(with_small_states(body, STORAGES))
    np.testing.assert_allclose(got["z"], expected["z"], rtol=STEPS * K * 2.0**-52)


def test_two_states_are_exchanged():
    rows = over(J, Store("y", T * K + J, load("s", J)))
    swap = (copy("v", "s"), copy("w", "u"), copy("s", "w"), copy("u", "v"))
    double = over(L, Store("u", L, apply("*", load("z", L), number(2))))
    after = changed((fill("s"), double, scan(rows, *swap)))
    assert in_memory(after) == {"y", "z"}
    (loop,) = (stmt for stmt in after if isinstance(stmt, Scan))
    assert {state.next.name for state in loop.states} == {state.name for state in loop.states}


def test_sums_in_memory_become_chains():
    clear = over(J, Store("w", J, number(0)))
    add = over(L, over(J, Store("w", J, apply("*", load("s", L), load("x", T * K + J)), "add")))
    top = over(J, Store("z", J, load("w", J), "max"))
    after = changed((fill("s"), scan(clear, add, top, copy("s", "w"))))
    assert in_memory(after) == {"x", "z"}
    assert [stmt for stmt in after if isinstance(stmt, Store)], "results are stored after the loop"


def test_a_state_that_loops_read_at_computed_indices_stays_in_memory_too():
    position = Let("p", load("q", L, "int64"))
    gather = over(L, position, Store("y", T * K + L, load("s", Dim.name("p"))))
    step = over(J, Store("w", J, apply("*", load("s", J), load("x", T * K + J))))
    after = changed((fill("s"), scan(gather, step, copy("s", "w")), copy("z", "s")))
    assert {"s", "q"} <= in_memory(after)
    assert "w" not in in_memory(after)


def test_a_state_that_is_stored_at_computed_indices_stays_in_memory():
    position = Let("p", load("q", L, "int64"))
    scatter = over(L, position, Store("s", Dim.name("p"), load("x", T * K + L), "add"))
    step = over(J, Store("y", T * K + J, load("s", J)))
    after = changed((fill("s"), scan(scatter, step)))
    assert "s" in in_memory(after)


def test_what_routines_read_or_write_stays_in_memory():
    call = Call("halve", (("s", 0),), (("w", 0),), (K,))
    step = over(J, Store("s", J, apply("+", load("w", J), load("x", T * K + J))))
    after = changed((fill("s"), scan(call, step, copy("z", "s"))))
    assert {"s", "w"} <= in_memory(after)


def test_a_load_under_a_condition_is_out_of_bounds_nowhere():
    first = apply("<=", Lit(1, "int64"), IndexValue(J))
    before = apply("where", first, load("s", J - 1), load("x", T * K + J))
    body = (fill("s"), scan(over(J, Store("w", J, before)), copy("s", "w")), copy("z", "s"))
    assert in_memory(changed(body)) == {"x", "z"}


def test_checks_keep_their_codes():
    bad = Check(apply("<", load("s", J), load("z", J)), 7)
    body = (fill("s"), scan(over(J, bad), over(J, Store("s", J, load("x", T * K + J)))))
    after = changed(body)
    assert [s.code for s in walk(after) if isinstance(s, Check)] == [7] * K
    assert run(after)["status"] == 7


def test_an_inner_loop_in_order_carries_the_state_of_the_outer_one():
    inner = Scan("l", 2, (over(J, Store("s", J, apply("*", load("s", J), load("z", J)))),))
    shift = over(J, Store("s", J, apply("+", load("s", J), load("x", T * K + J))))
    after = changed((fill("s"), scan(inner, shift), copy("z", "s")))
    assert in_memory(after) == {"x", "z"}
    assert [len(s.states) for s in walk(after) if isinstance(s, Scan)] == [K, K]


def test_stop_conditions_and_scalar_states_read_the_new_state():
    state = State("r", number(0), apply("+", ref("r"), load("s", 1)))
    step = over(J, Store("s", J, apply("+", load("s", J), load("x", T * K + J))))
    end = apply("<", number(0.1), load("s", 0))
    loop = scan(step, states=(state,), stop=end, count="c")
    body = (fill("s"), loop, Store("z", 0, ref("r")),
            Store("z", 1, Apply("cast", (IndexValue(Dim.name("c")),), "float64")))  # fmt: skip
    assert "s" not in in_memory(changed(body))


def test_a_stored_row_is_not_loaded_again():
    row = over(J, Store("y", T * K + J, apply("*", load("s", J), load("x", T * K + J))))
    after = changed((fill("s"), scan(row, over(J, Store("s", J, load("y", T * K + J))))))
    loads = [part for stmt in walk(after) for part in map(str, [stmt]) if "Load(buffer='y'" in part]
    assert not loads


def test_branches_choose_elements():
    """An element that one body of a branch stores is a choice after it; memory that neither reads
    later is none."""
    condition = apply("<", load("x", T * K), number(0))
    then = (over(J, Store("s", J, apply("*", load("s", J), number(0.5)))), Store("u", 0, number(1)))
    branch = If(condition, then, (Store("s", 1, load("x", T * K + 1)),),
                (Choice("c", load("s", 0), number(3)),))  # fmt: skip
    row = over(J, Store("y", T * K + J, apply("+", load("s", J), ref("c"))))
    body = (fill("s"), scan(branch, row, over(J, Store("z", J, load("u", J)))))
    after = changed((fill("u"), *body))
    assert in_memory(after) == {"x", "y", "z"}
    (changed_branch,) = (stmt for stmt in walk(after) if isinstance(stmt, If))
    assert len(changed_branch.choices) == 1 + K + 1
    assert in_memory(changed((fill("u"), *body, copy("z", "s")))) == {"x", "y", "z"}


def test_costly_loops_are_not_unrolled():
    """Too many operations, or a function that is faster in vectors."""
    large = {**STORAGES, "s": Storage("float64", 64, True), "w": Storage("float64", 64, True)}
    many = apply("*", load("s", J), load("s", J))
    for _ in range(MAX_OPERATIONS // 64):
        many = apply("+", many, load("s", J))
    function = Apply("pt_exp", (load("s", J),), "float64")
    for expr, extent in ((many, 64), (function, 4)):
        storages = {**large, **{n: Storage("float64", extent, True) for n in "sw"}}
        start = For("l", extent, (Store("s", L, number(1)),))
        step = For("j", extent, (Store("w", J, expr),))
        back = For("l", extent, (Store("s", L, load("w", L)),))
        after = with_small_states((start, scan(step, back)), storages)
        assert any(isinstance(stmt, For) for stmt in walk(after))
        assert "s" in in_memory(after)


def test_kernels_without_loops_in_order_are_returned_as_they_are():
    body = (fill("s"), copy("z", "s"))
    assert with_small_states(body, STORAGES) is body


# In memory, in place.

LARGE = 70
WIDE = {name: replace(s, count=LARGE) for name, s in STORAGES.items() if s.private}
WIDE |= {"z": Storage("float64", LARGE, False), "x": Storage("float64", N * LARGE, False)}
WIDE |= {"y": Storage("float64", N * LARGE, False)}


def wide(var, *body, accs=()):
    return For(str(var), LARGE, body, accs)


def wide_copy(target, source, offset=0):
    return wide(L, Store(target, L + offset, load(source, L)))


def in_place(*step, start=("s",)):
    """Whether w, u, v are private copies that were dropped, and that values are the same."""
    starts = tuple(wide_copy(name, "z") for name in start)
    body = (*starts, scan(*step), wide_copy("z", "s"))
    counts = {name: storage.count for name, storage in WIDE.items()}
    check(Kernel("k", body), counts, ["n"])
    after = with_small_states(body, WIDE)
    check(Kernel("k", after), counts, ["n"])
    found = []
    for statements in (body, after):
        rng = np.random.default_rng(0)
        buffers = {
            name: np.zeros(LARGE) if s.private else rng.normal(size=size_value(s.count, {"n": 3}))
            for name, s in WIDE.items()
        }
        assert Machine(buffers, {"n": 3}, {}).run(Kernel("k", statements)) == 0
        found.append(buffers)
    for name in "yz":
        np.testing.assert_array_equal(found[1][name], found[0][name])
    return in_memory(body) - in_memory(after)


X = load("x", T * LARGE + J)


def test_a_large_state_is_updated_in_place():
    step = wide(J, Store("w", J, apply("*", load("s", J), X)))
    assert in_place(step, wide_copy("s", "w")) == {"w"}


def test_a_state_is_read_before_it_is_stored_in_place():
    """Two states of one loop: the second reads the first, which is stored before."""
    step = wide(
        J,
        Store("w", J, apply("+", load("s", J), X)),
        Store("v", J, apply("*", load("u", J), load("s", J))),
    )
    copies = wide_copy("s", "w"), wide_copy("u", "v")
    assert in_place(step, *copies, start=("s", "u")) == {"w", "v"}


def test_exchanged_states_are_stored_in_place_if_one_is_held():
    step = wide(J, Store("w", J, load("u", J)), Store("v", J, load("s", J)))
    copies = wide_copy("s", "w"), wide_copy("u", "v")
    assert in_place(step, *copies, start=("s", "u")) == {"w", "v"}


@pytest.mark.parametrize("step", [
    (wide(J, Store("w", J, load("s", LARGE - 1 - J))),),
    (wide(J, Store("w", J, X)), wide(J, Store("y", T * LARGE + J, load("s", J)))),
    (wide(J, Store("w", J, X)), wide(J, Store("w", J, load("s", J), "add"))),
    (wide(J, wide(L, accs=(Acc("a", "add", 0.0, load("s", L)),)), Store("w", J, ref("a"))),),
    (wide(J, Store("w", J, apply("where", apply("<", X, number(0)), load("s", 0), X))),),
])  # fmt: skip
def test_a_state_that_is_read_later_or_elsewhere_keeps_its_copy(step):
    assert in_place(*step, wide_copy("s", "w")) == set()


def test_sums_in_memory_are_in_place_if_the_state_is_not_read_after_they_begin():
    norm = wide(L, accs=(Acc("a", "add", 0.0, load("s", L)),))
    clear = wide(J, Store("w", J, number(0)))
    add = wide(J, Store("w", J, apply("*", ref("a"), X), "add"))
    assert in_place(norm, clear, add, wide_copy("s", "w")) == {"w"}
    assert in_place(clear, norm, add, wide_copy("s", "w")) == set()


def test_a_row_of_results_takes_the_place_of_the_buffer_that_is_copied_to_it():
    step = wide(J, Store("w", J, apply("*", load("s", J), X)))
    row = wide_copy("y", "w", T * LARGE)
    last = wide(J, Store("s", J, load("s", J), "max"))
    assert in_place(step, row, last) == {"w"}
    assert in_place(step, row, wide_copy("s", "w")) == {"w"}


# Random kernels.


class Writer:
    """Random statements with loops in order, short loops, and all kinds of accesses."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = itertools.count()

    def name(self, letter):
        return f"{letter}{next(self.count)}"

    def kernel(self):
        starts = [fill(name) for name in "su" if self.rng.random() < 0.9]
        loop = self.in_order("t", N, [], 0)
        ends = [copy("z", self.rng.choice("suw")) for _ in range(self.rng.choice([0, 1]))]
        again = [self.in_order("i", N, [], 1)] if self.rng.random() < 0.2 else []
        return (*starts, loop, *again, *ends)

    def in_order(self, var, extent, outer, depth):
        variables = [*outer, Dim.name(var)]
        body = [self.statement(variables, depth) for _ in range(self.rng.choice([2, 3, 4, 5]))]
        if self.rng.random() < 0.7:
            body += [copy("s", self.rng.choice("uvw"))]
        if self.rng.random() < 0.4:
            body += [copy("u", self.rng.choice("svw"))]
        states, stop = (), None
        if self.rng.random() < 0.4:
            name = self.name("r")
            term = apply("+", apply("*", ref(name), number(0.5)), load("s", self.rng.randrange(K)))
            states = (State(name, load("z", 0), term),)
            body.append(Store("z", 1, ref(name)))
        if self.rng.random() < 0.2:
            stop = apply("<", load(self.rng.choice("su"), 0), number(-1))
        return Scan(var, extent, tuple(body), states, stop)

    def statement(self, variables, depth):
        others = ["store", "nest", "check", "gather", "call", "scan", "long", "branch"]
        kind = self.rng.choice(["loop"] * 6 + others)
        match kind:
            case "scan" if depth == 0:
                return self.in_order(self.name("i"), 2, variables, depth + 1)
            case "nest":
                return self.nest(variables)
            case "branch" if depth < 2:
                return self.branch(variables, depth + 1)
            case "check":
                return Check(apply("<=", self.value(variables, None), number(2)), 3)
            case "call" if self.rng.random() < 0.4:
                read, written = self.rng.sample("suvw", 2)
                return Call("halve", ((read, 0),), ((written, 0),), (K,))
            case "gather" if self.rng.random() < 0.4:
                name, var = self.name("p"), self.name("j")
                index = load("q", Dim.name(var), "int64")
                value = load(self.rng.choice("suvw"), Dim.name(name))
                target = self.rng.choice("vw")
                return For(var, K, (Let(name, index), Store(target, Dim.name(var), value)))
            case "long":
                var, k = self.name("j"), self.rng.randrange(K)
                term = apply("minimum", load("x", Dim.name(var) * K + k), self.value([T], None))
                stores = (Store("y", Dim.name(var) * K + k, term),)[: self.rng.choice([0, 1])]
                return For(var, N, stores, (Acc(self.name("a"), "max", -np.inf, term),))
            case "store":
                target = self.rng.choice("suvw")
                return Store(target, self.rng.randrange(K), self.value(variables, None), self.op())
        return self.loop(variables)

    def branch(self, variables, depth):
        bodies = [
            tuple(self.statement(variables, depth) for _ in range(self.rng.choice([0, 1, 2])))
            for _ in range(2)
        ]
        choice = Choice(self.name("c"), self.value(variables, None), self.value(variables, None))
        return If(apply("<", self.value(variables, None), number(0)), *bodies, (choice,))

    def op(self):
        return self.rng.choice([None, None, None, "add", "max"])

    def loop(self, variables):
        var = self.name("j")
        index = Dim.name(var)
        body = []
        value = self.value(variables, index)
        if self.rng.random() < 0.3:
            body.append(Let(self.name("h"), value))
            value = apply("+", ref(body[-1].name), self.value(variables, index))
        accs = ()
        if self.rng.random() < 0.6:
            target = self.rng.choice("suvwz")
            body.append(Store(target, index, value, self.op()))
            if self.rng.random() < 0.3:
                body.append(Store("y", variables[0] * K + index, self.value(variables, index)))
        else:
            op = self.rng.choice(["add", "mul", "max", "min"])
            accs = (Acc(self.name("a"), op, FOLDS[op].identity("float64"), value),)
        return For(var, self.rng.choice([K, K, K, 2, 0]), tuple(body), accs)

    def nest(self, variables):
        """A sum of products over an inner loop, as a fold or in memory."""
        outer, inner = self.name("j"), self.name("l")
        i, j = Dim.name(outer), Dim.name(inner)
        source, target = self.rng.sample("suvw", 2)
        term = apply("*", load(source, j), load(self.rng.choice("km"), i * K + j))
        if self.rng.random() < 0.3:
            store = Store("m", i * K + j, apply("*", term, load("z", i)), self.op())
            return For(outer, K, (For(inner, K, (store,)),))
        if self.rng.random() < 0.5:
            name = self.name("a")
            fold = For(inner, K, (), (Acc(name, "add", 0.0, term),))
            return For(outer, K, (fold, Store(target, i, apply("*", ref(name), number(0.2)))))
        return For(inner, K, (For(outer, K, (Store(target, i, term, "add"),)),))

    def value(self, variables, index):
        """A bounded function of elements; `index` is the variable of the loop around it."""

        def element():
            buffer = self.rng.choice("suvwzxxy")
            at = self.rng.choice([index, index, self.rng.randrange(K)])
            at = self.rng.randrange(K) if at is None else at
            if buffer in "xy":
                at = at + self.rng.choice(variables[:1]) * K
            return load(buffer, at)

        first, second = element(), element()
        kind = self.rng.choice(["+", "*", "where", "guard", "copy"])
        if kind == "copy":
            return first
        if kind == "where":
            return apply("where", apply("<", first, number(0.2)), second, element())
        if kind == "guard" and index is not None:
            inside = apply("<=", Lit(1, "int64"), IndexValue(index))
            return apply("where", inside, load(self.rng.choice("suw"), index - 1), second)
        fn = kind if kind in "+*" else "minimum"
        return apply("*", apply(fn, first, second), number(0.4))


def test_random_kernels_have_the_same_values(plain_sums):
    tried, scalar, unchanged = 0, 0, 0
    for seed in range(100):
        body = Writer(seed).kernel()
        try:
            accepted(body)
        except KernelError:  # a race: a loop that reads what its other iterations store
            continue
        tried += 1
        after = changed(body)
        private = {name for name, storage in STORAGES.items() if storage.private}
        scalar += bool((in_memory(body) - in_memory(after)) & private)
        unchanged += bool(in_memory(after) & private)
    assert tried > 50
    assert scalar > tried / 3
    assert unchanged > tried / 10


def test_an_unrolled_fold_of_no_terms_is_the_identity():
    loop = For("j", 0, (), (Acc("a", "max", -1.0, load("x", J)),))
    body = (loop, Store("z", 0, ref("a")))
    assert unrolled(body, {id(loop)}, Names(body)) == (Store("z", 0, number(-1)),)
