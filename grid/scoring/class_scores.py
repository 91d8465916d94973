"""What a policy of several outputs adds to a score table: log posteriors, and a score for each label of CoRS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grid.core.vocabulary import BONAFIDE, KEYS, Key
from grid.policies import SpeechClass

LOG_POSTERIOR = "log_posterior_"
"""The column of a class has its name after this."""


def score_column(cors_key: Key) -> str:
    """The column of the scores under a label of CoRS."""
    return f"score_cors_{cors_key}"


def class_columns(
    classes: Sequence[SpeechClass], log_posteriors: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The columns, by name, for log posteriors `(utterances, classes)`.

    The score under a label of CoRS is the log-sum-exp over the classes that are bona fide then, minus that over the
    others.
    """
    columns = {f"{LOG_POSTERIOR}{each.name}": log_posteriors[:, i] for i, each in enumerate(classes)}
    for cors_key in KEYS:
        bonafide = np.array([(cors_key if each.is_cors else each.key) == BONAFIDE for each in classes])
        columns[score_column(cors_key)] = _log_sum_exp(log_posteriors[:, bonafide]) - _log_sum_exp(
            log_posteriors[:, ~bonafide]
        )
    return columns


def _log_sum_exp(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis; at least one value there."""
    return np.asarray(np.logaddexp.reduce(values, axis=1))
