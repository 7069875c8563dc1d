"""The exception and the warning of samplers."""

from __future__ import annotations

from cython_ext.effects import taken


class SamplingError(RuntimeError):
    """Sampling cannot start or continue. The message names the chain and, if known, the term."""


class SamplerWarning(UserWarning):
    """The draws should not be trusted as they are. The message says what to do."""


def density_failure(context: object, code: int, where: str) -> Exception | None:
    """The exception for a code of a density's function: that of a function of the user which it
    calls, or one with the message of the check that failed in it. None if there is neither.

    context  what the density was evaluated with, in this thread
    where    the chain, and how far it is
    """
    raised = taken() or (getattr(context, "error", None) if code < 0 else None)
    if raised is not None:
        of_check = code < 0 and isinstance(raised, (ValueError, IndexError))
        return SamplingError(f"{where}: {raised}") if of_check else raised
    messages = getattr(getattr(context, "entry", None), "failures", ())
    if not 0 < code <= len(messages):
        return None
    message = messages[code - 1]
    return SamplingError(f"{where}: {message.removeprefix('ValueError: ')}")
