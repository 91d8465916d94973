"""Base class and helpers of the adapters of torch codecs: arguments, loading of complete weights, inference.

Errors are RequestErrors that name the codec or the file. No pickled code in a file of weights is run.
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from grid.codecs.contract import Adapter, Samples
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError, one_line
from grid.core.weights import WeightFinder, load_state

if TYPE_CHECKING:
    import torch

    Signal = torch.Tensor
    """Native samples `(batch, 1, samples)`, float32, on the adapter's device."""
    Model = torch.nn.Module

SelfCodec = TypeVar("SelfCodec", bound="TorchCodec")


class Arguments(BaseModel):
    """The `arguments` of a catalogue entry; a subclass adds the settings of its family."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TorchCodec(Adapter):
    """An adapter whose codec is a torch module, loaded at the first `code` or passed to `from_model`.

    On a CPU items are coded one by one, because the activations of several exceed its caches. CPU seconds for a second
    of audio, items of 4 s one by one and four at once, one thread of an AMD EPYC at the published sizes, as their
    authors wrote them: EnCodec 0.14 and 0.21, SNAC (24 kHz) 0.57 and 1.15, Mimi 0.20 and 0.29. The other families are
    assumed to behave alike. The two ways differ by rounding only: at most 8e-7 over 24 items of real speech through two
    trained codecs, eight at once.
    """

    cpu_batch: ClassVar[int | None] = 1
    quick_parts: ClassVar[tuple[str, ...]] = ()
    """The submodules (`""` for the whole model) that `cpu_speed.quicken` replaces on a CPU, where it was measured to be
    faster. It changes the samples by rounding, so `revision` is increased with it."""

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        self._model: Model | None = None

    @classmethod
    def from_model(cls: type[SelfCodec], model: Model, entry: CatalogueEntry, *, device: str = "cpu") -> SelfCodec:
        """The adapter around an existing `model`, such as a small one with random weights in a test.

        The model is changed in place like a loaded one: weight normalisations are baked, slow modules replaced.
        """
        adapter = cls(entry, device=device)
        adapter._model = adapter._ready(model)
        return adapter

    @property
    def model(self) -> Model:
        """The codec in evaluation mode on `device`; the first use loads the weights, with the errors of `load`."""
        if self._model is None:
            self._model = self._ready(self.load())
        return self._model

    @abstractmethod
    def load(self) -> Model:
        """The codec with its pretrained weights, on the CPU.

        Raises MissingRequirementError when a file is missing, RequestError when it is not what the entry says.
        """

    @abstractmethod
    def pass_through(self, signal: Signal, seeds: Sequence[int]) -> Signal:
        """Encode to integer codes and decode these: `(batch, 1, samples)` to `(batch, 1, about samples)`."""

    def prepare(self, model: Model) -> None:
        """Applies the entry's settings to `model`; RequestError where the two disagree, before anything is coded."""

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Encode and decode `(batch, samples)` at the native rate; see `Adapter.code`."""
        import torch

        _ = self.model  # loaded outside of inference mode, whose tensors are no parameters and would not be quickened
        with torch.inference_mode():
            signal = torch.from_numpy(np.array(waveforms, dtype=np.float32)).to(self.device)[:, None]
            decoded: Samples = self.pass_through(signal, seeds)[:, 0].float().cpu().numpy()
        return decoded

    def _ready(self, model: Model) -> Model:
        from grid.codecs.cpu_speed.quicken import bake_weight_norms, quicken

        self.prepare(model)
        bake_weight_norms(model.eval())
        for part in self.quick_parts if self.device == "cpu" else ():
            quicken(model.get_submodule(part))
        return model.to(self.device)


ArgumentsType = TypeVar("ArgumentsType", bound=Arguments)


def read_arguments(entry: CatalogueEntry, kind: type[ArgumentsType]) -> ArgumentsType:
    """The entry's `arguments` as `kind`; RequestError naming the codec and the argument that is wrong."""
    try:
        return kind.model_validate(entry.arguments)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        choices = ", ".join(kind.model_fields) or "(none)"
        raise RequestError(
            f"codec {entry.name}: argument {field!r}: {problem['msg']} (given: {entry.arguments}). Arguments: {choices}"
        ) from error


def require_equal(entry: CatalogueEntry, what: str, expected: object, actual: object) -> None:
    """RequestError when a fact of the entry (`expected`; None: not stated) differs from that of the model."""
    if expected is not None and expected != actual:
        raise RequestError(f"codec {entry.name}: the catalogue says {what} {expected}, but the model has {actual}")


def read_state(path: Path) -> dict[str, Any]:
    """The contents of a file of weights; RequestError when it holds anything but tensors and plain values."""
    try:
        return load_state(path)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise RequestError(
            f"{path} cannot be read as weights only (tensors and plain values), and code in a file is never run: "
            f"{one_line(error, kind=False, first=True)} Fetch the file again from its authors."
        ) from error


def fill(model: Model, state: Mapping[str, Any], path: Path) -> None:
    """Loads `state` into `model`; RequestError unless the two have the same names and shapes."""
    try:
        model.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        shown = " ".join(line.strip() for line in lines[:3])
        raise RequestError(f"{path} does not hold the weights of {type(model).__name__}: {shown[:400]}") from error


def from_folder(model_class: Any, folder: Path) -> Model:
    """A transformers model from config.json and model.safetensors in `folder`, as float32, without the network.

    Raises RequestError when the file lacks a tensor of the model, where transformers would only warn and keep random
    values.
    """
    import torch

    model, report = model_class.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    lacking = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
    if lacking:
        raise RequestError(
            f"{folder} does not hold the weights of {model_class.__name__}: {len(lacking)} tensors are missing or of "
            f"another shape, such as {', '.join(lacking[:3])}"
        )
    loaded: Model = model
    return loaded


def whole_hops(signal: Signal, hop: int) -> Signal:
    """`signal` padded with zeros at its end to the next multiple of `hop` samples."""
    import torch

    return torch.nn.functional.pad(signal, (0, -signal.shape[-1] % hop))
