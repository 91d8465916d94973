"""The reader of ASVspoof 2021 LA and DF: phases, channels, and the places of keys and audio."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.corpus.importing import import_corpus
from grid.corpus.protocol import ProtocolRow
from grid.corpus.readers import open_corpus
from tests.support.asvspoof_trees import write_flacs, write_lines

# lines as they stand in the keys: bona fide trials have `bonafide` in the column of the attack
LA = [
    "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval",
    "LA_0020 LA_E_7294490 g722 loc_tx bonafide bonafide notrim eval",
    "LA_0021 LA_E_1000001 none loc_tx - bonafide notrim progress",
    "LA_0022 LA_E_1000002 gsm mad_tx A19 spoof trim hidden",
]
DF = [
    "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
    "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval neural_vocoder_nonautoregressive Task1 team20 "
    "FF E",
    "LA_0043 DF_E_2000024 mp3m4a asvspoof bonafide bonafide notrim eval bonafide - - - -",
    "LA_0044 DF_E_2000025 nocodec asvspoof bonafide bonafide notrim hidden_track bonafide - - - -",
]


def keys(folder: Path, **tracks: list[str]) -> Path:
    for track, lines in tracks.items():
        write_lines(folder / "keys" / track / "CM" / "trial_metadata.txt", lines)
    return folder


def read(path: Path, **options: object) -> list[ProtocolRow]:
    return list(open_corpus("asvspoof2021", path, **options).rows)


def test_asvspoof2021_la_of_phase_eval_keeps_the_channel_in_the_source(tmp_path: Path) -> None:
    assert read(keys(tmp_path, LA=LA)) == [
        ProtocolRow(
            "LA_E_9332881", "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac", "LA_0009", "test", "spoof", "A07",
            source="asvspoof2021-la/alaw/ita_tx", line=1,
        ),
        ProtocolRow(
            "LA_E_7294490", "ASVspoof2021_LA_eval/flac/LA_E_7294490.flac", "LA_0020", "test", "bonafide",
            source="asvspoof2021-la/g722/loc_tx", line=2,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "sources"),
    [
        ("progress", ["asvspoof2021-la/loc_tx"]),
        ("hidden", ["asvspoof2021-la/gsm/mad_tx"]),
        (["hidden_track", "progress"], ["asvspoof2021-la/loc_tx", "asvspoof2021-la/gsm/mad_tx"]),
    ],
)
def test_asvspoof2021_of_another_phase_is_filtered(tmp_path: Path, phase: object, sources: list[str]) -> None:
    assert [row.source for row in read(keys(tmp_path, LA=LA), phase=phase)] == sources


def test_asvspoof2021_df_has_thirteen_fields_and_its_own_channels(tmp_path: Path) -> None:
    rows = read(keys(tmp_path, DF=DF), phase="eval,progress,hidden")
    assert [(row.key, row.attack, row.source) for row in rows] == [
        ("spoof", "A14", "asvspoof2021-df/asvspoof"),
        ("spoof", "Task1-team20", "asvspoof2021-df/low_m4a/vcc2020"),
        ("bonafide", "", "asvspoof2021-df/mp3m4a/asvspoof"),
        ("bonafide", "", "asvspoof2021-df/asvspoof"),
    ]
    assert {row.codec for row in rows} == {""}


def test_asvspoof2021_with_both_tracks_asks_for_one(tmp_path: Path) -> None:
    keys(tmp_path, LA=LA, DF=DF)
    with pytest.raises(RequestError, match=r"keys of LA and DF; give .* --option track=LA or DF"):
        read(tmp_path)
    assert [len(read(tmp_path, track=track)) for track in ("LA", "DF")] == [2, 2]
    with pytest.raises(RequestError, match="unknown track 'PA'"):
        read(tmp_path, track="PA")


@pytest.mark.parametrize("given", ["", "keys", "keys/LA", "keys/LA/CM/trial_metadata.txt"])
def test_asvspoof2021_from_any_of_its_folders_is_imported(tmp_path: Path, given: str) -> None:
    keys(tmp_path, LA=LA)
    write_flacs(tmp_path / "ASVspoof2021_LA_eval" / "flac", [line.split()[1] for line in LA])
    result = import_corpus(open_corpus("asvspoof2021", tmp_path / given), tmp_path / "out", workers=1)
    assert (result.audio_root, result.utterances, result.rejected) == (str(tmp_path), 2, 0)


def test_asvspoof2021_keys_inside_the_audio_s_folder_find_it(tmp_path: Path) -> None:
    audio = tmp_path / "ASVspoof2021_LA_eval"
    write_flacs(audio / "flac", [line.split()[1] for line in LA])
    assert open_corpus("asvspoof2021", keys(audio, LA=LA)).root == tmp_path


def test_asvspoof2021_that_is_wrong_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"trial_metadata\.txt:5: unknown phase 'evl'; did you mean 'eval'"):
        read(keys(tmp_path, LA=[*LA, "LA_0009 LA_E_1 alaw ita_tx A07 spoof notrim evl"]))
    with pytest.raises(RequestError, match=r"trial_metadata\.txt:5: 13 fields between white space, expected 8"):
        read(keys(tmp_path, LA=[*LA, DF[0]]))
    with pytest.raises(RequestError, match="these are the keys of DF, not of LA"):
        read(keys(tmp_path / "df", DF=DF) / "keys" / "DF", track="LA")
    with pytest.raises(RequestError, match=r"no keys/\{LA,DF\}/CM/trial_metadata\.txt"):
        read(tmp_path / "nowhere")
