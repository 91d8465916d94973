"""One entry of the codec catalogue: the facts of one codec configuration as a validated model."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grid.core.vocabulary import Auxiliary, Decoder, Design, Group, Quantiser
from grid.core.weight_file import WeightFile

CORE, ISOLATED = "core", "isolated:"
Verified: TypeAlias = Literal["real weights", "real class, random weights", "real codec, no weights", "not run"]
Argument: TypeAlias = bool | int | float | str


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Letters(_Facts):
    """The names of this codec in the papers' tables; the CDD paper has no letters but names."""

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
    training_seed: int | None = Field(default=None, description="of a family whose members may differ in it alone")
    channels: int = 1
    source: Literal["transformers", "pip", "git", "bundled", "libsndfile"] = Field(
        description="where its network comes from: a package, upstream's repository, or this one (bundled)"
    )
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
    arguments: dict[str, Argument] = Field(default_factory=dict, description="settings of the adapter")
    adapter: str | None = Field(default=None, description="its name in the registry; null: no adapter yet")
    batching: str = ""
    interface: str = Field(default="", description="upstream's calls that the adapter is based on")
    notes: str = ""
    unverified: tuple[str, ...] = ()
    verified: Verified = "not run"

    @property
    def codec(self) -> str:
        """The codec of which this is a configuration: the family or, where seeds are given, the place in the taxonomy.

        CodecFake+ calls a pair of configurations of one codec, such as two bit rates, intra-family.
        """
        return self.family if self.training_seed is None else f"{self.family} {self.qua} x {self.aux} x {self.dec}"

    @property
    def isolated(self) -> str | None:
        """The name of its isolated environment; None when it runs in the core's."""
        return self.environment.removeprefix(ISOLATED) if self.environment != CORE else None
