"""The part of an experiment file that asks for the similarity of codec artefacts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grid.config.strict import Strict


class ArtefactChoice(Strict):
    """Whose residual spectrograms are compared, and on how many utterances: `codecgrid artefacts CONFIG`."""

    utterances: int = Field(default=100, ge=1, description="drawn from the recordings of the split")
    split: Literal["train", "dev", "test"] = "test"
    codecs: tuple[str, ...] | None = Field(default=None, min_length=2, description="default: all of the experiment")
    seed: int = Field(default=0, description="of the draw")
