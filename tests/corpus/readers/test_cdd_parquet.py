"""The reader of CDD in Parquet: declared columns, classes, splits, and audio that is written to files once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus, open_imported
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.speechlike import write_tone

MAP = {"id": ["utt", "nac"], "speaker": "spk", "label": "target", "attack": "tts", "codec": "nac"}
RECORDING = {"utt": "T_0000000011", "spk": "T_3734", "target": "bonafide", "tts": None, "nac": None}
CORS = RECORDING | {"nac": "DAC"}
COSG = {"utt": "LSA-1", "spk": "T_1", "target": "spoof", "tts": "LSA", "nac": "XCodec2"}


def audio(folder: Path, name: str, *, seed: int = 0) -> dict[str, Any]:
    """As the `datasets` library stores it."""
    return {"bytes": write_tone(folder / "made" / name, 1600, seed=seed).read_bytes(), "path": name}


def write(path: Path, rows: list[dict[str, Any]], classes: dict[str, list[str]] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    if classes:
        features = {name: {"names": names, "_type": "ClassLabel"} for name, names in classes.items()}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)
    return path


def hub(folder: Path) -> Path:
    """A folder as a dataset of the hub lies there."""
    data = folder / "hub" / "data"
    flac, wav = audio(folder, "T_0000000011.flac"), audio(folder, "T_0000000011.wav", seed=1)
    write(data / "train-00000-of-00002.parquet", [RECORDING | {"audio": flac}])
    write(data / "train-00001-of-00002.parquet", [CORS | {"audio": wav}])
    write(data / "validation-00000-of-00001.parquet", [COSG | {"audio": audio(folder, "x.wav", seed=2)}])
    return data.parent


def read(path: Path, extract: Path, **options: Any) -> list[ProtocolRow]:
    return list(open_corpus("cdd-parquet", path, extract=str(extract), **options).rows)


@pytest.mark.parametrize("columns", [MAP, json.dumps(MAP)])
def test_parquet_with_declared_columns_becomes_rows_and_files(tmp_path: Path, columns: object) -> None:
    rows = read(hub(tmp_path), tmp_path / "audio", columns=columns)
    assert rows == [
        ProtocolRow(
            "T_0000000011", "train/T_0000000011.flac", "T_3734", "train", "bonafide", source="cdd", line=1
        ),
        ProtocolRow(
            "T_0000000011~DAC", "train/T_0000000011~DAC.wav", "T_3734", "train", "bonafide",
            codec="dac-openaudio-s1-mini", origin="T_0000000011", source="cdd", line=2,
        ),
        ProtocolRow(
            "LSA-1~XCodec2", "dev/LSA-1~XCodec2.wav", "T_1", "dev", "spoof", "LSA", "xcodec2", source="cdd", line=3
        ),
    ]  # fmt: skip
    for row, name in zip(rows, ("T_0000000011.flac", "T_0000000011.wav", "x.wav"), strict=True):
        assert (tmp_path / "audio" / row.path).read_bytes() == (tmp_path / "made" / name).read_bytes()


def test_parquet_is_imported_and_read_again_without_writing(tmp_path: Path) -> None:
    hub(tmp_path)
    written = []
    for _ in range(2):
        corpus = open_corpus("cdd-parquet", tmp_path / "hub", extract=str(tmp_path / "audio"), columns=MAP)
        result = import_corpus(corpus, tmp_path / "out", workers=1)
        assert (result.audio_root, result.utterances, result.rejected) == (str(tmp_path / "audio"), 3, 0)
        written.append({file: file.stat().st_mtime_ns for file in (tmp_path / "audio").rglob("*.*")})
    assert written[0] == written[1]
    assert set(open_imported(tmp_path / "out").table.column("codec").to_pylist()) == {
        "", "dac-openaudio-s1-mini", "xcodec2",
    }  # fmt: skip


def test_parquet_without_declared_columns_takes_our_names_and_those_of_the_files(tmp_path: Path) -> None:
    write(tmp_path / "test.parquet", [{"audio": audio(tmp_path, "D_0000000001.wav"), "label": "real", "split": "eval"}])
    (row,) = read(tmp_path / "test.parquet", tmp_path / "audio")
    assert (row.utterance_id, row.key, row.split) == ("D_0000000001", "bonafide", "test")


def test_parquet_labels_that_are_classes_have_their_words(tmp_path: Path) -> None:
    rows = [{"audio": audio(tmp_path, f"{i}.wav", seed=i), "label": i % 2, "attack": i // 2} for i in range(3)]
    path = write(tmp_path / "dev-0.parquet", rows, {"label": ["bonafide", "spoof"], "attack": ["-", "CSM"]})
    with pytest.raises(RequestError, match=r"dev-0\.parquet:2: a spoof that names no attacker"):
        read(path, tmp_path / "audio")
    write(path, [rows[0], rows[2] | {"label": 1}], {"label": ["bonafide", "spoof"], "attack": ["-", "CSM"]})
    assert [(row.key, row.attack) for row in read(path, tmp_path / "audio")] == [("bonafide", ""), ("spoof", "CSM")]


def test_parquet_labels_that_are_bare_numbers_must_be_declared(tmp_path: Path) -> None:
    path = write(tmp_path / "train-0.parquet", [{"audio": audio(tmp_path, "a.wav"), "label": 1}])
    with pytest.raises(RequestError, match=r"train-0\.parquet:1: label 1 is a number.*labels="):
        read(path, tmp_path / "audio")
    assert read(path, tmp_path / "audio", labels='{"1": "bonafide"}')[0].key == "bonafide"


def test_parquet_id_that_comes_twice_asks_for_more_columns_before_it_writes(tmp_path: Path) -> None:
    hub(tmp_path)
    with pytest.raises(RequestError, match=r"train-00001.*:1: id 'T_0000000011' was in .*train-00000.*let more"):
        read(tmp_path / "hub", tmp_path / "audio", columns=MAP | {"id": "utt"})
    assert (tmp_path / "audio/train/T_0000000011.flac").is_file()
    assert not (tmp_path / "audio/train/T_0000000011.wav").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"label": "targt"}}, "no column 'targt' for label. Found: utt, spk, target, tts, nac, audio"),
        ({}, "no column 'label' for label. Found: .*--option 'columns="),
        ({"columns": {"lable": "target"}}, "option columns: unknown column 'lable'; did you mean 'label'"),
        ({"columns": MAP, "extract": ""}, "the option extract is missing"),
        ({"columns": {"label": "target", "codec": "spk"}}, "'T_3734' is bona fide and no codec that is known"),
    ],
)
def test_parquet_that_is_asked_for_wrongly_says_so(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        list(open_corpus("cdd-parquet", hub(tmp_path), **({"extract": str(tmp_path / "audio")} | options)).rows)


def test_parquet_of_an_unknown_split_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "all.parquet", [{"audio": audio(tmp_path, "a.wav"), "label": "real"}])
    with pytest.raises(RequestError, match=r"all\.parquet:1: unknown split 'all\.parquet'"):
        read(path, tmp_path / "audio")
