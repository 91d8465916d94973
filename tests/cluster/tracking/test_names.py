"""Tests of cluster.tracking.names: MLflow takes every name, and gives back the measurement bit for bit."""

from __future__ import annotations

import math

import pytest

from cluster.tracking.names import decode, difference_metrics, differences, encode, measurements, metrics, place
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

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


@pytest.mark.parametrize("text", TEXTS)
def test_encode_any_text_comes_back(text: str) -> None:
    assert decode(encode(text)) == text


def test_encode_different_texts_stay_different() -> None:
    assert len({encode(text) for text in TEXTS}) == len(TEXTS)


def test_encode_condition_stays_readable() -> None:
    assert encode("codec=encodec-24khz-6kbps") == "codec:encodec-24khz-6kbps"


@pytest.mark.parametrize("evaluation", TEXTS)
@pytest.mark.parametrize("condition", TEXTS)
def test_metrics_names_mlflow_takes_them(evaluation: str, condition: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    for name in metrics(Measurement(evaluation, condition, 0.1, 0.1, 0.1, 0.1, 1, 1, 0.5, -0.5)):
        _validate_metric_name(name)


def test_measurements_from_metrics_are_equal_to_the_last_bit() -> None:
    numbers = (0.1 + 0.2, math.nextafter(0.3, 0), 1 / 3, 1.0, 7, 123_456, 20 / 3, -0.1 - 0.2)
    original = Measurement("T-CoSG (all)", "codec=mimi", *numbers)
    assert measurements([place(original)], metrics(original)) == (original,)


def test_differences_from_metrics_are_equal_to_the_last_bit() -> None:
    original = Difference("T-CoSG (all)", "codec=mimi", -0.1 - 0.2, math.nextafter(-0.3, 0), 1 / 3)
    assert differences([place(original)], difference_metrics(original)) == (original,)
    assert set(difference_metrics(original)).isdisjoint(metrics(Measurement("", "", 0, 0, 0, 0, 1, 1, 0, 0)))


def test_measurements_one_metric_lost_is_an_error() -> None:
    original = Measurement("All", "pooled", 0.1, 0.1, 0.1, 0.1, 1, 1, 0.5, -0.5)
    logged = metrics(original)
    del logged["n_spoof/All/pooled"]
    with pytest.raises(KeyError, match="n_spoof/All/pooled"):
        measurements([place(original)], logged)
