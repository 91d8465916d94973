"""The DeepFense reader: labels as numbers or words, and defaults."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.core.errors import RequestError
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus


def write(tmp_path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    return tmp_path / "p.parquet"


def test_deepfense_with_all_columns_fills_the_row(tmp_path: Path) -> None:
    path = write(
        tmp_path, ID=["a", "b"], path=["x/a.wav", "b.wav"], label=["spoof", "bonafide"], speaker=["p1", None],
        split=["dev", "train"], dataset=["?", "?"],
    )  # fmt: skip
    assert list(open_corpus("deepfense", path, source="mix").rows) == [
        ProtocolRow("a", "x/a.wav", "p1", "dev", "spoof", source="mix", line=1),
        ProtocolRow("b", "b.wav", "", "train", "bonafide", source="mix", line=2),
    ]


@pytest.mark.parametrize("labels", [[1, 0], [1.0, 0.0], [True, False], ["1", "0"], ["Real", "fake"]])
def test_deepfense_with_labels_of_each_kind_has_one_as_bonafide(tmp_path: Path, labels: list[object]) -> None:
    path = write(tmp_path, path=["x/a.wav", "b.flac"], label=labels)
    rows = list(open_corpus("deepfense", path, split="dev", root=str(tmp_path / "audio")).rows)
    assert [(row.utterance_id, row.key, row.split) for row in rows] == [
        ("x/a", "bonafide", "dev"),
        ("b", "spoof", "dev"),
    ]


def test_deepfense_that_is_wrong_names_line_and_columns(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"p\.parquet:2: unknown key '2'"):
        list(open_corpus("deepfense", write(tmp_path, path=["a", "b"], label=[1, 2])).rows)
    with pytest.raises(RequestError, match=r"columns label are missing\. Found: file, path"):
        open_corpus("deepfense", write(tmp_path, file=["a"], path=["b"]))
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(RequestError, match="not a Parquet file"):
        open_corpus("deepfense", tmp_path / "text.parquet")
