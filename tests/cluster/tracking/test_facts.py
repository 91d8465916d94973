"""Tests of cluster.tracking.facts: what varies in a grid is a param, the rest is a tag."""

from __future__ import annotations

from cluster.tracking.facts import GridFacts
from tests.support.tracking_cells import made_up_cells

CELLS = made_up_cells()
FIRST, BOTH = CELLS[0].cell_id, CELLS[4].cell_id


def test_params_are_what_varies_and_tags_the_rest() -> None:
    facts = GridFacts.of(CELLS)
    assert facts.varying == ("selection", "policy", "codecs", "qua", "aux", "dec")
    assert facts.params(FIRST) == {
        "selection": "encodec-24khz-6kbps",
        "policy": "bonafide",
        "qua": "Mvq",
        "aux": "None",
        "dec": "Time",
    }
    assert facts.tags(FIRST) == {"detector": "aasist-l", "seed": "0"}
    assert facts.params(BOTH) == {"selection": "both", "policy": "spoof", "codecs": "encodec-24khz-6kbps, mimi-8cb"}


def test_name_of_a_run_is_its_place_on_the_axes_that_vary() -> None:
    assert GridFacts.of(CELLS).name(FIRST) == "encodec-24khz-6kbps bonafide"
    assert GridFacts.of(CELLS[:1]).name(FIRST) == "encodec-24khz-6kbps bonafide aasist-l seed 0"
    other_seed = CELLS[0].model_copy(update={"seed": 1, "cell_id": "f" * 16})
    assert GridFacts.of((CELLS[0], other_seed)).name(FIRST) == "seed 0"
