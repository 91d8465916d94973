"""Names of the metrics of a cell's run: few, each with its unit, and such that the EERs come first in MLflow's charts.

MLflow makes a section of its charts of what stands before the last `/`, in alphabetical order:
`eer_percent/T-CoSG`, then `scores/T-CoSG/cllr`, then `training/train_loss`.
"""

from __future__ import annotations

import re

from grid.metrics.calibration import Calibration

# MLflow takes letters, digits, `_`, `-`, `.`, space, `:` and `/`. Here `/` separates, `:` stands for `=`, and a space
# begins an escape: two hexadecimal digits for one byte of UTF-8.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]")
_EMPTY = " "

TRAIN_LOSS, DEV_EER, LEARNING_RATE = "training/train_loss", "training/dev_eer_percent", "training/learning_rate"
BEST_DEV_EER, EPOCHS, SECONDS = "training/best_dev_eer_percent", "training/epochs", "training/seconds"


def encode(text: str) -> str:
    """`text` in characters that MLflow accepts in the name of a metric, without `/`; injective."""
    if text.strip(".") == "":  # MLflow refuses parts such as `..`
        return "".join(map(_escape, text)) or _EMPTY
    return "".join(":" if c == "=" else c if _PLAIN.fullmatch(c) else _escape(c) for c in text)


def _escape(character: str) -> str:
    return "".join(f" {byte:02x}" for byte in character.encode())


def eer_name(evaluation: str) -> str:
    """The metric with the EER, in percent, on all trials of an evaluation."""
    return f"eer_percent/{encode(evaluation)}"


def percent(fraction: float) -> float:
    """Rounded for people: MLflow's tables print every digit, such as 27.500000000000004."""
    return round(100 * fraction, 4)


def calibration_metrics(evaluation: str, found: Calibration) -> dict[str, float]:
    """What the scores on all trials of an evaluation are worth, rounded; see `grid.metrics.calibration.Calibration`.

    AUC and the error rates at the threshold of the dev EER are in percent, Cllr in bits, detection costs normalised.
    """
    values = {
        "auc_percent": percent(found.auc),
        "min_dcf": found.min_dcf,
        "act_dcf": found.act_dcf,
        "cllr": found.cllr,
        "min_cllr": found.min_cllr,
        "far_percent_at_dev_threshold": None if found.far is None else percent(found.far),
        "frr_percent_at_dev_threshold": None if found.frr is None else percent(found.frr),
    }
    return {f"scores/{encode(evaluation)}/{name}": round(v, 4) for name, v in values.items() if v is not None}
