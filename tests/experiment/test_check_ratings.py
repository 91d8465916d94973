"""Evaluations above a predicted MOS: one without possible trials raises an error or a warning when it is resolved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from grid.corpus.rate import rate_corpus
from tests.support.tiny_grid import Tiny, tiny, write_experiment

GOOD: dict[str, Any] = {"bonafide": "raw", "spoof": "attack", "mos_above": 3.5}


def resolve_rated(rated: Tiny, evaluation: dict[str, Any]) -> None:
    write_experiment(rated.config.parent, evaluations={"T": evaluation}, grid={"selections": ["gsm-06.10"]})
    assert rated.grid.cells


@pytest.fixture
def rated(tmp_path: Path) -> Tiny:
    """Two speakers with two recordings each in every split, and an attack, `buzz`, on each."""
    return tiny(tmp_path)


def rate(rated: Tiny, score: Callable[[str], float | None]) -> None:
    """Imports the corpus and rates what `score` gives a number for."""
    rated.corpus()
    names = [f"{split}-s{i}-u{j}" for split in ("train", "dev", "test") for i in range(2) for j in range(2)]
    given = {name: score(name) for name in [*names, *(f"{name}-buzz" for name in names)]}
    rate_corpus(rated.store, "tiny", {name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("imported", [False, True])
def test_a_corpus_that_is_not_rated_yet_is_a_warning_with_the_command(
    rated: Tiny, imported: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if imported:
        rate(rated, lambda name: None if name.startswith("test") else 4.0)
    resolve_rated(rated, GOOD)
    (record,) = caplog.records
    assert "fill it with `codecgrid mos tiny`" in record.getMessage()
    assert f"{rated.config}:" in record.getMessage()


def test_ratings_of_both_classes_above_the_threshold_are_let_through(
    rated: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    rate(rated, lambda name: 4.0 if name in ("test-s0-u0", "test-s1-u0-buzz") else 2.0)
    resolve_rated(rated, GOOD)
    assert not caplog.records


def test_no_rating_of_a_class_above_the_threshold_names_line_and_class(rated: Tiny) -> None:
    rate(rated, lambda name: 2.0 if name.endswith("buzz") and name.startswith("test") else 4.0)
    with pytest.raises(RequestError, match=r"no spoof trial of tiny has a predicted MOS above 3\.5") as caught:
        resolve_rated(rated, GOOD)
    line = int(str(caught.value).split(":")[1])
    assert rated.config.read_text().splitlines()[line - 1].strip() == "mos_above: 3.5"


def test_trials_that_codecgrid_makes_are_never_rated(rated: Tiny) -> None:
    rate(rated, lambda name: 4.0)
    with pytest.raises(RequestError, match="its bonafide trials are made by codecgrid"):
        resolve_rated(rated, GOOD | {"bonafide": "cors"})
