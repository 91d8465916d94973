"""Shortcut controls: what they take away, what they leave, and their renditions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.vocabulary import CONTROLS as NAMES
from grid.corpus.manifest import read_manifest
from grid.resynthesis.controls import CONTROLS, ControlLink, cut_silence, equal_level, low_pass
from grid.resynthesis.rendition import Chain, chain_name_of
from grid.resynthesis.rendition_audio import RenditionAudio
from tests.support.tiny_grid import tiny

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.1) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def level(waveform: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))))


def test_there_is_a_function_for_every_word() -> None:
    assert tuple(CONTROLS) == NAMES


def test_silence_is_cut_at_both_ends_and_kept_inside() -> None:
    quiet = np.zeros(4000, np.float32)
    speech = np.concatenate([tone(200, 0.5), quiet, tone(200, 0.5)])
    noise = (1e-5 * np.random.default_rng(0).standard_normal(4800)).astype(np.float32)
    found = cut_silence(np.concatenate([noise, speech, noise]))
    assert np.array_equal(found, speech)


def test_low_pass_keeps_3_5_khz_and_removes_4_khz_without_delay() -> None:
    middle = slice(2000, -2000)
    assert level(low_pass(tone(3500))[middle]) == pytest.approx(level(tone(3500)), abs=0.01)
    assert level(low_pass(tone(4000))[middle]) < level(tone(4000)) - 78
    assert np.allclose(low_pass(tone(1000))[middle], tone(1000)[middle], atol=1e-5)


@pytest.mark.parametrize("amplitude", [0.001, 0.1, 0.9])
def test_level_is_the_same_for_all(amplitude: float) -> None:
    assert level(equal_level(tone(300, amplitude=amplitude))) == pytest.approx(-30, abs=1e-4)


def test_what_cannot_be_controlled_is_an_error_that_says_why() -> None:
    click = np.zeros(64_000, np.float32)
    click[100] = 0.5
    with pytest.raises(RequestError, match=r"at -30 dBFS \(RMS\) its peak would be 8.00, above full scale"):
        equal_level(click)
    for control in (cut_silence, equal_level):
        with pytest.raises(RequestError, match="it is silent"):
            control(np.zeros(1600, np.float32))


def test_utterances_of_any_length_are_controlled_one_by_one() -> None:
    waves = [tone(300, 0.3), tone(300, 0.7)]
    found = ControlLink("equal-level").each(waves, ["a", "b"])
    assert [len(wave) for wave in found] == [len(wave) for wave in waves]


# --- renditions


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = tiny(
        tmp_path_factory.mktemp("controls"),
        attacks=[{"name": "own", "through": "selection", "trained": False}],
        grid={"selections": ["mu-law"], "policies": ["none"]},
        evaluations={"T-CoSG": {"bonafide": "raw", "spoof": "cosg"}, "T-CoRS": {"bonafide": "cors", "spoof": "cosg"}},
        shortcut_controls={"evaluations": ["T-CoSG"], "controls": ["low-pass-4khz", "silence-cut"]},
    )
    return made, made.rendered()


def test_each_control_follows_each_chain_of_its_evaluations(rendered: Any) -> None:
    _, grid = rendered
    (cell,) = grid.cells
    assert [chain_name_of(folder) for folder in cell.scored] == ["raw", "own~mu-law", "mu-law"]
    assert [chain_name_of(folder) for folder in cell.probed] == [
        "low-pass-4khz",
        "own~mu-law~low-pass-4khz",
        "silence-cut",
        "own~mu-law~silence-cut",
    ]


def test_a_controlled_rendition_has_the_test_split_alone_with_its_labels(rendered: Any) -> None:
    made, grid = rendered
    for chain in (Chain(), Chain("own", "mu-law")):
        before, after = (
            read_manifest(made.store.local(f"{grid.rendition(grid.corpora[0], each).folder}/manifest.parquet"))
            .to_pandas()
            .query("split == 'test'")
            .sort_values("utterance_id", key=lambda ids: ids.str.removesuffix("~low-pass-4khz"))
            for each in (chain, replace(chain, control="low-pass-4khz"))
        )
        assert list(after["utterance_id"]) == [f"{name}~low-pass-4khz" for name in before["utterance_id"]]
        for column in ("key", "attack", "codec", "speaker", "origin", "samples"):
            assert list(after[column]) == list(before[column]), column


def test_a_controlled_rendition_holds_what_the_control_makes_of_its_parent(rendered: Any) -> None:
    made, grid = rendered
    coded, cut = (
        RenditionAudio(made.store, grid.rendition(grid.corpora[0], chain).folder, "test")
        for chain in (Chain("own", "mu-law"), Chain("own", "mu-law", "silence-cut"))
    )
    for row, name in enumerate(coded.ids):
        expected = cut_silence(coded.waveform(row))
        found = cut.waveform(cut.ids.index(f"{name}~silence-cut"))
        assert np.abs(found - expected).max() <= 1 / 32768


def test_the_id_follows_parent_and_control(rendered: Any) -> None:
    _, grid = rendered
    raw = grid.rendition(grid.corpora[0], Chain(control="low-pass-4khz"))
    others = [
        replace(raw, chain=Chain(control="silence-cut")),
        replace(raw, corpus=replace(raw.corpus, manifest_digest="0" * 16)),
        grid.rendition(grid.corpora[0], Chain("own", "mu-law", "low-pass-4khz")),
    ]
    assert len({raw.id, *(other.id for other in others)}) == 4


def test_an_unknown_evaluation_is_refused(tmp_path: Path) -> None:
    made = tiny(tmp_path, shortcut_controls={"evaluations": ["Tests"]})
    with pytest.raises(RequestError, match=r"evaluation 'Tests' is none of raw, cors"):
        _ = made.grid
