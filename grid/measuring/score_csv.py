"""Score files of any detector: CSV with `utterance_id,score`, joined with the keys and conditions of a protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grid.core.errors import RequestError, unknown_name
from grid.core.table_text import from_cell
from grid.corpus.protocol import parse_key


def join_scores(scores: str | Path, protocol: str | Path, condition: str | None = None) -> pd.DataFrame:
    """The columns utterance_id, key, score and condition ("" without one) of every trial of the protocol.

    Raises RequestError for missing columns, an unknown key (with file and line), an utterance that is scored twice or
    not at all, and a score that is not a finite number. Scores of utterances that the protocol does not list are an
    error too: they mean that the two files do not belong together.
    """
    scored = _read(scores, ("utterance_id", "score"))
    scored["utterance_id"] = scored["utterance_id"].map(from_cell)
    trials = _read(protocol, ("utterance_id", "key"))
    if condition is not None and condition not in trials.columns:
        raise unknown_name("condition column", condition, trials.columns, where=str(protocol))
    for table, name in ((scored, scores), (trials, protocol)):
        repeated = table["utterance_id"][table["utterance_id"].duplicated()]
        if len(repeated):
            raise RequestError(f"{name}: utterance {repeated.iloc[0]!r} comes twice")
    trials["key"] = [parse_key(key, f"{protocol}:{line}") for line, key in enumerate(trials["key"], start=2)]
    trials["condition"] = trials[condition] if condition is not None else ""
    _same_utterances(scored, trials, scores, protocol)
    values = pd.to_numeric(scored["score"], errors="coerce")
    not_finite = ~np.isfinite(values)
    if not_finite.any():
        row = int(np.flatnonzero(not_finite)[0])
        name, value = scored["utterance_id"].iloc[row], scored["score"].iloc[row]
        raise RequestError(
            f"{scores}:{row + 2}: the score of utterance {name!r} is {value!r}, not a finite number; "
            f"{not_finite.sum()} of {len(scored)} scores are not"
        )
    joined = trials[["utterance_id", "key", "condition"]].merge(scored.assign(score=values), on="utterance_id")
    return joined[["utterance_id", "key", "score", "condition"]]


def _read(path: str | Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read {path}: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise RequestError(
            f"{path}: the column {missing[0]!r} is missing; found: {', '.join(table.columns)}; "
            f"expected: {', '.join(columns)}"
        )
    return table


def _same_utterances(scored: pd.DataFrame, trials: pd.DataFrame, scores: str | Path, protocol: str | Path) -> None:
    scored_ids, listed_ids = set(scored["utterance_id"]), set(trials["utterance_id"])
    for missing, text in (
        (sorted(listed_ids - scored_ids), f"are in {protocol} but have no score in {scores}"),
        (sorted(scored_ids - listed_ids), f"have a score in {scores} but are not in {protocol}"),
    ):
        if missing:
            raise RequestError(f"{len(missing)} utterances, such as {missing[0]!r}, {text}")
