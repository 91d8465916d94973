"""The number and size of the layers of a speech encoder, known without torch and without network access."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grid.core.errors import MissingRequirementError, RequestError, unknown_name
from grid.core.weight_file import HUB, WeightFile
from grid.core.weights import WeightFinder

FAMILIES = (
    "wav2vec2",
    "hubert",
    "wavlm",
    "unispeech",
    "unispeech-sat",
    "data2vec-audio",
    "wav2vec2-conformer",
)
"""The `model_type`s whose input is the waveform and whose layers all have the frame rate of their convolutions.

SEW is none of them: its layers run at half the output rate.
"""
W2V_BERT, WHISPER = "wav2vec2-bert", "whisper"
FILTER_BANK_FAMILIES = (W2V_BERT, WHISPER)
"""The `model_type`s whose input is filter banks; of Whisper, the encoder alone."""


@dataclass(frozen=True)
class EncoderShape:
    """`layers` transformer layers of `size` values a frame: `layers + 1` hidden states with the input embedding."""

    size: int
    layers: int


@dataclass(frozen=True)
class KnownEncoder:
    """A hub repository in the table: its shape and, where it is pinned, a commit and the digest of its weights."""

    shape: EncoderShape
    revision: str | None = None
    weights_file: str | None = None
    sha256: str | None = None


_BASE, _LARGE = EncoderShape(768, 12), EncoderShape(1024, 24)
_BILLION = EncoderShape(1280, 48)

KNOWN: Mapping[str, KnownEncoder] = {
    # Commit and digest as pinned by several unrelated public repositories; not checked against the hub.
    "facebook/wav2vec2-xls-r-300m": KnownEncoder(
        _LARGE,
        revision="1a640f32ac3e39899438a2931f9924c02f080a54",
        weights_file="pytorch_model.bin",
        sha256="d5e490574712ad0a6736923b9ed11d4cd51c78609c36205f704fc4e87b11d2e0",
    ),
    "facebook/wav2vec2-xls-r-1b": KnownEncoder(_BILLION),
    "facebook/wav2vec2-xls-r-2b": KnownEncoder(EncoderShape(1920, 48)),
    "facebook/wav2vec2-large-xlsr-53": KnownEncoder(_LARGE),
    "facebook/wav2vec2-base": KnownEncoder(_BASE),
    "facebook/wav2vec2-large": KnownEncoder(_LARGE),
    "facebook/wav2vec2-large-lv60": KnownEncoder(_LARGE),
    "facebook/mms-300m": KnownEncoder(_LARGE),
    "facebook/mms-1b": KnownEncoder(_BILLION),
    "facebook/hubert-base-ls960": KnownEncoder(_BASE),
    "facebook/hubert-large-ll60k": KnownEncoder(_LARGE),
    "facebook/hubert-xlarge-ll60k": KnownEncoder(_BILLION),
    "facebook/data2vec-audio-base": KnownEncoder(_BASE),
    "facebook/data2vec-audio-large": KnownEncoder(_LARGE),
    "microsoft/wavlm-base": KnownEncoder(_BASE),
    "microsoft/wavlm-base-plus": KnownEncoder(_BASE),
    "microsoft/wavlm-large": KnownEncoder(_LARGE),
    "microsoft/unispeech-sat-base-plus": KnownEncoder(_BASE),
    "microsoft/unispeech-sat-large": KnownEncoder(_LARGE),
    "utter-project/mHuBERT-147": KnownEncoder(_BASE),
    "facebook/w2v-bert-2.0": KnownEncoder(_LARGE),
    "openai/whisper-tiny": KnownEncoder(EncoderShape(384, 4)),
    "openai/whisper-base": KnownEncoder(EncoderShape(512, 6)),
    "openai/whisper-small": KnownEncoder(_BASE),
    "openai/whisper-medium": KnownEncoder(_LARGE),
    "openai/whisper-large-v2": KnownEncoder(EncoderShape(1280, 32)),
    "openai/whisper-large-v3": KnownEncoder(EncoderShape(1280, 32)),
}


def hub_file(model: str, revision: str | None, name: str, sha256: str | None = None) -> WeightFile:
    """The file `name` of the hub repository `model`; a copy below a weights folder is used too."""
    return WeightFile(path=f"{model}/{name}", source=f"{HUB}{model}", revision=revision, sha256=sha256)


def encoder_files(
    model: str, revision: str | None, weights: str, *, source: str | None, sha256: str | None
) -> list[WeightFile]:
    """The files that can hold an encoder's weights, in the order of preference; none for `random` weights.

    `weights` is `hub`, `random`, or the place of a file below a weights folder, from `source` and with this digest.
    """
    if weights == "random":
        return []
    if weights != "hub":
        return [WeightFile(path=weights, source=source, sha256=sha256)]
    known = KNOWN.get(model)
    if known and known.weights_file and revision == known.revision:
        return [hub_file(model, revision, known.weights_file, known.sha256)]
    return [hub_file(model, revision, name) for name in ("model.safetensors", "pytorch_model.bin")]


def find_shape(model: str, revision: str | None, configuration: Mapping[str, Any] | None) -> EncoderShape:
    """The shape from `configuration`, the table of known encoders, or a config.json on this machine.

    Raises MissingRequirementError, with what to configure or download, when none of the three has it.
    """
    if configuration is not None:
        return shape_of(configuration, "configuration")
    if model in KNOWN:
        return KNOWN[model].shape
    path = WeightFinder().locate(hub_file(model, revision, "config.json"))
    if path is None:
        pinned = f" --revision {revision}" if revision else ""
        raise MissingRequirementError(
            f"how many layers {model!r} has is not known here: put its config.json in the option `configuration`, "
            f"or fetch it once with: hf download {model} config.json{pinned}"
        )
    return shape_of(json.loads(path.read_text(encoding="utf-8")), str(path))


def shape_of(configuration: Mapping[str, Any], where: str) -> EncoderShape:
    """The shape that a config.json states; RequestError with `where` when it states none or is of another family."""
    family = configuration.get("model_type")
    known = (*FAMILIES, *FILTER_BANK_FAMILIES)
    if family not in known:
        raise unknown_name("model_type of a speech encoder", family, known, where=where)
    names = ("d_model", "encoder_layers") if family == WHISPER else ("hidden_size", "num_hidden_layers")
    numbers = [configuration.get(name) for name in names]
    for name, number in zip(names, numbers, strict=True):
        if not isinstance(number, int) or number < 1:
            raise RequestError(f"{where}: {name} must be stated as a whole number, not {number!r}")
    if configuration.get("add_adapter"):
        raise RequestError(f"{where}: add_adapter: true changes the frame rate after the layers; set it to false")
    size, layers = numbers
    return EncoderShape(int(str(size)), int(str(layers)))
