"""The score table of one rendition: writes and reads `utterance_id, score` with its record. Imports no torch."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.record import check_outputs, finish, read_record
from grid.core.store import Store

SCORES = "scores.parquet"
SCORE_SCHEMA = pa.schema([("utterance_id", pa.string()), ("score", pa.float64())])


def write_scores(store: Store, folder: str, ids: list[str], scores: NDArray[np.float64], weights: str) -> None:
    """Writes the scores `(utterances,)` of one rendition; `weights` is the digest of the weights that gave them."""
    table = pa.Table.from_pydict({"utterance_id": ids, "score": scores}, schema=SCORE_SCHEMA)
    with store.writing(f"{folder}/{SCORES}") as temporary:
        pq.write_table(table, temporary)
    finish(
        store,
        folder,
        kind="scores",
        identity={"weights": weights},
        outputs=[SCORES],
        results={"utterances": len(ids)},
    )


def read_scores(store: Store, folder: str) -> pa.Table:
    """`utterance_id, score` of one rendition; raises RequestError when the bytes differ from the record."""
    record = read_record(store, folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(folder)} is not scored")
    check_outputs(store, folder, record)
    return pq.read_table(io.BytesIO(store.read_bytes(f"{folder}/{SCORES}")))
