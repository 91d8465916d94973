"""Tests of cluster.tracking.names: MLflow takes every name, and no two evaluations share one."""

from __future__ import annotations

import pytest

from cluster.tracking.names import calibration_metrics, eer_name, encode, percent
from grid.metrics.calibration import Calibration

TEXTS = (
    "pooled",
    "codec=encodec-24khz-6kbps",
    "attack=world,codec=dac-16khz",
    "a~b",
    "a b/c:d==",
    "été ½ 20",
    ".",
    "..",
    "",
    " 7e",
)
CALIBRATION = Calibration(eer=0.25, auc=2 / 3, min_dcf=1 / 3, act_dcf=1.0, cllr=0.75, min_cllr=0.5, far=0.125)


def test_encode_different_texts_stay_different() -> None:
    assert len({encode(text) for text in TEXTS}) == len(TEXTS)


def test_encode_condition_stays_readable() -> None:
    assert encode("codec=encodec-24khz-6kbps") == "codec:encodec-24khz-6kbps"


@pytest.mark.parametrize("evaluation", TEXTS)
def test_metrics_names_mlflow_takes_them(evaluation: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    for name in (eer_name(evaluation), *calibration_metrics(evaluation, CALIBRATION)):
        _validate_metric_name(name)


def test_calibration_metrics_are_in_percent_or_bits_and_leave_out_what_is_not_known() -> None:
    assert calibration_metrics("T-CoRS", CALIBRATION) == {
        "scores/T-CoRS/auc_percent": 66.6667,
        "scores/T-CoRS/min_dcf": 0.3333,
        "scores/T-CoRS/act_dcf": 1.0,
        "scores/T-CoRS/cllr": 0.75,
        "scores/T-CoRS/min_cllr": 0.5,
        "scores/T-CoRS/far_percent_at_dev_threshold": 12.5,
    }


def test_percent_prints_as_people_write_it() -> None:
    assert str(percent(0.275)) == "27.5"
