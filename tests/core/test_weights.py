"""Weight files: the folders searched, digests, and the message for a file that cannot be found."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from grid.core import weights as weights_module
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder, default_folders, load_state

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def put(folder: Path, path: str, content: bytes = CONTENT) -> Path:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def test_find_file_in_second_folder_with_right_digest_is_returned(tmp_path: Path) -> None:
    placed = put(tmp_path / "two", "toy/model.bin")
    finder = WeightFinder([tmp_path / "one", tmp_path / "two"], offline=True)
    assert finder.find(WeightFile(path="toy/model.bin", sha256=DIGEST)) == placed


def test_find_wrong_digest_names_file_and_both_digests(tmp_path: Path) -> None:
    put(tmp_path, "toy/model.bin", b"other")
    wrong = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(RequestError, match=rf"model\.bin.*{wrong}.*{DIGEST}"):
        WeightFinder([tmp_path], offline=True).find(WeightFile(path="toy/model.bin", sha256=DIGEST))


def test_find_missing_file_names_file_source_and_place(tmp_path: Path) -> None:
    weight = WeightFile(path="owner/name/model.bin", source="hub:owner/name", bytes=1234567)
    with pytest.raises(MissingRequirementError) as caught:
        WeightFinder([tmp_path], offline=True).find(weight)
    message = str(caught.value)
    assert "1,234,567 bytes" in message
    assert "hub:owner/name" in message
    assert str(tmp_path / "owner/name/model.bin") in message
    assert "HF_HUB_OFFLINE" in message


def test_default_folders_begin_with_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert default_folders()[:2] == [tmp_path / "a", tmp_path / "b"]
    assert weights_module.BUNDLED in default_folders()


def test_offline_follows_the_hub_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert WeightFinder([tmp_path]).offline
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not WeightFinder([tmp_path]).offline


def test_find_file_in_the_hub_cache_is_found_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    put(tmp_path, "hub/models--owner--name/refs/main", b"abc123")
    placed = put(tmp_path, "hub/models--owner--name/snapshots/abc123/sub/model.bin")
    weight = WeightFile(path="owner/name/sub/model.bin", source="hub:owner/name", sha256=DIGEST)
    assert WeightFinder([], offline=True).find(weight) == placed


def test_find_url_downloads_once_checked_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "DOWNLOADS", tmp_path / "downloads")
    source = put(tmp_path, "origin.bin").as_uri()
    finder = WeightFinder([tmp_path / "downloads"], offline=False)
    found = finder.find(WeightFile(path="toy/model.bin", source=source, sha256=DIGEST))
    assert found.read_bytes() == CONTENT
    with pytest.raises(MissingRequirementError, match="expected"):
        finder.find(WeightFile(path="toy/bad.bin", source=source, sha256="0" * 64))
    assert [path.name for path in (tmp_path / "downloads" / "toy").iterdir()] == ["model.bin"]


def test_folder_of_files_apart_names_both(tmp_path: Path) -> None:
    put(tmp_path, "a/config.json")
    put(tmp_path, "b/model.bin")
    finder = WeightFinder([tmp_path], offline=True)
    assert finder.folder([WeightFile(path="a/config.json")]) == tmp_path / "a"
    with pytest.raises(RequestError, match=r"one folder.*/a, .*/b"):
        finder.folder([WeightFile(path="a/config.json"), WeightFile(path="b/model.bin")])


def test_load_state_reads_both_formats_and_refuses_pickled_code(tmp_path: Path) -> None:
    state = {"weight": torch.arange(3.0)}
    save_file(state, tmp_path / "model.safetensors")
    torch.save(state, tmp_path / "model.pt")
    for name in ("model.safetensors", "model.pt"):
        np.testing.assert_array_equal(load_state(tmp_path / name)["weight"], [0.0, 1.0, 2.0])
    torch.save({"call": print}, tmp_path / "evil.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_state(tmp_path / "evil.pt")
