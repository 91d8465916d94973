"""The baseline of a cell: that of its own selection first, then one without codecs, always with the same seed."""

from __future__ import annotations

from grid.cells.baseline import baseline_of, baselines
from tests.support.made_up_results import cell

SHARED = cell("none", "none", "lwbn", 0, codecs=())
OTHER_SEED = cell("none", "none", "lwbn", 1, codecs=())
OWN = cell("mimi", "none", "lwbn", 0)
CELLS = (SHARED, OTHER_SEED, OWN)


def test_baseline_of_a_selection_with_its_own_is_that() -> None:
    assert baseline_of(cell("mimi", "spoof", "lwbn", 0), CELLS) is OWN
    assert baselines(CELLS, "mimi", "lwbn") == (OWN,)


def test_baseline_of_other_selections_is_the_one_without_codecs_and_of_the_same_seed() -> None:
    assert baseline_of(cell("bigcodec", "spoof", "lwbn", 1), CELLS) is OTHER_SEED
    assert baselines(CELLS, "bigcodec", "lwbn") == (SHARED, OTHER_SEED)


def test_baseline_of_another_detector_or_seed_or_of_a_baseline_is_none() -> None:
    assert baseline_of(cell("mimi", "spoof", "aasist", 0), CELLS) is None
    assert baseline_of(cell("mimi", "spoof", "lwbn", 1), CELLS) is None
    assert baseline_of(OWN, CELLS) is None
