"""The model in a cell's run: `mlflow.pyfunc.load_model("runs:/RUN/model").predict(["a.wav"])` scores audio files.

The model needs codecgrid installed, and names the weights in the store by their SHA-256 in place of a copy.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from grid.cells.job import WEIGHTS, CellJob
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.store import Store

REFERENCE = "cell.json"
EXAMPLE = "input_example.json"
COLUMN = "path"


class ScoringModel:
    """A trained cell, ready to score audio files on the CPU; a higher score is more bona fide."""

    def __init__(self, store: Store, job: CellJob, sha256: str) -> None:
        """Raises RequestError when the weights are gone from the store or are not those of the run."""
        from grid.detectors.network import build_detector
        from grid.detectors.weights import load_weights
        from grid.inputs.preparation import Preparation

        path = f"{job.folder}/{WEIGHTS}"
        if not store.exists(path):
            raise RequestError(
                f"the weights of this model are not in {store.uri(path)}; was the root moved or cleaned?"
            )
        weights = store.local(path)
        if (found := file_digest(weights)) != sha256:
            raise RequestError(
                f"{store.uri(path)} has SHA-256 {found[:12]}, this model was {sha256[:12]}: the cell was trained anew; "
                "use the model of its current run"
            )
        self._model = build_detector(job.detector_spec, job.seed, bonafide=job.bonafide_classes).eval()
        load_weights(self._model, weights)
        self._preparation = Preparation(job.detector_spec.input, job.recipe.crop)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """A table with `path` and `score` of each file; `model_input` is a list of paths or a table with `path`."""
        import pandas as pd

        paths = list(model_input[COLUMN] if hasattr(model_input, "columns") else model_input)
        return pd.DataFrame({COLUMN: paths, "score": [self._score(path) for path in paths]})

    def _score(self, path: str) -> float:
        import torch

        from grid.corpus.audio import read_audio

        waveform = read_audio(path).samples
        samples = self._preparation(waveform, "test", seed=0, epoch=0, utterance_id=Path(path).stem)
        return float(self._model.score(torch.from_numpy(samples[None]))[0])


def _load_pyfunc(path: str) -> ScoringModel:
    """What `mlflow.pyfunc` calls with the folder `data` of the model."""
    reference = json.loads((Path(path) / REFERENCE).read_text())
    return ScoringModel(
        Store.open(reference["root"]), CellJob.model_validate(reference["job"]), reference["weights_sha256"]
    )


def write_model(folder: Path, store: Store, job: CellJob, sha256: str) -> None:
    """Writes the MLflow model of a cell whose weights have this SHA-256 into `folder`."""
    (folder / "data").mkdir(parents=True)
    reference = {"root": store.root, "weights_sha256": sha256, "job": job.model_dump(mode="json")}
    (folder / "data" / REFERENCE).write_text(json.dumps(reference, indent=1) + "\n")
    (folder / EXAMPLE).write_text(json.dumps(example()))
    (folder / "requirements.txt").write_text("codecgrid\n")
    (folder / "MLmodel").write_text(_mlmodel())


def example() -> dict[str, Sequence[Any]]:
    """The input example, a table of one file, as MLflow writes tables."""
    return {"columns": [COLUMN], "data": [["speech.wav"]]}


@cache
def _mlmodel() -> str:
    """The file that describes the model; the same for all cells, which differ in their `data`."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec("string", COLUMN)]),
        outputs=Schema([ColSpec("string", COLUMN), ColSpec("double", "score")]),
    )
    model = Model(artifact_path="model", signature=signature, model_uuid=None)
    model.saved_input_example_info = {"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
    model.add_flavor(
        "python_function",
        loader_module="cluster.tracking.scoring_model",
        data="data",
        python_version=platform.python_version(),
        env={"virtualenv": "requirements.txt"},
    )
    return str(model.to_yaml())
