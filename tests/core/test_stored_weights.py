"""Weights in a store: put once, taken and checked once by each machine, and by workers from nowhere else."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from grid.core import stored_weights as module
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.store import Store
from grid.core.stored_weights import put_weights, stored_weights, take_weights
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder, take_weights_from
from grid.verification.damage import Reading
from grid.verification.verify import damages, remove

CONFIG = WeightFile(path="owner/name/config.json", source="hub:owner/name", revision="a" * 40)
MODEL = WeightFile(path="owner/name/model.bin", source="hub:owner/name", revision="a" * 40)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.open(tmp_path / "root" if request.param == "disk" else f"memory://{uuid.uuid4().hex}")


def written(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / uuid.uuid4().hex
    path.write_bytes(content)
    return path


def test_what_was_put_is_taken_below_one_folder_for_its_revision(store: Store, tmp_path: Path) -> None:
    assert take_weights(store, MODEL) is None
    for weight, content in ((MODEL, b"tensors"), (CONFIG, b"{}")):
        assert put_weights(store, weight, written(tmp_path / "from", content))
    finder = WeightFinder([], offline=True, store=store)
    folder = finder.folder([MODEL, CONFIG])
    assert {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")} == {
        "model.bin": b"tensors",
        "config.json": b"{}",
    }
    assert take_weights(store, MODEL.model_copy(update={"revision": "b" * 40})) is None


def test_one_content_is_kept_once_under_all_its_names(store: Store, tmp_path: Path) -> None:
    for weight in (MODEL, CONFIG):
        assert put_weights(store, weight, written(tmp_path / "from", b"same"))
        assert not put_weights(store, weight, tmp_path / "not read")
    found = [stored_weights(store, weight) for weight in (MODEL, CONFIG)]
    assert len({entry.sha256 for entry in found if entry}) == 1
    assert [entry.bytes for entry in found if entry] == [4, 4]


def test_a_machine_checks_a_file_once(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_weights(store, MODEL, written(tmp_path / "from", b"tensors"))
    first = take_weights(store, MODEL)
    monkeypatch.setattr(module, "file_digest", lambda path: pytest.fail(f"{path} was read again"))
    assert take_weights(store, MODEL) == first


def test_a_damaged_content_is_refused_with_what_puts_it_there_again(store: Store, tmp_path: Path) -> None:
    put_weights(store, MODEL, written(tmp_path / "from", b"tensors"))
    entry = stored_weights(store, MODEL)
    assert entry is not None
    store.write_bytes(entry.content, b"tensorz")
    with pytest.raises(RequestError, match=r"is damaged: its SHA-256 is .*codecgrid prefetch CONFIG"):
        take_weights(store, MODEL)


def test_verify_finds_what_is_damaged_and_putting_it_again_mends_it(store: Store, tmp_path: Path) -> None:
    source = written(tmp_path / "from", b"tensors")
    put_weights(store, MODEL, source)
    put_weights(store, CONFIG, written(tmp_path / "from", b"{}"))
    entry = stored_weights(store, MODEL)
    assert entry is not None
    source.unlink()  # on a disk the content may be a second name of it
    store.write_bytes(entry.content, b"tensorz")
    found = list(damages(Reading(store)))
    assert [damage.path for damage in found] == [entry.content]
    remove(store, found)
    assert stored_weights(store, MODEL) is None
    put_weights(store, MODEL, written(tmp_path / "from", b"tensors"))
    assert list(damages(Reading(store))) == []


def test_a_worker_takes_weights_from_its_root_and_asks_nobody_else(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS_ROOT", "")  # so that it is set back after the test
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(WeightFinder, "_fetch", lambda self, weight: pytest.fail("it asked the hub"))
    put_weights(store, MODEL, written(tmp_path / "from", b"tensors"))
    take_weights_from(store.root)
    assert WeightFinder().find(MODEL).read_bytes() == b"tensors"
    with pytest.raises(MissingRequirementError, match=r"takes it from \S+ alone: `codecgrid prefetch CONFIG`"):
        WeightFinder().find(CONFIG)
