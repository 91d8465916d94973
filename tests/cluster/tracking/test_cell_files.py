"""Tests of the artifacts of a cell's run: a table for people, pictures, and a model that scores audio files."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from cluster.tracking.cell_files import write_cell_files
from cluster.tracking.scoring_model import _load_pyfunc, example
from grid.analysis.results import results_from_store
from grid.cells.job import scores_folder
from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.measuring.calibrate import calibrate_cell
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.run_cell import run_cell
from grid.scoring.score_tables import read_scores
from tests.support.tiny_grid import Tiny, tiny

pytestmark = pytest.mark.slow  # MLflow takes 4 s to import


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A cell that was really trained, scored and measured."""
    torch.set_num_threads(1)
    made = tiny(
        tmp_path_factory.mktemp("cell"), grid={"selections": ["gsm-06.10"], "policies": ["spoof"]}, recipe={"epochs": 1}
    )
    grid = made.rendered()
    assert run_cell(made.store, grid.cells[0], grid.experiment, gpu=False)
    return made


@pytest.fixture(scope="module")
def files(trained: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of that cell."""
    folder, (job,), experiment = tmp_path_factory.mktemp("files"), trained.grid.cells, trained.grid.experiment
    result = results_from_store(trained.store, experiment, [job]).cells[0]
    calibrations = calibrate_cell(trained.store, job, experiment)
    write_cell_files(trained.store, job, result, calibrations, read_record(trained.store, job.folder), folder)
    return folder


def test_measurements_csv_has_every_condition_in_percent(trained: Tiny, files: Path) -> None:
    rows = list(csv.DictReader((files / "measurements.csv").read_text().splitlines()))
    exact = json.loads((files / "measurements.json").read_text())["measurements"]
    assert [(row["evaluation"], row["condition"]) for row in rows] == [(m["evaluation"], m["condition"]) for m in exact]
    assert [float(row["eer_percent"]) for row in rows] == [round(100 * m["eer"], 4) for m in exact]
    assert [int(row["n_spoof"]) for row in rows] == [m["n_spoof"] for m in exact]


def test_pictures_are_svg_that_name_each_evaluation_with_its_eer(trained: Tiny, files: Path) -> None:
    (job,), experiment = trained.grid.cells, trained.grid.experiment
    expected = [
        f"{item.evaluation}: EER {100 * item.calibration.eer:.1f} %"
        for item in calibrate_cell(trained.store, job, experiment)
    ]
    for name in ("det.svg", "scores.svg"):
        texts = [element.text for element in ElementTree.parse(files / name).iter() if element.tag.endswith("text")]
        assert [text for text in texts if "EER" in str(text)] == expected


def test_model_gives_the_score_that_the_cell_gave(trained: Tiny, files: Path, tmp_path: Path) -> None:
    import mlflow.pyfunc

    (job,) = trained.grid.cells
    folder = next(name for name in job.scored if "raw-" in name)
    audio = RenditionAudio(trained.store, folder, "test")
    soundfile.write(tmp_path / "speech.wav", audio.waveform(0), 16_000, subtype="FLOAT")
    model = mlflow.pyfunc.load_model(str(files / "model"))
    assert model.metadata.get_input_schema().input_names() == example()["columns"]
    found = model.predict(pd.DataFrame({"path": [str(tmp_path / "speech.wav")]}))
    scores = read_scores(trained.store, scores_folder(job.folder, folder))
    expected = dict(zip(scores["utterance_id"].to_pylist(), scores["score"].to_pylist(), strict=True))
    assert np.isclose(found["score"][0], expected[audio.table["utterance_id"][0].as_py()], atol=1e-5)


def test_model_of_a_cell_trained_anew_is_refused(trained: Tiny, files: Path, tmp_path: Path) -> None:
    shutil.copytree(files / "model" / "data", tmp_path / "data")
    reference = json.loads((tmp_path / "data" / "cell.json").read_text())
    (tmp_path / "data" / "cell.json").write_text(json.dumps(reference | {"weights_sha256": "0" * 64}))
    with pytest.raises(RequestError, match="this model was 000000000000: the cell was trained anew"):
        _load_pyfunc(str(tmp_path / "data"))
    (tmp_path / "data" / "cell.json").write_text(json.dumps(reference | {"root": str(tmp_path)}))
    with pytest.raises(RequestError, match=r"weights\.safetensors; was the root moved or cleaned"):
        _load_pyfunc(str(tmp_path / "data"))
