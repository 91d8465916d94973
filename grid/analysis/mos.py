"""The predicted MOS of an experiment's test recordings, generators and CoRS, summarised for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from grid.config.experiment import Experiment
from grid.core.record import RECORD
from grid.core.store import Store
from grid.corpus.ratings import MOS
from grid.measuring.measure import named_by_corpus, tested_utterances
from grid.measuring.trials import Trials

BONAFIDE_SYSTEM = ""
"""The name that stands for bona fide speech in place of a system."""
DEFAULT_THRESHOLD = 3.5
"""The MOS of Table V of CodecFake+, used where no evaluation sets `mos_above`."""


@dataclass(frozen=True)
class SystemMos:
    """The predicted MOS of `count` utterances of a system: mean, quartiles, and the share (0 to 1) above a threshold.

    `system` is the attack or the codec, BONAFIDE_SYSTEM for recordings.
    """

    system: str
    count: int
    mean: float
    lower: float
    median: float
    upper: float
    share_above: float


@dataclass(frozen=True)
class MosResults:
    """The predicted MOS of the rated test utterances of an experiment; `threshold` is what shares are counted above.

    `systems` are the recordings of all corpora, then the generators, the best median first. `codecs` are the recordings
    of the corpora with rated CoRS, then the CoRS of each codec in this order. `recordings` are those that belong to a
    generator, by its name.
    """

    threshold: float
    systems: tuple[SystemMos, ...]
    codecs: tuple[SystemMos, ...] = ()
    recordings: tuple[SystemMos, ...] = ()


def mos_by_system(systems: Sequence[str], mos: ArrayLike, *, threshold: float) -> tuple[SystemMos, ...]:
    """One entry per system, from the system and the MOS of each utterance, both (utterances,); NaN means not rated.

    Bona fide speech comes first, then the systems from the best median to the worst.
    """
    values = np.asarray(mos, dtype=np.float64)
    names = np.array(systems, dtype=object)
    rated = ~np.isnan(values)
    summaries = [_summary(name, values[rated & (names == name)], threshold) for name in sorted(set(names[rated]))]
    return tuple(sorted(summaries, key=lambda item: (item.system != BONAFIDE_SYSTEM, -item.median, item.system)))


def _summary(system: str, values: np.ndarray, threshold: float) -> SystemMos:
    lower, median, upper = (float(value) for value in np.percentile(values, (25, 50, 75)))
    above = float(np.mean(values > threshold))
    return SystemMos(str(system), len(values), float(values.mean()), lower, median, upper, above)


def read_mos(store: Store, experiment: Experiment, renditions: Sequence[str]) -> MosResults | None:
    """The MOS over the rated test utterances of finished renditions; None where none is rated."""
    thresholds = [choice.mos_above for choice in experiment.evaluations.values() if choice.mos_above is not None]
    finished = [folder for folder in dict.fromkeys(renditions) if store.exists(f"{folder}/{RECORD}")]
    tables = [named_by_corpus(tested_utterances(store, folder), folder) for folder in finished]
    rated = [table[table[MOS].notna()] for table in tables if table[MOS].notna().any()]
    if not rated:
        return None
    return mos_results(pd.concat(rated, ignore_index=True), thresholds[0] if thresholds else DEFAULT_THRESHOLD)


def mos_results(rated: pd.DataFrame, threshold: float) -> MosResults:
    """From rated utterances, one row each, with columns corpus, attack, codec ("" for none), source and mos."""
    cors = (rated["attack"] == "") & (rated["codec"] != "")
    raw = (rated["attack"] == "") & (rated["codec"] == "")
    of_cors_corpora = rated["corpus"].isin(rated["corpus"][cors])
    belongs_to = pd.Series(Trials(rated).system, index=rated.index)
    of_generator = raw & belongs_to.isin(rated["attack"][~cors & ~raw])

    def summarised(names: pd.Series, chosen: pd.Series) -> tuple[SystemMos, ...]:
        return mos_by_system(names[chosen].tolist(), rated[MOS][chosen].to_numpy(), threshold=threshold)

    return MosResults(
        threshold,
        systems=summarised(rated["attack"], ~cors),
        codecs=summarised(rated["codec"], cors | (raw & of_cors_corpora)),
        recordings=summarised(belongs_to, of_generator),
    )
