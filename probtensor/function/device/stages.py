"""Calls of plans whose sizes data decide, stage by stage on the device.

Each stage has a layout for its sizes, as a function of one stage has. The values of the sizes of a
stage are downloaded before it begins: one wait for each stage but the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.device import DeviceArray
from probtensor.function.device.layout import DeviceLayout
from probtensor.function.device.streams import Stream
from probtensor.function.wiring import Wiring


class StagedCall:
    """The state of one call between its stages: addresses, known sizes, results so far, and what
    must live until they have run."""

    def __init__(self, wiring: Wiring, stream: Stream) -> None:
        self.wiring = wiring
        self.stream = stream
        self.table = [0] * wiring.buffers
        self.known: list[int] = []
        self.made: dict[int, DeviceArray] = {}
        self.used: Sequence[object] = ()
        self.layouts: list[DeviceLayout] = []  # whose temporaries later stages may read

    def known_at(self, stage: int) -> tuple[int, ...]:
        """The sizes that data decide and a stage may use, downloaded where they are new."""
        for first, position in self.wiring.measured[len(self.known) :]:
            if first > stage:
                break
            value = np.zeros(1, np.int64)
            self.stream.driver.download(self.table[position], value, self.stream.queue)
            self.known.append(int(value[0]))
        return tuple(self.known)

    def run(
        self,
        layout: DeviceLayout,
        table: Sequence[int],
        made: Mapping[int, DeviceArray],
        stream: Stream,
    ) -> None:
        """Queue the stage of a layout over these addresses, 0 for those of other stages, with these
        results on the device."""
        self.table = [new or old for new, old in zip(table, self.table, strict=True)]
        self.made.update(made)
        self.layouts.append(layout)
        layout.launch(self.table, stream)

    def downloads(self) -> dict[int, np.ndarray]:
        """The results on the host, by index."""
        found = {}
        for layout in self.layouts:
            found.update(layout.download_outputs(self.stream.queue))
        return found
