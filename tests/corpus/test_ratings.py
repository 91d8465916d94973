"""Predicted MOS: its CSV, its column of the manifest, which does not change the digest, and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus
from grid.corpus.manifest import manifest_digest, read_manifest, write_manifest
from grid.corpus.ratings import mos_of, read_mos_csv, with_mos
from grid.corpus.readers import open_corpus
from tests.support.tiny_grid import write_corpus


def csv_of(folder: Path, *lines: str) -> Path:
    path = folder / "mos.csv"
    path.write_text("\n".join(["utterance_id,mos", *lines]) + "\n", encoding="utf-8")
    return path


def test_column_is_written_and_read_and_changes_no_digest(tmp_path: Path) -> None:
    result = import_corpus(open_corpus("csv", write_corpus(tmp_path / "corpus")), tmp_path / "out")
    table = read_manifest(result.manifest)
    scores = {"test-s0-u0": 4.2, "test-s0-u1": 1.0}
    write_manifest(result.manifest, with_mos(table, scores))
    again = read_manifest(result.manifest)
    assert mos_of(again) == scores
    assert manifest_digest(again) == result.digest
    assert np.isnan(pq.read_table(result.manifest)["mos"].to_numpy()).sum() == table.num_rows - 2
    assert mos_of(with_mos(again, {"test-s0-u0": 2.0})) == {"test-s0-u0": 2.0}
    assert mos_of(table) == {}


def test_scores_of_other_utterances_are_refused(tmp_path: Path) -> None:
    table = read_manifest(
        import_corpus(open_corpus("csv", write_corpus(tmp_path / "corpus")), tmp_path / "out").manifest
    )
    with pytest.raises(RequestError, match="1 of 2 scores are of utterances that are not there: 'nobody'"):
        with_mos(table, {"nobody": 3.0, "test-s0-u0": 3.0})
    with pytest.raises(RequestError, match="0 of 0 scores"):
        with_mos(table, {})


def test_csv_is_read_with_further_columns(tmp_path: Path) -> None:
    path = tmp_path / "mos.csv"
    path.write_text("utterance_id,predictor,mos\na,utmos,3.5\nb,utmos,5\n")
    assert read_mos_csv(path) == {"a": 3.5, "b": 5.0}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a,3", "a,3"), "mos.csv:3: utterance 'a' comes twice"),
        (("a,",), ":2: mos '' is no number from 1 to 5"),
        (("a,5.1",), "mos '5.1' is no number"),
        (("a,nan",), "mos 'nan' is no number"),
    ],
)
def test_csv_with_a_wrong_line_is_refused(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read_mos_csv(csv_of(tmp_path, *lines))


def test_csv_without_the_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mos.csv"
    path.write_text("utterance_id,score\n")
    with pytest.raises(RequestError, match="columns mos are missing"):
        read_mos_csv(path)
