"""Weight files: found in a store, in folders or the Hugging Face cache, else fetched; and checked by SHA-256.

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

from grid.core.atomic_write import replacing
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import file_digest
from grid.core.weight_file import WeightFile

if TYPE_CHECKING:
    import torch

    from grid.core.store import Store

logger = logging.getLogger(__name__)
VARIABLE = "CODECGRID_WEIGHTS"
"""The environment variable with further weights folders, separated as in PATH."""
BUNDLED = Path(__file__).resolve().parents[1] / "codecs" / "weights"
"""Weights that were trained by this project and are part of the package."""
SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights"
DOWNLOADS = Path("~/.cache/codecgrid/weights")
TIMEOUT_SECONDS = 60.0
ROOT_VARIABLE = "CODECGRID_WEIGHTS_ROOT"
"""The environment variable of a worker's process with the root whose weights it takes before any other."""


class WeightFinder:
    """Looks for weight files in a `store`, in `folders` (default: `default_folders()`) and in the Hugging Face cache.

    The store is by default that of the variable CODECGRID_WEIGHTS_ROOT, else none. With `offline` (default: the
    variable HF_HUB_OFFLINE, or that there is such a store) nothing is fetched from the files' sources.
    """

    def __init__(
        self, folders: Sequence[Path] | None = None, *, offline: bool | None = None, store: Store | None = None
    ) -> None:
        self.folders = list(folders) if folders is not None else default_folders()
        worker_root = os.environ.get(ROOT_VARIABLE) if folders is None and store is None else None
        self.store = _open(worker_root) if worker_root else store
        self.offline = (_offline() or bool(worker_root)) if offline is None else offline

    def locate(self, weight: WeightFile) -> Path | None:
        """The file if it is in the store or on this machine, with its digest unchecked, else None."""
        if self.store is not None and (taken := _taken(self.store, weight)) is not None:
            return taken
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
        if self.offline and self.store is not None and not _offline():
            hint += f" A worker takes it from {self.store.root} alone: `codecgrid prefetch CONFIG` puts it there."
        elif self.offline:
            hint += " HF_HUB_OFFLINE is set."
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


def take_weights_from(root: str) -> None:
    """Makes this process, a worker, and its children take weights from the root, and fetch none from elsewhere."""
    os.environ[ROOT_VARIABLE] = root


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


# the store is imported late: an isolated environment has weights, but not what the store needs
def _open(root: str) -> Store:
    from grid.core.store import Store

    return Store.open(root)


def _taken(store: Store, weight: WeightFile) -> Path | None:
    from grid.core.stored_weights import take_weights

    return take_weights(store, weight)


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
