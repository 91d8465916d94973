"""The shortcut check of an experiment: features of every tested utterance, once per rendition, and their EERs.

A rendition's features lie beside it, in `features-REVISION-test.parquet`. MLflow does not hold them: a report reads
them from the store wherever its other numbers come from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.record import RECORD
from grid.core.store import Store
from grid.measuring.measure import named_by_corpus, tested_utterances
from grid.measuring.trials import Trials, conditions
from grid.metrics.shortcut_features import FEATURES, Shortcut, features, measure_shortcut
from grid.resynthesis.rendition_audio import RenditionAudio

log = logging.getLogger(__name__)

FEATURES_REVISION = 1
"""Raised by hand when the same audio gives other features than before."""
SPLIT = "test"

FEATURES_SCHEMA = pa.schema([("utterance_id", pa.string()), *((name, pa.float64()) for name in FEATURES)])


def measure_shortcuts(store: Store, experiment: Experiment, renditions: Sequence[str]) -> tuple[Shortcut, ...]:
    """Every feature on every condition that has trials of both classes, from the folders of the tested renditions.

    Renditions that are not finished are left out, and nothing is measured where none is.
    """
    finished = [folder for folder in dict.fromkeys(renditions) if store.exists(f"{folder}/{RECORD}")]
    if not finished:
        return ()
    trials = Trials.of(pd.concat([_utterances(store, folder) for folder in finished], ignore_index=True))
    return tuple(_measured(trials, experiment))


def rendition_features(store: Store, folder: str) -> pa.Table:
    """The features of a finished rendition's tested utterances, one row each; computed at the first call."""
    path = f"{folder}/features-{FEATURES_REVISION}-{SPLIT}.parquet"
    if not store.exists(path):
        audio = RenditionAudio(store, folder, SPLIT)
        rows = [{"utterance_id": name, **features(audio.waveform(row))} for row, name in enumerate(audio.ids)]
        with store.writing(path) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=FEATURES_SCHEMA), temporary, compression="zstd")
    return pq.read_table(store.local(path))


def _measured(trials: Trials, experiment: Experiment) -> Iterator[Shortcut]:
    for name, choice in experiment.evaluations.items():
        try:
            held = list(conditions(trials, choice))
        except RequestError as error:  # its cells say so too; the report is made all the same
            log.warning("evaluation %s has no shortcuts: %s", name, error)
            continue
        for condition in held:
            if not (condition.bonafide.any() and condition.spoof.any()):
                continue
            for feature in FEATURES:
                values = trials.table[feature].to_numpy()
                found = values[condition.bonafide], values[condition.spoof]
                yield measure_shortcut(name, condition.name, feature, *found)


def _utterances(store: Store, folder: str) -> pd.DataFrame:
    found = rendition_features(store, folder).to_pandas()
    return named_by_corpus(
        tested_utterances(store, folder).merge(found, on="utterance_id", validate="one_to_one"), folder
    )
