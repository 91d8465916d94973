"""The experiments of `configs/`: their names, and what the header of each says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grid.config.yaml_file import config_folder
from grid.config.yaml_header import first_sentence, yaml_header
from grid.core.errors import unknown_name

PARTS = ("codecs", "detectors", "recipes")
"""Folders of `configs/` that hold parts of experiments."""
_NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)?")
_FIELD = re.compile(r"\s(?=(?:Command|Hardware|Expect|Corpora):)")


@dataclass(frozen=True)
class BundledExperiment:
    """An experiment file: its name, its path, the question that it asks, and the hardware and time that it took."""

    name: str
    path: Path
    question: str
    hardware: str


def bundled_experiments() -> list[BundledExperiment]:
    """All experiments of `configs/`, by name: `demo`, `codecfake_plus/codec_level`."""
    folder = config_folder()
    paths = sorted(path for path in folder.rglob("*.yaml") if path.relative_to(folder).parts[0] not in PARTS)
    return [_bundled(path.relative_to(folder).with_suffix("").as_posix(), path) for path in paths]


def experiment_path(config: str) -> str:
    """The file that a command's CONFIG means: a path, or the name of an experiment of `configs/`.

    A name has no suffix, and a file or folder of that name goes first. Raises RequestError, with the choices, for a
    word that is neither.
    """
    if not _NAME.fullmatch(config) or Path(config).is_file():
        return config
    path = config_folder() / f"{config}.yaml"
    if not path.is_file() or config.split("/")[0] in PARTS:
        names = [item.name for item in bundled_experiments()]
        raise unknown_name("experiment", config, names, command="codecgrid experiments; or give the path of a file")
    return str(path)


def _bundled(name: str, path: Path) -> BundledExperiment:
    about, *fields = _FIELD.split(yaml_header(path))
    values = dict(field.split(":", 1) for field in fields)
    return BundledExperiment(name, path, first_sentence(about), first_sentence(values.get("Hardware", "")))
