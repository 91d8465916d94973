"""The score table of one rendition: writes and reads `utterance_id, score` and what a policy of classes adds to them.

Imports no torch.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import FailureKind, RequestError
from grid.core.record import check_outputs, finish, read_record
from grid.core.store import Store

SCORES = "scores.parquet"
SCORE_SCHEMA = pa.schema([("utterance_id", pa.string()), ("score", pa.float64())])


class NotFiniteError(RequestError, FloatingPointError):
    """A score that is NaN or infinite: it says nothing about its utterance."""

    failure_kind: ClassVar[FailureKind] = "data"


def write_scores(
    store: Store,
    folder: str,
    ids: list[str],
    scores: NDArray[np.float64],
    weights: str,
    columns: Mapping[str, NDArray[np.float64]] | None = None,
) -> None:
    """Writes the scores `(utterances,)` of one rendition; `weights` is the digest of the weights that gave them.

    `columns` `(utterances,)` follow, by name. Raises NotFiniteError for a value that is NaN or infinite.
    """
    for values in (scores, *(columns or {}).values()):
        check_finite(ids, values, store.uri(folder))
    table = pa.Table.from_pydict({"utterance_id": ids, "score": scores}, schema=SCORE_SCHEMA)
    for name, values in (columns or {}).items():
        table = table.append_column(name, pa.array(values))
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
    """`utterance_id, score` of one rendition, and the columns that it was written with.

    Raises RequestError when the bytes differ from the record, NotFiniteError for a score that is NaN or infinite.
    """
    record = read_record(store, folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(folder)} is not scored")
    check_outputs(store, folder, record)
    table = pq.read_table(io.BytesIO(store.read_bytes(f"{folder}/{SCORES}")))
    check_finite(table["utterance_id"].to_pylist(), table["score"].to_numpy(), store.uri(folder))
    return table


def check_finite(ids: Sequence[str], scores: NDArray[np.float64], place: str) -> None:
    """Raises NotFiniteError, naming `place` and the first utterance, if a score `(utterances,)` is NaN or infinite."""
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        first = int(wrong[0])
        raise NotFiniteError(
            f"{place}: the score of utterance {ids[first]!r} is {scores[first]}; {len(wrong)} of {len(scores)} scores "
            "are not finite. The weights hold NaN or infinite values, or overflow on these utterances"
        )
