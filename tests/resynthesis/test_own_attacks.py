"""A corpus's own attacks decoded through codecs: what is rendered, trained on and tested, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from grid.cells.gangs import rendition_counts
from grid.codecs.catalogue import build, load_catalogue
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.manifest import read_manifest
from grid.experiment.grid import Grid, resolve
from grid.experiment.work import Work
from grid.measuring.measure import measure_cell, scored_trials
from grid.resynthesis.rendition import RAW, Chain, Rendition
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.resynthesis.shards import to_pcm16
from grid.run_cell import run_cell
from tests.support.tiny_grid import Tiny, tiny
from tests.support.wideband_codecs import NATIVE_RATE, WIDEBAND, WidebandAdapter, install_wideband_codecs

CODEC, OTHER = "mu-law", "gsm-06.10"
OWN: dict[str, Any] = {"name": "own", "through": "selection", "trained": False}
COSG = {"T-CoSG": {"bonafide": "raw", "spoof": "cosg", "by": ["codec", "attack"]}}
GRID = {"selections": [CODEC, OTHER], "policies": ["none"]}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    made = tiny(tmp_path_factory.mktemp("own"), attacks=[OWN], evaluations=COSG, grid=GRID)
    return made, made.rendered()


def of_chain(grid: Grid, chain: Chain) -> Rendition:
    return grid.rendition(grid.corpora[0], chain)


def table(store: Store, rendition: Rendition) -> pd.DataFrame:
    return read_manifest(store.local(f"{rendition.folder}/manifest.parquet")).to_pandas().set_index("utterance_id")


def test_every_attack_of_the_corpus_goes_through_the_codec_and_keeps_its_labels(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    raw, coded = (table(made.store, of_chain(grid, chain)) for chain in (RAW, Chain("own", CODEC)))
    attacks = raw[raw["attack"] == "buzz"]
    assert set(coded.index) == {f"{name}~{CODEC}" for name in attacks.index}
    assert set(coded["codec"]) == {CODEC}
    for column in ("key", "attack", "speaker", "split", "origin", "samples"):
        assert list(coded.sort_index()[column]) == list(attacks.sort_index()[column]), column


def test_the_audio_is_what_the_codec_makes_of_the_attack(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    raw, coded = (
        RenditionAudio(made.store, of_chain(grid, chain).folder, "test") for chain in (RAW, Chain("own", CODEC))
    )
    name = "test-s1-u1-buzz"
    given = raw.waveform(raw.ids.index(name))
    expected = build(CODEC).resynthesise(given[np.newaxis], [name], 0)[0]
    found = coded.waveform(coded.ids.index(f"{name}~{CODEC}"))
    assert np.array_equal(to_pcm16(found)[0], to_pcm16(expected)[0])


def test_the_rendition_needs_only_the_recordings_before_it(rendered: tuple[Tiny, Grid]) -> None:
    _, grid = rendered
    names = [rendition.chain.name for rendition in grid.renditions]
    assert names == ["raw", f"own~{CODEC}", f"own~{OTHER}"]


def test_its_id_depends_on_corpus_and_codec(rendered: tuple[Tiny, Grid]) -> None:
    _, grid = rendered
    coded = of_chain(grid, Chain("own", CODEC))
    cors = replace(coded, chain=Chain(codec=CODEC), attack=None)
    other_corpus = replace(coded, corpus=replace(coded.corpus, manifest_digest="0" * 16))
    assert len({coded.id, cors.id, of_chain(grid, Chain("own", OTHER)).id, other_corpus.id}) == 4


def test_a_cell_is_tested_on_them_as_cosg_by_codec_and_by_attack(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    (cell,) = grid.cells
    run_cell(made.store, cell, grid.experiment, gpu=False)
    trials = scored_trials(made.store, cell).table
    assert len(trials[trials["role"] == "cosg"]) == 8
    conditions = {m.condition: (m.n_bonafide, m.n_spoof) for m in measure_cell(made.store, cell, grid.experiment)}
    assert conditions == {
        "pooled": (4, 8),
        f"codec={CODEC}": (4, 4),
        f"codec={OTHER}": (4, 4),
        "attack=buzz": (4, 8),
    }


def test_with_trained_a_cell_trains_on_them_and_has_another_id(rendered: tuple[Tiny, Grid], tmp_path: Path) -> None:
    _, tested_only = rendered
    made = tiny(tmp_path, attacks=[OWN | {"trained": True}], evaluations=COSG, grid=GRID)
    made.corpus()
    cells = made.grid.cells
    assert [len(cell.attacks) for cell in cells] == [1, 1]
    assert len({*(cell.cell_id for cell in cells), *(cell.cell_id for cell in tested_only.cells)}) == 3


def test_counts_and_hours_before_anything_is_rendered(tmp_path: Path) -> None:
    made = tiny(tmp_path, attacks=[OWN], evaluations=COSG, grid=GRID)
    made.corpus()
    grid = made.grid
    counts = rendition_counts(of_chain(grid, Chain("own", CODEC)), "train")
    assert (counts.bonafide, counts.spoof) == (0, 4)
    seconds = {"raw": 12 * 4800 * 1 + 6 * 4800 + 6 * 6400, "attacks": 12 * 4800}
    assert Work.left(grid, made.store, grid.cells).hours * 3600 * 16_000 == pytest.approx(
        seconds["raw"] + 2 * seconds["attacks"]
    )


# --- rates of the files


@pytest.fixture
def _wideband(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(install_wideband_codecs(tmp_path / "site"))
    load_catalogue.cache_clear()
    yield
    load_catalogue.cache_clear()


@pytest.mark.usefixtures("_wideband")
def test_a_codec_of_24_khz_gets_attacks_from_their_files_own_rate(tmp_path: Path) -> None:
    made = tiny(tmp_path, attacks=[OWN], evaluations=COSG, grid={"selections": [WIDEBAND], "policies": ["none"]})
    for file in (tmp_path / "corpus").glob("*-buzz.wav"):
        wave = 0.3 * np.sin(2 * np.pi * 300 * np.arange(14_400) / 48_000)
        soundfile.write(file, wave, 48_000, subtype="PCM_16")
    WidebandAdapter.given.clear()
    grid = made.rendered()
    assert grid.corpora[0].attack_rates == (48_000,)
    assert grid.corpora[0].recorded_rates == (16_000,)
    assert of_chain(grid, Chain("own", WIDEBAND)).coded_natively
    assert not of_chain(grid, Chain(codec=WIDEBAND)).coded_natively
    delay = 7  # by which the codec asks for more
    assert {batch.shape[1] for batch in WidebandAdapter.given} == {14_400 * NATIVE_RATE // 48_000 + delay}
    assert len(table(made.store, of_chain(grid, Chain("own", WIDEBAND)))) == 12


# --- what is refused


@pytest.mark.parametrize(
    ("attacks", "corpus", "error"),
    [
        ([{"name": "own"}], {}, r"used as they are without being named; say which codecs"),
        ([OWN], {"spoof": False}, r"tiny.yaml:\d+: no corpus \(tiny\) brings attacks of its own in test; leave `own`"),
        ([{"name": "owm", "through": "selection"}], {}, r"unknown attack 'owm'.*own"),
    ],
)
def test_refused(attacks: list[dict[str, Any]], corpus: dict[str, Any], error: str, tmp_path: Path) -> None:
    made = tiny(tmp_path, corpus=corpus, attacks=attacks, evaluations=COSG, grid=GRID)
    with pytest.raises(RequestError, match=error):
        resolve(made.config, made.store)
