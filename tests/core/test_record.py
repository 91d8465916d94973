"""Records of finished steps: written last, with digests that detect a changed output."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.core.record import RECORD, SCHEMA, check_identity, check_outputs, finish, read_record
from grid.core.store import Store
from tests.support.damage import flip_bit_at

IDENTITY = {"recipe": {"epochs": 5}, "seed": 0}
# FIPS 180-2, appendix B.1: SHA-256 of "abc"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store with one finished step in the folder `step`."""
    made = Store.open(tmp_path if request.param == "disk" else f"memory://{uuid.uuid4().hex}")
    made.write_bytes("step/weights", b"abc")
    finish(made, "step", kind="cell", identity=IDENTITY, outputs=["weights"], results={"dev_eer": 0.25})
    return made


def test_finish_writes_identity_digests_results_and_provenance(store: Store) -> None:
    record = read_record(store, "step")
    assert record is not None
    assert (record.kind, record.identity, record.results) == ("cell", IDENTITY, {"dev_eer": 0.25})
    assert record.outputs == {"weights": ABC}
    assert record.provenance.versions["python"].startswith("3.")
    assert store.read_json(f"step/{RECORD}")["schema"] == SCHEMA


def test_read_record_of_an_unfinished_step_is_none(store: Store) -> None:
    assert read_record(store, "other") is None


def test_finish_without_its_output_writes_no_record(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        finish(store, "half", kind="cell", identity={}, outputs=["weights"], results={})
    assert read_record(store, "half") is None


def test_check_outputs_unchanged_passes_and_changed_is_an_error(store: Store) -> None:
    record = read_record(store, "step")
    assert record is not None
    check_outputs(store, "step", record)
    store.write_bytes("step/weights", b"abd")
    with pytest.raises(RequestError, match=rf"step/weights changed after .*recorded {ABC[:12]}\); delete .*step"):
        check_outputs(store, "step", record)


def test_check_outputs_missing_file_is_an_error(store: Store) -> None:
    record = read_record(store, "step")
    assert record is not None
    store.remove("step/weights")
    with pytest.raises(RequestError, match=r"step/weights is missing; delete .* and run again"):
        check_outputs(store, "step", record)


def test_read_record_of_another_schema_says_what_to_do(store: Store) -> None:
    store.write_json(f"step/{RECORD}", {**store.read_json(f"step/{RECORD}"), "schema": 99})
    with pytest.raises(RequestError, match=r"has schema 99, this version reads 1; delete .*step and run again"):
        read_record(store, "step")


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"schema": 1, "kind": "cell"}'])
def test_read_record_damaged_says_what_to_do(store: Store, content: bytes) -> None:
    store.write_bytes(f"step/{RECORD}", content)
    with pytest.raises(RequestError, match=r"record\.json.*delete .* and run again"):
        read_record(store, "step")


def test_check_identity_names_each_field_that_differs(store: Store) -> None:
    record = read_record(store, "step")
    assert record is not None
    check_identity(store, "step", record, IDENTITY)
    with pytest.raises(RequestError, match=r"made from another request: recipe\.epochs: 5 -> 6; seed: 0 -> 1"):
        check_identity(store, "step", record, {"recipe": {"epochs": 6}, "seed": 1})


def test_read_record_with_any_flipped_bit_is_an_error_or_the_same_record(store: Store) -> None:
    path, whole = f"step/{RECORD}", read_record(store, "step")
    for byte in range(0, len(store.read_bytes(path)), 13):
        flip_bit_at(store, path, byte)
        with suppress(RequestError):
            assert read_record(store, "step") == whole
        flip_bit_at(store, path, byte)


def test_read_record_of_an_earlier_version_has_no_digest_and_is_read(store: Store) -> None:
    content = store.read_json(f"step/{RECORD}")
    del content["sha256"]
    store.write_json(f"step/{RECORD}", content)
    record = read_record(store, "step")
    assert record is not None
    assert (record.results, record.sha256) == ({"dev_eer": 0.25}, "")
