"""A third party's codecs of 24 kHz, whose output depends on the seed and that keep what they were given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from grid.codecs.contract import ADAPTERS, Adapter, Samples
from tests.support.installed_plugin import install_entry_point

WIDEBAND, GROUPED = "wideband", "wideband-grouped"
"""A codec that codes items of one length together, and the same one that codes three of any lengths together."""
NATIVE_RATE = 24_000


@ADAPTERS.register("wideband")
class WidebandAdapter(Adapter):
    """Gives its input seven samples late, with a little noise."""

    revision: ClassVar[int] = 1
    given: ClassVar[list[Samples]] = []
    """The arguments of all calls of `code`, `(batch, samples)` at 24 kHz."""

    @property
    def group(self) -> int:
        return int(self.entry.arguments["group"])

    @property
    def delay(self) -> int:
        return 7

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        self.given.append(waveforms)
        noise = [np.random.default_rng(seed).standard_normal(waveforms.shape[1]) for seed in seeds]
        late = np.pad(waveforms, ((0, 0), (7, 0)))[:, : waveforms.shape[1]]
        return late + np.float32(1e-3) * np.stack(noise).astype(np.float32)


def _row(name: str, group: int) -> dict[str, Any]:
    facts = {"family": "Wideband", "design": "both", "source": "pip", "adapter": "wideband", "stochastic": True}
    return {"name": name, "native_rate": NATIVE_RATE, "level": "peak 0.95", "arguments": {"group": group}, **facts}


CATALOGUE = [_row(WIDEBAND, 1), _row(GROUPED, 3)]


def install_wideband_codecs(site: Path) -> Path:
    """Makes `site` a folder of packages that declares this module as a plugin."""
    return install_entry_point(site, "codecs", "wideband", __name__)
