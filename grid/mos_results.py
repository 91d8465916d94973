"""Reads the predicted MOS of an experiment's tested recordings and generators, as a report shows it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from grid.config.experiment import Experiment
from grid.corpus.mos import MOS
from grid.measure import tested_utterances
from grid.metrics.mos import SystemMos, mos_by_system
from grid.record import RECORD
from grid.store import Store
from grid.trials import Trials

THRESHOLD = 3.5
"""That of Table V of CodecFake+, where no evaluation names another."""


def read_mos(store: Store, experiment: Experiment, renditions: Sequence[str]) -> tuple[float, tuple[SystemMos, ...]]:
    """The threshold, and the MOS of each system among the rated utterances of finished renditions, without CoRS."""
    asked = [choice.mos_above for choice in experiment.evaluations.values() if choice.mos_above is not None]
    threshold = asked[0] if asked else THRESHOLD
    finished = [folder for folder in dict.fromkeys(renditions) if store.exists(f"{folder}/{RECORD}")]
    tables = [tested_utterances(store, folder) for folder in finished]
    rated = [table[table[MOS].notna()] for table in tables if table[MOS].notna().any()]
    if not rated:
        return threshold, ()
    trials = Trials(pd.concat(rated, ignore_index=True))
    table = trials.table
    of_system = table[(table["attack"] != "") | (table["codec"] == "")]
    return threshold, mos_by_system(of_system["attack"].tolist(), of_system[MOS].to_numpy(), threshold=threshold)
