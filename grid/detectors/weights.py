"""Reads and writes a detector's weights: published checkpoints, and the trained tensors of this project's cells."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from grid.config.recipe import Recipe
from grid.core.errors import MissingRequirementError, RequestError, one_line
from grid.core.weights import WeightFinder
from grid.detectors.network import Detector
from grid.detectors.published_names import MASK_VECTOR, to_detector_names
from grid.detectors.spec import detector_names, load_detector_spec

logger = logging.getLogger(__name__)

Shapes = dict[str, tuple[int, ...]]

_CDD_CLASS = "onebit.task.datatypes.ModelCheckpoint"


@dataclass
class CddCheckpoint:
    """Takes the fields of the dataclass in `best.pt` and `last.pt` of "How to Label Resynthesized Audio".

    XIAOYixuan/IMS-ADD@8bc6e98 onebit/task/datatypes.py; its other fields (epoch, best_eer ...) are not used.
    With a frozen frontend the file has the backend alone, else the state dict of the whole model.
    """

    model_state_dict: object = None
    backend_state_dict: object = None


def pickled_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in `path`, on the CPU: plain, or in the dataclass of `CddCheckpoint`.

    Raises RequestError, which names the class or function, where the file needs anything but plain tensors: those with
    a name, with all their values in the file, and dense.
    """
    stream = path.open("rb")  # so that an OSError after this one is of a damaged file
    try:
        # torch's restricted unpickler, which allows tensors, plain containers and this one class
        with stream, torch.serialization.safe_globals([(CddCheckpoint, _CDD_CLASS)]):
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise any exception
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        why = (
            f"it needs {refused[1]}, which was not run" if refused else f"or is damaged: {one_line(error, first=True)}"
        )
        raise RequestError(
            f"{path}: holds more than plain tensors, {why}. Where it was made, save model.state_dict() alone"
        ) from error
    if isinstance(content, CddCheckpoint):
        content = content.backend_state_dict if content.model_state_dict is None else content.model_state_dict
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise RequestError(f"{path}: must hold a state dict, name to tensor; save model.state_dict() there")
    for name, tensor in content.items():
        fault = _fault(name, tensor)
        if fault:
            raise RequestError(f"{path}: {fault}; save model.state_dict() of the trained model there")
    return dict(content)


def _fault(name: object, tensor: Tensor) -> str:
    """Why a tensor of a file is no weight of a detector, "" if it can be one."""
    if not isinstance(name, str):
        return f"the key {name!r} is no name"
    if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
        return f"{name} is no dense tensor of real numbers, but {tensor.dtype} in layout {tensor.layout}"
    if tensor.device.type != "cpu":
        return f"{name} has no values: its device is {tensor.device}"
    held = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.numel() > held:  # expanded: a few bytes can claim any shape
        return f"{name} has the shape {tuple(tensor.shape)}, and the file {held} of its {tensor.numel()} values"
    return ""


def model_bytes(detector: Detector) -> bytes:
    """The detector's weights as a safetensors file, without a frozen frontend, which can be read from its source."""
    state = {name: tensor.contiguous() for name, tensor in detector.learned_state().items()}
    return safetensors.torch.save(state)


def load_weights(detector: Detector, path: str | Path) -> None:
    """Loads a weights file into `detector`: `.pth`, `.pt` or `.bin` (plain tensors only) or `.safetensors`.

    Names may be those of the detector (`backend.out_layer.weight`), of its backend alone (`out_layer.weight`), as in
    the published AASIST files, or those of another published checkpoint: see `grid.detectors.published_names`. Raises
    RequestError that says which committed detector the file fits, if any, when names or shapes differ or the file
    brings an encoder of its own to a frozen one, and MissingRequirementError when there is no file.
    """
    state = to_detector_names(read_tensors(Path(path)), detector.state_dict())
    state = _without_frozen_frontend(detector, state, str(path))
    _put(detector, state, str(path))
    logger.info("loaded %d tensors from %s", len(state), path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a weights file, on the CPU; nothing in the file is run."""
    if not path.is_file():
        raise MissingRequirementError(f"there is no weights file {str(path)!r}; give the path of one that is there")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except (SafetensorError, ValueError, KeyError) as error:  # KeyError: a type of numbers that torch lacks
            raise RequestError(f"{path}: not a safetensors file, or not a whole one: {one_line(error)}") from error
    if path.suffix not in (".pth", ".pt", ".bin"):
        raise RequestError(
            f"{path}: unknown kind of weights file {path.suffix!r}. Choices: .pth, .pt, .bin, .safetensors"
        )
    return pickled_tensors(path)


def fitting_detectors(state: dict[str, Tensor]) -> list[str]:
    """The committed detectors whose backend has exactly the names and shapes of the backend tensors in `state`."""
    backend = {name: shape for name, shape in _shapes(state).items() if name.startswith("backend.")}
    return [name for name in detector_names() if _backend_shapes(name) == backend]


def _put(detector: Detector, state: dict[str, Tensor], source: str) -> None:
    own, in_file = _shapes(detector.learned_state()), _shapes(state)
    if own != in_file:
        fits = fitting_detectors(state)
        hint = f"It fits: {', '.join(fits)}." if fits else "It fits no detector of configs/detectors."
        raise RequestError(f"{source} does not fit this detector: {_first_difference(own, in_file)}. {hint}")
    for name, tensor in detector.learned_state().items():
        if tensor.is_floating_point() != state[name].is_floating_point():  # torch would convert, and lose the values
            kinds = f"{name} is {state[name].dtype} in the file, not {tensor.dtype}"
            raise RequestError(f"{source} does not fit this detector: {kinds}")
    detector.load_state_dict(state, strict=False)


def _without_frozen_frontend(detector: Detector, state: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """`state` without a frozen frontend's tensors; RequestError where they differ from those of the detector.

    A backend that was trained on a fine-tuned encoder gives wrong scores on the frozen one without any other sign.
    """
    complete, learned = detector.state_dict(), detector.learned_state()
    frozen = [name for name in state if name in complete and name not in learned]
    compared = [name for name in frozen if name != MASK_VECTOR]
    changed = [name for name in compared if not torch.equal(complete[name].cpu(), state[name].to(complete[name].dtype))]
    if changed:
        trained = [name for name in fitting_detectors(state) if _frontend_is_trained(name)]
        use = f"Use: {', '.join(trained)}." if trained else "Use a detector file whose frontend has frozen: false."
        raise RequestError(
            f"{source} brings a frontend that was trained with its backend: {changed[0]} and {len(changed) - 1} more "
            f"tensors differ from this detector's, which is frozen. {use}"
        )
    if frozen:
        logger.info("%s: left out %d tensors that the frozen frontend has already", source, len(frozen))
    return {name: tensor for name, tensor in state.items() if name not in frozen}


def _frontend_is_trained(name: str) -> bool:
    return load_detector_spec(name).resolved_frontend().shared_pass is None


def _backend_shapes(name: str) -> Shapes:
    spec = load_detector_spec(name)
    # the backend alone, because a frontend can be a speech encoder of gigabytes
    with torch.random.fork_rng(devices=[]):
        backend = spec.resolved_backend().build(spec.resolved_frontend().features)
    return {f"backend.{key}": shape for key, shape in _shapes(backend.state_dict()).items()}


def _shapes(state: dict[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _first_difference(own: Shapes, in_file: Shapes) -> str:
    for name in [*own, *in_file]:
        if own.get(name) != in_file.get(name):
            return f"{name} is {in_file.get(name, 'absent')} in the file and {own.get(name, 'absent')} in the detector"
    return "no difference"


def find_initial_weights(recipe: Recipe) -> Path | None:
    """The initial weights of a recipe, with its digest checked; MissingRequirementError says where to put the file."""
    if recipe.initial_weights is None:
        return None
    recipe.initial_weights.warn_if_unpinned()
    return WeightFinder().find(recipe.initial_weights.file)


def load_initial_weights(model: Detector, recipe: Recipe) -> None:
    """Loads the recipe's initial weights into `model`, if it has any."""
    path = find_initial_weights(recipe)
    if path is not None:
        load_weights(model, path)
