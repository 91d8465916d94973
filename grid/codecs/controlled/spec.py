"""The specification of a codec of the controlled family (configs/codecs/NAME.yaml): attributes, sizes, training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from grid.config.numbers import Decay, Seed
from grid.config.yaml_file import Strict, config_folder, parse, read_yaml
from grid.core.errors import unknown_name
from grid.core.identity import digest
from grid.core.vocabulary import Auxiliary, Decoder, Quantiser

FRAMES_A_SECOND = 100
QUA: dict[str, Quantiser] = {"residual": "Mvq", "single": "Svq", "scalar": "Scq"}
AUX: dict[str, Auxiliary] = {"none": "None", "semantic": "Sem", "disentangled": "Disent"}
DEC: dict[str, Decoder] = {"time": "Time", "frequency": "Freq"}


class Quantisation(Strict):
    """QUA. `residual`: one codebook per token; `single`: one codebook for all tokens; `scalar`: rounded scalars."""

    kind: Literal["residual", "single", "scalar"]
    tokens: int = Field(ge=1, description="codes of a frame")
    size: int = Field(default=1024, ge=2, description="vectors of a codebook; not for `scalar`")
    levels: tuple[int, ...] = Field(default=(), description="values of each scalar of a token; `scalar` only")
    decay: float = Field(default=0.95, gt=0, lt=1, description="of the running means that are the codebook's vectors")
    least_use: float = Field(default=0.5, ge=0, description="a vector chosen less often in a step is replaced")
    rotation: bool = Field(default=False, description="gradients by the rotation trick (Fifty and others 2024)")

    @property
    def bits(self) -> float:
        """Bits of a frame."""
        token = sum(map(math.log2, self.levels)) if self.levels else math.log2(self.size)
        return self.tokens * token

    @model_validator(mode="after")
    def _levels_belong_to_scalars(self) -> Quantisation:
        if (self.kind == "scalar") != bool(self.levels):
            raise ValueError("`levels` must be given for `scalar` and for nothing else")
        return self


class Decoding(Strict):
    """DEC. `time`: learned synthesis filters; `frequency`: magnitude and phase, then an inverse STFT."""

    kind: Literal["time", "frequency"]


class Supervision(Strict):
    """AUX. `semantic`: the first token predicts units of speech; `disentangled`: a separate speaker vector."""

    kind: Literal["none", "semantic", "disentangled"] = "none"
    weight: float = Field(default=1.0, ge=0, description="of its loss, relative to the reconstruction")


class Size(Strict):
    """The sizes of the networks, the same for all members."""

    channels: int = Field(default=160, ge=2, multiple_of=2)
    latent: int = Field(default=32, ge=1)
    encoder_blocks: int = Field(default=2, ge=0)
    decoder_blocks: int = Field(default=3, ge=0)
    kernel: int = Field(default=7, ge=1, description="frames that a block looks at; odd")
    expansion: int = Field(default=2, ge=1)


class LossWeights(Strict):
    """Weights of the terms of the loss; see grid/codec_training/losses.py."""

    waveform: float = Field(default=0.3, ge=0)
    spectrum: float = Field(default=0.3, ge=0, description="complex STFT")
    magnitude: float = Field(default=3.0, ge=0, description="magnitudes of the STFT")
    mel: float = Field(default=0.3, ge=0, description="log mel energies")
    commitment: float = Field(default=0.1, ge=0)


class StageSchedule(Strict):
    """Length, learning rate and loss of one stage of a training."""

    steps: int = Field(ge=1, le=10_000_000)
    batch: int = Field(ge=1, le=2**16)
    frames: int = Field(ge=1, le=60_000, description="length of a crop, in frames of 10 ms")
    learning_rate: float = Field(gt=0)
    warm_up: int = Field(default=0, ge=0, description="steps until the learning rate is reached")
    floor: float = Field(default=0.0, ge=0, description="share of the learning rate at the end of the cosine")
    betas: tuple[Decay, Decay] = (0.8, 0.99)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0, description="the largest norm of the gradient")
    average: float = Field(
        default=0.999, ge=0, lt=1, description="decay of the running mean of the weights that is kept"
    )
    loss: LossWeights = LossWeights()
    save_every: int = Field(default=200, ge=1, description="steps between two saved states")
    report_every: int = Field(default=100, ge=1, description="steps between two lines of the history")


class Polish(StageSchedule):
    """The second stage, of the decoder alone; see grid/codec_training/stage.py."""

    moments: float = Field(ge=0, description="of the distance between moments, relative to the reconstruction")


class TrainingPlan(StageSchedule):
    """How a member is trained; all members of a comparison name one file, so all have the same budget."""

    polish: Polish | None = None

    @property
    def all_steps(self) -> int:
        """The steps of both stages."""
        return self.steps + (self.polish.steps if self.polish else 0)


class Network(Strict):
    """The network of a member: the samples that it makes are a function of this and its weights."""

    quantiser: Quantisation
    decoder: Decoding
    auxiliary: Supervision = Supervision()
    size: Size = Size()

    @property
    def qua(self) -> Quantiser:
        """Its place on the axis QUA of the taxonomy."""
        return QUA[self.quantiser.kind]

    @property
    def aux(self) -> Auxiliary:
        """Its place on the axis AUX."""
        return AUX[self.auxiliary.kind]

    @property
    def dec(self) -> Decoder:
        """Its place on the axis DEC."""
        return DEC[self.decoder.kind]

    @property
    def bitrate_kbps(self) -> float:
        """Bit rate of all tokens in kbit/s; the 96 bits of an utterance's vector are not counted."""
        return round(self.quantiser.bits * FRAMES_A_SECOND / 1000, 3)


class CodecSpec(Network):
    """One member of the family: its network, its training and its seed."""

    name: str = Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")
    training: TrainingPlan
    seed: Seed = 0

    @property
    def network(self) -> Network:
        """The part that the adapter needs to rebuild the network."""
        return Network.model_validate({name: getattr(self, name) for name in Network.model_fields})

    @property
    def id(self) -> str:
        """Digest of everything that can change the member's weights, except the training speech."""
        return digest(self.model_dump(mode="json"))


class _Member(Network):
    """A member's file, where `training` is the name of a file in configs/codecs/training."""

    training: str
    seed: Seed = 0


def member_names(folder: Path | None = None) -> list[str]:
    """The members that have a file in configs/codecs."""
    return sorted(file.stem for file in _folder(folder).glob("*.yaml"))


def load_spec(name: str, folder: Path | None = None) -> CodecSpec:
    """The member `name` of configs/codecs (or of another `folder`); RequestError names file, line and choices."""
    members = _folder(folder)
    file = members / f"{name}.yaml"
    if not file.is_file():
        raise unknown_name("small codec", name, member_names(folder))
    read = read_yaml(file)
    member = parse(_Member, read)
    recipe = members / "training" / f"{member.training}.yaml"
    if not recipe.is_file():
        names = {path.stem for path in recipe.parent.glob("*.yaml")}
        raise unknown_name("training", member.training, names, where=read.where("training"))
    fields = {field: getattr(member, field) for field in Network.model_fields}
    return CodecSpec(name=name, training=parse(TrainingPlan, read_yaml(recipe)), seed=member.seed, **fields)


def _folder(folder: Path | None) -> Path:
    return folder or config_folder() / "codecs"
