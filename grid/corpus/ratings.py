"""The predicted MOS of a corpus: the column `mos` of its manifest, and CSV files with such scores.

The column does not enter the manifest's digest, as it changes neither audio nor labels. NaN is "not rated".
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from grid.core.errors import RequestError
from grid.corpus.protocol import require_path

MOS = "mos"
LOWEST, HIGHEST = 1.0, 5.0
SHOWN = 3
"""Utterance ids that an error message lists."""


def read_mos_csv(path: Path) -> dict[str, float]:
    """The scores of a CSV with columns utterance_id and mos; RequestError, with the line, for anything else."""
    scores: dict[str, float] = {}
    with require_path(path, folder=False).open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in ("utterance_id", MOS) if name not in (reader.fieldnames or ())]
        if missing:
            raise RequestError(f"{path}: columns {', '.join(missing)} are missing; expected utterance_id and {MOS}")
        for row in reader:
            where, name = f"{path}:{reader.line_num}", row["utterance_id"]
            if name in scores:
                raise RequestError(f"{where}: utterance {name!r} comes twice")
            scores[name] = _score(row[MOS], where)
    return scores


def mos_of(manifest: pa.Table) -> dict[str, float]:
    """The scores of the rated utterances of a manifest, by id; empty where it has no column `mos`."""
    if MOS not in manifest.column_names:
        return {}
    names, scores = manifest["utterance_id"].to_pylist(), manifest[MOS].to_numpy()
    return {name: float(score) for name, score in zip(names, scores, strict=True) if not np.isnan(score)}


def with_mos(manifest: pa.Table, scores: Mapping[str, float]) -> pa.Table:
    """The manifest with `scores` as its column `mos`, NaN for utterances without a score.

    Raises RequestError for a score of an utterance that is not in the manifest, and for no scores at all.
    """
    names = manifest["utterance_id"].to_pylist()
    unknown = sorted(set(scores) - set(names))
    if unknown or not scores:
        listed = ", ".join(map(repr, unknown[:SHOWN])) or "none"
        raise RequestError(f"{len(unknown)} of {len(scores)} scores are of utterances that are not there: {listed}")
    column = pa.array([scores.get(name, math.nan) for name in names], pa.float64())
    kept = manifest.drop_columns([MOS]) if MOS in manifest.column_names else manifest
    return kept.append_column(MOS, column)


def _score(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not LOWEST <= value <= HIGHEST:
        raise RequestError(f"{where}: mos {text!r} is no number from {LOWEST:g} to {HIGHEST:g}")
    return value
