"""A third party's codecs that fail: on a single utterance, with the whole process, or before they can code at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from grid.codecs.contract import ADAPTERS, Adapter, Samples
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import MissingRequirementError
from grid.core.randomness import seed_number
from grid.core.weights import WeightFinder
from tests.support.installed_plugin import install_entry_point

VICTIM = "test-s0-u0"
"""The utterance that `one-fails` cannot code, and at which `kills-worker` ends its process."""


@ADAPTERS.register("faulty")
class FaultyAdapter(Adapter):
    """Halves the samples, until it fails as its entry says."""

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        if entry.arguments["fault"] == "build":
            raise MissingRequirementError(f"codec {entry.name} has no weights on this machine")

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """`(batch, samples)` of half the level; a codec knows an item by its seed only."""
        if seed_number("codec", self.entry.name, 0, VICTIM) in seeds:
            if self.entry.arguments["fault"] == "death":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("this utterance is too much")
        return 0.5 * waveforms


def _row(name: str, fault: str) -> dict[str, Any]:
    fixed = {"family": "faulty", "design": "compression", "native_rate": 16_000, "source": "pip", "adapter": "faulty"}
    return {"name": name, "arguments": {"fault": fault}, **fixed}


CATALOGUE = [_row("one-fails", "utterance"), _row("kills-worker", "death"), _row("unbuildable", "build")]


def install_faulty_codecs(site: Path) -> Path:
    """Makes `site` a folder of packages that declares this module as a plugin."""
    return install_entry_point(site, "codecs", "faulty", __name__)
