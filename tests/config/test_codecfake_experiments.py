"""The experiments of the three papers: their numbers of codecs, trainings and tables are those of the papers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from grid.analysis.artefacts import compared_renditions
from grid.cells.job import scores_folder
from grid.cells.measurements import keep_measurements
from grid.codecs.catalogue import Paper, load_catalogue
from grid.config.experiment import CorpusSource
from grid.config.yaml_file import config_folder, load_yaml
from grid.core.identity import digest
from grid.core.record import finish
from grid.core.store import Store
from grid.core.vocabulary import SPLITS, Role
from grid.corpus.holdings import CorpusFacts, Holding
from grid.experiment.grid import Grid, resolve
from grid.metrics.evaluation import Measurement
from grid.report.papers import PAPER_TABLES
from grid.report.papers.codecfake_plus_table_6 import paper_rows
from grid.report.papers.shared.codecfake_plus import NO_CORPUS_WORD, NO_CORS_WORD
from grid.report.papers.shared.published import FactorEer, LabelledDifference, published
from grid.report.papers.shared.words import paper_words, word
from grid.resynthesis.rendition import corpus_of
from tests.support.tiny_grid import write_yaml

PLUS = ("database_level", "asvspoof2019", "asvspoof5", "cors_asvspoof2019", "cors_asvspoof5")
PAPERS = (
    *("cdd", "cdd_asvspoof5", "codecfake"),
    *(f"codecfake_plus/{n}" for n in ("codec_level", *PLUS, "factors", "factors_asvspoof2019", "factors_maskgct")),
)
"""Every experiment of a paper."""


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose corpora hold recordings and spoofs of every kind; CodecFake+ and CDD their CoRS as well."""
    plus = [entry.name for entry in load_catalogue() if entry.letters.codecfake_plus]
    cdd = ["encodec-24khz-6kbps-mars5", "mimi-32cb", "dac-openaudio-s1-mini"]

    def made_up(store: Store, source: CorpusSource, folder: Path) -> CorpusFacts:
        kinds: list[tuple[Role, str]] = [("raw", ""), ("attack", ""), ("cosg", "mvq-none-time")]
        held = [Holding(split, *kind, False, 9) for split in SPLITS for kind in kinds]
        if source.name == "codecfake-plus-cors":
            held += [Holding(split, "cors", codec, False, 9) for split in SPLITS for codec in plus]
        if source.name == "cdd":
            held += [Holding(split, "cors", codec, False, 9) for split in SPLITS for codec in cdd]
            held += [Holding("test", "cors", "xcodec2", False, 9)]
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


@pytest.mark.slow
def test_database_level_and_its_experiments_train_every_row_of_table_6(planned: Store) -> None:
    words = paper_words("codecfake_plus")
    found = []
    for name in PLUS:
        grid = grid_of(f"codecfake_plus/{name}", planned)
        for cell in grid.cells:
            heard = (word(words.policies, cell.selection), word(words.training, grid.experiment.name))
            trained_on = " + ".join(str(part) for part in heard if part not in (NO_CORS_WORD, NO_CORPUS_WORD))
            found.append((word(words.detectors, cell.detector), trained_on))
        assert {corpus_of(each.folder) for cell in grid.cells for each in cell.cors} <= {"codecfake-plus-cors"}
        assert not any(rendition.applied for rendition in grid.renditions)
    assert sorted(map(str, found)) == sorted(str((row.detector, row.trained_on)) for row in paper_rows())


def test_top_three_by_figure_6_are_chosen_by_cosg_and_not_by_dev(planned: Store, tmp_path: Path) -> None:
    on_cosg = {"A": 0.3, "B": 0.29, "G": 0.15, "J": 0.145, "L1": 0.139, "L2": 0.142}
    codec_level = load_yaml(config_folder() / "codecfake_plus" / "codec_level.yaml") | {"compare": []}
    some = [f"codecfake-plus:{letter}" for letter in on_cosg]
    codec_level["grid"] |= {"selections": some, "detectors": ["w2v2-aasist"]}
    codec_level["recipes"] = {}
    other = resolve(write_yaml(tmp_path / "codec_level.yaml", codec_level), planned)
    for cell, eer in zip(other.cells, on_cosg.values(), strict=True):
        finish(planned, cell.folder, kind="cell", identity={}, outputs=[], results={"dev_eer": 0.4 - eer})
        for folder in cell.scored:
            finish(planned, scores_folder(cell.folder, folder), kind="scores", identity={}, outputs=[], results={})
        found = Measurement("CoSG", "pooled", eer, eer, eer, 1.0, 866, 931, 1.0, 0.0)
        keep_measurements(planned, cell, other.experiment, [found])
    database_level = load_yaml(config_folder() / "codecfake_plus" / "database_level.yaml") | {"compare": []}
    top = {"name": "top-3", "top": 3, "of": "codec_level.yaml", "by": "CoSG", "detector": "w2v2-aasist"}
    database_level["grid"] |= {"selections": [top], "exclude": []}
    written = (config_folder() / "codecfake_plus" / "database_level.yaml").read_text(encoding="utf-8")
    assert yaml.safe_dump(top, default_flow_style=True, sort_keys=False, width=200).strip() in written
    chosen = resolve(write_yaml(tmp_path / "database_level.yaml", database_level), planned)
    assert chosen.experiment.grid.selections[0].codecs == (
        "vocos-encodec-6kbps",
        "vocos-encodec-12kbps",
        "language-codec",
    )


def test_table_8_is_made_of_the_cors_of_31_codecs_that_the_corpus_brings(planned: Store) -> None:
    grid = grid_of("codecfake_plus/codec_level", planned)
    (compared,) = compared_renditions(grid)
    assert compared.recordings.corpus.name == "codecfake-plus-cors"
    assert set(compared.codecs) == letters("codecfake_plus")
    assert not any(rendition.applied for rendition in compared.resynthesised)
    assert grid.experiment.artefacts is not None
    assert grid.experiment.artefacts.utterances == 100
    shown = {f"codecfake-plus-{name}" for name in ("figure-5", "figure-6", "figure-8", "table-5", "table-8")}
    assert set(grid.experiment.report) == shown


def test_all_cors_pooled_draws_one_codec_for_each_utterance(planned: Store) -> None:
    grid = grid_of("codecfake_plus/database_level", planned)
    (cell,) = [cell for cell in grid.cells if cell.selection == "all-cors"]
    assert set(cell.codecs) == letters("codecfake_plus")
    assert (cell.mixing.draw, cell.detector) == ("one", "w2v2-aasist")


@pytest.mark.slow
def test_factors_train_every_row_of_table_7_and_train_nothing_twice(planned: Store) -> None:
    words = paper_words("codecfake_plus")
    factors = grid_of("codecfake_plus/factors", planned)
    rows = [str(word(words.codecs, cell.codecs[0])) for cell in factors.cells]
    assert ["BL1", "BL2", *rows] == [row.row for row in published("codecfake-plus-table-7", FactorEer)]
    at_codec_level = {cell.cell_id for cell in grid_of("codecfake_plus/codec_level", planned).cells}
    assert {cell.cell_id for cell in factors.cells} <= at_codec_level
    (first,) = grid_of("codecfake_plus/factors_asvspoof2019", planned).cells
    assert first.cell_id in {cell.cell_id for cell in grid_of("codecfake_plus/asvspoof2019", planned).cells}
    (second,) = grid_of("codecfake_plus/factors_maskgct", planned).cells
    assert second.cors == ()
    assert {word(words.detectors, cell.detector) for cell in (*factors.cells, first, second)} == {"W2V2-AASIST"}


def test_experiments_of_table_7_and_figure_6_measure_the_generators(planned: Store) -> None:
    for name in ("codec_level", "factors", "factors_asvspoof2019", "factors_maskgct", "database_level", "asvspoof2019"):
        experiment = grid_of(f"codecfake_plus/{name}", planned).experiment
        assert "system" in experiment.evaluations["CoSG"].by
        assert ("MaskGCT-VCTK" in experiment.evaluations) == name.startswith("factors")
    codec_level = grid_of("codecfake_plus/codec_level", planned).experiment
    assert codec_level.evaluations["CoSG-MOS"].mos_above == 3.5
    assert {*codec_level.evaluations["CoSG-MOS"].by} == {"qua", "aux", "dec"}
    assert codec_level.compare == ("asvspoof2019.yaml",)


def test_cdd_trains_every_row_of_table_3(planned: Store) -> None:
    words = paper_words("cdd")
    rows = {(row.label_of_cors, row.detector, row.codec) for row in published("cdd-table-3", LabelledDifference)}
    labels = {"bona fide": "bonafide", "spoof": "spoof", None: "none"}
    found = [
        (
            labels[word(words.policies, cell.policy)],
            word(words.detectors, cell.detector),
            word(words.codecs, cell.codecs[0]) if cell.codecs else "none",
        )
        for cell in grid_of("cdd", planned).cells
        if cell.seed == 0
    ]
    assert len(found) == len(rows) == 18
    assert set(found) == rows


@pytest.mark.parametrize("name", PAPERS)
def test_experiment_of_a_paper_plans_with_tables_and_comparisons_that_exist(name: str, planned: Store) -> None:
    experiment = grid_of(name, planned).experiment
    assert set(experiment.report) <= set(PAPER_TABLES.names())
    for other in experiment.compare:
        assert (experiment.folder / other).is_file()
    header = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8").partition("\nname:")[0]
    assert "could not read" not in header
