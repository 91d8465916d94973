"""The saved state of a training: it comes back as it was, or it is known to be damaged."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid.core.saved_state import SEAL, SEAL_LENGTH, DamagedStateError, load_state_file, save_state_file
from grid.core.store import Store
from tests.support.damage import damaged, flip_bit_at

PATH = "cell/state.pt"


def state(value: float = 1.0) -> dict[str, Any]:
    return {
        "model": {"weight": torch.full((64, 8), value)},
        "progress": {"next_epoch": 3, "history": [{"loss": value}]},
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.open(tmp_path)
    save_state_file(made, PATH, state())
    return made


def test_a_saved_state_comes_back(store: Store) -> None:
    found = load_state_file(store, PATH)
    assert found is not None
    assert torch.equal(found["model"]["weight"], state()["model"]["weight"])
    assert found["progress"] == state()["progress"]
    assert load_state_file(store, "other/state.pt") is None


def test_every_flipped_bit_is_noticed(store: Store) -> None:
    length = len(store.read_bytes(PATH))
    for place in np.random.default_rng(0).integers(0, 8 * length, 100):
        flip_bit_at(store, PATH, int(place) // 8, int(place) % 8)
        with pytest.raises(DamagedStateError, match=r"cell/state\.pt is damaged"):
            load_state_file(store, PATH)
        flip_bit_at(store, PATH, int(place) // 8, int(place) % 8)
    assert load_state_file(store, PATH) is not None


def test_a_damaged_state_is_no_other_state_also_with_a_digest_of_its_own(store: Store) -> None:
    sealed, draw, refused = store.read_bytes(PATH), random.Random(0), list[str]()
    content = sealed[:-SEAL_LENGTH]
    for _ in range(100):
        changed = damaged(sealed, draw)
        store.write_bytes(PATH, changed)
        if changed != sealed:
            with pytest.raises(DamagedStateError, match=r"cell/state\.pt is damaged"):
                load_state_file(store, PATH)
        made_up = damaged(content, draw)
        store.write_bytes(PATH, made_up + SEAL + hashlib.sha256(made_up).hexdigest().encode())
        try:
            load_state_file(store, PATH)
        except DamagedStateError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert not any("\n" in reason for reason in refused)


@pytest.mark.parametrize("left", [0, 10, 73, -1, -80])
def test_a_state_that_is_cut_short_is_noticed(store: Store, left: int) -> None:
    store.write_bytes(PATH, store.read_bytes(PATH)[:left])
    with pytest.raises(DamagedStateError):
        load_state_file(store, PATH)


def test_a_state_without_a_digest_counts_as_damaged(store: Store) -> None:
    torch.save(state(), store.uri(PATH))
    with pytest.raises(DamagedStateError, match="does not end with its SHA-256"):
        load_state_file(store, PATH)


def test_a_save_that_fails_leaves_the_last_state(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("grid.core.saved_state._append_digest", full)
    with pytest.raises(OSError, match="No space"):
        save_state_file(store, PATH, state(2.0))
    found = load_state_file(store, PATH)
    assert found is not None
    assert found["progress"] == state()["progress"]
    assert store.names("cell") == ["state.pt"]
