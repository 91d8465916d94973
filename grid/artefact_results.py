"""Reads a finished comparison of codec artefacts from the store, as a report shows it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq

from grid.artefacts import EXAMPLE, PAIRS, artefact_folder, finished_artefacts
from grid.experiment import Grid
from grid.report.artefacts import ArtefactPair, ArtefactResults
from grid.store import Store


def read_artefacts(store: Store, grid: Grid) -> ArtefactResults | None:
    """The comparison that the experiment of `grid` asks for; None where it asks for none, or has not been run."""
    record = finished_artefacts(store, grid)
    if record is None:
        return None
    folder = artefact_folder(grid)
    table = pq.read_table(store.local(f"{folder}/{PAIRS}")).to_pandas()
    means = table.groupby(["codec_a", "codec_b"], sort=False)[["ssim", "pearson"]].mean()
    with np.load(io.BytesIO(store.read_bytes(f"{folder}/{EXAMPLE}"))) as packed:
        residuals = {str(codec): packed[codec].astype(np.float32) for codec in packed.files}
    return ArtefactResults(
        utterances=int(record.results["utterances"]),
        codecs=tuple(record.results["codecs"]),
        pairs=tuple(ArtefactPair(str(a), str(b), float(s), float(p)) for (a, b), s, p in means.itertuples()),
        example=str(record.results["example"]),
        residuals=residuals,
    )
