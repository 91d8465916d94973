"""Published counts: the imports that a set applies to, and the comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.codecs.catalogue import load_catalogue
from grid.codecs.taxonomy import parse_place, place_of
from grid.core.errors import RequestError
from grid.corpus.codec_tags import codec_of, tags_of
from grid.corpus.manifest import Utterance, to_table
from grid.corpus.published_counts import PublishedCount, PublishedSet, compare, load_published_counts, published_counts
from grid.corpus.readers import READERS


def utterance(name: str, speaker: str, split: str, key: str, attack: str, codec: str) -> Utterance:
    return Utterance(name, speaker, split, key, attack, codec, name, "", f"{name}.wav", 1.0, 16000, 16000, 1, "0")


MANIFEST = to_table(
    [
        utterance("a", "p1", "train", "bonafide", "", ""),
        utterance("b", "p2", "train", "bonafide", "", ""),
        utterance("c", "p1", "train", "bonafide", "", "snac-24khz"),
        utterance("d", "", "test", "spoof", "ns3", "mvq-disent-time"),
    ]
)


def published(*counts: dict[str, object], **changes: object) -> PublishedSet:
    return PublishedSet.model_validate({"reader": "x", "stated_in": "a paper", "counts": counts} | changes)


def test_comparison_of_each_kind_of_count_gives_ours_and_says_which_differ() -> None:
    found = compare(
        MANIFEST,
        [
            published(
                {"utterances": 5},
                {"split": "train", "key": "bonafide", "utterances": 3, "speakers": 2},
                {"role": "raw", "utterances": 2, "speakers": 3},
                {"role": "cors", "speakers": 1},
                {"role": "cosg", "attack": "ns3", "utterances": 1},
                {"qua": "Mvq", "aux": "Disent", "utterances": 1},
                {"codec": "snac-24khz", "dec": "Time", "utterances": 1},
                {"codec": "bigcodec", "utterances": 7},
            )
        ],
    )
    assert [(item.utterances, item.speakers, item.differs) for item in found] == [
        (4, 2, True), (3, 2, False), (2, 2, True), (1, 1, False), (1, 0, False), (1, 0, False), (1, 1, False),
        (0, 0, True),
    ]  # fmt: skip
    assert found[1].of == {"split": "train", "key": "bonafide"}


def test_set_with_files_and_options_is_about_the_imports_that_have_them(tmp_path: Path) -> None:
    (tmp_path / "train_x.txt").touch()
    item = published({"utterances": 1}, files=["train_*.txt"], options={"part": [None, "LA"]})
    assert item.is_about(tmp_path / "train_x.txt", {"part": "LA"})
    assert item.is_about(tmp_path, {"part": None})
    assert not item.is_about(tmp_path / "train_x.txt", {"part": "DF"})
    assert not item.is_about(tmp_path / "dev_x.txt", {})
    assert not item.model_copy(update={"folder": False}).is_about(tmp_path, {"part": None})


def test_attack_of_a_count_is_found_in_upper_and_lower_case() -> None:
    generated = to_table([utterance("m", "p1", "test", "spoof", "MS5", "snac-24khz")])
    for attack in ("MS5", "ms5"):
        (found,) = compare(generated, [published({"attack": attack, "utterances": 1})])
        assert (found.utterances, found.differs, found.of["attack"]) == (1, False, attack)


def counts_of(reader: str) -> dict[tuple[str | None, ...], PublishedCount]:
    (found,) = [item for item in load_published_counts() if item.reader == reader]
    return {(count.split, count.role, count.attack, count.codec): count for count in found.counts}


@pytest.mark.parametrize("reader", ["cdd", "cdd-parquet"])
def test_generators_of_cdd_sum_to_its_cosg_of_each_split(reader: str) -> None:
    counts = counts_of(reader)
    for split, generators in (("train", 4), ("dev", 4), ("test", 6)):
        own = [c.utterances for (s, _, attack, _), c in counts.items() if s == split and attack]
        assert len(own) == generators
        assert sum(filter(None, own)) == counts[split, "cosg", None, None].utterances
    assert {counts["train", "cosg", name, None].utterances for name in ("MS5", "CSM", "OS1", "CV2")} == {3600}
    assert counts["test", "cosg", "LSA", None].utterances == 1193


@pytest.mark.parametrize("reader", ["codecfake", "codecfake-parquet"])
def test_splits_of_codecfake_are_those_of_its_table_2(reader: str) -> None:
    counts = counts_of(reader)
    raw = [counts[split, "raw", None, None] for split in ("train", "dev", "test")]
    assert [(count.utterances, count.speakers) for count in raw] == [(42752, 103), (735, 2), (755, 2)]
    assert sum(count.utterances or 0 for count in raw) == counts[None, "raw", None, None].utterances
    for count, split in zip(raw, ("train", "dev", "test"), strict=True):
        assert counts[split, "cors", None, None].utterances == 15 * (count.utterances or 0)


def test_reader_without_published_counts_has_none(tmp_path: Path) -> None:
    assert published_counts("csv", tmp_path, {}) == []


def test_every_published_set_names_a_reader_and_codecs_that_exist() -> None:
    sets = load_published_counts()
    assert {item.reader for item in sets} <= set(READERS.names())
    known = {*load_catalogue().names(), None}
    counted = {count.codec for item in sets for count in item.counts}
    assert {codec for codec in counted - known if not place_of(str(codec))} == set()


def test_every_tag_leads_to_the_catalogue_or_to_a_place_of_the_taxonomy() -> None:
    known = load_catalogue().names()
    for corpus in ("codecfake", "codecfake-plus", "cosg"):
        names = [name for name in tags_of(corpus).values() if name]
        assert [name for name in names if name not in known and not (corpus == "cosg" and place_of(name))] == []
    letters = {entry.name for entry in load_catalogue() if entry.letters.codecfake_plus}
    assert set(tags_of("codecfake-plus").values()) == letters
    assert set(tags_of("codecfake").values()) - {""} == {e.name for e in load_catalogue() if e.letters.codecfake}


def test_tag_misspelt_by_the_data_has_the_same_codec_as_the_right_spelling() -> None:
    assert codec_of("xocdec_hubert_general_audio", "codecfake-plus", "") == "x-codec-hubert-general"
    assert codec_of("xcodec_hubert_libirispeech", "codecfake-plus", "") == "x-codec-hubert-librispeech"
    assert codec_of("mini", "codecfake-plus", "") == codec_of("mimicodec", "codecfake-plus", "") == "mimi-8cb"


def test_unknown_tag_is_refused_with_its_line_or_kept() -> None:
    with pytest.raises(RequestError, match=r"list:7: unknown codec tag 'DAC25'; did you mean 'DAC24'\?.*=keep"):
        codec_of("DAC25", "codecfake-plus", "list:7")
    assert codec_of("DAC25", "codecfake-plus", "list:7", "keep") == "DAC25"


def test_place_in_any_spelling_has_the_words_of_the_paper() -> None:
    assert parse_place("SQ", "Trad", "FREQ", "") == parse_place("Scq", "None", "Freq", "") == ("Scq", "None", "Freq")
    assert place_of("scq-none-freq") == place_of("spectral-codec-22khz") == ("Scq", "None", "Freq")
    assert place_of("opus-6kbps") is place_of("some-other-name") is place_of("unheard") is None
    with pytest.raises(RequestError, match="line 3: unknown decoder 'REAL'"):
        parse_place("MVQ", "SEM", "REAL", "line 3")
