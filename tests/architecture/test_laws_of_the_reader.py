"""The laws are only as good as their reading of the source: that reading, on small cases."""

import ast
from pathlib import Path

from tests.architecture import source
from tests.architecture.test_layers import changed_globals

PYX = '''
cdef double square(double x) noexcept nogil

cdef class Box:
    cdef double held

    def put(self, double x,
            double y):
        """Two lines of signature, three of body."""
        self.held = x

        self.held += y

cdef extern from "a.h":
    double f(double)

cpdef int last(int n) except -1:
    return n
'''


def test_cython_functions_are_measured_from_signature_to_last_body_line():
    found = list(source.cython_functions(PYX.splitlines()))
    assert found == [("put", 7, 6), ("last", 17, 2)]


def test_relative_imports_become_absolute():
    node = ast.parse("from ..graph import node").body[0]
    assert source.absolute(Path("probtensor/ops/scalar.py"), node) == "probtensor.graph"
    node = ast.parse("from . import node").body[0]
    assert source.absolute(Path("probtensor/ops/__init__.py"), node) == "probtensor.ops"
    assert source.absolute(Path("probtensor/ops/scalar.py"), node) == "probtensor.ops"


def test_a_table_that_a_function_fills_is_seen_and_a_constant_is_not():
    code = """
TABLE = {}
NAMES = {"a": 1}
SEEN = set()
COUNT = 0
def fill(key):
    TABLE[key] = 1
    local = {}
    local[key] = NAMES[key]
    SEEN.add(key)
def count():
    global COUNT
    COUNT += 1
"""
    assert changed_globals(ast.parse(code)) == {"TABLE", "SEEN", "COUNT"}
