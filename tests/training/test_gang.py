"""Gangs: a cell trained in a gang is bit-equal to the cell trained alone, and each waveform is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from grid.cells.gangs import RenditionCounts, expected_passes, gangs
from grid.cells.job import HISTORY, WEIGHTS, CellJob, scores_folder
from grid.cells.status import cell_state
from grid.core.store import Store
from grid.detectors.spec import parse_detector_spec
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid
from grid.run_cell import run_gang
from grid.scoring.score import score_together
from grid.scoring.score_tables import read_scores
from grid.training.checkpoint import Epoch
from grid.training.gang import CellFailure, Gang
from grid.training.train import train, train_together
from tests.support.tiny_encoder_grid import tiny_cdd
from tests.support.tiny_grid import Tiny

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


class StopError(Exception):
    """What interrupts a training in these tests."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """Two detectors x (baseline + one codec x two labels), the encoder run item by item."""
    made = tiny_cdd(tmp_path_factory.mktemp("gang"), selections=["gsm-06.10"], item_by_item=True)
    grid = made.rendered()
    freeze(made.store, grid)
    return made, grid


@pytest.fixture(scope="module")
def alone(rendered: tuple[Tiny, Grid]) -> dict[str, tuple[bytes, list[float]]]:
    """The outcome of each cell trained by itself."""
    made, grid = rendered
    return {job.cell_id: outcome(made.store, renamed(job, "alone"), separately=True) for job in grid.cells}


HEADS: list[tuple[str, dict[str, Any]]] = [
    ("last", {"name": "mean-pool"}),
    ("all", {"name": "mhfa", "options": {"heads": 4, "compression": 8, "embedding": 16}}),
    ("last", {"name": "nes2net-x", "options": {"groups": 4, "scale": 4}}),
    ("all", {"name": "sls", "options": {"frames": 12, "hidden": 16}}),  # of 4,000 samples
]


def with_head(job: CellJob, layers: str, backend: dict[str, Any]) -> CellJob:
    """The cell with another head on the same encoder."""
    values = job.detector_spec.model_dump() | {"backend": backend}
    values["frontend"]["options"]["layers"] = layers
    spec = parse_detector_spec(values)
    name = backend["name"]
    return job.model_copy(update={"cell_id": f"{name}-{job.cell_id}", "detector": name, "detector_spec": spec})


def renamed(job: CellJob, name: str) -> CellJob:
    """The same cell at another place of the store."""
    return job.model_copy(update={"cell_id": f"{name}-{job.cell_id}"})


def outcome(store: Store, job: CellJob, *, separately: bool = False) -> tuple[bytes, list[float]]:
    """The weights of a cell and its scores."""
    if separately:
        train(store, job, device=CPU)
        score_together(store, [job], device=CPU)
    scores = [read_scores(store, scores_folder(job.folder, folder))["score"].to_pylist() for folder in job.scored]
    return store.read_bytes(f"{job.folder}/{WEIGHTS}"), [value for part in scores for value in part]


def run(store: Store, jobs: Sequence[CellJob], **named: Any) -> None:
    outcomes = train_together(store, jobs, device=CPU, **named)
    assert not [each for each in outcomes.values() if isinstance(each, CellFailure)]
    score_together(store, jobs, device=CPU)


def test_cells_around_one_encoder_are_one_gang(rendered: tuple[Tiny, Grid]) -> None:
    _, grid = rendered
    assert [len(gang) for gang in gangs(grid.cells, 16)] == [6]
    assert [len(gang) for gang in gangs(grid.cells, 4)] == [4, 2]
    assert [len(gang) for gang in gangs(grid.cells, 1)] == [1] * 6


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"recordings": ("audio/other/raw-0",)},
        {"noises": "audio/noises/raw-0"},
    ],
)
def test_cells_that_hear_other_waveforms_are_in_other_gangs(
    rendered: tuple[Tiny, Grid], change: dict[str, Any]
) -> None:
    _, grid = rendered
    first, second, *_ = grid.cells
    assert len(gangs([first, second.model_copy(update=change)], 16)) == 2


def test_cells_of_other_crops_or_augmentation_are_in_other_gangs(rendered: tuple[Tiny, Grid]) -> None:
    _, grid = rendered
    first, second, *_ = grid.cells
    for change in ({"augmentation": ()}, {"augment_dev": True}, {"batch_size": 4}, {"precision": "bfloat16"}):
        other = second.model_copy(update={"recipe": second.recipe.model_copy(update=change)})
        assert len(gangs([first, other], 16)) == 2
    longer = second.model_copy(update={"recipe": second.recipe.model_copy(update={"epochs": 9})})
    assert len(gangs([first, longer], 16)) == 1


def test_a_gang_gives_the_bits_of_each_cell_alone(
    rendered: tuple[Tiny, Grid], alone: dict[str, tuple[bytes, list[float]]]
) -> None:
    made, grid = rendered
    together = [renamed(job, "gang") for job in grid.cells]
    run(made.store, together)
    for job, renamed_job in zip(grid.cells, together, strict=True):
        assert outcome(made.store, renamed_job) == alone[job.cell_id]


def test_each_head_gives_its_bits_alone_beside_the_others(
    rendered: tuple[Tiny, Grid], alone: dict[str, tuple[bytes, list[float]]]
) -> None:
    made, grid = rendered
    both = [job for job in grid.cells if not job.cors]  # X-AASIST and LWBN
    heads = [with_head(both[0], layers, backend) for layers, backend in HEADS]
    together = [renamed(job, "heads") for job in (*both, *heads)]
    gang = Gang(made.store, together, CPU)
    assert not [each for each in gang.run(None).values() if isinstance(each, CellFailure)]
    assert gang.forward.count == 2 * (8 + 8)  # two epochs of train and dev, whatever the number of heads
    score_together(made.store, together, device=CPU)
    expected = [alone[job.cell_id] for job in both]
    expected += [outcome(made.store, renamed(job, "alone"), separately=True) for job in heads]
    assert [outcome(made.store, job) for job in together] == expected


def test_an_interrupted_gang_ends_as_never_interrupted(
    rendered: tuple[Tiny, Grid], alone: dict[str, tuple[bytes, list[float]]]
) -> None:
    made, grid = rendered
    together = [renamed(job, "stopped") for job in grid.cells[:4]]

    def stop(job: CellJob, epoch: Epoch) -> None:
        if job is together[1]:  # the first two cells have saved their first epoch, the others have not
            raise StopError

    with pytest.raises(StopError):
        run(made.store, together, report=stop)
    epochs = [made.store.exists(f"{job.folder}/{HISTORY}") for job in together]
    assert epochs == [True, True, False, False]
    run(made.store, together)
    for job, resumed in zip(grid.cells, together, strict=False):
        assert outcome(made.store, resumed) == alone[job.cell_id]


def test_a_failing_cell_leaves_the_others_as_they_are(
    rendered: tuple[Tiny, Grid], alone: dict[str, tuple[bytes, list[float]]]
) -> None:
    made, grid = rendered
    together = [renamed(job, "failing") for job in grid.cells[:3]]
    steep = together[1].recipe.optimiser.model_copy(update={"learning_rate": 1e30})
    together[1] = together[1].model_copy(
        update={"recipe": together[1].recipe.model_copy(update={"optimiser": steep, "epochs": 4})}
    )
    ended = run_gang(made.store, together, grid.experiment, gpu=False)
    assert list(ended.values()) == [True, False, True]
    state = cell_state(made.store, together[1])
    assert state.status == "failed"
    assert "NaN or infinite" in state.error
    for number in (0, 2):
        assert outcome(made.store, together[number]) == alone[grid.cells[number].cell_id]


def test_a_new_cell_joins_a_gang_whose_others_are_done(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    together = [renamed(job, "joins") for job in grid.cells[:3]]
    run(made.store, together[:2])
    before = [made.store.read_bytes(f"{job.folder}/record.json") for job in together[:2]]
    reported: list[str] = []
    run(made.store, together, report=lambda job, epoch: reported.append(job.cell_id))
    assert set(reported) == {together[2].cell_id}
    assert before == [made.store.read_bytes(f"{job.folder}/record.json") for job in together[:2]]


def test_a_gang_encodes_each_waveform_once(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    one_epoch = [
        renamed(job, "passes").model_copy(update={"recipe": job.recipe.model_copy(update={"epochs": 1})})
        for job in grid.cells
    ]
    gang = Gang(made.store, one_epoch, CPU)
    gang.run(None)
    folders = {folder for job in one_epoch for folder in (*job.recordings, *(cors.folder for cors in job.cors))}
    trained = {folder: counts(made.store, folder, "train") for folder in folders}
    dev = {folder: sum(vars(counts(made.store, folder, "dev")).values()) for folder in folders}
    expected = expected_passes(one_epoch, trained, dev)
    # 4 bona fide and 4 spoofs in train and dev; CoRS of the codec are drawn with p = 0.5: 8 + 2 and 8 + 4
    assert expected == 10 + 12
    assert 8 + 12 <= gang.forward.count <= 8 + 4 + 12
    separate = sum(expected_passes([job], trained, dev) for job in one_epoch)
    assert separate == 6 * 8 + (2 * 8 + 4 * 12)


def counts(store: Store, folder: str, split: str) -> RenditionCounts:
    table = pq.read_table(store.local(f"{folder}/manifest.parquet"), columns=["split", "key"]).to_pandas()
    keys = table.loc[table["split"] == split, "key"]
    return RenditionCounts(int((keys == "bonafide").sum()), int((keys == "spoof").sum()))


def test_a_gang_whose_encoder_runs_on_batches_gives_nearly_the_scores_of_each_cell_alone(tmp_path: Path) -> None:
    made = tiny_cdd(tmp_path)
    cells = made.rendered().cells[::3]  # both detectors, each policy
    together = [renamed(job, "gang") for job in cells]
    run(made.store, together)
    for job, renamed_job in zip(cells, together, strict=True):
        _, separate = outcome(made.store, job, separately=True)
        _, shared = outcome(made.store, renamed_job)
        assert np.allclose(shared, separate, atol=1e-3)
