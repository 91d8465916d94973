"""Builds a speech encoder of transformers from its configuration, with random weights or those of a file or the hub."""

from __future__ import annotations

import json
import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from grid.core.errors import MissingRequirementError, RequestError
from grid.core.randomness import seed_number
from grid.core.weights import WeightFinder, load_state
from grid.detectors.networks.ssl_shape import WHISPER, EncoderShape, encoder_files, hub_file, shape_of

logger = logging.getLogger(__name__)

MASK_EMBEDDING = "masked_spec_embed"
POSITIONS = "embed_positions.weight"
"""Of Whisper, `(positions, size)`: sinusoids, so that a shorter window has the first ones of a longer window."""
DROPOUTS = {
    "dropout",  # Whisper's own
    *(f"{part}_dropout" for part in ("hidden", "attention", "activation", "feat_proj", "conformer_conv")),
}
"""The dropouts of hidden states, by their names in a configuration; not every family has every one."""


@dataclass(frozen=True)
class EncoderRequest:
    """An encoder: its model, weights, and the values of its configuration that training overrides.

    The fields are the options of `grid.detectors.frontends.ssl.SslOptions` that have these names.
    """

    model: str
    model_revision: str | None
    configuration: dict[str, Any] | None
    weights: str
    weights_source: str | None
    weights_sha256: str | None
    random_seed: int
    mask: bool
    layerdrop: float | None
    dropout: float | None


def load_encoder(request: EncoderRequest, shape: EncoderShape) -> Any:
    """The model of transformers that `request` describes, on the CPU, in float32; torch's generator state is restored.

    Of Whisper it is the encoder alone, whose window may be shorter than that of the weights.
    Raises MissingRequirementError when a file is neither on this machine nor downloadable, RequestError when the
    configuration, the digest or the names and shapes of the weights differ from the request. Downloading from the hub
    is untested (no hub could be reached); reading the same files from its cache is tested.
    """
    config = _configuration(request)
    found = shape_of(config.to_dict(), request.model)
    if found != shape:
        raise RequestError(
            f"{request.model}: its configuration has {found.layers} layers of {found.size}, "
            f"not {shape.layers} of {shape.size}; give the right one as `configuration`"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_number("ssl", request.random_seed))
        if request.weights == "random":
            return _model_class(config)(config)
        return _with_weights(config, _weights_file(request), needs_mask=request.mask)


def _configuration(request: EncoderRequest) -> Any:
    """The configuration object, with the training options applied."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    values, where = request.configuration, "configuration"
    if values is None:
        path = WeightFinder().find(hub_file(request.model, request.model_revision, "config.json"))
        values, where = json.loads(path.read_text(encoding="utf-8")), str(path)
    shape_of(values, where)
    try:
        config = AutoConfig.for_model(**values)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise RequestError(f"{where}: {error}") from error
    config.apply_spec_augment = request.mask
    if request.mask and config.model_type == WHISPER:
        raise RequestError("mask: true: transformers masks no input of Whisper's encoder alone; leave mask out")
    if request.mask and not (config.mask_time_prob or config.mask_feature_prob):
        raise RequestError(f"mask: true, but {where} has mask_time_prob 0 and mask_feature_prob 0: nothing is masked")
    if request.layerdrop is not None:
        setattr(config, "encoder_layerdrop" if config.model_type == WHISPER else "layerdrop", request.layerdrop)
    if request.dropout is not None:
        for name in DROPOUTS & set(config.to_dict()):
            setattr(config, name, request.dropout)
    return config


def _weights_file(request: EncoderRequest) -> Path:
    finder = WeightFinder()
    files = encoder_files(
        request.model,
        request.model_revision,
        request.weights,
        source=request.weights_source,
        sha256=request.weights_sha256,
    )
    if request.weights == "hub" and request.model_revision is None:
        logger.warning("%s: no model_revision is set, so its weights are those of today's main branch", request.model)
    local = [file for file in files if finder.locate(file) is not None]
    try:
        return finder.find((local or files)[0])
    except MissingRequirementError:
        return finder.find(files[-1])


def _with_weights(config: Any, path: Path, *, needs_mask: bool) -> Any:
    """The model with the tensors of `path`; heads of the checkpoint beside the encoder are ignored."""
    model_class = _model_class(config)
    try:
        state = load_state(path)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise RequestError(f"{path}: holds more than plain tensors, or is damaged: {error}") from error
    state = _of_encoder(state, [f"{model_class.base_model_prefix}.", *(["encoder."] * (config.model_type == WHISPER))])
    if config.model_type == WHISPER and POSITIONS in state:
        state[POSITIONS] = state[POSITIONS][: config.max_source_positions]
    try:
        model, report = model_class.from_pretrained(
            None, config=config, state_dict=state, dtype=torch.float32, output_loading_info=True
        )
    except RuntimeError as error:  # shapes that differ
        raise RequestError(f"{path} does not fit the configuration: {error}") from error
    missing = sorted(set(report["missing_keys"]) - (set() if needs_mask else {MASK_EMBEDDING}))
    if missing:
        raise RequestError(f"{path} lacks {len(missing)} tensors of {model_class.__name__}, such as {missing[0]}")
    if MASK_EMBEDDING in report["missing_keys"]:
        torch.nn.init.zeros_(model.masked_spec_embed)  # not used without masks, but saved
    logger.info("loaded %d tensors from %s", len(state), path)
    return model


def _model_class(config: Any) -> Any:
    from transformers import MODEL_MAPPING
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    return WhisperEncoder if config.model_type == WHISPER else MODEL_MAPPING[type(config)]


def _of_encoder(state: dict[str, Any], prefixes: list[str]) -> dict[str, Any]:
    """The tensors below each prefix in turn, without it; a prefix that no tensor has is not there to be removed."""
    for prefix in prefixes:
        inner = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        state = inner or state
    return state
