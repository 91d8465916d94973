"""The artifacts of a cell's run: what it is, what it measured, pictures of its scores, and the model.

Weights and scores stay in the store, and `stored_files.json` says where: copies would be most of what MLflow holds, and
most of the time of a sync.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.tracking.names import percent
from cluster.tracking.pictures import det_picture, histogram_picture
from cluster.tracking.scoring_model import write_model
from grid.analysis.results import CellResult
from grid.cells.job import HISTORY, WEIGHTS, CellJob, scores_folder
from grid.core.record import FAILURE, RECORD, Record
from grid.core.store import Store
from grid.core.table_text import to_cell
from grid.measuring.calibrate import EvaluationCalibration
from grid.scoring.score_tables import SCORES

MEASUREMENTS = "measurements.json"
"""The exact measurements and differences, from which reports are made."""


def write_cell_files(
    store: Store,
    job: CellJob,
    result: CellResult,
    calibrations: Sequence[EvaluationCalibration],
    record: Record | None,
    folder: Path,
) -> None:
    """Writes the artifacts of a cell that is trained or failed into `folder`."""
    _write_json(folder / "config.json", job.model_dump(mode="json"))
    for name in (HISTORY, RECORD) if record is not None else (HISTORY, FAILURE):
        if store.exists(f"{job.folder}/{name}"):
            (folder / name).write_bytes(store.read_bytes(f"{job.folder}/{name}"))
    if result.measurements:
        content = {"measurements": _plain(result.measurements), "differences": _plain(result.differences)}
        _write_json(folder / MEASUREMENTS, content)
        (folder / "measurements.csv").write_text(measurements_csv(result))
    if calibrations:
        (folder / "det.svg").write_text(det_picture(calibrations))
        (folder / "scores.svg").write_text(histogram_picture(calibrations))
    if record is not None:
        scores = [f"{scores_folder(job.folder, rendition)}/{SCORES}" for rendition in job.tested]
        stored = {"root": store.root, "weights": f"{job.folder}/{WEIGHTS}", "sha256": record.outputs[WEIGHTS]}
        _write_json(folder / "stored_files.json", {**stored, "scores": scores})
        write_model(folder / "model", store, job, record.outputs[WEIGHTS])


def measurements_csv(result: CellResult) -> str:
    """Every condition as a table for people: EERs, their intervals and differences in percent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = ("eer", "eer_lower", "eer_upper")
    differences = ("difference", "difference_lower", "difference_upper")
    counts = ("min_dcf", "n_bonafide", "n_spoof", "bonafide_mean", "spoof_mean")
    percents = [f"{name}_percent" for name in (*numbers, *differences)]
    writer.writerow(["evaluation", "condition", *percents, *counts])
    for m in result.measurements:
        d = result.difference(m.evaluation, m.condition)
        row: list[object] = [percent(getattr(m, name)) for name in numbers]
        row += [percent(getattr(d, name)) if d is not None else "" for name in differences]
        row += [getattr(m, name) for name in counts]
        writer.writerow([to_cell(m.evaluation), to_cell(m.condition), *row])
    return text.getvalue()


def _plain(items: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")
