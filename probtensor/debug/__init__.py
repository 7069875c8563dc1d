"""Values of compiled code while it runs: `pt.debug.check`.

Functions that are called in a block of `check` look at their results: see
`function/numbers/checked.py`.
"""

from __future__ import annotations

from probtensor.function.numbers.checked import NonFiniteError, check

__all__ = ["NonFiniteError", "check"]
