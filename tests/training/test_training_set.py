"""Training sets: the items of an epoch, the statistics of the draws, and a class prior exact in expectation."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from grid.cells.job import Mixing
from grid.core.errors import RequestError
from grid.training.training_set import Cors, Items, Source, TrainingSet

UTTERANCES = 200
EPOCHS = 20


def source(keys: dict[str, str], suffix: str = "") -> Source:
    """A rendition with one row for each origin and its key."""
    columns = {
        "utterance_id": [f"{origin}{suffix}" for origin in keys],
        "origin": list(keys),
        "key": list(keys.values()),
    }
    return Source(pa.table(columns))


def bonafide(count: int, prefix: str = "u") -> dict[str, str]:
    return {f"{prefix}{i:03d}": "bonafide" for i in range(count)}


RECORDINGS = source(bonafide(UTTERANCES))
ATTACK = source(dict.fromkeys(bonafide(UTTERANCES), "spoof"), "~world")


def cors(target: float, codec: str, keys: dict[str, str] | None = None, corpus: int = 0) -> Cors:
    return Cors(source(keys or bonafide(UTTERANCES), f"~{codec}"), target, corpus)


def training_set(*given: Cors, mixing: Mixing, seed: int = 0, recordings: Source = RECORDINGS) -> TrainingSet:
    return TrainingSet([recordings], [ATTACK], list(given), mixing, seed)


def identifiers(training: TrainingSet, items: Items) -> list[str]:
    names = [s.table["utterance_id"].to_pylist() for s in training.sources]
    return [names[number][row] for number, row in zip(items.source, items.row, strict=True)]


def within(count: int, of: int, probability: float) -> bool:
    """Whether a binomial count lies within five standard deviations (false once in 1.7 million)."""
    return abs(count - of * probability) <= 5 * math.sqrt(of * probability * (1 - probability))


def test_append_each_holds_every_utterance_through_every_codec() -> None:
    training = training_set(cors(1.0, "opus"), cors(0.0, "gsm"), mixing=Mixing())
    items = training.items(0)
    assert Counter(items.source.tolist()) == dict.fromkeys(range(4), UTTERANCES)
    assert [float(items.target[items.source == n].mean()) for n in range(4)] == [1, 0, 1, 0]
    assert np.array_equal(training.items(7).row, items.row)


def test_append_one_holds_each_utterance_through_one_codec_drawn_anew() -> None:
    training = training_set(cors(1.0, "opus"), cors(1.0, "gsm"), mixing=Mixing(draw="one"))
    first, second = (identifiers(training, training.items(epoch))[2 * UTTERANCES :] for epoch in (0, 1))
    assert sorted(name.split("~")[0] for name in first) == sorted(bonafide(UTTERANCES))
    assert first != second
    counts = Counter(n for epoch in range(EPOCHS) for n in training.items(epoch).source.tolist() if n >= 2)
    assert within(counts[2], UTTERANCES * EPOCHS, 0.5)


@pytest.mark.parametrize("probability", [0.1, 0.5, 1.0])
def test_replace_takes_its_share_over_epochs_and_over_utterances(probability: float) -> None:
    training = training_set(cors(1.0, "opus"), mixing=Mixing(how="replace", probability=probability))
    replaced = np.stack([training.items(epoch).source[:UTTERANCES] == 2 for epoch in range(EPOCHS)])
    assert within(int(replaced.sum()), replaced.size, probability)
    assert all(within(int(count), UTTERANCES, probability) for count in replaced.sum(axis=1))
    assert all(within(int(count), EPOCHS, probability) for count in replaced.sum(axis=0))


def test_replace_puts_the_same_utterance_with_the_policys_target_in_its_place() -> None:
    training = training_set(cors(0.0, "opus"), mixing=Mixing(how="replace", probability=0.5))
    items = training.items(3)
    origins = [name.split("~")[0] for name in identifiers(training, items)]
    assert origins == [*bonafide(UTTERANCES), *bonafide(UTTERANCES)]
    assert np.array_equal(items.target, (items.source == 0).astype(np.float32))
    assert len(items) == 2 * UTTERANCES


def test_replace_draws_among_codecs_evenly() -> None:
    given = [cors(1.0, name) for name in ("a", "b", "c")]
    training = training_set(*given, mixing=Mixing(how="replace", probability=1.0))
    counts = Counter(n for epoch in range(EPOCHS) for n in training.items(epoch).source[:UTTERANCES].tolist())
    assert set(counts) == {2, 3, 4}
    assert all(within(count, UTTERANCES * EPOCHS, 1 / 3) for count in counts.values())


@pytest.mark.parametrize("mixing", [Mixing(how="replace", probability=0.5), Mixing(draw="one")])
def test_draws_depend_on_seed_epoch_and_utterance_alone(mixing: Mixing) -> None:
    given = (cors(1.0, "opus"), cors(0.0, "gsm"))
    training, other = training_set(*given, mixing=mixing), training_set(*given, mixing=mixing, seed=1)
    names = identifiers(training, training.items(5))
    again = training_set(*given, mixing=mixing)
    for epoch in (2, 0):
        again.items(epoch)
    assert identifiers(again, again.items(5)) == names
    assert identifiers(other, other.items(5)) != names
    assert identifiers(training, training.items(6)) != names


@pytest.mark.parametrize("mixing", [Mixing(how="replace", probability=0.5), Mixing(draw="one")])
def test_draws_do_not_depend_on_the_order_of_the_rows(mixing: Mixing) -> None:
    backwards = dict(reversed(bonafide(UTTERANCES).items()))
    straight = training_set(cors(1.0, "opus"), cors(0.0, "gsm"), mixing=mixing)
    turned = training_set(
        cors(1.0, "opus", backwards), cors(0.0, "gsm", backwards), mixing=mixing, recordings=source(backwards)
    )
    assert set(identifiers(straight, straight.items(1))) == set(identifiers(turned, turned.items(1)))


def test_replace_an_utterance_that_the_codec_failed_on_stays_a_recording() -> None:
    half = bonafide(UTTERANCES // 2)
    training = training_set(cors(0.0, "opus", half), mixing=Mixing(how="replace", probability=1.0))
    items = training.items(0)
    assert Counter(items.source.tolist()) == {0: UTTERANCES // 2, 1: UTTERANCES, 2: UTTERANCES // 2}
    prior = training.prior()
    assert (prior.bonafide, prior.spoof) == (items.target.sum(), len(items) - items.target.sum())


def test_spoofed_recordings_are_never_replaced() -> None:
    mixed = source(bonafide(50) | dict.fromkeys(bonafide(50, "fake"), "spoof"))
    training = training_set(cors(1.0, "opus"), mixing=Mixing(how="replace", probability=1.0), recordings=mixed)
    items = training.items(0)
    assert Counter(items.source.tolist()) == {0: 50, 1: UTTERANCES, 2: 50}
    assert float(items.target[items.source == 0].sum()) == 0


@pytest.mark.parametrize("mixing", [Mixing(how="replace", probability=1.0), Mixing(draw="one")])
def test_two_corpora_draw_among_the_codecs_not_among_each_others_audio(mixing: Mixing) -> None:
    first, second = bonafide(60, "a"), bonafide(40, "b")
    given = [cors(0.5, codec, keys, n) for codec in ("x", "y") for n, keys in enumerate((first, second))]
    training = TrainingSet([source(first), source(second)], [ATTACK], given, mixing, 0)
    names = [name for name in identifiers(training, training.items(0)) if name.endswith(("~x", "~y"))]
    assert sorted(name.split("~")[0] for name in names) == sorted([*first, *second])
    assert training.prior().spoof == UTTERANCES + 50


@pytest.mark.parametrize(
    "mixing",
    [Mixing(), Mixing(draw="one"), Mixing(how="replace", probability=0.3), Mixing(how="replace", probability=1.0)],
    ids=str,
)
def test_prior_is_the_mean_of_what_epochs_hold(mixing: Mixing) -> None:
    given = [cors(1.0, "a"), cors(0.25, "b"), cors(0.0, "c", bonafide(UTTERANCES // 2))]
    training = training_set(*given, mixing=mixing)
    targets = [training.items(epoch).target for epoch in range(40)]
    prior = training.prior()
    mean_bonafide = float(np.mean([target.sum() for target in targets]))
    mean_spoof = float(np.mean([(1 - target).sum() for target in targets]))
    # an utterance adds at most 1 to the variance of a class: five deviations of the mean over 40 epochs
    tolerance = 5 * math.sqrt(UTTERANCES / 40)
    assert prior.bonafide == pytest.approx(mean_bonafide, abs=tolerance)
    assert prior.spoof == pytest.approx(mean_spoof, abs=tolerance)
    if mixing == Mixing():
        assert (prior.bonafide, prior.spoof) == (200 + 200 + 50, 200 + 150 + 100)


def test_prior_weights_are_inverse_and_one_when_balanced() -> None:
    assert training_set(mixing=Mixing()).prior().weights() == (1.0, 1.0)
    spoof, real = training_set(cors(0.0, "opus"), mixing=Mixing()).prior().weights()
    assert (spoof, real) == (pytest.approx(0.75), pytest.approx(1.5))


@pytest.mark.parametrize(
    ("target", "missing", "counts"), [(1.0, "spoof", "400 bona fide and 0 spoof"), (0.0, "bona fide", "0 bona fide")]
)
def test_one_class_alone_is_an_error_that_says_why(target: float, missing: str, counts: str) -> None:
    mixing = Mixing() if target else Mixing(how="replace", probability=1.0)
    with pytest.raises(RequestError, match=f"there is no {missing} item to train on: {counts}.*Give the experiment"):
        TrainingSet([RECORDINGS], [], [cors(target, "opus")], mixing, 0)
