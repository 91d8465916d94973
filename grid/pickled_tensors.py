"""Reads the named tensors of a file that torch.save wrote, without running anything that the file asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from grid.errors import RequestError


@dataclass
class CddCheckpoint:
    """Takes the fields of the dataclass in `best.pt` and `last.pt` of "How to Label Resynthesized Audio".

    XIAOYixuan/IMS-ADD@8bc6e98 onebit/task/datatypes.py; its other fields (epoch, best_eer ...) become attributes that
    nobody reads. With a frozen frontend the file has the backend alone, else the state dict of the whole model.
    """

    model_state_dict: object = None
    backend_state_dict: object = None


_CDD_CLASS = "onebit.task.datatypes.ModelCheckpoint"


def pickled_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in `path`, on the CPU: plain, or in the dataclass of `CddCheckpoint`.

    Raises RequestError that names the class or function, where the file needs one that is not about tensors.
    """
    try:
        # torch's restricted unpickler: of all globals it knows tensors, plain containers and, here, this one class
        with torch.serialization.safe_globals([(CddCheckpoint, _CDD_CLASS)]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        why = f"it needs {refused[1]}, which was not run" if refused else f"or is damaged: {error}"
        raise RequestError(
            f"{path}: holds more than plain tensors, {why}. Where it was made, save model.state_dict() alone"
        ) from error
    if isinstance(content, CddCheckpoint):
        content = content.backend_state_dict if content.model_state_dict is None else content.model_state_dict
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise RequestError(f"{path}: must hold a state dict, name to tensor; save model.state_dict() there")
    return dict(content)
