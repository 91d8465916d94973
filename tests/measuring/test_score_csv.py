"""Score files of any detector: joined with a protocol, and refused if the two do not belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.measuring.score_csv import join_scores

PROTOCOL = "utterance_id,key,codec\na,bonafide,\nb,genuine,opus\nc,spoof,opus\n"
SCORES = "utterance_id,score\nc,-1.5\na,2\nb,1e-3\n"


def write(folder: Path, scores: str = SCORES, protocol: str = PROTOCOL) -> tuple[Path, Path]:
    (folder / "scores.csv").write_text(scores)
    (folder / "protocol.csv").write_text(protocol)
    return folder / "scores.csv", folder / "protocol.csv"


def test_join_gives_every_trial_its_score_key_and_condition(tmp_path: Path) -> None:
    joined = join_scores(*write(tmp_path), condition="codec")
    rows = sorted(joined.itertuples(index=False, name=None))
    assert joined.columns.tolist() == ["utterance_id", "key", "score", "condition"]
    assert rows == [("a", "bonafide", 2.0, ""), ("b", "bonafide", 0.001, "opus"), ("c", "spoof", -1.5, "opus")]


def test_join_without_a_condition_leaves_it_empty(tmp_path: Path) -> None:
    assert set(join_scores(*write(tmp_path))["condition"]) == {""}


def test_join_reads_a_byte_order_mark_and_numbers_as_names(tmp_path: Path) -> None:
    joined = join_scores(*write(tmp_path, "\ufeffutterance_id,score\n007,1\n", "utterance_id,key\n007,spoof\n"))
    assert joined["utterance_id"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("scores", "protocol", "message"),
    [
        (SCORES.replace("score\n", "value\n"), PROTOCOL, r"scores\.csv: the column 'score' is missing; found: .*value"),
        (SCORES, PROTOCOL.replace("key", "label"), r"protocol\.csv: the column 'key' is missing"),
        (SCORES, PROTOCOL.replace("genuine", "human"), r"protocol\.csv:3: .*'human'"),
        (SCORES + "a,1\n", PROTOCOL, r"scores\.csv: utterance 'a' comes twice"),
        (SCORES, PROTOCOL + "a,spoof,\n", r"protocol\.csv: utterance 'a' comes twice"),
        (SCORES + "d,1\n", PROTOCOL, r"1 utterances, such as 'd', have a score in .* but are not in"),
        (SCORES.replace("a,2\n", ""), PROTOCOL, r"1 utterances, such as 'a', are in .* but have no score in"),
        (SCORES.replace("a,2", "a,nan"), PROTOCOL, r"scores\.csv:3: the score of utterance 'a' is 'nan', not a finite"),
        (SCORES.replace("a,2", "a,inf"), PROTOCOL, r"scores\.csv:3: the score of utterance 'a' is 'inf', not a finite"),
        (SCORES.replace("a,2", "a,two"), PROTOCOL, r"scores\.csv:3: the score of utterance 'a' is 'two', not a finite"),
    ],
)
def test_join_refuses_files_that_are_wrong_and_says_where(
    tmp_path: Path, scores: str, protocol: str, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        join_scores(*write(tmp_path, scores, protocol))


def test_join_an_unknown_condition_proposes_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"unknown condition column 'codex'; did you mean 'codec'\?"):
        join_scores(*write(tmp_path), condition="codex")


def test_join_an_absent_file_is_a_request_error(tmp_path: Path) -> None:
    scores, protocol = write(tmp_path)
    with pytest.raises(RequestError, match=r"cannot read .*never\.csv"):
        join_scores(tmp_path / "never.csv", protocol)
    assert scores.exists()
