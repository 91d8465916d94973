"""Reads and writes a detector's weights: the published AASIST files, and the model part of our own checkpoints."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from grid.detector import detector_names, load_detector_spec
from grid.detector_network import Detector
from grid.errors import MissingRequirementError, RequestError

logger = logging.getLogger(__name__)

Shapes = dict[str, tuple[int, ...]]


def model_bytes(detector: Detector) -> bytes:
    """The detector's weights as a safetensors file; a frozen frontend is left out, as its source has it."""
    state = {name: tensor.contiguous() for name, tensor in _own_state(detector).items()}
    return safetensors.torch.save(state)


def load_model_bytes(detector: Detector, content: bytes) -> None:
    """Puts what `model_bytes` wrote into a detector of the same spec; RequestError when the tensors do not fit."""
    try:
        state = safetensors.torch.load(content)
    except SafetensorError as error:
        raise RequestError(f"the model part of the checkpoint is not a safetensors file: {error}") from error
    _put(detector, state, "the model part of the checkpoint")


def load_weights(detector: Detector, path: str | Path) -> None:
    """Puts a weights file into `detector`: `.pth` or `.pt` (plain tensors only) or `.safetensors`.

    Names may be those of the detector (`backend.out_layer.weight`) or of its backend alone (`out_layer.weight`), as
    in the published AASIST files. Raises RequestError that says which committed detector the file fits, if any,
    when names or shapes differ, and MissingRequirementError when there is no file.
    """
    state = read_tensors(Path(path))
    if not any(name.startswith(("backend.", "frontend.")) for name in state):
        state = {f"backend.{name}": tensor for name, tensor in state.items()}
    _put(detector, state, str(path))
    logger.info("loaded %d tensors from %s", len(state), path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a weights file, on the CPU; nothing in the file is run."""
    if not path.is_file():
        raise MissingRequirementError(f"there is no weights file {str(path)!r}; give the path of one that is there")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except SafetensorError as error:
            raise RequestError(f"{path}: not a safetensors file: {error}") from error
    if path.suffix not in (".pth", ".pt"):
        raise RequestError(f"{path}: unknown kind of weights file {path.suffix!r}. Choices: .pth, .pt, .safetensors")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise RequestError(f"{path}: holds more than plain tensors, or is damaged: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise RequestError(f"{path}: must hold a state dict, name to tensor; save model.state_dict() there")
    return dict(content)


def fitting_detectors(state: dict[str, Tensor]) -> list[str]:
    """The committed detectors whose backend has exactly the names and shapes of the backend tensors in `state`."""
    wanted = {name: shape for name, shape in _shapes(state).items() if name.startswith("backend.")}
    return [name for name in detector_names() if _backend_shapes(name) == wanted]


def _put(detector: Detector, state: dict[str, Tensor], source: str) -> None:
    own, given = _shapes(_own_state(detector)), _shapes(state)
    if own != given:
        fits = fitting_detectors(state)
        hint = f"It fits: {', '.join(fits)}." if fits else "It fits no detector of configs/detectors."
        raise RequestError(f"{source} does not fit this detector: {_first_difference(own, given)}. {hint}")
    detector.load_state_dict(state, strict=False)


def _own_state(detector: Detector) -> dict[str, Tensor]:
    frozen = not any(parameter.requires_grad for parameter in detector.frontend.parameters())
    state: dict[str, Tensor] = detector.state_dict()
    return {name: tensor for name, tensor in state.items() if not (frozen and name.startswith("frontend."))}


def _backend_shapes(name: str) -> Shapes:
    spec = load_detector_spec(name)
    # The backend alone: a frontend can be a speech encoder of gigabytes.
    with torch.random.fork_rng(devices=[]):
        backend = spec.resolved_backend().build(spec.resolved_frontend().features)
    return {f"backend.{key}": shape for key, shape in _shapes(backend.state_dict()).items()}


def _shapes(state: dict[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _first_difference(own: Shapes, given: Shapes) -> str:
    for name in [*own, *given]:
        if own.get(name) != given.get(name):
            return f"{name} is {given.get(name, 'absent')} in the file and {own.get(name, 'absent')} in the detector"
    return "no difference"
