"""The confusion of classes and the EERs under both labels of CoRS, from the scores of a cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from grid.analysis.classes import CellClasses, ClassResults, Confusion, confusion
from grid.cells.job import CellJob
from grid.measuring.trials import Trials
from grid.policies.four_class import CLASSES
from grid.report.tables.classes import confusion_table, label_table
from grid.scoring.class_scores import LOG_POSTERIOR, class_columns

UTTERANCES = (  # key, attack, codec, and the probabilities of the four classes
    ("bonafide", "", "", (0.7, 0.1, 0.1, 0.1)),
    ("bonafide", "", "", (0.2, 0.5, 0.2, 0.1)),
    ("bonafide", "", "opus", (0.1, 0.8, 0.0001, 0.0999)),
    ("spoof", "tts", "", (0.3, 0.1, 0.4, 0.2)),
    ("spoof", "tts", "opus", (0.1, 0.5, 0.1, 0.3)),
)


def trials() -> Trials:
    log_posteriors = np.log([row[3] for row in UTTERANCES])
    names = {"utterance_id": [f"u{i}" for i in range(len(UTTERANCES))], "score": np.zeros(len(UTTERANCES))}
    keys = {name: [row[i] for row in UTTERANCES] for i, name in enumerate(("key", "attack", "codec"))}
    return Trials.of(pd.DataFrame(names | keys | class_columns(CLASSES, log_posteriors)))


def test_an_utterance_is_taken_for_the_class_of_its_largest_posterior() -> None:
    job = CellJob.model_construct(classes=CLASSES)
    assert confusion(trials(), job) == Confusion(
        ("recorded", "CoRS", "generated", "CoSG"), ((1, 1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0))
    )
    assert [name for name in trials().table if name.startswith(LOG_POSTERIOR)][1] == "log_posterior_CoRS"


def cell(seed: int, counts: tuple[tuple[int, ...], ...], eers: tuple[float, float]) -> CellClasses:
    found = Confusion(("recorded", "CoRS", "generated", "CoSG"), counts)
    of_label = {"T-CoRS": {"bonafide": eers[0], "spoof": eers[1]}}
    return CellClasses(f"{seed:016x}", "opus", "four-class", "lcnn", seed, found, of_label)  # type: ignore[arg-type]


def test_tables_are_means_over_seeds_with_their_error_and_name_what_is_missing() -> None:
    counts = (
        ((8, 2, 0, 0), (5, 5, 0, 0), (0, 0, 0, 0), (0, 0, 2, 2)),
        ((6, 4, 0, 0), (5, 5, 0, 0), (0,) * 4, (0, 0, 2, 2)),
    )
    cells = tuple(cell(seed, of_seed, (0.1 + 0.1 * seed, 0.3)) for seed, of_seed in enumerate(counts))
    table = confusion_table(ClassResults(cells, {"f" * 16: "scores.parquet is damaged"}))
    assert [[part.text for part in row[3:]] for row in table.rows] == [  # no row for a class without utterances
        ["recorded", "10", "70.00", "30.00", "0.00", "0.00"],
        ["CoRS", "10", "50.00", "50.00", "0.00", "0.00"],
        ["CoSG", "4", "0.00", "0.00", "50.00", "50.00"],
    ]
    assert table.rows[0][5].details == ("± 10.00",)
    assert [note.text for note in table.notes] == [f"Not shown: {'f' * 16}: scores.parquet is damaged"]
    (row,) = label_table(ClassResults(cells)).rows
    assert [part.text for part in row] == ["lcnn", "opus", "four-class", "T-CoRS", "2", "15.00", "30.00"]


def test_the_score_under_a_label_moves_cors_alone_to_the_other_side() -> None:
    posteriors = np.array([[0.5, 0.2, 0.2, 0.1]])
    columns = class_columns(CLASSES, np.log(posteriors))
    assert columns["score_cors_bonafide"][0] == pytest.approx(np.log(0.7 / 0.3))
    assert columns["score_cors_spoof"][0] == pytest.approx(np.log(0.5 / 0.5))
