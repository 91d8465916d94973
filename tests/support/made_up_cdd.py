"""Made-up results in the shape of the CDD paper's grid: 18 trainings, with numbers drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grid.analysis.results import CellResult, CodecFacts, DetectorFacts, GridResults
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

CODECS = ("encodec-24khz-6kbps-mars5", "mimi-32cb", "dac-openaudio-s1-mini", "xcodec2")
ATTACKS = ("cbx", "csm", "cv2", "lsa", "ms5", "os1")
POLICIES = ("bonafide-replace-0.5", "spoof-replace-0.5")
DETECTORS = {"x-aasist": DetectorFacts("x-aasist"), "lwbn": DetectorFacts("lwbn", cosines=25)}


def cdd_grid(
    *,
    name: str = "cdd",
    codecs: Sequence[str] = CODECS,
    attacks: Sequence[str] = ATTACKS,
    seeds: Sequence[int] = (0,),
    with_cors: bool = True,
    evaluations: Sequence[str] = ("T-CoSG", "T-CoRS", "All"),
) -> GridResults:
    """Two detectors, each without CoRS and with that of each codec under both labels."""
    draw = np.random.default_rng(0)
    places = [("T-CoSG", "pooled"), *(("T-CoSG", f"attack={attack}") for attack in attacks)]
    places += [("T-CoRS", "pooled"), *(("T-CoRS", f"bonafide-codec={codec}") for codec in sorted(codecs))]
    places = [place for place in [*places, ("All", "pooled"), ("ASV5", "pooled")] if place[0] in evaluations]
    trainings: list[tuple[str, tuple[str, ...], str]] = [("none", (), "none")]
    trainings += [(codec, (codec,), policy) for codec in codecs for policy in POLICIES] if with_cors else []
    cells = []
    for detector in DETECTORS:
        base: dict[int, tuple[Measurement, ...]] = {}
        for selection, fed, policy in trainings:
            for seed in seeds:
                measured = tuple(_measured(draw, detector, *place) for place in places)
                base.setdefault(seed, measured)
                differences = [_difference(ours, theirs) for ours, theirs in zip(measured, base[seed], strict=True)]
                found = tuple(differences) if fed else ()
                cell_id = f"{detector}/{selection}/{policy}/{seed}"
                cells.append(CellResult(cell_id, selection, fed, policy, detector, seed, "done", "", measured, found))
    facts = {codec: CodecFacts(codec) for codec in codecs}
    return GridResults(name, tuple(cells), facts, DETECTORS)


def _measured(draw: np.random.Generator, detector: str, evaluation: str, condition: str) -> Measurement:
    """A measurement with an interval of two percentage points; scores as the detector gives them."""
    eer = float(draw.uniform(0.02, 0.45))
    scale = DETECTORS[detector].cosines or 5
    means = scale * draw.uniform(0.2, 0.9), scale * draw.uniform(-0.6, 0.1)
    return Measurement(
        evaluation, condition, eer, eer - 0.01, eer + 0.01, min(1.0, 2 * eer), 1200, 7193, *map(float, means)
    )


def _difference(ours: Measurement, theirs: Measurement) -> Difference:
    value = ours.eer - theirs.eer
    return Difference(ours.evaluation, ours.condition, value, value - 0.012, value + 0.013)
