"""The predicted MOS of a report: generators, their own recordings, and CoRS by codec."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from grid.analysis.mos import SystemMos, mos_results, read_mos
from grid.corpus.rate import rate_corpus
from tests.support.own_cors import CODEC, add_cors, own_tiny

# corpus, attack, codec, source, MOS
ROWS = [
    ("vctk", "", "", "vctk", 4.0),
    ("vctk", "", "bigcodec", "vctk", 3.9),
    ("vctk", "", "bigcodec", "vctk", 3.3),
    ("vctk", "", "dac-24khz", "vctk", 3.0),
    ("cosg", "", "", "codecfake-plus/valle", 4.2),
    ("cosg", "", "", "codecfake-plus/ns3", 2.0),
    ("cosg", "", "", "elsewhere", 1.0),
    ("cosg", "valle", "encodec-24khz-6kbps", "codecfake-plus/valle", 3.6),
    ("cosg", "valle", "encodec-24khz-6kbps", "codecfake-plus/valle", 3.0),
    ("cosg", "ns3", "mvq-disent-time", "codecfake-plus/ns3", 4.5),
]


def means(items: tuple[SystemMos, ...]) -> list[tuple[str, int, float]]:
    return [(item.system, item.count, pytest.approx(item.mean)) for item in items]


def test_cors_stand_beside_the_recordings_of_their_corpora_and_generators_beside_their_own() -> None:
    found = mos_results(pd.DataFrame(ROWS, columns=["corpus", "attack", "codec", "source", "mos"]), 3.5)
    assert found.threshold == 3.5
    assert means(found.systems) == [("", 4, 2.8), ("ns3", 1, 4.5), ("valle", 2, 3.3)]
    assert means(found.codecs) == [("", 1, 4.0), ("bigcodec", 2, 3.6), ("dac-24khz", 1, 3.0)]
    assert means(found.recordings) == [("valle", 1, 4.2), ("ns3", 1, 2.0)]
    assert [item.share_above for item in found.codecs] == [1.0, 0.5, 0.0]


def test_cors_that_a_corpus_brings_are_rated_and_those_made_of_it_are_not(tmp_path: Path) -> None:
    made = own_tiny(
        tmp_path,
        grid={"selections": [CODEC, "gsm-06.10"], "policies": ["spoof"]},
        evaluations={"cors": {"bonafide": "raw", "spoof": "cors"}},
    )
    add_cors(tmp_path / "corpus" / "protocol.csv", coded=("test",), pending=())
    made.rendered()
    names = [f"test-s{speaker}-u{number}" for speaker in (0, 1) for number in (0, 1)]
    rate_corpus(made.store, "tiny", {**dict.fromkeys(names, 4.0), f"{names[0]}_published": 3.0})
    found = read_mos(made.store, made.grid.experiment, made.grid.cells[0].scored)
    assert found is not None
    assert means(found.codecs) == [("", 4, 4.0), (CODEC, 1, 3.0)]
    assert means(found.systems) == [("", 4, 4.0)]


def test_without_a_prediction_there_is_no_mos(tmp_path: Path) -> None:
    made = own_tiny(tmp_path, grid={"selections": [CODEC], "policies": ["spoof"]})
    made.rendered()
    assert read_mos(made.store, made.grid.experiment, made.grid.cells[0].scored) is None
