"""Tests of `codecgrid import --pack` and `codecgrid pack`: recordings that travel with the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import codecgrid
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import write_corpus


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


def test_an_import_into_a_folder_leaves_the_recordings_and_says_what_packs_them(protocol: Path, tmp_path: Path) -> None:
    root = tmp_path / "results"
    imported = codecgrid("import", "csv", protocol, "--name", "mine", "--root", root)
    assert imported.status == 0
    assert f"codecgrid pack mine --root {root}" in imported.out
    assert not list(root.rglob("*.tar"))
    packed = codecgrid("pack", "mine", "--root", root)
    assert (packed.status, packed.out) == (0, "packed: 24 recordings, 0.25 MB, in 1 parts\n")
    size = 24 * 44 + 2 * (3 * 4 * 4800 + 3 * 2 * (4800 + 6400))  # headers, spoofs, recordings of two lengths
    assert codecgrid("pack", "mine", "--root", root, "--json").json == {"files": 24, "bytes": size, "parts": 1}
    assert len(list(root.rglob("*.tar"))) == 1


def test_an_import_with_pack_says_what_was_packed(protocol: Path, tmp_path: Path) -> None:
    ended = codecgrid("import", "csv", protocol, "--name", "mine", "--root", tmp_path / "results", "--pack")
    assert "packed: 24 recordings, 0.25 MB, in 1 parts" in ended.out.splitlines()


@pytest.mark.slow
def test_an_import_into_a_bucket_packs_unless_it_is_not_to(protocol: Path, s3: S3Server) -> None:
    first, second = s3.store(), s3.store()
    arguments = ("import", "csv", protocol, "--name", "mine", "--root")
    assert codecgrid(*arguments, first.root, "--json").json["packed"]["files"] == 24
    assert codecgrid(*arguments, second.root, "--no-pack", "--json").json["packed"] is None
    parts = [sum(path.endswith(".tar") for path in store.versions("corpora")) for store in (first, second)]
    assert parts == [1, 0]


def test_packing_what_is_not_imported_says_how_to_import_it(tmp_path: Path) -> None:
    ended = codecgrid("pack", "mine", "--root", tmp_path)
    assert ended.status == 2
    assert f"codecgrid import READER PATH --name mine --root {tmp_path}" in ended.err
