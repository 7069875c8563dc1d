"""`python -m tests.targets.sanitized`: the CPU's code under AddressSanitizer and UBSan.

The process and all that is compiled for it must be as `test_sanitized` sets them up. Checked are
sizes that do not fit, the golden models, and the tests of the entry: an access outside of an array,
a value that C does not define, and a kernel or an entry that does either stop the process.
"""

import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.function import Shared
from probtensor.testing.misfit import fuzz_sizes
from tests.models.programs import MODELS, SIZES, arrays_of
from tests.plans import interpret

TESTS = (
    "tests/function/test_call.py",
    "tests/function/test_context.py",
    "tests/function/test_indices.py",
    "tests/errors/test_size_errors.py",
    "tests/cython_ext/test_linalg.py",
)


def golden():
    """Every golden model at its smallest sizes and at larger ones, against the interpreter."""
    for model in MODELS:
        inputs, outputs, updates = model()
        call = pt.function(inputs, outputs, updates=updates, target="cython")
        for sizes in SIZES[model.__name__][:2]:
            given = arrays_of(call.plan, sizes, np.random.default_rng(5))
            for k, node in enumerate(call.compilation.inputs):
                if isinstance(node, Shared):
                    node.set_value(given[k])
            found = call(*given[: len(inputs)])
            if call.compilation.key is not None:
                continue  # each call draws other numbers
            for one, other in zip(found, interpret(call.plan, given), strict=False):
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def main(count):
    """Everything; `count` is how many graphs are called with sizes that do not fit."""
    golden()
    print("golden models:", len(MODELS), flush=True)
    print("sizes:", dict(fuzz_sizes(count, 5000, target="cython", batch=25, each=12)), flush=True)
    failed = pytest.main(["-q", "-p", "no:cacheprovider", "-x", *TESTS])
    print("sanitized:", "ok" if not failed else f"tests failed, {failed}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100)
