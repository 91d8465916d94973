"""The polishing stage: it trains the decoder alone, resumes after a kill, and shares its first stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from grid.codec_training.progress import STATE, HistoryLine
from grid.codec_training.speech import TrainingSpeech
from grid.codec_training.stage import PolishingStage
from grid.codec_training.training import WEIGHTS, first_folder, train_codec, training_folder
from grid.codecs.controlled.network import load_codec
from grid.codecs.controlled.spec import CodecSpec, Polish
from grid.core.store import Store
from grid.corpus.importing import ImportedCorpus
from tests.support.tiny_codecs import TRAINING, corpus, spec

POLISH: dict[str, Any] = TRAINING | {"steps": 4, "moments": 3.0}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> ImportedCorpus:
    return corpus(tmp_path_factory.mktemp("speech"))


def polished(**changes: Any) -> CodecSpec:
    return spec("single", "disentangled", "frequency", polish=POLISH | changes)


def test_codes_stay_and_only_what_comes_after_them_moves(speech: ImportedCorpus, tmp_path: Path) -> None:
    store, member = Store.open(tmp_path), polished()
    record = train_codec(member, speech, store)
    train = TrainingSpeech(speech, "train")
    before, _ = load_codec(store.local(f"{first_folder(member, train)}/{WEIGHTS}"))
    after, _ = load_codec(store.local(f"{training_folder(member, train)}/{WEIGHTS}"))
    moved = {name for name, value in after.state_dict().items() if not torch.equal(value, before.state_dict()[name])}
    assert {name.split(".")[0] for name in moved} == {"widen", "decoder", "head", "utterance"}
    assert {name for name in moved if name.startswith("utterance")} <= {
        "utterance.modulation.weight",
        "utterance.modulation.bias",
    }
    samples = torch.from_numpy(train.waveform(0))[None, :3200]
    assert torch.equal(before.encode(samples)[0], after.encode(samples)[0])
    assert record.results["steps"] == 10
    assert record.results["last"]["step"] == 10


@pytest.mark.slow
def test_stopped_polishing_goes_on_and_ends_with_the_same_weights(
    speech: ImportedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, stopped, member = Store.open(tmp_path / "straight"), Store.open(tmp_path / "stopped"), polished()
    train_codec(member, speech, straight)
    folder = training_folder(member, TrainingSpeech(speech, "train"))
    step = PolishingStage.step

    def once(stage: PolishingStage) -> None:
        if stage.parts.progress.step == 3:  # the state of step 2 is saved
            raise KeyboardInterrupt
        step(stage)

    monkeypatch.setattr(PolishingStage, "step", once)
    with pytest.raises(KeyboardInterrupt):
        train_codec(member, speech, stopped)
    monkeypatch.setattr(PolishingStage, "step", step)
    assert stopped.exists(f"{folder}/{STATE}")
    lines: list[HistoryLine] = []
    train_codec(member, speech, stopped, lambda _, line: lines.append(line))
    assert [line.step for line in lines] == [9, 10]  # and none of the first stage again
    assert stopped.read_bytes(f"{folder}/{WEIGHTS}") == straight.read_bytes(f"{folder}/{WEIGHTS}")


@pytest.mark.slow
def test_recipes_that_differ_in_polishing_alone_share_the_first_stage(speech: ImportedCorpus, tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    records = [train_codec(polished(**changes), speech, store) for changes in ({}, {"moments": 1.0})]
    assert len({record.outputs[WEIGHTS] for record in records}) == 2
    assert len(store.names("small_codecs")) == 3


@pytest.mark.slow
def test_polishing_brings_the_moments_closer(speech: ImportedCorpus, tmp_path: Path) -> None:
    lines: list[HistoryLine] = []
    member = spec(polish=POLISH | {"steps": 60, "report_every": 20, "save_every": 60})
    train_codec(member, speech, Store.open(tmp_path), lambda _, line: lines.append(line))
    first = [line for line in lines if line.step <= 6]
    later = [line for line in lines if line.step > 6]
    assert {line.moments for line in first} == {0.0}
    assert [line.step for line in later] == [26, 46, 66]
    assert later[-1].moments < later[0].moments


def test_polish_needs_its_weight() -> None:
    with pytest.raises(ValueError, match="moments"):
        Polish.model_validate(TRAINING)
