"""Weight files: found in folders or the Hugging Face cache, else fetched from the hub or a URL, and checked by SHA-256.

Weights are loaded as tensors only; pickled code in a file is never run.
"""

from __future__ import annotations

import logging
import os
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from grid.core.atomic_write import replacing
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import file_digest

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
VARIABLE = "CODECGRID_WEIGHTS"
"""The environment variable with further weights folders, separated as in PATH."""
BUNDLED = Path(__file__).resolve().parents[1] / "codecs" / "weights"
"""Weights that were trained by this project and are part of the package."""
SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights"
DOWNLOADS = Path("~/.cache/codecgrid/weights")
TIMEOUT_SECONDS = 60.0
HUB = "hub:"


class WeightFile(BaseModel):
    """One file of weights: its place below a weights folder, its source and its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(
        description="place below a weights folder; `<owner>/<name>/<file>` for a file of a hub repository"
    )
    source: str | None = Field(default=None, description="an https URL, `hub:<owner>/<name>`, or null: no direct link")
    revision: str | None = Field(default=None, description="commit of the hub repository; null: its main branch")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = None
    licence: str | None = Field(default=None, description="where it differs from the entry's")
    note: str = ""

    @property
    def hub_repo(self) -> str | None:
        """`<owner>/<name>` when the file comes from the Hugging Face hub."""
        return self.source.removeprefix(HUB) if self.source and self.source.startswith(HUB) else None

    @property
    def hub_file(self) -> str:
        """The file's path inside its hub repository."""
        return self.path.removeprefix(f"{self.hub_repo}/")


class WeightFinder:
    """Looks for weight files in `folders` (default: `default_folders()`) and in the Hugging Face cache.

    With `offline` (default: the variable HF_HUB_OFFLINE) nothing is fetched.
    """

    def __init__(self, folders: Sequence[Path] | None = None, *, offline: bool | None = None) -> None:
        self.folders = list(folders) if folders is not None else default_folders()
        self.offline = _offline() if offline is None else offline

    def locate(self, weight: WeightFile) -> Path | None:
        """The file if it is on this machine, with its digest unchecked, else None; nothing is fetched."""
        for folder in self.folders:
            if (folder / weight.path).is_file():
                return folder / weight.path
        return _in_hub_cache(weight)

    def find(self, weight: WeightFile) -> Path:
        """The file, fetched if necessary, with its SHA-256 checked where the catalogue has one.

        Raises MissingRequirementError, with the file, its source and where to put it, and RequestError for a wrong
        digest.
        """
        path = self.locate(weight) or (None if self.offline else self._fetch(weight))
        if path is None:
            raise MissingRequirementError(self.missing_message(weight))
        return check_digest(path, weight)

    def folder(self, weights: Sequence[WeightFile]) -> Path:
        """The folder that holds all of `weights`, for `from_pretrained(folder)`; RequestError unless there is one."""
        parents = {self.find(weight).parent for weight in weights}
        if len(parents) != 1:
            listed = ", ".join(sorted(map(str, parents))) or "(none)"
            raise RequestError(f"the weights must lie in one folder, but they lie in: {listed}")
        return parents.pop()

    def missing_message(self, weight: WeightFile) -> str:
        """The message for a missing file: its name, its source, and the place to put it by hand."""
        place = self.folders[0] / weight.path if self.folders else Path(weight.path)
        size = f" ({weight.bytes:,} bytes)" if weight.bytes else ""
        source = weight.source or f"no direct link{f' ({weight.note})' if weight.note else ''}"
        hint = f" Licence, accepted by fetching it: {weight.licence}." if weight.licence else ""
        hint += " HF_HUB_OFFLINE is set." if self.offline else ""
        return f"weights {weight.path}{size} are missing; source: {source}; put the file at {place}.{hint}"

    def _fetch(self, weight: WeightFile) -> Path | None:
        if weight.source is None:
            return None
        try:
            return _from_hub(weight) if weight.hub_repo else _from_url(weight)
        except Exception as error:  # the hub client raises its own errors and those of httpx and urllib
            raise MissingRequirementError(f"{self.missing_message(weight)} Fetching it failed: {error}") from error


class LocatedWeights(WeightFinder):
    """Files that another process has located and checked, by their `WeightFile.path`; no other file is searched for."""

    def __init__(self, located: Mapping[str, Path]) -> None:
        super().__init__([], offline=True)
        self.located = dict(located)

    def locate(self, weight: WeightFile) -> Path | None:
        """The file that was located, else None."""
        return self.located.get(weight.path)

    def find(self, weight: WeightFile) -> Path:
        """The file that was located, not checked again; MissingRequirementError when there is none."""
        path = self.locate(weight)
        if path is None:
            raise MissingRequirementError(f"weights {weight.path} are not among those the catalogue entry names")
        return path


def default_folders() -> list[Path]:
    """The folders searched by default: those of $CODECGRID_WEIGHTS, the downloads, the bundled and the shared one.

    Messages about a missing file name the first of them.
    """
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return [*named, DOWNLOADS.expanduser(), BUNDLED, SHARED]


def check_digest(path: Path, weight: WeightFile) -> Path:
    """`path`, after comparing its SHA-256 with that of the catalogue; RequestError with both when they differ."""
    if weight.sha256 is not None:
        actual = file_digest(path)
        if actual != weight.sha256:
            raise RequestError(
                f"{path} is not the file the catalogue names: its SHA-256 is {actual}, expected {weight.sha256}. "
                f"Fetch it again from {weight.source or 'its authors'}."
            )
    return path


def load_state(path: Path, device: str = "cpu") -> dict[str, Any]:
    """Tensors by name from a `.safetensors` file, or from a torch file read with `weights_only=True`."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path, device=device))
    import torch

    state: dict[str, torch.Tensor] = torch.load(path, map_location=device, weights_only=True)
    return dict(state)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _hub_cache() -> Path:
    """The cache folder by the rules of huggingface_hub, repeated here because importing that package is slow."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.environ.get("HF_HOME", cache / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()


def _in_hub_cache(weight: WeightFile) -> Path | None:
    if weight.hub_repo is None or not (_hub_cache() / f"models--{weight.hub_repo.replace('/', '--')}").is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(weight.hub_repo, weight.hub_file, cache_dir=_hub_cache(), revision=weight.revision)
    return Path(found) if isinstance(found, str) else None


def _from_hub(weight: WeightFile) -> Path:
    from huggingface_hub import hf_hub_download

    logger.info("fetching %s from the hub", weight.path)
    repository, place = str(weight.hub_repo), weight.hub_file
    return Path(hf_hub_download(repository, place, cache_dir=_hub_cache(), revision=weight.revision))


def _from_url(weight: WeightFile) -> Path:
    """Downloads to a temporary file, checks it and then renames it, so that no partial file is visible."""
    logger.info("fetching %s from %s", weight.path, weight.source)
    target = DOWNLOADS.expanduser() / weight.path

    with replacing(target) as temporary:
        with urllib.request.urlopen(str(weight.source), timeout=TIMEOUT_SECONDS) as reply, temporary.open("wb") as out:
            shutil.copyfileobj(reply, out)
        check_digest(temporary, weight)
    return target
