"""Made-up results in the shape of the CodecFake and CodecFake+ grids, with numbers drawn at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from grid.analysis.results import CellResult, GridResults, codec_facts
from grid.analysis.significance import Procedure, Significance
from grid.codecs.catalogue import Paper, load_catalogue
from grid.corpus.cosg_systems import cosg_systems
from grid.metrics.evaluation import Measurement

SETS = ("VALL-E", "VALL-E X", "SpeechX")
DATABASE = "codecfake-plus-database-level"


def codecs_of(paper: Paper) -> list[str]:
    return [entry.name for entry in load_catalogue() if getattr(entry.letters, paper)]


def measured(evaluation: str, condition: str, eer: float, bonafide: int = 100, spoof: int = 200) -> Measurement:
    """A measurement with an interval of two percentage points."""
    return Measurement(evaluation, condition, eer, eer - 0.01, eer + 0.01, min(1.0, 2 * eer), bonafide, spoof, 1, 0)


def _cell(detector: str, codec: str, policy: str, measurements: Sequence[Measurement]) -> CellResult:
    selection, codecs = (codec, (codec,)) if codec else ("none", ())
    name = f"{detector}/{selection}"
    return CellResult(name, selection, codecs, policy, detector, 0, "done", "", tuple(measurements))


def _by_codec(draw: np.random.Generator, trained: str, codecs: Sequence[str]) -> list[Measurement]:
    """Low where a detector is tested on the codec of its training, up to 60 % elsewhere."""
    facts = codec_facts({trained, *codecs})
    found = [measured("CoRS", "pooled", float(draw.uniform(0.05, 0.4)))]
    for codec in codecs:
        alike = trained in facts and facts[trained].dec == facts[codec].dec
        level = draw.uniform(0.0, 0.02) if codec == trained else draw.uniform(0.02, 0.3 if alike else 0.6)
        found.append(measured("CoRS", f"codec={codec}", float(level)))
    return found


def codecfake_grid(*, tested: bool = True) -> GridResults:
    """Two published detectors, AASIST-L on each of 15 codecs; three sets of generated speech, the last one small."""
    draw, codecs = np.random.default_rng(0), codecs_of("codecfake")
    cells = []
    for detector, codec in [
        ("aasist-2019la", ""),
        ("aasist-l-2019la", ""),
        *(("aasist-l", codec) for codec in codecs),
    ]:
        sets = [
            measured(name, "pooled", float(draw.uniform(0, 0.4)), count, count)
            for name, count in zip(SETS, (57, 40, 8), strict=True)
        ]
        policy = "spoof" if codec else "none"
        cells.append(_cell(detector, codec, policy, [*_by_codec(draw, codec, codecs), *sets]))
    results = GridResults("codecfake", tuple(cells), codec_facts(set(codecs)))
    return dataclasses.replace(results, significance=tuple(_tests(results))) if tested else results


def _tests(results: GridResults) -> list[Significance]:
    draw, found = np.random.default_rng(1), []
    for cell in results.cells[2:]:
        for name in SETS:
            p_values = [float(value) for value in draw.choice([0.0005, 0.5], 3)]
            difference = float(draw.uniform(-0.2, 0.2))
            eer = next(m.eer for m in cell.measurements if m.evaluation == name)
            found.append(
                Significance(
                    cell_id=cell.cell_id,
                    evaluation=name,
                    baseline="aasist-l-2019la",
                    eer=eer,
                    baseline_eer=eer - difference,
                    t_p=p_values[0],
                    wilcoxon_p=p_values[1],
                    difference=difference,
                    lower=difference - 0.05,
                    upper=difference + 0.05,
                    bootstrap_p=p_values[2],
                    adjusted_p=min(1.0, 10 * p_values[2]),
                    drawn="8 speakers",
                    procedure=Procedure(0.01, "decisions", 10_000),
                    note="too small: 8 bona fide and 8 spoof trials" if name == "SpeechX" else "",
                )
            )
    return found


CATEGORIES = {
    "qua=Mvq": (848, 848), "qua=Svq": (14, 20), "qua=Scq": (63, 63),
    "aux=None": (874, 874), "aux=Sem": (5, 5), "aux=Disent": (46, 52),
    "dec=Time": (263, 263), "dec=Freq": (625, 668),
}  # fmt: skip
"""Bona fide and spoof trials of each sub-category of CoSG."""


def codec_level_grid(
    detectors: Sequence[str] = ("w2v2-aasist", "aasist"), *, systems: Sequence[str] = (), rated: bool = False
) -> GridResults:
    """A detector on each of 31 codecs, tested on all of them and on CoSG by sub-category; one failed.

    `systems` are generators that CoSG is also split by; with `rated`, CoSG-MOS has what is above a predicted MOS.
    """
    draw, codecs = np.random.default_rng(2), codecs_of("codecfake_plus")
    cells = []
    for detector in detectors:
        for codec in codecs:
            cosg = [measured("CoSG", "pooled", float(draw.uniform(0.1, 0.5)), 866, 931)]
            cosg += [measured("CoSG", name, float(draw.uniform(0.05, 0.5)), *n) for name, n in CATEGORIES.items()]
            cosg += [_by_system(draw, name) for name in systems]
            if rated:
                cosg += [dataclasses.replace(m, evaluation="CoSG-MOS", eer=m.eer / 2) for m in cosg]
            cells.append(_cell(detector, codec, "spoof", [*_by_codec(draw, codec, codecs), *cosg]))
    failed = dataclasses.replace(cells[3], status="failed", error="disk full", measurements=())
    return GridResults(
        "codecfake-plus-codec-level",
        (*cells[:3], failed, *cells[4:]),
        codec_facts(set(codecs)),
        mos_above={"CoSG-MOS": 3.5} if rated else {},
    )


def _by_system(draw: np.random.Generator, system: str) -> Measurement:
    return measured("CoSG", f"system={system}", float(draw.uniform(0.01, 0.6)), 20, 20)


SYSTEMS = tuple(cosg_systems())


def untrained_grid(name: str) -> GridResults:
    """W2V2-AASIST without CoRS, tested on CoRS, on CoSG by generator and on MaskGCT-VCTK."""
    draw = np.random.default_rng(3)
    found = [measured(evaluation, "pooled", 0.2) for evaluation in ("CoRS", "CoSG", "MaskGCT-VCTK")]
    found += [_by_system(draw, system) for system in SYSTEMS]
    return GridResults(name, (_cell("w2v2-aasist", "", "none", found),))


def factors_grid() -> GridResults:
    """The experiment of Table VII and Figure 7: six codecs, its two baselines, the codec level and a DEC balance."""
    draw, letters = np.random.default_rng(4), {e.letters.codecfake_plus: e.name for e in load_catalogue()}
    cells = []
    for letter in ("D1", "D2", "B", "L1", "L2", "G"):
        found = [measured(name, "pooled", float(draw.uniform(0.01, 0.5))) for name in ("MaskGCT-VCTK", "CoSG")]
        found += [_by_system(draw, system) for system in SYSTEMS]
        cells.append(_cell("w2v2-aasist", letters[letter], "spoof", found))
    balance = [measured("CoSG", "pooled", 0.1), *(_by_system(draw, system) for system in SYSTEMS)]
    compared = (
        untrained_grid("codecfake-plus-factors-asvspoof2019"),
        untrained_grid("codecfake-plus-factors-maskgct"),
        codec_level_grid(("w2v2-aasist", "aasist"), systems=SYSTEMS),
        GridResults(DATABASE, (_cell("w2v2-aasist", "dec-balance", "spoof", balance),)),
    )
    return GridResults("codecfake-plus-factors", tuple(cells), compared=compared)


def database_grid() -> GridResults:
    """Rows c, h, k to n and VII-C1 of Table VI with rows a and f beside them, and an experiment that never ran."""
    own = [("aasist", "j-l1-l2"), ("w2v2-aasist", "j-l1-l2")]
    own += [("w2v2-aasist", f"{axis}-balance") for axis in ("qua", "aux", "dec")]
    own += [("w2v2-aasist", name) for name in ("dec-balance-x4", "all-cors")]
    other = GridResults(
        "codecfake-plus-asvspoof2019",
        tuple(_database_cell(detector, "", number) for number, detector in enumerate(("aasist", "w2v2-aasist"))),
    )
    never = GridResults("codecfake-plus-asvspoof5", (), trouble="it never ran in results")
    cells = tuple(_database_cell(detector, selection, number) for number, (detector, selection) in enumerate(own))
    return GridResults(DATABASE, cells, compared=(other, never))


def _database_cell(detector: str, selection: str, number: int) -> CellResult:
    sets = [measured("19LA", "pooled", 0.02 + number / 100), measured("CoSG", "pooled", 0.2 + number / 100)]
    return _cell(detector, selection, "spoof" if selection else "none", sets)
