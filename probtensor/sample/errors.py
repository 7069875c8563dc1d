"""What a sampler raises and warns of."""


class SamplingError(RuntimeError):
    """Sampling cannot start or go on. The message names the chain and, where known, the term."""


class SamplerWarning(UserWarning):
    """The draws exist but should not be trusted as they are. The message says what to do."""
