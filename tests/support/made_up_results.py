"""Made-up results of a grid for the report's tests: every number is a plain function of its place in the grid."""

from __future__ import annotations

from collections.abc import Sequence

from grid.analysis.results import CellResult, CodecFacts, GridResults
from grid.core.vocabulary import Status
from grid.metrics.evaluation import Measurement

CODECS = {
    "dac-16khz": CodecFacts("dac-16khz", "Mvq", "None", "Time", letter="B"),
    "encodec-24khz-6kbps": CodecFacts("encodec-24khz-6kbps", "Mvq", "None", "Time", letter="D1"),
    "mimi": CodecFacts("mimi", "Mvq", "Sem", "Time", letter="U"),
    "bigcodec": CodecFacts("bigcodec", "Svq", "None", "Time", letter="S"),
    "spectral": CodecFacts("spectral", "Scq", "None", "Freq", letter="W"),
    "amr-wb": CodecFacts("amr-wb", group="transmission"),
}


def measurement(evaluation: str, condition: str, eer: float) -> Measurement:
    """A measurement whose interval reaches one percentage point to either side; its mean scores are 1 - EER and EER."""
    return Measurement(evaluation, condition, eer, eer - 0.01, eer + 0.01, min(1.0, 2 * eer), 100, 200, 1 - eer, eer)


def cell(
    selection: str,
    policy: str,
    detector: str,
    seed: int = 0,
    *,
    codecs: Sequence[str] | None = None,
    status: Status = "done",
    error: str = "",
    **eers: float,
) -> CellResult:
    """A cell with EERs by `EVALUATION__CONDITION` (pooled, or a codec with `_` for `-`); `-` in evaluations is `_`."""
    names = tuple([selection] if codecs is None else codecs)
    measurements = []
    for key, eer in eers.items():
        evaluation, _, condition = key.partition("__")
        place = condition if condition == "pooled" else f"codec={condition.replace('_', '-')}"
        measurements.append(measurement(evaluation.replace("_", "-"), place, eer))
    name = f"{selection}/{policy}/{detector}/{seed}"
    return CellResult(name, selection, names, policy, detector, seed, status, error, tuple(measurements))


def full_grid() -> GridResults:
    """Six codecs, baseline, two policies, two detectors, two seeds, with failed, missing and running cells."""
    cells = []
    for d, detector in enumerate(("x-aasist", "lwbn")):
        cells += [_done("none", (), "none", detector, seed, 0.30 + 0.01 * d) for seed in (0, 1)]
        for s, codec in enumerate(CODECS):
            for p, policy in enumerate(("bonafide", "spoof")):
                for seed in (0, 1):
                    level = 0.08 + 0.03 * s + 0.02 * p + 0.01 * d + 0.004 * seed
                    cells.append(_done(codec, (codec,), policy, detector, seed, level))
    return GridResults("made-up", tuple(_spoilt(item) for item in cells), CODECS)


def _done(selection: str, codecs: tuple[str, ...], policy: str, detector: str, seed: int, level: float) -> CellResult:
    measured = [measurement("T-CoSG", "pooled", 0.5 * level), measurement("T-CoRS", "pooled", level)]
    for place, codec in enumerate(CODECS):
        eer = 0.01 if codec in codecs else min(0.6, level + 0.07 * place)
        measured.append(measurement("T-CoRS", f"codec={codec}", eer))
    name = f"{selection}/{policy}/{detector}/{seed}"
    return CellResult(name, selection, codecs, policy, detector, seed, "done", "", tuple(measured))


def _spoilt(item: CellResult) -> CellResult:
    states: dict[tuple[str, str, str, int], tuple[Status, str]] = {
        ("mimi", "spoof", "lwbn", 0): ("failed", "RuntimeError: CUDA out of memory & more\nat epoch 3_of_5"),
        ("mimi", "spoof", "lwbn", 1): ("failed", "RuntimeError: CUDA out of memory & more\nat epoch 3_of_5"),
        ("bigcodec", "spoof", "lwbn", 1): ("failed", "disk full"),
        ("spectral", "bonafide", "x-aasist", 0): ("missing", ""),
        ("spectral", "bonafide", "x-aasist", 1): ("missing", ""),
        ("amr-wb", "spoof", "x-aasist", 0): ("running", ""),
        ("amr-wb", "spoof", "x-aasist", 1): ("running", ""),
    }
    key = (item.selection, item.policy, item.detector, item.seed)
    if key not in states:
        return item
    status, error = states[key]
    return CellResult(item.cell_id, item.selection, item.codecs, item.policy, item.detector, item.seed, status, error)
