"""The experiments of the CodecFake papers: their numbers of codecs, trainings and tables are those of the papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.codecs.catalogue import Paper, load_catalogue
from grid.config.experiment import CorpusSource
from grid.config.yaml_file import config_folder
from grid.core.identity import digest
from grid.core.store import Store
from grid.core.vocabulary import SPLITS, Role
from grid.corpus.holdings import CorpusFacts, Holding
from grid.experiment.grid import Grid, resolve
from grid.report.papers.shared.stated_figures import read_figures, word
from grid.resynthesis.rendition import corpus_of

PLUS = ("database_level", "asvspoof2019", "asvspoof5", "cors_asvspoof2019", "cors_asvspoof5")


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose corpora hold a recording and an attack of every kind; those of CodecFake+ all CoRS as well."""
    plus = [entry.name for entry in load_catalogue() if entry.letters.codecfake_plus]

    def made_up(store: Store, source: CorpusSource, folder: Path) -> CorpusFacts:
        kinds: list[tuple[Role, str]] = [("raw", ""), ("attack", ""), ("cosg", "mvq-none-time")]
        held = [Holding(split, *kind, False, 9) for split in SPLITS for kind in kinds]
        if source.name == "codecfake-plus-cors":
            held += [Holding(split, "cors", codec, False, 9) for split in SPLITS for codec in plus]
        return CorpusFacts(source.name, digest(source.name), tuple(held))

    monkeypatch.setattr("grid.experiment.grid.corpus_facts", made_up)
    return Store.open(tmp_path)


def grid_of(name: str, store: Store) -> Grid:
    return resolve(config_folder() / f"{name}.yaml", store)


def letters(paper: Paper) -> set[str]:
    return {entry.name for entry in load_catalogue() if getattr(entry.letters, paper)}


def test_codecfake_has_15_trainings_and_two_published_detectors(planned: Store) -> None:
    grid = grid_of("codecfake", planned)
    untrained = [cell for cell in grid.cells if cell.recipe.epochs == 0]
    trained = [cell for cell in grid.cells if cell.recipe.epochs]
    assert [(cell.detector, cell.selection) for cell in untrained] == [
        ("aasist-2019la", "none"),
        ("aasist-l-2019la", "none"),
    ]
    assert {cell.detector for cell in trained} == {"aasist-l"}
    assert {cell.codecs[0] for cell in trained} == letters("codecfake")
    assert len(trained) == 15


def test_codec_level_trains_both_detectors_on_each_of_31_codecs_and_makes_no_cors(planned: Store) -> None:
    grid = grid_of("codecfake_plus/codec_level", planned)
    assert {(c.detector, c.codecs[0]) for c in grid.cells} == {
        (detector, codec) for detector in ("w2v2-aasist", "aasist") for codec in letters("codecfake_plus")
    }
    assert not any(rendition.applied for rendition in grid.renditions)
    assert {cell.recipe.epochs for cell in grid.cells if cell.detector == "w2v2-aasist"} == {4}


def test_database_level_and_its_experiments_train_every_row_of_table_6(planned: Store) -> None:
    figures = read_figures("codecfake_plus")
    found = []
    for name in PLUS:
        grid = grid_of(f"codecfake_plus/{name}", planned)
        for cell in grid.cells:
            words = [word(figures.detectors, cell.detector), word(figures.policies, cell.selection)]
            found.append((*words, word(figures.training, grid.experiment.name)))
        assert {corpus_of(each.folder) for cell in grid.cells for each in cell.cors} <= {"codecfake-plus-cors"}
        assert not any(rendition.applied for rendition in grid.renditions)
    assert sorted(map(str, found)) == sorted(str((row.detector, row.cors, row.corpora)) for row in figures.database)


def test_factors_have_every_codec_in_its_sub_category(planned: Store) -> None:
    grid = grid_of("codecfake_plus/factors", planned)
    places = {entry.name: {"qua": entry.qua, "aux": entry.aux, "dec": entry.dec} for entry in load_catalogue()}
    for selection in grid.experiment.grid.selections[:8]:
        axis, value = selection.name.split("-")
        expected = {codec for codec in letters("codecfake_plus") if str(places[codec][axis]).lower() == value}
        assert set(selection.codecs) == expected
