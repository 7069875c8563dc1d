"""Every op of the registry passes the conformance checks on its own samples."""

import dataclasses

import pytest

from probtensor.ops.kinds import REGISTRY
from probtensor.testing import conform

by_op = pytest.mark.parametrize("name", sorted(REGISTRY))


@by_op
def test_the_op_has_samples_and_says_what_it_is(name):
    assert REGISTRY[name].samples
    assert REGISTRY[name].__doc__


@by_op
def test_type_derivatives_and_expansion(name):
    conform.check_op(REGISTRY[name])


@by_op
def test_an_op_is_a_value(name):
    for case in conform.cases_of(REGISTRY[name]):
        again = dataclasses.replace(case.op)
        assert again == case.op
        assert hash(again) == hash(case.op)
        assert case.op.text().startswith(REGISTRY[name].name)
