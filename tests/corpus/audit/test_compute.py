"""The audit of manifests made by hand: groups, shortcuts beyond chance, repeated audio, and promises about speakers."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from grid.core.errors import RequestError
from grid.corpus.audit.compute import AuditedCorpus, audit
from grid.corpus.audit.features import AUDIO_DIGEST, FEATURES_SCHEMA
from grid.corpus.audit.results import Audit
from grid.corpus.manifest import Utterance, to_table

SPOOF = {"key": "spoof", "attack": "a"}


def utterance(name: str, split: str = "train", **fields: object) -> Utterance:
    plain = Utterance(
        utterance_id=name,
        speaker=f"{split}-{name[-1]}",
        split=split,
        key="bonafide",
        attack="",
        codec="",
        origin=name,
        source="",
        path=f"{name}.wav",
        seconds=1.0,
        samples=16_000,
        sample_rate=16_000,
        channels=1,
        sha256=f"file-{name}",
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def corpus(*rows: Utterance, name: str = "c", **fields: object) -> AuditedCorpus:
    manifest = to_table(sorted(rows, key=lambda row: row.utterance_id))
    return AuditedCorpus(name, manifest, **fields)  # type: ignore[arg-type]


def with_features(of: AuditedCorpus, **values: list[float] | list[str]) -> AuditedCorpus:
    """`of` with these features, one value a row; a constant for all others, and audio of its own for each row."""
    ids = of.manifest["utterance_id"].to_pylist()
    constant: dict[str, list[float] | list[str]] = {name: [1.0] * len(ids) for name in FEATURES_SCHEMA.names[2:]}
    columns = {"utterance_id": ids, AUDIO_DIGEST: [f"audio-{name}" for name in ids]} | constant | values
    return replace(of, features=pa.table(columns, schema=FEATURES_SCHEMA))


def eers(found: Audit) -> dict[tuple[str, str, str], float]:
    return {(item.split, item.kind, item.number): item.separation.eer for item in found.shortcuts}


def test_groups_count_files_by_class_and_split() -> None:
    found = audit(
        [
            corpus(
                utterance("a0"),
                utterance("a1", sample_rate=48_000, samples=32_000),
                utterance("b0", **SPOOF),
                utterance("c0", codec="mu-law"),
                utterance("d0", codec="mu-law", pending=True),
            )
        ]
    )
    assert [(group.split, group.kind, group.utterances, group.speakers) for group in found.groups] == [
        ("train", "bonafide", 2, 2),
        ("train", "spoof", 1, 1),
        ("train", "cors", 1, 1),
    ]
    recorded = found.groups[0]
    assert recorded.rates == {16_000: 1, 48_000: 1}
    assert recorded.hours == pytest.approx(3 / 3600)
    duration = recorded.spreads["duration"]
    assert (duration.lower, duration.median, duration.upper) == (1.25, 1.5, 1.75)
    assert set(recorded.spreads) == {"sampling rate", "duration"}
    assert found.unmeasured == ("c",)


def test_a_number_that_tells_many_utterances_apart_is_warned_of_and_few_are_not() -> None:
    def split_of(count: int, split: str) -> list[Utterance]:
        generated = [utterance(f"{split}-b{n}", split, sample_rate=24_000, **SPOOF) for n in range(count)]
        return [*(utterance(f"{split}-a{n}", split) for n in range(count)), *generated]

    found = audit([corpus(*split_of(30, "train"), *split_of(5, "test"))])
    assert eers(found) == {
        ("train", "spoof", "sampling rate"): 0.0,
        ("train", "spoof", "duration"): 0.5,
        ("test", "spoof", "sampling rate"): 0.0,
        ("test", "spoof", "duration"): 0.5,
    }
    assert found.warnings() == (
        "in train, sampling rate (EER 0.0 %, higher in spoof) alone tells bona fide from spoof",
    )


def test_cors_are_compared_with_recordings_and_not_taken_for_one_of_the_classes() -> None:
    rows = [utterance(f"a{n}") for n in range(30)] + [utterance(f"c{n}", codec="gsm-06.10") for n in range(30)]
    found = audit([with_features(corpus(*rows), bandwidth=[8.0] * 30 + [4.0] * 30)])
    assert eers(found)["train", "cors", "bandwidth"] == 0.0
    assert found.warnings() == ("in train, bandwidth (EER 0.0 %, higher in bona fide) alone tells bona fide from CoRS",)
    assert audit([with_features(replace(corpus(*rows), with_cors=False))]).shortcuts == ()


def test_corpora_are_pooled_and_measured_only_where_all_of_them_are() -> None:
    recorded = with_features(corpus(*(utterance(f"a{n}") for n in range(30)), name="r"), level=[-20.0] * 30)
    generated = corpus(*(utterance(f"b{n}", **SPOOF) for n in range(30)), name="g")
    both = audit([recorded, with_features(generated, level=[-30.0] * 30)])
    assert eers(both)["train", "spoof", "level"] == 0.0
    half = audit([recorded, generated])
    assert half.unmeasured == ("g",)
    assert {number for _, _, number in eers(half)} == {"sampling rate", "duration"}


def test_repeated_audio_is_found_by_samples_and_without_them_by_the_bytes_of_the_file() -> None:
    rows = [utterance("a0"), utterance("a1"), utterance("b0", "test"), utterance("b1", "test", sha256="file-a1")]
    by_bytes = audit([corpus(*rows)])
    assert [(group.split, group.repeated) for group in by_bytes.groups] == [("train", 1), ("test", 1)]
    by_samples = audit([with_features(corpus(*rows), **{AUDIO_DIGEST: ["x", "y", "x", "z"]})])
    assert [(group.split, group.repeated) for group in by_samples.groups] == [("train", 1), ("test", 1)]
    assert by_samples.warnings() == (
        "the same audio is in more than one split: train bona fide 1 of 2, test bona fide 1 of 2",
    )
    within = audit([with_features(corpus(*rows), **{AUDIO_DIGEST: ["x", "x", "y", "z"]})])
    assert within.warnings() == ()


def test_shared_speakers_are_shown_and_warned_of_only_against_a_promise() -> None:
    rows = [
        utterance("a0", speaker="p1"),
        utterance("a1", speaker=""),
        utterance("b0", "test", speaker="p1"),
        utterance("b1", "test", speaker=""),
    ]
    free = audit([corpus(*rows)])
    assert [group.of_shared_speakers for group in free.groups] == [1, 1]
    assert [(shared.corpus, shared.speakers) for shared in free.shared_speakers] == [("c", ("p1",))]
    assert free.warnings() == ()
    promised = audit([corpus(*rows, disjoint_speakers="A. Author (2020)")])
    assert promised.warnings() == (
        "c: 1 speakers are in more than one split, such as p1; A. Author (2020) has each in one",
    )
    # a name in two corpora is two speakers, and a split that is not used shares none
    assert audit([corpus(rows[0], name="x"), corpus(rows[2], name="y")]).shared_speakers == ()
    assert audit([corpus(*rows, splits=("test",))]).shared_speakers == ()


def test_an_audit_of_nothing_and_of_features_of_other_rows_is_refused() -> None:
    with pytest.raises(RequestError, match="no utterance to audit in c"):
        audit([corpus(utterance("a0"), splits=("dev",))])
    other = with_features(corpus(utterance("a1"))).features
    with pytest.raises(ValueError, match="features of c are of other utterances"):
        audit([corpus(utterance("a0"), features=other)])
