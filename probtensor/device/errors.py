"""The error of devices."""

from __future__ import annotations

INSTALL = "pip install 'probtensor[cuda]'"


class DeviceError(RuntimeError):
    """A device that is missing, full or broken; the message says which, and how to mend it."""
