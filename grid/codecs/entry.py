"""One row of the codec catalogue: the facts of one codec configuration, checked field by field."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grid.core.vocabulary import Auxiliary, Decoder, Design, Group, Quantiser
from grid.core.weights import WeightFile

CORE, ISOLATED = "core", "isolated:"
Verified: TypeAlias = Literal["real weights", "real class, random weights", "real codec, no weights", "not run"]
Argument: TypeAlias = bool | int | float | str


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Letters(_Facts):
    """What the papers' tables call this codec; the CDD paper has no letters, so its codecs go by their own words."""

    codecfake: str | None = None
    codecfake_plus: str | None = None
    cdd: str | None = None


def _known_level(level: str) -> str:
    if not re.fullmatch(r"none|loudness -\d+(\.\d+)? dB|peak [01]\.\d+", level):
        raise ValueError(f"level {level!r} is none of: none, loudness -16 dB, peak 0.95")
    return level


class CatalogueEntry(_Facts):
    """One codec configuration. A codec outside the neural taxonomy has null `qua`, `aux` and `dec`."""

    name: str = Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")
    family: str
    config: str = ""
    letters: Letters = Letters()
    qua: Quantiser | None = None
    aux: Auxiliary | None = None
    dec: Decoder | None = None
    taxonomy_source: str = ""
    group: Group = "neural"
    design: Design
    design_reason: str = ""
    native_rate: int = Field(gt=0, description="samples per second the codec works at")
    frame_rate: float | None = Field(default=None, description="code frames per second, of the finest stream")
    hop: int | None = Field(default=None, description="native samples per frame")
    codebooks: int | None = None
    codebook_size: int | None = None
    bitrate_kbps: float | None = None
    training_seed: int | None = Field(default=None, description="of a family whose members differ in nothing else")
    channels: int = 1
    source: Literal["transformers", "pip", "git", "bundled", "libsndfile"]
    package: str | None = Field(default=None, description="what to install, in words")
    package_alternative: str | None = None
    imports: tuple[str, ...] = Field(default=(), description="modules that must be importable")
    upstream: str = ""
    hub_repo: str | None = None
    weights: tuple[WeightFile, ...] = ()
    licence: str = ""
    accept_licence: bool = Field(
        default=False, description="non-commercial, or no licence at all: an experiment has to accept it by name"
    )
    environment: str = Field(
        default=CORE,
        pattern=r"^(core|isolated:[a-z0-9]+([.-][a-z0-9]+)*)$",
        description="`core`, or `isolated:NAME` for grid/codecs/environments/NAME.yaml",
    )
    environment_reason: str = ""
    stochastic: bool = Field(default=False, description="the decoder draws random numbers: seeded per utterance")
    level: Annotated[str, AfterValidator(_known_level)] = "none"
    arguments: dict[str, Argument] = Field(default_factory=dict, description="what the adapter is called with")
    adapter: str | None = Field(default=None, description="its name in the registry; null: no adapter yet")
    batching: str = ""
    interface: str = Field(default="", description="upstream's calls, for whoever writes the adapter")
    notes: str = ""
    unverified: tuple[str, ...] = ()
    verified: Verified = "not run"

    @property
    def codec(self) -> str:
        """What this is a configuration of: its family or, in a family built to differ in the taxonomy, its place there.

        CodecFake+ calls two configurations of one codec, such as two bit rates, intra-family.
        """
        return self.family if self.training_seed is None else f"{self.family} {self.qua} x {self.aux} x {self.dec}"

    @property
    def isolated(self) -> str | None:
        """The name of the environment it runs in; None when it runs in this one."""
        return self.environment.removeprefix(ISOLATED) if self.environment != CORE else None
