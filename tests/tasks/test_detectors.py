"""Tests of `codecgrid detectors`: the promised document, the published counts, and what a detector lacks."""

from __future__ import annotations

import pytest

from grid.detectors.spec import detector_names
from tests.support.command_line import codecgrid

KEYS = ["name", "frontend", "backend", "trained_parameters", "runnable", "source", "note", "missing", "about"]
# On XLS-R 300M (the last on WavLM-base+): Liu et al. 2025; Xiao and Vu 2025; the CDD paper's code; MHFA of WeDefense
PUBLISHED = {
    "nes2net-x": 512_039,
    "lwbn": 473_600,
    "x-aasist": 447_081,
    "mhfa-8-heads": 525_882,
    "mhfa": 1_315_410,
    "mhfa-finetuned": 1_249_850,
}


@pytest.mark.slow
def test_detectors_as_json_have_the_promised_shape_and_the_published_counts() -> None:
    rows = codecgrid("detectors", "--json").json
    assert [row["name"] for row in rows] == detector_names()
    assert all(list(row) == KEYS for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert {name: by_name[name]["trained_parameters"] for name in PUBLISHED} == PUBLISHED
    assert by_name["mhfa"]["note"] == "without the 514 of its last layer, as published"
    assert by_name["w2v2-aasist"]["note"] == "its encoder is trained too: facebook/wav2vec2-xls-r-300m"
    assert by_name["lfcc-lcnn"] | {"note": "", "runnable": True, "missing": []} == by_name["lfcc-lcnn"]
    assert all(row["about"] and row["source"] for row in rows)


def test_detectors_of_one_name_says_what_it_lacks_and_under_which_licence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    said = codecgrid("detectors", "antideepfake-mms-300m").out
    assert "does not run here:\n  weights nii-yamagishilab/mms-300m-anti-deepfake/model.safetensors are missing" in said
    assert "Licence, accepted by fetching it: CC BY-NC-SA 4.0" in said


@pytest.mark.slow
def test_detectors_on_a_terminal_names_all() -> None:
    said = codecgrid("detectors").out
    assert all(name in said for name in detector_names())
    assert max(len(line) for line in said.splitlines()) <= 80


def test_detectors_of_an_unknown_name_gives_the_nearest() -> None:
    ended = codecgrid("detectors", "mhfa-8-head")
    assert ended.status == 2
    assert "unknown detector 'mhfa-8-head'; did you mean 'mhfa-8-heads'?" in ended.err
