"""An experiment that cannot be evaluated or trained raises an error, with the line, when it is resolved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from tests.support.own_cors import CODEC, OTHER, add_cors, read_rows, write_rows
from tests.support.tiny_grid import Tiny, tiny, write_corpus, write_experiment

FIRST = {"name": "first", "reader": "csv", "path": "corpus/protocol.csv"}
SECOND = {"name": "second", "reader": "csv", "path": "second/protocol.csv"}
WORLD = [{"name": "world", "through": "nothing"}, {"name": "world", "through": "selection"}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Recordings, and in `second` an attack and CoRS too, but no recordings in test."""
    experiment = tiny(tmp_path_factory.mktemp("possible"), corpus={"spoof": False}, corpora=[FIRST, SECOND])
    protocol = write_corpus(experiment.config.parent / "second")
    add_cors(protocol, coded=("test",), pending=())
    kept = [row for row in read_rows(protocol) if row["split"] != "test" or row["key"] != "bonafide"]
    write_rows(protocol, kept)
    experiment.corpora()
    return experiment


def resolve(made: Tiny, evaluation: dict[str, Any], *corpora: dict[str, Any], **changes: Any) -> None:
    fields = {"attacks": [], "grid": {"selections": [CODEC]}, **changes}
    write_experiment(made.config.parent, corpora=list(corpora), evaluations={"T": evaluation}, **fields)
    assert made.grid.cells


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (
            {"bonafide": "raw", "spoof": ["attack", "cosg"], "corpora": "first"},
            r"can hold no spoof trials: the test split of first gives cors, raw, not attack or cosg",
        ),
        (
            {"bonafide": "raw", "spoof": "attack", "corpora": "second"},
            r"can hold no bonafide trials: the test split of second gives attack, not raw",
        ),
        (
            {"bonafide": "cors", "spoof": "attack", "corpora": "second"},
            r"can hold no bonafide trials: the test split of second gives attack, not cors",
        ),
        (
            {"bonafide": ["raw", "cors"], "spoof": "cosg"},
            r"can hold no spoof trials: the test split of first, second gives attack, cors, raw, not cosg",
        ),
    ],
)
def test_evaluation_of_a_role_that_is_never_there_names_the_line_and_what_is(
    made: Tiny, evaluation: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=rf"tiny\.yaml:\d+: evaluation 'T' {message}$") as caught:
        resolve(made, evaluation, FIRST, SECOND)
    line = int(str(caught.value).split(":")[1])
    key = "spoof" if "no spoof" in message else "bonafide"
    assert made.config.read_text().splitlines()[line - 1].strip().startswith(key)


@pytest.mark.parametrize(
    ("evaluation", "changes"),
    [
        ({"bonafide": "raw", "spoof": "cors", "corpora": "first"}, {}),
        ({"bonafide": "raw", "spoof": "attack"}, {}),
        ({"bonafide": "raw", "spoof": ["attack", "cosg"], "corpora": "first"}, {"attacks": WORLD[:1]}),
        ({"bonafide": "raw", "spoof": "cosg", "corpora": "first"}, {"attacks": WORLD}),
    ],
)
def test_evaluation_of_roles_that_are_there_or_made_is_let_through(
    made: Tiny, evaluation: dict[str, Any], changes: dict[str, Any]
) -> None:
    resolve(made, evaluation, FIRST, SECOND, **changes)


@pytest.mark.parametrize(
    ("by", "evaluation", "needs"),
    [
        ("codec", {"bonafide": "raw", "spoof": "attack"}, "spoof trials of a codec, and"),
        ("bonafide-codec", {"bonafide": "raw", "spoof": "cors"}, "bona fide trials of a codec"),
        ("spoof-codec", {"bonafide": "cors", "spoof": "attack"}, "spoof trials of a codec, and the test"),
        ("attack", {"bonafide": "raw", "spoof": "cors"}, "spoof trials of an attack"),
        ("system", {"bonafide": "raw", "spoof": "cors"}, "spoof trials of an attack"),
        ("qua", {"bonafide": "raw", "spoof": "cors"}, "spoof trials of a codec that has a place in the taxonomy"),
    ],
)
def test_evaluation_by_what_no_trial_has_names_the_line_and_what_it_takes(
    made: Tiny, by: str, evaluation: dict[str, Any], needs: str
) -> None:
    with pytest.raises(RequestError, match=f"can hold no condition by {by}: that takes {needs}") as caught:
        resolve(made, {**evaluation, "by": [by]}, FIRST, SECOND)
    line = int(str(caught.value).split(":")[1])
    assert made.config.read_text().splitlines()[line - 1].strip() == f"- {by}"


@pytest.mark.parametrize(
    ("by", "evaluation", "changes"),
    [
        ("codec", {"bonafide": "raw", "spoof": "cors"}, {}),
        ("codec", {"bonafide": "cors", "spoof": ["attack", "cosg"]}, {"attacks": WORLD}),
        ("bonafide-codec", {"bonafide": "cors", "spoof": "attack"}, {}),
        ("spoof-codec", {"bonafide": "raw", "spoof": "cosg"}, {"attacks": WORLD}),
        ("system", {"bonafide": "raw", "spoof": "attack"}, {}),
        ("dec", {"bonafide": "raw", "spoof": "cors"}, {"grid": {"selections": ["lyra-v2-3.2kbps"]}}),
    ],
)
def test_evaluation_by_what_its_trials_have_is_let_through(
    made: Tiny, by: str, evaluation: dict[str, Any], changes: dict[str, Any]
) -> None:
    resolve(made, {**evaluation, "by": by}, FIRST, SECOND, **changes)


def test_a_corpus_named_by_an_evaluation_that_gives_it_nothing_is_told(made: Tiny) -> None:
    evaluation = {"bonafide": "raw", "spoof": "attack", "corpora": ["second", "first"]}
    resolve(made, evaluation, FIRST, SECOND)
    untested = {**SECOND, "splits": ["train", "dev"]}
    with pytest.raises(RequestError, match="can hold no trials of corpus 'second': its test split gives nothing"):
        resolve(made, evaluation, FIRST, untested, attacks=WORLD[:1])


def test_own_cors_are_trials_where_they_are_used_and_asked_for(made: Tiny) -> None:
    evaluation = {"bonafide": "cors", "spoof": "attack", "corpora": "second"}
    resolve(made, evaluation, FIRST, {**SECOND, "cors": "own"})
    with pytest.raises(RequestError, match="can hold no bonafide trials"):
        resolve(made, evaluation, FIRST, {**SECOND, "cors": "own"}, grid={"selections": [OTHER]})


def test_evaluation_of_a_corpus_that_is_not_tested_holds_nothing(made: Tiny) -> None:
    evaluation = {"bonafide": "raw", "spoof": "cors", "corpora": "first"}
    with pytest.raises(RequestError, match="the test split of none of the corpora gives nothing, not raw"):
        resolve(made, evaluation, {**FIRST, "splits": ["train", "dev"]}, SECOND)


def test_a_split_that_is_used_and_empty_is_told(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    protocol = tmp_path / "corpus" / "protocol.csv"
    write_rows(protocol, [row for row in read_rows(protocol) if row["split"] != "dev"])
    with pytest.raises(RequestError, match=r"tiny\.yaml:\d+: no corpus \(tiny\) has utterances of split dev to use"):
        _ = made.grid


def test_a_bank_without_split_train_is_told(made: Tiny, tmp_path: Path) -> None:
    protocol = write_corpus(tmp_path / "bank")
    write_rows(protocol, [row for row in read_rows(protocol) if row["split"] == "test"])
    bank = {"name": "bank", "reader": "csv", "path": str(protocol)}
    with pytest.raises(RequestError, match="corpus 'bank' has nothing of split train"):
        resolve(made, {"bonafide": "raw", "spoof": "attack"}, FIRST, SECOND, noises=bank)
