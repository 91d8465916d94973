"""Training of small codecs: a resumed one is bit-equal to an uninterrupted one; every kind of member learns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codec_training.progress import STATE, HistoryLine
from grid.codec_training.speech import TrainingSpeech
from grid.codec_training.stage import FirstStage
from grid.codec_training.training import HISTORY, WEIGHTS, train_codec, training_folder
from grid.codecs.controlled.network import load_codec
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.store import Store
from grid.corpus.importing import ImportedCorpus
from tests.support.damage import flip_bit
from tests.support.tiny_codecs import corpus, spec

KILLED = """
import os, signal, sys
import torch
from grid.corpus.importing import open_imported
from grid.codecs.controlled.spec import CodecSpec
from grid.codec_training.stage import Stage
from grid.codec_training.training import train_codec
from grid.core.store import Store

torch.set_num_threads(1)
step, steps = Stage.step, 0

def counted(run):
    global steps
    step(run)
    steps += 1
    if steps == 5:  # the state of step 4 is saved, step 5 is lost
        os.kill(os.getpid(), signal.SIGKILL)

Stage.step = counted
train_codec(CodecSpec.model_validate_json(sys.argv[1]), open_imported(sys.argv[2]), Store.open(sys.argv[3]))
"""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def speech_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    corpus(folder)
    return folder / "imported"


@pytest.fixture
def speech(speech_folder: Path) -> ImportedCorpus:
    from grid.corpus.importing import open_imported

    return open_imported(speech_folder)


def folder_of(member: CodecSpec, speech: ImportedCorpus) -> str:
    return training_folder(member, TrainingSpeech(speech, "train"))


def untimed(store: Store, folder: str) -> list[dict[str, Any]]:
    lines = store.read_json(f"{folder}/{HISTORY}")["lines"]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def killed_process(member: CodecSpec, speech: ImportedCorpus, speech_folder: Path, store: Store) -> None:
    arguments = [member.model_dump_json(), str(speech_folder), store.root]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


def stopped_here(member: CodecSpec, speech: ImportedCorpus, speech_folder: Path, store: Store) -> None:
    def stop(stage: str, line: HistoryLine) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_codec(member, speech, store, stop)


# a process of its own imports torch, 5 s: it is killed where a state holds most
@pytest.mark.parametrize(
    ("auxiliary", "end"), [("none", stopped_here), ("semantic", stopped_here), ("disentangled", killed_process)]
)
@pytest.mark.slow
def test_ended_training_goes_on_to_the_weights_of_one_never_ended(
    auxiliary: str, end: Callable[..., None], speech: ImportedCorpus, speech_folder: Path, tmp_path: Path
) -> None:
    member = spec(auxiliary=auxiliary)
    folder = folder_of(member, speech)
    straight, ended = Store.open(tmp_path / "straight"), Store.open(tmp_path / "ended")
    train_codec(member, speech, straight)
    end(member, speech, speech_folder, ended)
    assert ended.exists(f"{folder}/{STATE}")
    assert not ended.exists(f"{folder}/{WEIGHTS}")
    train_codec(member, speech, ended)
    assert ended.read_bytes(f"{folder}/{WEIGHTS}") == straight.read_bytes(f"{folder}/{WEIGHTS}")
    assert untimed(ended, folder) == untimed(straight, folder)
    assert not ended.exists(f"{folder}/{STATE}")


@pytest.mark.parametrize(
    ("quantiser", "auxiliary", "decoder"),
    [
        ("residual", "none", "time"),
        ("single", "none", "frequency"),
        ("scalar", "none", "time"),
        ("residual", "semantic", "frequency"),
        ("single", "disentangled", "time"),
    ],
)
@pytest.mark.slow
def test_member_comes_closer_to_its_speech(
    quantiser: str, auxiliary: str, decoder: str, speech: ImportedCorpus, tmp_path: Path
) -> None:
    lines: list[HistoryLine] = []
    member = spec(quantiser, auxiliary, decoder, steps=30, report_every=10, save_every=100)
    record = train_codec(member, speech, Store.open(tmp_path), lambda _, line: lines.append(line))
    assert [line.step for line in lines] == [10, 20, 30]
    assert lines[-1].mel < lines[0].mel
    assert lines[-1].spectrum < lines[0].spectrum
    assert sorted(lines[-1].log_spectral_distance) == ["dev-0", "dev-1"]
    assert record.results["last"] == asdict(lines[-1])


def test_finished_training_is_read_and_not_made_again(speech: ImportedCorpus, tmp_path: Path) -> None:
    store, member = Store.open(tmp_path), spec()
    first = train_codec(member, speech, store)
    lines: list[HistoryLine] = []
    assert train_codec(member, speech, store, lambda _, line: lines.append(line)) == first
    assert lines == []
    assert first.outputs[WEIGHTS] == file_digest(store.uri(f"{folder_of(member, speech)}/{WEIGHTS}"))


@pytest.mark.slow
def test_another_seed_or_speech_is_another_training_with_other_weights(speech: ImportedCorpus, tmp_path: Path) -> None:
    store, other = Store.open(tmp_path / "store"), corpus(tmp_path / "other", speakers=3)
    records = [train_codec(spec(), speech, store), train_codec(spec(seed=1), speech, store)]
    records.append(train_codec(spec(), other, store))
    assert len({record.outputs[WEIGHTS] for record in records}) == 3
    assert len(store.names("small_codecs")) == 3


def test_weights_file_holds_the_running_mean_in_half_precision(speech: ImportedCorpus, tmp_path: Path) -> None:
    store, member = Store.open(tmp_path), spec("single", "disentangled", "frequency")
    train_codec(member, speech, store)
    codec, network = load_codec(store.local(f"{folder_of(member, speech)}/{WEIGHTS}"))
    assert network == member.network
    run = FirstStage(member, TrainingSpeech(speech, "train"), {}, torch.device("cpu"))
    for _ in range(member.training.steps):
        run.step()
    single, half = run.averaged().state_dict(), codec.state_dict()
    for name in ("encoder.analysis.weight", "quantiser.inner._codebook.embed", "head.spectrum.weight"):
        torch.testing.assert_close(half[name], single[name], rtol=1e-3, atol=1e-6)
        assert not torch.equal(half[name], single[name])


def test_disentanglement_of_one_speaker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="at least 2 speakers"):
        train_codec(spec(auxiliary="disentangled"), corpus(tmp_path, speakers=1), Store.open(tmp_path / "store"))


def test_damaged_state_costs_the_steps_and_nothing_else(
    speech: ImportedCorpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    member = spec(steps=4, save_every=2, report_every=2)
    straight = train_codec(member, speech, Store.open(tmp_path / "straight"))
    store, state = Store.open(tmp_path / "damaged"), f"{folder_of(member, speech)}/{STATE}"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_codec(member, speech, store, stop)
    flip_bit(store, state, 0.5)
    record = train_codec(member, speech, store)
    assert record.outputs[WEIGHTS] == straight.outputs[WEIGHTS]
    (warning,) = record.results["warnings"]
    assert "state.pt is damaged" in warning
    assert warning in caplog.text
