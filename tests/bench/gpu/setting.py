"""What a step is told: whether it is a dry run, and the sizes that follow from that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """`dry`: tiny data, the host in the device's place, and nothing worth keeping is measured.

    limit_s : seconds after which the step is stopped.
    """

    dry: bool = False
    limit_s: float = 60.0

    def size(self, real, tiny):
        """The one for this run."""
        return tiny if self.dry else real

    @property
    def block_s(self):
        """Seconds in a block of calls."""
        return self.size(0.015, 1e-6)

    @property
    def rounds(self):
        """Blocks of each contender."""
        return self.size(5, 1)
