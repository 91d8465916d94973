"""The text of a report besides its numbers: stand-ins by name, evaluations in words, facts in order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from grid.config.experiment import Experiment
from grid.config.yaml_file import config_folder
from grid.corpus.holdings import CorpusFacts
from grid.experiment.grid import load_experiment
from grid.report.about import About, describe, left_out, natively_coded, provenance, random_encoders, stand_ins
from grid.resynthesis.plan import plan_render
from grid.resynthesis.rendition import Chain, Rendition
from tests.support.made_up_results import full_grid
from tests.support.tiny_grid import render, tiny


@pytest.fixture(scope="module")
def demo() -> Experiment:
    return load_experiment(str(config_folder() / "demo.yaml"))[0]


def test_stand_ins_of_the_demo_names_the_sample_and_the_vocoder(demo: Experiment) -> None:
    corpus, attacks = stand_ins(demo)
    assert "synthetic speech" in corpus
    assert "world: voice conversion with the WORLD vocoder" in attacks
    assert "stand for CoSG" in attacks


def test_stand_ins_corpus_with_its_own_attacks_has_none(demo: Experiment) -> None:
    corpus = demo.corpora[0].model_copy(update={"path": "asvspoof5"})
    assert stand_ins(demo.model_copy(update={"corpora": (corpus,), "attacks": ()})) == ()


def test_describe_names_each_accepted_licence_of_a_codec_that_is_used(demo: Experiment) -> None:
    accepted = ("audiodec-24khz", "xcodec2")  # the second is accepted, and not used
    experiment = demo.model_copy(update={"accept_licence": accepted, "evaluation_codecs": ("audiodec-24khz",)})
    said = set(describe(experiment).stand_ins) - set(describe(demo).stand_ins)
    assert said == {"Accepted licences of codecs, not for every use: audiodec-24khz (CC-BY-NC-4.0 (code and models))."}


def test_describe_evaluations_in_words(demo: Experiment) -> None:
    about = describe(demo, command="c", commit="d")
    assert dict(about.evaluations)["T-CoRS"] == (
        "bona fide: recordings resynthesised by a codec (CoRS); spoof: attacks through a codec (CoSG)"
    )
    assert (about.cross_testing, about.command, about.commit) == ("CoRS-spoof", "c", "d")


def test_provenance_counts_cells_and_leaves_out_what_is_unknown() -> None:
    results = full_grid()
    assert provenance(results, About()) == (
        ("experiment", "made-up"),
        ("cells", "52: 45 done, 3 failed, 2 missing, 2 running"),
    )
    words = [word for word, _ in provenance(results, dataclasses.replace(About(), command="c", commit="d"))]
    assert words == ["experiment", "cells", "command", "commit"]


def test_provenance_names_the_codecs_that_got_recordings_from_their_own_rates() -> None:
    codec = {"name": "dac-24khz", "native_rate": 24_000}
    facts = [CorpusFacts("vctk", "0" * 16, (), (48_000,)), CorpusFacts("narrow", "1" * 16, (), (16_000,))]
    renditions = [Rendition(corpus, Chain("", "dac-24khz"), None, codec, seed=0) for corpus in facts]
    found = natively_coded(renditions)
    assert found == (("vctk", ("dac-24khz",)),)
    said = provenance(full_grid(), About(natively_coded=found))
    assert ("recordings of vctk coded from their files' own rates by", "dac-24khz") in said


def test_detectors_with_a_random_encoder_are_told() -> None:
    experiment, _ = load_experiment(config_folder() / "cdd_miniature.yaml")
    (said,) = random_encoders(experiment)
    assert said.startswith("The speech encoder of x-aasist-tiny and lwbn-tiny has random weights")
    assert said in describe(experiment).stand_ins


def test_detectors_without_a_random_encoder_are_not_mentioned(demo: Experiment) -> None:
    assert random_encoders(demo) == ()


def test_utterances_that_could_not_be_made_are_counted_and_their_file_is_named(tmp_path: Path) -> None:
    evaluations = {"raw": {"bonafide": "raw", "spoof": "attack"}}
    made = tiny(tmp_path, evaluations=evaluations, grid={"policies": ["none"]}, shortcut_controls={})
    click = np.zeros(4800, np.float32)
    click[100] = 0.9
    soundfile.write(tmp_path / "corpus" / "test-s0-u0.wav", click, 16_000)
    corpus, grid = made.corpus(), made.grid
    for rendition in grid.renditions:
        render(made.store, rendition, plan_render(made.store, rendition, corpus), max_failed_share=0.5)
    (said,) = left_out(made.store, grid.renditions)
    assert said.startswith("1 of 8 utterances of equal-level of corpus tiny could not be made, and no training or test")
    (failure,) = pq.read_table(Path(said.rpartition(": ")[2].removesuffix("."))).to_pylist()
    assert failure["utterance_id"] == "test-s0-u0~equal-level"
    assert "above full scale" in failure["error"]


def test_rows_that_were_rejected_at_the_import_are_counted_and_their_file_is_named(tmp_path: Path) -> None:
    source = {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv", "max_rejected_share": 0.5}
    made = tiny(tmp_path, corpora=[source])
    (tmp_path / "corpus" / "train-s0-u0.wav").write_bytes(b"no audio")
    made.corpus()
    (said,) = left_out(made.store, made.grid.renditions)
    assert said.startswith("1 of 24 rows of corpus tiny were rejected at its import: ")
    assert Path(said.rpartition(": ")[2].removesuffix(".")).is_file()
