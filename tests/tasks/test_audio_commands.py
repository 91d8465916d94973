"""Tests of the commands on audio files: `score` against published logits, `resynth`, `import`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import model_bytes
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import SAMPLE_RATE, tiny, waveform, write_corpus


@pytest.fixture(scope="module")
def golden(shared_weights: Path, shared_speech: Path) -> dict[str, tuple[Path, float]]:
    """Three utterances: their file and the bona fide logit of the official AASIST (weights/aasist)."""
    with (shared_speech / "protocol.csv").open() as stream:
        paths = {row["utterance_id"]: shared_speech / row["path"] for row in csv.DictReader(stream)}
    with (shared_weights / "aasist" / "golden_scores.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["model"] == "AASIST"][:3]
    return {row["utterance_id"]: (paths[row["utterance_id"]], float(row["logit_bonafide"])) for row in rows}


def read_scores(path: Path) -> dict[str, float]:
    with path.open() as stream:
        reader = csv.DictReader(stream)
        assert reader.fieldnames == ["utterance_id", "score"]
        return {row["utterance_id"]: float(row["score"]) for row in reader}


@pytest.mark.parametrize("by_protocol", [True, False])
@pytest.mark.slow
def test_score_with_the_official_aasist_gives_its_published_logits(
    golden: dict[str, tuple[Path, float]],
    shared_weights: Path,
    tmp_path: Path,
    by_protocol: bool,
) -> None:
    protocol = tmp_path / "protocol.csv"
    protocol.write_text("utterance_id,path\n" + "".join(f"{name},{path}\n" for name, (path, _) in golden.items()))
    given = ["--protocol", protocol] if by_protocol else [path for path, _ in golden.values()]
    weights = shared_weights / "aasist" / "AASIST.pth"
    options = ("--detector", "aasist", "--weights", weights, "--out", tmp_path / "made" / "scores.csv")
    ended = codecgrid("score", *options, *given)
    assert (ended.status, ended.err) == (0, "")
    found = read_scores(tmp_path / "made" / "scores.csv")
    assert list(found) == list(golden)
    assert found == pytest.approx({name: logit for name, (_, logit) in golden.items()}, abs=1e-4)


def test_score_of_ids_that_are_formulas_puts_a_quote_in_front(tmp_path: Path) -> None:
    protocol = write_corpus(tmp_path / "corpus", speakers=1, utterances=1)
    protocol.write_text("utterance_id,path\n=1+1,test-s0-u0.wav\n-a,test-s0-u0.wav\n-1,test-s0-u0.wav\n")
    weights, scores = tmp_path / "w.safetensors", tmp_path / "scores.csv"
    weights.write_bytes(model_bytes(build_detector(load_detector_spec("aasist-tiny"), seed=0)))
    options = ("--detector", "aasist-tiny", "--weights", weights, "--out", scores, "--protocol", protocol)
    assert codecgrid("score", *options).status == 0
    assert list(read_scores(scores)) == ["'=1+1", "'-a", "-1"]


def test_score_of_weights_that_do_not_fit_ends_with_two(shared_weights: Path, tmp_path: Path) -> None:
    options = ("--weights", shared_weights / "aasist" / "AASIST.pth", "--out", tmp_path / "scores.csv")
    write_corpus(tmp_path / "corpus", speakers=1, utterances=1)
    audio = tmp_path / "corpus" / "test-s0-u0.wav"
    assert codecgrid("score", "--detector", "aasist-l", *options, audio).status == 2
    missing = codecgrid("score", "--detector", "aasist", *options, tmp_path / "none.wav")
    assert missing.status == 2
    assert "none.wav" in missing.err
    assert codecgrid("score", "--detector", "aasist", *options).status == 2
    assert not (tmp_path / "scores.csv").exists()


def test_score_that_is_not_finite_ends_with_two_and_names_the_utterance(tmp_path: Path) -> None:
    detector = build_detector(load_detector_spec("aasist-tiny"), seed=0)
    with torch.no_grad():
        detector.backend.out_layer.weight[1, 0] = float("nan")
    (tmp_path / "nan.safetensors").write_bytes(model_bytes(detector))
    write_corpus(tmp_path / "corpus", speakers=1, utterances=1)
    options = ("--detector", "aasist-tiny", "--weights", tmp_path / "nan.safetensors", "--out", tmp_path / "scores.csv")
    ended = codecgrid("score", *options, tmp_path / "corpus" / "test-s0-u0.wav")
    assert ended.status == 2
    assert "the score of utterance 'test-s0-u0' is nan; 1 of 1 scores are not finite" in " ".join(ended.err.split())
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_resynth_from_any_rate_gives_sixteen_kilohertz_of_the_same_length(tmp_path: Path, rate: int) -> None:
    source, target = tmp_path / "in.flac", tmp_path / "out.wav"
    soundfile.write(source, waveform("tone", 120.0, rate), rate)  # one second
    ended = codecgrid("resynth", "gsm-06.10", source, target)
    assert ended.status == 0
    information = soundfile.info(target)
    assert (information.samplerate, information.frames, information.channels) == (SAMPLE_RATE, 16_000, 1)
    assert np.abs(soundfile.read(target)[0]).max() > 0.05


def test_resynth_of_what_is_not_there_ends_with_two(tmp_path: Path) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    missing = codecgrid("resynth", "mu-law", source, target)
    assert (missing.status, target.exists()) == (2, False)
    assert "in.wav" in missing.err
    soundfile.write(source, waveform("tone", 120.0, 4800), SAMPLE_RATE)
    assert codecgrid("resynth", "mulaw", source, target).err.count("did you mean 'mu-law'?") == 1
    nowhere = codecgrid("resynth", "mu-law", source, tmp_path / "no" / "out.wav")
    assert nowhere.status == 2
    assert "cannot write" in nowhere.err


def test_import_with_a_bad_row_keeps_the_others_up_to_the_share(tmp_path: Path) -> None:
    protocol = write_corpus(tmp_path / "small", speakers=1, utterances=2)
    (tmp_path / "small" / "dev-s0-u1.wav").unlink()
    options = ("import", "csv", protocol, "--root", tmp_path / "results", "--json")
    refused = codecgrid(*options)
    assert refused.status == 2
    assert "dev-s0-u1" in refused.err
    assert refused.out == ""
    made = codecgrid(*options, "--max-rejected-share", "0.1").json
    assert (made["name"], made["utterances"], made["rejected"]) == ("small", 11, 1)
    assert {(row["split"], row["key"]): row["utterances"] for row in made["splits"]} == {
        ("train", "bonafide"): 2,
        ("train", "spoof"): 2,
        ("dev", "bonafide"): 1,
        ("dev", "spoof"): 2,
        ("test", "bonafide"): 2,
        ("test", "spoof"): 2,
    }


def test_import_of_an_unknown_kind_ends_with_two(tmp_path: Path) -> None:
    ended = codecgrid("import", "cvs", tmp_path, "--root", tmp_path / "results")
    assert ended.status == 2
    assert "did you mean 'csv'?" in ended.err
    wrong = codecgrid("import", "csv", tmp_path, "--root", tmp_path / "results", "--option", "split")
    assert "write it as KEY=VALUE" in wrong.err


@pytest.mark.slow
def test_doctor_names_what_it_looked_at(tmp_path: Path) -> None:
    found = codecgrid("doctor", "--root", tmp_path, "--json")
    assert found.status == 0
    assert [row["what"] for row in found.json] == [
        "Python",
        "packages",
        "GPU",
        "memory",
        "root",
        "Ray token",
        "codecs",
    ]
    assert {row["what"] for row in found.json if row["mend"]} <= {"memory", "root", "Ray token"}


@pytest.mark.slow
def test_doctor_of_an_experiment_has_the_faults_that_a_run_is_refused_for(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["xcodec2"], "policies": ["spoof"]}, corpora=[{"name": "vctk"}])
    where = (made.config, "--root", made.store.root)
    found = codecgrid("doctor", *where, "--json").json
    lacking = {
        (row["what"].removeprefix("tiny, "), row["found"], row["mend"]) for row in found if "tiny" in row["what"]
    }
    planned = codecgrid("plan", *where, "--json").json["faults"]
    assert lacking == {(fault["cause"], fault["what"], fault["mend"]) for fault in planned}
    assert {cause for cause, _, _ in lacking} >= {"corpora", "licences"}
    refused = codecgrid("run", *where).err
    assert all(what in refused for _, what, _ in lacking)
