"""Functions whose errors say more: of the inputs of the call, and of its memory."""

from __future__ import annotations

from contextlib import suppress

from probtensor.function.call import Function
from probtensor.function.device.call import DeviceFunction
from probtensor.late import late

verbose = late("probtensor.inspect.verbose")


class Verbose:
    """What such functions inherit: an exception of a call gets a note."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            with suppress(Exception):  # the exception itself matters more
                given = args
                with suppress(Exception):  # a wrong argument is told by the message
                    given = self.arrange(args, kwargs)
                error.add_note(verbose.note(self, given, self.program.verbose_errors))
            raise


class VerboseFunction(Verbose, Function):
    """A `Function` whose errors say more."""


class VerboseDeviceFunction(Verbose, DeviceFunction):
    """A `DeviceFunction` whose errors say more."""
