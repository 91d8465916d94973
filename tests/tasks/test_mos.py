"""`codecgrid mos`: from a CSV and from a predictor, into evaluations above a threshold, and into the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from grid.analysis.mos import mos_by_system, read_mos
from grid.corpus.ratings import mos_of
from tests.mos.test_predictors import Loudness
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import Tiny, tiny

GRID = {"selections": ["mu-law"], "policies": ["none"]}


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    found = tiny(tmp_path, grid=GRID, evaluations={"raw": {"bonafide": "raw", "spoof": "attack"}})
    found.corpus()
    return found


def csv_of(made: Tiny, **given: float) -> Path:
    path = made.config.with_name("mos.csv")
    lines = [f"{name.replace('_', '-')},{score}" for name, score in given.items()]
    path.write_text("\n".join(["utterance_id,mos", *lines]) + "\n")
    return path


def manifest_scores(made: Tiny) -> dict[str, float]:
    folder = made.store.read_json("corpora/tiny.json")["folder"]
    return mos_of(pq.read_table(made.store.local(f"{folder}/manifest.parquet")))


def test_mos_from_a_csv_fills_the_manifest_and_others_need_replace(made: Tiny) -> None:
    root = made.store.root
    given = csv_of(made, test_s0_u0=4.0, test_s0_u1=2.0)
    ended = codecgrid("mos", "tiny", "--csv", given, "--root", root)
    assert ended.status == 0, ended.err
    assert "tiny: 2 of 24 utterances have a predicted MOS" in ended.out
    assert codecgrid("mos", "tiny", "--csv", given, "--root", root).status == 0
    made.store.write_json("cells/x/measurements-1.json", [])
    made.store.write_json("cells/x/record.json", {})
    other = csv_of(made, test_s0_u0=3.0)
    refused = codecgrid("mos", "tiny", "--csv", other, "--root", root)
    assert (refused.status, "has other scores already (2 utterances); --replace" in refused.err) == (2, True)
    assert manifest_scores(made) == {"test-s0-u0": 4.0, "test-s0-u1": 2.0}
    replaced = codecgrid("mos", "tiny", "--csv", other, "--root", root, "--replace", "--json")
    assert replaced.json == {"corpus": "tiny", "utterances": 24, "rated": 1, "removed": 1}
    assert manifest_scores(made) == {"test-s0-u0": 3.0}
    assert made.store.names("cells/x") == ["record.json"]


def test_mos_from_a_predictor_rates_every_utterance(made: Tiny) -> None:
    weights = made.config.with_name("weights.pt")
    torch.jit.script(Loudness()).save(str(weights))
    ended = codecgrid("mos", "tiny", "--predictor", "utmos", "--weights", weights, "--root", made.store.root, "--json")
    assert ended.json["rated"] == 24
    found = manifest_scores(made)
    assert all(1 <= score <= 5 for score in found.values())
    assert len(set(found.values())) == 24
    made.rendered()
    rated = read_mos(made.store, made.grid.experiment, made.grid.cells[0].scored)
    assert rated is not None
    assert rated.threshold == 3.5
    assert [(item.system, item.count) for item in rated.systems] == [("", 4), ("buzz", 4)]
    expected = [score for name, score in found.items() if name.startswith("test") and name.endswith("buzz")]
    assert rated.systems[1].mean == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("tiny", "--csv", "mos.csv", "--predictor", "utmos"),
            "give --csv FILE, or --predictor (distillmos, dnsmos, utmos), not both",
        ),
        (("tiny", "--predictor", "dnsmoss"), "unknown MOS predictor 'dnsmoss'; did you mean 'dnsmos'?"),
        (("tinny", "--csv", "mos.csv"), "corpus 'tinny' is not in"),
    ],
)
def test_mos_asked_for_wrongly_ends_with_two(made: Tiny, arguments: tuple[str, ...], said: str) -> None:
    csv_of(made, test_s0_u0=4.0)
    given = [made.config.with_name(word) if word == "mos.csv" else word for word in arguments]
    ended = codecgrid("mos", *given, "--root", made.store.root)
    assert ended.status == 2
    assert said in ended.err


def test_mos_by_system_puts_bona_fide_first_and_then_the_best() -> None:
    systems = ["", "a", "a", "b", "b", "c"]
    found = mos_by_system(systems, [4.0, 2.0, 3.0, 4.0, 4.5, np.nan], threshold=3.5)
    assert [(item.system, item.count, item.median, item.share_above) for item in found] == [
        ("", 1, 4.0, 1.0),
        ("b", 2, 4.25, 1.0),
        ("a", 2, 2.5, 0.0),
    ]
    assert (found[2].lower, found[2].upper) == (2.25, 2.75)
