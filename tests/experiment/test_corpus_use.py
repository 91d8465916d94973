"""How an experiment uses its corpora: effects on cell ids, renditions, training items and scored renditions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grid.cells.job import CellJob
from grid.config.experiment import CorpusSource
from grid.core.identity import digest
from grid.core.store import Store
from grid.core.vocabulary import Split
from grid.corpus.holdings import CorpusFacts
from grid.experiment.corpus_use import CorpusUse
from grid.experiment.grid import Grid
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.resynthesis.rendition import RAW, Chain, corpus_of
from grid.training.cell_items import CellDataset
from tests.support.own_cors import CODEC, OTHER, OWN, own_tiny
from tests.support.tiny_grid import Tiny, tiny, write_corpus, write_experiment

ONE = {"name": "one", "reader": "csv", "path": "corpus/protocol.csv"}
TWO = {"name": "two", "reader": "csv", "path": "second/protocol.csv"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A corpus without CoRS and a larger one; tests write the file again."""
    made = tiny(tmp_path_factory.mktemp("both"), corpora=[ONE, TWO])
    write_corpus(made.config.parent / "second", speakers=3)
    made.corpora()
    return made


@pytest.fixture(scope="module")
def owning(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A corpus with CoRS of its own; tests write the file again."""
    made = own_tiny(tmp_path_factory.mktemp("owning"))
    made.corpora()
    return made


def expand(made: Tiny, *corpora: dict[str, Any], **changes: Any) -> Grid:
    axes = {"selections": [CODEC], "policies": ["spoof"], **changes.pop("grid", {})}
    write_experiment(made.config.parent, corpora=list(corpora), grid=axes, **changes)
    return made.grid


def only(grid: Grid) -> CellJob:
    (cell,) = grid.cells
    return cell


def corpora_of(folders: tuple[str, ...]) -> set[str]:
    return {corpus_of(folder) for folder in folders}


# --- own CoRS in identities


def test_own_and_made_are_one_where_a_corpus_has_no_cors(both: Tiny) -> None:
    made, own = (expand(both, {**ONE, "cors": cors}) for cors in ("made", "own"))
    assert only(own) == only(made)
    assert [r.folder for r in own.renditions] == [r.folder for r in made.renditions]


def test_own_cors_move_the_cells_and_renditions_of_their_codec_alone(owning: Tiny) -> None:
    grids = [expand(owning, {**OWN[0], "cors": cors}, grid={"selections": [CODEC, OTHER]}) for cors in ("made", "own")]
    cells = [{cell.selection: cell for cell in grid.cells} for grid in grids]
    assert cells[0][CODEC].cell_id != cells[1][CODEC].cell_id
    assert cells[0][OTHER].cell_id == cells[1][OTHER].cell_id
    folders = [{r.chain: r.folder for r in grid.renditions} for grid in grids]
    assert {chain for chain in folders[0] if folders[0][chain] != folders[1][chain]} == {Chain(codec=CODEC)}


def test_a_codec_counts_only_where_it_is_applied(owning: Tiny) -> None:
    grid = expand(owning, *OWN)
    facts = grid.corpora[0]
    assert grid.rendition(facts, Chain(codec=CODEC)).applied
    copied = replace(facts, holdings=tuple(h for h in facts.holdings if h.split == "train"))
    rendition = replace(grid.rendition(facts, Chain(codec=CODEC)), corpus=copied)
    assert not rendition.applied
    other = {**(rendition.codec or {}), "revision": 99}
    assert replace(rendition, codec=other, seed=7).id == rendition.id
    assert replace(rendition, own_cors=False, codec=other).id != replace(rendition, own_cors=False).id


def test_a_cell_knows_of_the_codec_only_what_training_hears(owning: Tiny) -> None:
    """In train the corpus's CoRS are its own, in dev they are pending: only with dev is the codec applied."""
    train_alone = {**OWN[0], "splits": ["train", "test"]}
    for source, applied in ((OWN[0], True), (train_alone, False)):
        facts = expand(owning, *OWN).corpora[0]
        assert CorpusUse(CorpusSource.model_validate(source), facts).trained_cors(CODEC).applied is applied


@pytest.mark.parametrize(("cors", "warned"), [("made", True), ("own", False)])
def test_pending_rows_that_are_left_out_are_told(
    owning: Tiny, caplog: pytest.LogCaptureFixture, cors: str, warned: bool
) -> None:
    expand(owning, {**OWN[0], "cors": cors})
    assert ("corpus tiny: its pending rows are left out" in caplog.text) is warned


# --- corpora that are only evaluated


def test_an_evaluation_corpus_moves_no_cell_and_is_scored(both: Tiny) -> None:
    alone = only(expand(both, ONE))
    beside = only(expand(both, ONE, {**TWO, "splits": "test"}))
    assert beside.cell_id == alone.cell_id
    assert (beside.recordings, beside.attacks, beside.cors) == (alone.recordings, alone.attacks, alone.cors)
    assert corpora_of(alone.scored) == {"one"}
    assert set(alone.scored) < set(beside.scored)
    assert corpora_of(beside.scored) == {"one", "two"}


def test_a_corpus_without_test_is_trained_on_and_not_scored(both: Tiny) -> None:
    cell = only(expand(both, ONE, {**TWO, "splits": ["train", "dev"]}))
    assert cell.cell_id == only(expand(both, ONE, TWO)).cell_id
    assert corpora_of(cell.recordings) == {"one", "two"}
    assert corpora_of(cell.scored) == {"one"}


@pytest.mark.slow
def test_a_corpus_in_train_alone_moves_the_cell_and_gives_dev_nothing(both: Tiny, tmp_path: Path) -> None:
    made = Tiny(both.config, Store.open(tmp_path))
    grid = expand(made, ONE, {**TWO, "splits": ["train"]})
    cell = only(grid)
    assert cell.cell_id != only(expand(made, ONE, TWO)).cell_id
    assert corpora_of(cell.only_train) == {"two"}
    assert cell.only_dev == ()
    expand(made, ONE, {**TWO, "splits": ["train"]})
    made.rendered()
    preparation, heard = preparation_of(made.store, cell), {}
    splits: tuple[Split, Split] = ("train", "dev")
    for split in splits:
        data = CellDataset(cell, UtteranceLoader(made.store, preparation, split, seed=0), split)
        items = data.training_set.items(0)
        heard[split] = {corpus_of(data.folders[source]) for source in set(items.source.tolist())}
    assert heard == {"train": {"one", "two"}, "dev": {"one"}}


def test_what_is_rendered_of_a_corpus_is_what_is_used_of_it(both: Tiny) -> None:
    evaluations = {
        "in": {"bonafide": ["raw", "cors"], "spoof": "attack", "corpora": "one"},
        "out": {"bonafide": "raw", "spoof": "attack"},
    }
    grid = expand(both, ONE, {**TWO, "splits": ["test"]}, evaluations=evaluations)
    chains = {name: {r.chain for r in grid.renditions if r.corpus.name == name} for name in ("one", "two")}
    assert chains == {"one": {RAW, Chain(codec=CODEC)}, "two": {RAW}}


# --- the corpora of augmentation

BANK = {"reader": "csv", "path": "second/protocol.csv"}
REVERBERATION = {"kind": "rir", "probability": 0.5}
NOISE = {"kind": "noise", "probability": 0.5, "snr_minimum": 0, "snr_maximum": 10}


@pytest.mark.parametrize(("field", "step"), [("impulse_responses", REVERBERATION), ("noises", NOISE)])
def test_a_bank_is_rendered_and_counts_where_the_recipe_draws_from_it(both: Tiny, field: str, step: Any) -> None:
    bank = {field: {"name": "bank", **BANK}}
    without = expand(both, ONE, **bank)
    assert only(without).cell_id == only(expand(both, ONE)).cell_id
    assert "bank" not in {r.corpus.name for r in without.renditions}
    grid = expand(both, ONE, **bank, recipe={"augmentation": [step]})
    cell, facts = only(grid), getattr(grid, field)
    folder = getattr(cell, field)
    assert folder == grid.rendition(facts, RAW).folder
    assert folder in {r.folder for r in grid.renditions}
    assert {cell.impulse_responses, cell.noises} == {folder, ""}
    assert cell.identity[field] == facts.manifest_digest
    other = expand(both, ONE, recipe={"augmentation": [step]}, **{field: {**ONE, "name": "other"}})
    assert only(other).cell_id != cell.cell_id
    assert [source.name for source in grid.experiment.all_corpora()] == ["one", "bank"]


# --- facts that are not there


def test_corpora_of_an_earlier_version_are_looked_into(both: Tiny) -> None:
    stored = both.store.read_json("corpora/one.json")
    held = expand(both, ONE).corpora[0].holdings
    both.store.write_json("corpora/one.json", {key: value for key, value in stored.items() if key != "holdings"})
    try:
        assert expand(both, ONE).corpora[0].holdings == held
    finally:
        both.store.write_json("corpora/one.json", stored)
    assert {(each.split, each.role) for each in held} == {
        (split, role) for split in ("train", "dev", "test") for role in ("raw", "attack")
    }
    assert CorpusFacts("one", digest("x")).cors_parts(CODEC, own=True).applied


def test_a_corpus_without_cors_is_trained_and_tested_as_it_is(both: Tiny) -> None:
    evaluations = {"x": {"bonafide": ["raw", "cors"], "spoof": "attack"}}
    grid = expand(both, ONE, {**TWO, "cors": "none"}, evaluations=evaluations)
    with_both = expand(both, ONE, TWO, evaluations=evaluations)
    cell = only(grid)
    assert corpora_of(cell.recordings) == {"one", "two"}
    assert corpora_of(tuple(given.folder for given in cell.cors)) == {"one"}
    heard = {(r.corpus.name, r.chain) for r in grid.renditions}
    assert heard == {("one", RAW), ("two", RAW), ("one", Chain(codec=CODEC))}
    assert cell.cell_id != only(with_both).cell_id
    assert len(only(with_both).cors) == 2


def test_cors_of_the_second_corpus_alone_is_mixed_with_its_own_recordings(both: Tiny) -> None:
    policy = {"label": "spoof", "mixing": "replace", "probability": 1.0}
    expand(both, {**ONE, "cors": "none"}, TWO, grid={"policies": [policy]})
    cell = only(both.rendered())
    audio = UtteranceLoader(both.store, preparation_of(both.store, cell), "train", 0)
    data = CellDataset(cell, audio, "train")
    items = data.training_set.items(0)
    folders = [data.folders[number] for number in items.source]
    coded = [folder for folder in folders if "/raw" not in folder]
    recorded = [folder for folder in folders if "/raw" in folder]
    # 4 recordings and 4 spoofs of one as they are; of two 6 recordings through the codec and 6 spoofs
    assert [corpus_of(folder) for folder in coded] == ["two"] * 6
    assert [corpus_of(folder) for folder in recorded].count("one") == 8
