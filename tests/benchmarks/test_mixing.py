"""The items of an epoch at 44,455 utterances and 31 codecs: pure functions of (seed, epoch, utterance)."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest

from grid.cells.job import Mixing
from grid.training.training_set import Cors, Source, TrainingSet
from tests.benchmarks.codecfake_plus import UTTERANCES, codec_names, recordings, rendered
from tests.benchmarks.comparison import Contest

CODECS = 31


@pytest.fixture(scope="module")
def sources() -> tuple[Source, list[Cors]]:
    table = recordings()
    return Source(table), [Cors(Source(rendered(table, codec)), 0.0) for codec in codec_names()]


def listed(source: Source, cors: list[Cors]) -> list[tuple[int, int, float]]:
    """A list with a tuple for each item."""
    items = [(0, row, 1.0) for row in range(len(source))]
    return items + [(1 + number, row, c.target) for number, c in enumerate(cors) for row in range(len(c.source))]


def drawn_from_a_list(source: Source, cors: list[Cors]) -> list[tuple[int, int, float]]:
    """One codec for each utterance from a global generator: another order gives other items."""
    items = [(0, row, 1.0) for row in range(len(source))]
    return items + [(1 + random.randrange(len(cors)), row, 0.0) for row in range(len(source))]


def replaced_in_a_list(source: Source, cors: list[Cors]) -> list[tuple[int, int, float]]:
    """Half of the items replaced, from a global generator."""
    return [(1, row, cors[0].target) if random.random() < 0.5 else (0, row, 1.0) for row in range(len(source))]


def test_append_each_codec(contest: Contest, sources: tuple[Source, list[Cors]]) -> None:
    source, cors = sources
    training = TrainingSet([source], [], cors, Mixing(how="append", draw="each"), seed=0)
    other = {"a list of tuples": partial(listed, *sources)}
    contest.rate("items, append each of 31 codecs", "epochs/s", 1, partial(training.items, 0), other)
    assert len(training.items(0)) == len(listed(source, cors)) == (1 + CODECS) * UTTERANCES


def test_append_one_drawn_codec(contest: Contest, sources: tuple[Source, list[Cors]]) -> None:
    source, cors = sources
    training = TrainingSet([source], [], cors, Mixing(how="append", draw="one"), seed=0)
    other = {"a list, global generator": partial(drawn_from_a_list, *sources)}
    contest.rate("items, append one of 31 codecs", "epochs/s", 1, partial(training.items, 0), other)
    items = training.items(0)
    assert len(np.unique(items.row[items.source > 0])) == UTTERANCES == len(items) / 2


def test_replace_with_one_codec(contest: Contest, sources: tuple[Source, list[Cors]]) -> None:
    source, cors = sources
    training = TrainingSet([source], [], cors[:1], Mixing(how="replace", probability=0.5), seed=0)
    other = {"a list, global generator": partial(replaced_in_a_list, *sources)}
    contest.rate("items, replace, p = 0.5, 1 codec", "epochs/s", 1, partial(training.items, 0), other)
    assert np.mean(training.items(0).source) == pytest.approx(0.5, abs=0.01)
