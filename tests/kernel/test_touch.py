"""What statements read and write, and sizes with numbers added."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from probtensor.kernel.ir import Apply, Call, For, Let, Load, Ref, Store
from probtensor.kernel.touch import buffers_of, names_read, touched, writes_of
from probtensor.types import Dim, from_terms, size_names, size_substitute, size_value, terms_of

I, J, N, M = map(Dim.name, "ijnm")
SUM = Apply("+", (Ref("a", "float64"), Load("x", I * N + J, "float64")), "float64")
INNER = For("j", N, (Let("t", SUM), Store("y", I, Ref("t", "float64"), "add")))
LOOP = For("i", M, (INNER, Call("pt_copy", (("y", 0),), (("z", M),), (N,))))


def test_a_loop_touches_what_its_statements_touch():
    found = touched(LOOP)
    assert found.refs == ("a", "t")
    assert found.indexed == {"i", "j", "n", "m"}
    assert names_read(LOOP) == found.indexed | {"a", "t"}
    assert [load.buffer for load in found.loads] == ["x"]
    assert writes_of(LOOP) == ("y", "z")
    assert buffers_of(LOOP) == ("y", "z", "x", "y")
    assert touched(LOOP) is found


def test_what_was_found_of_a_statement_is_no_part_of_it():
    touched(LOOP)
    again = pickle.loads(pickle.dumps(LOOP))
    assert again == LOOP and hash(again) == hash(LOOP)
    assert again.touched is None and again.body[0].touched is None


sizes = st.builds(
    lambda a, b, c, d: a * N * M + b * N + c * (N // (M + 1)) + d,
    *[st.integers(-3, 3)] * 4,
)


@given(sizes, st.integers(-9, 9))
def test_numbers_are_added_and_multiplied_as_terms(size, number):
    terms = terms_of(size)
    assert size + number == from_terms([*terms, *terms_of(number)])
    assert size * number == from_terms([(atoms, factor * number) for atoms, factor in terms])


@given(sizes, sizes)
def test_substituted_sizes_have_the_values_of_the_whole(size, other):
    names = {"n": other, "m": I}
    values = {"n": 5, "m": 7, "i": 3}
    inner = {"n": size_value(other, values), "m": 3}
    assert size_value(size_substitute(size, names), values) == size_value(size, inner)
    assert size_names(size_substitute(size, names)) <= {"n", "m", "i"}
