"""What dev holds, by the rule of the recipe: its CoRS, their labels, and the sentence about it in the record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.cells.gangs import RenditionCounts, expected_passes
from grid.cells.job import CellJob
from grid.config.recipe import Recipe
from grid.core.errors import RequestError
from grid.core.record import Record
from grid.experiment.grid import Grid
from grid.training.gang import Gang
from grid.training.train import train
from tests.support.tiny_encoder_grid import tiny_cdd
from tests.support.tiny_grid import Tiny, tiny, write_experiment

CPU = torch.device("cpu")
GRID = {"selections": ["gsm-06.10", "mu-law"], "policies": ["none", "bonafide", "spoof"]}
REPLACED = {"policies": ["none", {"label": "spoof", "mixing": "replace", "probability": 0.5}]}
RECIPE = {"epochs": 1, "crop": {"samples": 3200}}
ALL = {"dev_labels": "fixed", "dev_cors": "all"}

Made = Callable[..., Grid]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    torch.set_num_threads(1)
    made = tiny(tmp_path_factory.mktemp("dev"), grid=GRID, recipe=RECIPE)
    made.rendered()
    return made


@pytest.fixture
def grid_with(rendered: Tiny) -> Made:
    """The grid over the rendered audio with changes of the recipe and of the axes."""

    def expand(recipe: dict[str, Any] | None = None, **axes: Any) -> Grid:
        write_experiment(rendered.config.parent, grid=GRID | axes, recipe=RECIPE | (recipe or {}))
        return rendered.grid

    return expand


def cell(grid: Grid, policy: str, selection: str = "gsm-06.10") -> CellJob:
    return next(job for job in grid.cells if job.policy == policy and job.selection in (selection, "none"))


def dev_of(made: Tiny, job: CellJob) -> tuple[int, int, dict[str, set[float]]]:
    """The bona fide and spoof items of dev, and the targets of the CoRS in it by folder."""
    data = Gang(made.store, [job], CPU).dev_data[job.cell_id]
    items = data.training_set.items(0)
    coded = {
        folder: set(items.target[items.source == number].tolist())
        for number, folder in enumerate(data.folders)
        if folder not in (*job.recordings, *job.attacks) and (items.source == number).any()
    }
    return int((items.target == 1).sum()), int((items.target == 0).sum()), coded


@pytest.mark.parametrize(
    ("recipe", "policy", "bonafide", "spoof", "targets"),
    [
        # 4 recordings and 4 spoofs in dev, and 4 CoRS of each codec
        ({}, "none", 4, 4, []),
        ({}, "bonafide", 8, 4, [{1.0}]),
        ({}, "spoof", 4, 8, [{0.0}]),
        ({"dev_labels": "fixed"}, "none", 4, 4, []),
        ({"dev_labels": "fixed"}, "bonafide", 8, 4, [{1.0}]),
        ({"dev_labels": "fixed"}, "spoof", 8, 4, [{1.0}]),
        ({"dev_cors": "none"}, "bonafide", 4, 4, []),
        ({"dev_cors": "none"}, "spoof", 4, 4, []),
        (ALL, "none", 12, 4, [{1.0}, {1.0}]),
        (ALL, "bonafide", 12, 4, [{1.0}, {1.0}]),
        (ALL, "spoof", 12, 4, [{1.0}, {1.0}]),
    ],
)
def test_dev_holds_and_labels_cors_by_the_rule(
    rendered: Tiny,
    grid_with: Made,
    recipe: dict[str, Any],
    policy: str,
    bonafide: int,
    spoof: int,
    targets: list[set[float]],
) -> None:
    found = dev_of(rendered, cell(grid_with(recipe), policy))
    assert (found[0], found[1], list(found[2].values())) == (bonafide, spoof, targets)


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "coded_of_dev"), [({}, 4), (ALL, 8)])
def test_a_balance_chooses_the_cors_of_training_and_not_those_of_a_dev_that_holds_all(
    recipe: dict[str, Any], coded_of_dev: int, tmp_path: Path
) -> None:
    codecs = ["controlled-mvq-none-time", "controlled-mvq-none-freq"]
    balanced = {"name": "dec", "codecs": codecs, "balance": "dec"}
    made = tiny(tmp_path, grid={"selections": [balanced], "policies": ["spoof"]}, recipe=RECIPE | recipe)
    (job,) = made.rendered().cells
    items = Gang(made.store, [job], CPU).cells[0].data.training_set.items(0)
    assert ((items.target == 1).sum(), (items.target == 0).sum()) == (4, 8)  # 2 CoRS of each codec, and 4 spoofs
    bonafide, spoof, coded = dev_of(made, job)
    assert len(coded) == 2
    assert bonafide + spoof == 8 + coded_of_dev


@pytest.mark.parametrize(("recipe", "policy"), [(ALL, "spoof"), ({"dev_cors": "none"}, "spoof"), ({}, "spoof")])
def test_training_does_not_depend_on_what_dev_holds(
    rendered: Tiny, grid_with: Made, recipe: dict[str, Any], policy: str
) -> None:
    job = cell(grid_with(recipe), policy)
    data = Gang(rendered.store, [job], CPU).cells[0].data
    items = data.training_set.items(0)
    assert ((items.target == 1).sum(), (items.target == 0).sum()) == (4, 8)
    assert len(data.folders) == len(job.recordings) + len(job.cors)


def test_the_record_says_what_dev_held(rendered: Tiny, grid_with: Made) -> None:
    held = [train(rendered.store, cell(grid_with(recipe), "spoof"), device=CPU).results["dev"] for recipe in ({}, ALL)]
    assert held[0] == {
        "rule": {"cors": "as trained", "labels": "policy"},
        "bonafide_items": 4,
        "spoof_items": 8,
        "cors_items": [{"codec": "gsm-06.10", "label": "spoof", "items": 4}],
    }
    assert held[1] == {
        "rule": {"cors": "all", "labels": "fixed"},
        "bonafide_items": 12,
        "spoof_items": 4,
        "cors_items": [{"codec": codec, "label": "bonafide", "items": 4} for codec in ("gsm-06.10", "mu-law")],
    }


def test_rules_of_dev_move_cells_and_leave_one_baseline(grid_with: Made) -> None:
    grids = [grid_with(recipe) for recipe in ({}, {"dev_labels": "fixed"}, {"dev_cors": "none"}, ALL)]
    ids = [[job.cell_id for job in grid.cells] for grid in grids]
    assert len({cell_id for each in ids for cell_id in each}) == 4 * 5
    assert [job.dev_cors is None for grid in grids for job in grid.cells[:1]] == [True, False, False, False]
    named = grid_with({"dev_labels": "policy", "dev_cors": "as trained", "ties": "first"})
    assert [job.cell_id for job in named.cells] == ids[0]


def test_a_codec_more_moves_the_cells_whose_dev_holds_all(grid_with: Made) -> None:
    before, alone = (cell(grid_with(ALL, selections=codecs), "none") for codecs in (GRID["selections"], ["gsm-06.10"]))
    assert before.cell_id != alone.cell_id
    assert {entry["codec"]["name"] for entry in before.identity["dev_cors"]} == set(GRID["selections"])


def test_cors_that_only_dev_holds_are_rendered(tmp_path: Path) -> None:
    evaluations = {"raw": {"bonafide": "raw", "spoof": "attack"}}
    grid = {"selections": ["mu-law"], "policies": ["none"]}
    found = []
    for recipe in ({}, ALL):
        made = tiny(tmp_path, grid=grid, recipe=recipe, evaluations=evaluations)
        made.corpora()
        found.append([rendition.chain.codec for rendition in made.grid.renditions])
    assert found == [[""], ["", "mu-law"]]
    (job,) = made.grid.cells
    assert (job.cors, len(job.dev_cors or ())) == ((), 1)


def test_a_corpus_without_cors_gives_dev_none(tmp_path: Path) -> None:
    corpus = {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"}
    evaluations = {"raw": {"bonafide": "raw", "spoof": "attack"}}
    found = []
    for change in ({"cors": "none"}, {}):
        made = tiny(tmp_path, grid=GRID, recipe=ALL, corpora=[corpus | change], evaluations=evaluations)
        made.corpora()
        found.append({len(job.dev_cors or ()) for job in made.grid.cells})
        assert all(("dev_cors" in job.identity) == bool(job.dev_cors) for job in made.grid.cells)
    assert found == [{0}, {2}]


def test_the_passes_of_a_gang_count_the_cors_of_dev(grid_with: Made) -> None:
    found = {}
    for name, recipe in (("trained", {}), ("none", {"dev_cors": "none"}), ("all", ALL)):
        jobs = grid_with(recipe, **REPLACED).cells
        folders = {folder for job in jobs for folder in (*job.recordings, *(c.folder for c in job.cors))}
        folders |= {coded.folder for job in jobs for coded in job.cors_of("dev")}
        train_counts = {folder: RenditionCounts(4, 4 if "raw" in folder else 0) for folder in folders}
        dev_counts = {folder: counts.all for folder, counts in train_counts.items()}
        baseline = [job for job in jobs if job.policy == "none"]
        found[name] = [expected_passes(each, train_counts, dev_counts) for each in (jobs, baseline)]
    # train: 8 recorded and 2 codecs x 2 replaced; dev: 8 recorded and the CoRS. The baseline: 8 and dev
    assert found == {"trained": [12 + 16, 16], "none": [12 + 8, 16], "all": [12 + 16, 8 + 16]}


def test_dev_without_spoofs_names_the_rule(tmp_path: Path) -> None:
    evaluations = {"cors": {"bonafide": "raw", "spoof": "cors"}}
    axes = {"policies": ["spoof"], "selections": ["mu-law"]}
    recipe = RECIPE | {"dev_labels": "fixed"}
    made = tiny(tmp_path, corpus={"spoof": False}, grid=axes, recipe=recipe, evaluations=evaluations)
    (job,) = made.rendered().cells
    with pytest.raises(RequestError, match=r"split dev: there is no spoof.*dev_cors as trained, dev_labels fixed"):
        train(made.store, job, device=CPU)


def test_a_job_without_the_later_fields_is_still_read(grid_with: Made) -> None:
    job = cell(grid_with(), "spoof")
    written = job.model_dump(mode="json")
    del written["dev_cors"]
    assert "dev_labels" not in written["recipe"]
    assert CellJob.model_validate(written) == job
    assert Recipe.model_validate(written["recipe"]) == job.recipe


@pytest.mark.slow
def test_a_gang_hears_the_cors_of_dev_once_and_ends_as_its_cells_alone(tmp_path: Path) -> None:
    made = tiny_cdd(tmp_path, recipe=ALL | {"epochs": 1}, item_by_item=True)
    jobs = made.rendered().cells[:3]  # the baseline and two policies
    assert [job.policy.split("-")[0] for job in jobs] == ["none", "bonafide", "spoof"]
    gang = Gang(made.store, [job.model_copy(update={"cell_id": f"gang-{job.cell_id}"}) for job in jobs], CPU)
    together = gang.run(None)
    # train: 8 recorded, and up to 4 replaced; dev: 8 recorded and 2 codecs x 4
    assert 8 + 16 <= gang.forward.count <= 8 + 4 + 16
    for job in jobs:
        alone, record = train(made.store, job, device=CPU).results, together[f"gang-{job.cell_id}"]
        assert isinstance(record, Record)
        assert record.results["dev"]["bonafide_items"] == 12
        assert (record.results["dev_eer"], record.results["dev"]) == (alone["dev_eer"], alone["dev"])
