"""The CodecFake+ reader: each kind of protocol file, with the irregular lines of the published ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.corpus.codec_tags import tags_of
from grid.corpus.holdings import role_of
from grid.corpus.importing import import_corpus
from grid.corpus.manifest import read_manifest
from grid.corpus.protocol import ProtocolRow
from grid.corpus.published_counts import compare, published_counts
from grid.corpus.readers import open_corpus
from tests.support.speechlike import write_tone

CORS_LABELS = """\
p225 p225_001_DAC24.wav spoof
p225 p225_001.wav bonafide
p226 p226_010_mini.wav spoof
s5 s5_400_xocdec_hubert_general_audio.wav spoof
s5 s5_400.wav bonafide
p228 p228_002_SemantiCodec_0.35kbps_16k.wav spoof
p228 p228_002_xcodec_hubert_libirispeech.wav spoof
"""
COSG_LABELS = """\
VALLE vctk_p273_prompt Real Real Real Real
VALLE emov_db_amused_ours Mvq None Time spoof
MASKGCT prompt Mvq None Freq Spoof
USLM prompt Real Real Real Real
SIMPLESPEECH1 a_ours Scq None Time spoof
TI1G1R 0_x Svq Disent Time spoof
NEWTTS clip Svq Sem Freq fake
"""
CORS_ALL = """\
p227 p227_260_snac_24khz - - spoof
p227 p227_232_Encodec_6b24k - - spoofs
p228 p228_240 - - bonafide"""  # the real one has no newline at its end, and `spoofs` in line 7554
COSG_ALL = """\
VIOLA audios_entts_ref_14 - bonafide
VIOLA entts_viola_output_981_0 - spoof
SINGLECODEC BAC009S0143W0256-libritts_2004 - - spoof
"""
COSG_SEEN = """\
CLAMTTS 0_ours - MVQ spoof
CLAMTTS zuck_prompt - REAL bonafide
"""
BALANCED = {
    "train": "p260 p260_075 - REAL REAL REAL bonafide\np260 p260_075_Encodec_24b24k - Trad TIME MVQ spoof\n",
    "dev": "p226 p226_261 - REAL REAL REAL bonafide\np226 p226_261_llm_codec - SEM TIME MVQ spoof\n",
    "test": "p228 p228_328 - REAL REAL REAL bonafide\np228 p228_328_spectralcodecs - Trad FREQ SQ spoof\n",
}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def imported(path: Path, out: Path) -> list[dict[str, str]]:
    """The manifest in the order of the protocol, after tones were written wherever the reader looks for audio."""
    corpus = open_corpus("codecfake-plus", path)
    ids: list[str] = []
    for row in corpus.rows:
        write_tone(corpus.root / row.path, 1600, seed=len(ids))
        ids.append(row.utterance_id)
    result = import_corpus(open_corpus("codecfake-plus", path), out, max_rejected_share=0)
    rows: list[dict[str, str]] = read_manifest(result.manifest).to_pylist()
    return sorted(rows, key=lambda row: ids.index(row["utterance_id"]))


def test_cors_labels_give_codecs_recordings_and_splits(tmp_path: Path) -> None:
    rows = imported(write(tmp_path / "CoRS_labels.txt", CORS_LABELS), tmp_path / "out")
    assert [(r["utterance_id"], r["split"], r["codec"], r["origin"]) for r in rows] == [
        ("p225_001_DAC24", "train", "dac-24khz", "p225_001"),
        ("p225_001", "train", "", "p225_001"),
        ("p226_010_mini", "dev", "mimi-8cb", "p226_010_mini"),  # its recording is not in the list
        ("s5_400_xocdec_hubert_general_audio", "train", "x-codec-hubert-general", "s5_400"),
        ("s5_400", "train", "", "s5_400"),
        ("p228_002_SemantiCodec_0.35kbps_16k", "test", "semanticodec-0.35kbps", "p228_002_SemantiCodec_0.35kbps_16k"),
        ("p228_002_xcodec_hubert_libirispeech", "test", "x-codec-hubert-librispeech",
         "p228_002_xcodec_hubert_libirispeech"),
    ]  # fmt: skip
    assert {(r["key"], r["attack"], r["source"]) for r in rows} == {("bonafide", "", "codecfake-plus")}
    assert [r["speaker"] for r in rows[:4]] == ["p225", "p225", "p226", "s5"]


def test_cors_of_all_tags_fills_every_published_codec(tmp_path: Path) -> None:
    tags = [tag for tag in tags_of("codecfake-plus") if tag not in ("mimicodec", "xcodec_hubert_librispeech")]
    tags.remove("xcodec_hubert_general_audio")
    lines = ["p227 p227_001.wav bonafide", *(f"p227 p227_001_{tag}.wav spoof" for tag in tags)]
    path = write(tmp_path / "CoRS_labels.txt", "\n".join(lines))
    rows = imported(path, tmp_path / "out")
    assert len(rows) == 32
    manifest = read_manifest(tmp_path / "out/manifest.parquet")
    found = compare(manifest, published_counts("codecfake-plus", path, {}))
    codecs = [item for item in found if "codec" in item.of]
    assert [(item.utterances, item.published_utterances) for item in codecs] == [(1, 44_455)] * 31
    assert sum(item.published_utterances or 0 for item in codecs) == 1_378_105


def test_cosg_labels_give_attack_codec_or_taxonomy_and_plain_recordings(tmp_path: Path) -> None:
    rows = imported(write(tmp_path / "CoSG_labels.txt", COSG_LABELS), tmp_path / "out")
    assert [(r["utterance_id"], r["key"], r["attack"], r["codec"]) for r in rows] == [
        ("VALLE/vctk_p273_prompt", "bonafide", "", ""),
        ("VALLE/emov_db_amused_ours", "spoof", "valle", "encodec-24khz-6kbps"),
        ("MASKGCT/prompt", "spoof", "maskgct", "mvq-none-freq"),
        ("USLM/prompt", "bonafide", "", ""),
        ("SIMPLESPEECH1/a_ours", "spoof", "simplespeech1", "scq-none-time"),
        ("TI1G1R/0_x", "spoof", "ti1g1r", "ticodec-1g1r"),
        ("NEWTTS/clip", "spoof", "newtts", "svq-sem-freq"),
    ]
    assert {role_of(r["key"], r["attack"], r["codec"]) for r in rows} == {"raw", "cosg"}
    assert (rows[0]["source"], rows[0]["split"], rows[0]["path"]) == (
        "codecfake-plus/valle", "test", "VALLE/vctk_p273_prompt.wav",
    )  # fmt: skip


def test_cosg_whose_taxonomy_is_not_our_codec_s_keeps_what_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path / "CoSG_labels.txt", "VALLE a Mvq None Freq spoof")
    assert [row.codec for row in open_corpus("codecfake-plus", path).rows] == ["mvq-none-freq"]


def test_evaluation_lists_are_read_with_their_irregular_lines(tmp_path: Path) -> None:
    cors = imported(write(tmp_path / "CoRS_ALL.txt", CORS_ALL), tmp_path / "cors")
    assert [(r["utterance_id"], r["codec"], r["split"]) for r in cors] == [
        ("p227_260_snac_24khz", "snac-24khz", "test"),
        ("p227_232_Encodec_6b24k", "encodec-24khz-6kbps", "test"),
        ("p228_240", "", "test"),
    ]
    cosg = imported(write(tmp_path / "CoSG_ALL.txt", COSG_ALL), tmp_path / "cosg")
    assert [(r["utterance_id"], r["key"], r["codec"]) for r in cosg] == [
        ("VIOLA/audios_entts_ref_14", "bonafide", ""),
        ("VIOLA/entts_viola_output_981_0", "spoof", "mvq-none-time"),
        ("SINGLECODEC/BAC009S0143W0256-libritts_2004", "spoof", "svq-disent-freq"),
    ]
    seen = imported(write(tmp_path / "CoSG_SEEN.txt", COSG_SEEN), tmp_path / "seen")
    assert [(r["attack"], r["codec"]) for r in seen] == [("clamtts", "mvq-none-freq"), ("", "")]


def test_balanced_folder_gives_three_splits_and_its_published_balance(tmp_path: Path) -> None:
    for split, text in BALANCED.items():
        write(tmp_path / f"{split}_mult_learn_bal_dec.txt", text)
    rows = imported(tmp_path, tmp_path / "out")
    assert [(r["split"], r["codec"]) for r in rows] == [
        ("train", ""), ("train", "encodec-24khz-24kbps"), ("dev", ""), ("dev", "llm-codec"), ("test", ""),
        ("test", "spectral-codec-22khz"),
    ]  # fmt: skip
    assert [r["origin"] for r in rows][1] == "p260_075"
    manifest = read_manifest(tmp_path / "out/manifest.parquet")
    found = compare(manifest, published_counts("codecfake-plus", tmp_path, {}))
    train = {tuple(i.of.items())[-1]: (i.utterances, i.published_utterances) for i in found if i.of["split"] == "train"}
    assert train["dec", "Time"] == (1, 21_483)
    assert train["dec", "Freq"] == (0, 21_482)
    assert train["role", "cors"] == (1, 42_965)


def test_balanced_folder_with_several_sets_asks_which(tmp_path: Path) -> None:
    for suffix in ("", "_bal_vq"):
        write(tmp_path / f"train_mult_learn{suffix}.txt", BALANCED["train"])
    with pytest.raises(RequestError, match="holds balanced-aux, balanced-vq; say which: --option kind=balanced-aux"):
        open_corpus("codecfake-plus", tmp_path)
    assert len(list(open_corpus("codecfake-plus", tmp_path, kind="balanced-vq").rows)) == 2
    sets = published_counts("codecfake-plus", tmp_path, {"kind": "balanced-vq"})
    assert [item.files for item in sets] == [("train_mult_learn_bal_vq.txt",)]
    with pytest.raises(RequestError, match="none of train, dev and test"):
        open_corpus("codecfake-plus", tmp_path, kind="balanced-dec")


@pytest.mark.parametrize("text", [CORS_LABELS, COSG_LABELS, CORS_ALL, COSG_ALL, COSG_SEEN, BALANCED["dev"]])
def test_file_of_another_name_is_recognised_by_its_shape(tmp_path: Path, text: str) -> None:
    proper = {
        CORS_LABELS: "CoRS_labels.txt",
        COSG_LABELS: "CoSG_labels.txt",
        CORS_ALL: "CoRS_ALL.txt",
        COSG_ALL: "CoSG_ALL.txt",
        COSG_SEEN: "CoSG_SEEN.txt",
        BALANCED["dev"]: "dev_mult_learn.txt",
    }[text]
    rows = list(open_corpus("codecfake-plus", write(tmp_path / proper, text)).rows)
    assert rows
    shutil.copy(tmp_path / proper, tmp_path / "mine.list")
    assert list(open_corpus("codecfake-plus", tmp_path / "mine.list").rows) == rows


def test_audio_is_looked_for_where_the_release_has_it(tmp_path: Path) -> None:
    cors, cosg = write(tmp_path / "CoRS_ALL.txt", CORS_ALL), write(tmp_path / "CoSG_ALL.txt", COSG_ALL)
    root = tmp_path / "CodecFake+"
    for folder in ("all_data_16k", "SLMdemos_16k"):
        (root / folder).mkdir(parents=True)
    row = next(iter(open_corpus("codecfake-plus", cors, root=str(root)).rows))
    assert row.path == "all_data_16k/p227_260_snac_24khz.wav"
    row = next(iter(open_corpus("codecfake-plus", cosg, root=str(root)).rows))
    assert row == ProtocolRow(
        "VIOLA/audios_entts_ref_14", "SLMdemos_16k/VIOLA/audios_entts_ref_14.wav", source="codecfake-plus/viola", line=1
    )
    corpus = open_corpus("codecfake-plus", cors, layout="{codec}/{speaker}/{stem}.flac")
    assert next(iter(corpus.rows)).path == "snac_24khz/p227/p227_260_snac_24khz.flac"


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("CoRS_labels.txt", "p1 p1_1_DAC25.wav spoof", r":2: unknown codec tag 'DAC25'; did you mean 'DAC24'"),
        (
            "CoRS_labels.txt",
            "p1 p1_1_DAC24.wav bonafide",
            r":2: 'p1_1_DAC24.wav' names the codec 'DAC24', but its label",
        ),
        ("CoRS_labels.txt", "p1 p1_1.wav spoof", r":2: 'p1_1.wav' names no codec, but its label is 'spoof'"),
        ("CoRS_labels.txt", "p2 p1_1.wav bonafide", r":2: 'p1_1.wav' does not begin with its speaker 'p2'"),
        ("CoRS_labels.txt", "p1 p1_1.wav", r":2: 2 fields; a line of cors has 3"),
        ("CoRS_labels.txt", "p1 p1_1.wav bona", r":2: unknown key 'bona'"),
        ("CoSG_ALL.txt", "NEW clip - spoof", r":2: unknown codec tag 'new'"),
        (
            "CoSG_labels.txt",
            "NEW clip Mvq Sim Time spoof",
            r":2: unknown auxiliary 'Sim'\. Choices: disent, none, sem, trad",
        ),
    ],
)
def test_line_that_is_wrong_is_named(tmp_path: Path, name: str, line: str, said: str) -> None:
    good = {"CoRS_labels.txt": CORS_LABELS, "CoSG_ALL.txt": COSG_ALL, "CoSG_labels.txt": COSG_LABELS}[name]
    path = write(tmp_path / name, good.splitlines()[1] + "\n" + line)
    with pytest.raises(RequestError, match=said):
        list(open_corpus("codecfake-plus", path).rows)


def test_unknown_tag_is_kept_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "CoRS_labels.txt", "p1 p1_1_DAC_25.wav spoof")
    assert [row.codec for row in open_corpus("codecfake-plus", path, unknown_codecs="keep").rows] == ["DAC_25"]


def test_file_of_no_kind_and_kind_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "a b")
    with pytest.raises(RequestError, match=r"list\.txt:1: 2 fields, as no file of CodecFake\+ has; kinds: cors"):
        open_corpus("codecfake-plus", path)
    with pytest.raises(RequestError, match=r"unknown kind of CodecFake\+ file 'corss'; did you mean 'cors'"):
        open_corpus("codecfake-plus", path, kind="corss")
    with pytest.raises(RequestError, match="there is nothing"):
        open_corpus("codecfake-plus", tmp_path / "absent.txt")


def test_published_cosg_adds_up_to_the_trials_of_the_release(tmp_path: Path) -> None:
    (one,) = published_counts("codecfake-plus", tmp_path / "CoSG_labels.txt", {})
    spoof = [count.utterances or 0 for count in one.counts if count.attack]
    bonafide = [count.utterances or 0 for count in one.counts if count.source]
    assert (len(spoof), sum(spoof), sum(bonafide)) == (17, 931, 866)
