"""Finds weight files (folders, the Hugging Face cache, the hub, a URL), checks digests, loads no pickled code."""

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
BUNDLED = Path(__file__).resolve().parents[1] / "codecs" / "weights"
"""Those that were trained by this project and lie in the package."""
SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights"
DOWNLOADS = Path("~/.cache/codecgrid/weights")
TIMEOUT_SECONDS = 60.0
HUB = "hub:"


class WeightFile(BaseModel):
    """One file of weights: its place below a weights folder, and where it comes from."""

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
    """Looks for weight files in `folders`, by default $CODECGRID_WEIGHTS, the bundled folder, `../shared/weights`.

    `offline` defaults to the variable HF_HUB_OFFLINE; then nothing is fetched.
    """

    def __init__(self, folders: Sequence[Path] | None = None, *, offline: bool | None = None) -> None:
        self.folders = list(folders) if folders is not None else default_folders()
        self.offline = _offline() if offline is None else offline

    def locate(self, weight: WeightFile) -> Path | None:
        """The file if it is on this machine (its digest unchecked), else None; nothing is fetched."""
        for folder in self.folders:
            if (folder / weight.path).is_file():
                return folder / weight.path
        return _in_hub_cache(weight)

    def find(self, weight: WeightFile) -> Path:
        """The file, fetched if need be, its SHA-256 checked where the catalogue knows it.

        Raises MissingRequirementError naming file, source and where to put it, RequestError on a wrong digest.
        """
        path = self.locate(weight) or (None if self.offline else self._fetch(weight))
        if path is None:
            raise MissingRequirementError(self.missing_message(weight))
        return checked(path, weight)

    def folder(self, weights: Sequence[WeightFile]) -> Path:
        """The one folder that holds all of `weights`, as `from_pretrained(folder)` wants it."""
        parents = {self.find(weight).parent for weight in weights}
        if len(parents) != 1:
            listed = ", ".join(sorted(map(str, parents))) or "(none)"
            raise RequestError(f"the weights must lie in one folder, but they lie in: {listed}")
        return parents.pop()

    def missing_message(self, weight: WeightFile) -> str:
        """What file is missing, where it comes from, and the place to put it by hand."""
        place = self.folders[0] / weight.path if self.folders else Path(weight.path)
        size = f" ({weight.bytes:,} bytes)" if weight.bytes else ""
        source = weight.source or f"no direct link{f' ({weight.note})' if weight.note else ''}"
        hint = " HF_HUB_OFFLINE is set." if self.offline else ""
        return f"weights {weight.path}{size} are missing; source: {source}; put the file at {place}.{hint}"

    def _fetch(self, weight: WeightFile) -> Path | None:
        if weight.source is None:
            return None
        try:
            return _from_hub(weight) if weight.hub_repo else _from_url(weight)
        except Exception as error:  # the hub client raises its own, httpx's and urllib's errors
            raise MissingRequirementError(f"{self.missing_message(weight)} Fetching it failed: {error}") from error


class GivenWeights(WeightFinder):
    """Files that another process found and checked, by their `WeightFile.path`; nothing else is looked for."""

    def __init__(self, found: Mapping[str, Path]) -> None:
        super().__init__([], offline=True)
        self.found = dict(found)

    def locate(self, weight: WeightFile) -> Path | None:
        """The file that was given, else None."""
        return self.found.get(weight.path)

    def find(self, weight: WeightFile) -> Path:
        """The file that was given, not checked again; MissingRequirementError when there is none."""
        path = self.locate(weight)
        if path is None:
            raise MissingRequirementError(f"weights {weight.path} are not among those the catalogue entry names")
        return path


def default_folders() -> list[Path]:
    """The folders searched by default, in order; the first is where a missing file is said to belong."""
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return [*named, DOWNLOADS.expanduser(), BUNDLED, SHARED]


def checked(path: Path, weight: WeightFile) -> Path:
    """`path`, after comparing its SHA-256 with the catalogue's; RequestError naming both when they differ."""
    if weight.sha256 is not None:
        found = file_digest(path)
        if found != weight.sha256:
            raise RequestError(
                f"{path} is not the file the catalogue names: its SHA-256 is {found}, expected {weight.sha256}. "
                f"Fetch it again from {weight.source or 'its authors'}."
            )
    return path


def load_state(path: Path, device: str = "cpu") -> dict[str, Any]:
    """Tensors by name from `.safetensors`, or from a torch file read with `weights_only=True`: no pickled code."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path, device=device))
    import torch

    state: dict[str, torch.Tensor] = torch.load(path, map_location=device, weights_only=True)
    return dict(state)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _hub_cache() -> Path:
    """The hub's cache folder by the hub's own rules, read here because importing its package takes a while."""
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
    """Download to a temporary file, check it, and only then give it its name: a half file is never seen."""
    logger.info("fetching %s from %s", weight.path, weight.source)
    target = DOWNLOADS.expanduser() / weight.path

    with replacing(target) as temporary:
        with urllib.request.urlopen(str(weight.source), timeout=TIMEOUT_SECONDS) as reply, temporary.open("wb") as out:
            shutil.copyfileobj(reply, out)
        checked(temporary, weight)
    return target
