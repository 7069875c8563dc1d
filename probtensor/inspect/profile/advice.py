"""What may make a function faster: a few rules over its profile."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from probtensor.inspect.profile.rows import Profile
from probtensor.inspect.subject import Subject
from probtensor.lower.plan import Plan


def tips_for(
    profile: Profile, function: Subject, plan: Plan, args: Sequence[ArrayLike]
) -> tuple[str, ...]:
    """Advice on one function."""
    return ()
