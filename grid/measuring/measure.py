"""The measurements of a finished cell under an experiment's evaluations, kept in a JSON file beside its scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from grid.cells.job import CellJob, scores_folder
from grid.cells.measurements import keep_measurements, stored_measurements
from grid.config.experiment import Experiment
from grid.core.store import Store
from grid.corpus.imported import stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.corpus.ratings import MOS, mos_of
from grid.measuring.trials import Trials, measure_evaluation
from grid.metrics.evaluation import Measurement
from grid.resynthesis.rendition import chain_name_of, corpus_of
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.scoring.score_tables import read_scores


def measure_cell(store: Store, job: CellJob, experiment: Experiment) -> list[Measurement]:
    """All measurements of a scored cell, read from its file or else computed; a pure function of its scores."""
    stored = stored_measurements(store, job, experiment)
    if stored is not None:
        return stored
    trials = scored_trials(store, job)
    measurements = [
        measurement
        for name, choice in experiment.evaluations.items()
        for measurement in measure_evaluation(
            trials,
            name,
            choice,
            replicates=experiment.bootstrap.replicates,
            level=experiment.bootstrap.level,
            unit=experiment.bootstrap.unit,
        )
    ]
    keep_measurements(store, job, experiment, measurements)
    return measurements


def scored_trials(store: Store, job: CellJob) -> Trials:
    """Every utterance that a cell scored for its evaluations, with its score."""
    return trials_of(store, job, job.scored)


def trials_of(store: Store, job: CellJob, folders: Sequence[str]) -> Trials:
    """The scored utterances of some renditions of a cell."""
    return Trials.of(pd.concat([_scored(store, job, folder) for folder in folders], ignore_index=True))


def _scored(store: Store, job: CellJob, folder: str) -> pd.DataFrame:
    utterances = tested_utterances(store, folder)
    scores = read_scores(store, scores_folder(job.folder, folder)).to_pandas()
    return named_by_corpus(utterances.merge(scores, on="utterance_id", validate="one_to_one"), folder)


def tested_utterances(store: Store, folder: str) -> pd.DataFrame:
    """The test utterances of a finished rendition with the columns of `Trials`, but without corpus and score."""
    audio = RenditionAudio(store, folder, "test")
    utterances = audio.table.select(["utterance_id", "speaker", "key", "attack", "codec", "source"]).to_pandas()
    rated = utterances["utterance_id"].map(_predicted_mos(store, corpus_of(folder))).astype(np.float64)
    return utterances.assign(**{MOS: rated})


def named_by_corpus(utterances: pd.DataFrame, folder: str) -> pd.DataFrame:
    """`utterances` of a rendition with columns `corpus`, before each id too (two may share ids), and `chain`."""
    corpus, ids = corpus_of(folder), utterances["utterance_id"]
    return utterances.assign(corpus=corpus, utterance_id=corpus + "/" + ids, chain=chain_name_of(folder))


def _predicted_mos(store: Store, corpus: str) -> dict[str, float]:
    """The predicted MOS of the utterances of a corpus whose manifest has that column."""
    stored = stored_corpus(store, corpus)
    if stored is None:
        return {}
    path = store.local(f"{stored.folder}/{MANIFEST_FILE}")
    if MOS not in pq.read_schema(path).names:
        return {}
    return mos_of(pq.read_table(path, columns=["utterance_id", MOS]))
