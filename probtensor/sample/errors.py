"""The exception and the warning of samplers."""


class SamplingError(RuntimeError):
    """Sampling cannot start or continue. The message names the chain and, if known, the term."""


class SamplerWarning(UserWarning):
    """The draws should not be trusted as they are. The message says what to do."""
