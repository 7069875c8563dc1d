"""What goes wrong with a device, said in one message."""

from __future__ import annotations

INSTALL = "pip install 'probtensor[cuda]'"


class DeviceError(RuntimeError):
    """A device that is missing, full or broken; the message says which, and what helps."""
