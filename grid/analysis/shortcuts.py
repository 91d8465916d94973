"""The shortcut check of an experiment: features of every test utterance, computed once per rendition, and their EERs.

The features of a rendition are kept in its folder, as `features-REVISION-test.parquet`. MLflow does not hold them, so a
report reads them from the store wherever its other results come from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.record import RECORD
from grid.core.store import Store
from grid.measuring.measure import named_by_corpus, tested_utterances
from grid.measuring.trials import Trials, conditions
from grid.metrics.separation import Separation, separation
from grid.metrics.shortcut_features import FEATURES, FEATURES_REVISION, Feature, features
from grid.resynthesis.rendition_audio import RenditionAudio

log = logging.getLogger(__name__)

SPLIT = "test"

FEATURES_SCHEMA = pa.schema([("utterance_id", pa.string()), *((name, pa.float64()) for name in FEATURES)])


@dataclass(frozen=True)
class Shortcut:
    """How well one feature alone separates the classes on one condition of one evaluation."""

    evaluation: str
    condition: str
    feature: Feature
    separation: Separation


def measure_shortcuts(store: Store, experiment: Experiment, renditions: Sequence[str]) -> tuple[Shortcut, ...]:
    """Every feature on every condition that has trials of both classes; `renditions` are the folders of the test data.

    Renditions that are not finished are left out; without any finished one the result is empty.
    """
    finished = [folder for folder in dict.fromkeys(renditions) if store.exists(f"{folder}/{RECORD}")]
    if not finished:
        return ()
    trials = Trials.of(pd.concat([_utterances(store, folder) for folder in finished], ignore_index=True))
    return tuple(_measured(trials, experiment))


def rendition_features(store: Store, folder: str) -> pa.Table:
    """The features of a finished rendition's test utterances, one row each; computed and stored at the first call.

    A stored table whose checksums do not fit its content is computed again.
    """
    path = f"{folder}/features-{FEATURES_REVISION}-{SPLIT}.parquet"
    if store.exists(path):
        try:
            return pq.read_table(store.local(path), page_checksum_verification=True)
        except (OSError, ValueError) as error:  # what pyarrow raises depends on the bytes
            log.warning("%s is damaged (%s); it is computed again", store.uri(path), error)
    audio = RenditionAudio(store, folder, SPLIT)
    rows = [{"utterance_id": name, **features(audio.waveform(row))} for row, name in enumerate(audio.ids)]
    table = pa.Table.from_pylist(rows, schema=FEATURES_SCHEMA)
    with store.writing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    return table


def _measured(trials: Trials, experiment: Experiment) -> Iterator[Shortcut]:
    for name, choice in experiment.evaluations.items():
        try:
            split = list(conditions(trials, choice))
        except RequestError as error:  # the cells report it as well, and the rest of the report can be made
            log.warning("evaluation %s has no shortcuts: %s", name, error)
            continue
        for condition in split:
            if not (condition.bonafide.any() and condition.spoof.any()):
                continue
            for feature in FEATURES:
                values = trials.table[feature].to_numpy()
                classes = values[condition.bonafide], values[condition.spoof]
                found = separation(*classes, condition=f"{name}/{condition.name}")
                yield Shortcut(name, condition.name, feature, found)


def _utterances(store: Store, folder: str) -> pd.DataFrame:
    table = rendition_features(store, folder).to_pandas()
    utterances = tested_utterances(store, folder).merge(table, on="utterance_id", validate="one_to_one")
    return named_by_corpus(utterances, folder)
