"""The tables of encoding as a shortcut: what a detector does when a codec processed one class, the other, or both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grid.analysis.shortcut_conditions import CellShortcuts, ShortcutResults
from grid.core.vocabulary import NO_CORS
from grid.measuring.shortcut_conditions import ConditionNumbers, Encoded
from grid.report.summary import mean_and_error, percent
from grid.report.table import Cell, Column, Footnotes, Table, label

ENCODED: tuple[Encoded, ...] = ("neither", "bona fide", "spoof", "both")
PARTS = ("EER", "AUC", "balanced accuracy")
CONDITION_COLUMNS = tuple(
    Column(encoded if encoded == "neither" else f"{encoded} encoded", group="EER (%)", parts=PARTS)
    for encoded in ENCODED
)


@dataclass(frozen=True)
class PublishedEers:
    """EERs in percent of XLSR-AASIST, XLSR-SLS and XLSR-Mamba."""

    codec: str
    bonafide: tuple[float, float, float]
    both: tuple[float, float, float]


PUBLISHED: dict[str, PublishedEers] = {
    "encodec-24khz": PublishedEers("EnCodec 24 kHz", (39.6, 19.9, 32.9), (25.5, 9.6, 21.3)),
    "lyra-v2": PublishedEers("Lyra v2", (50.5, 27.6, 51.0), (35.7, 13.9, 36.5)),
    "dac-44khz": PublishedEers("DAC 44 kHz", (1.5, 1.9, 1.7), (0.8, 0.7, 0.7)),
    "l3ac": PublishedEers("L3AC", (19.5, 15.9, 18.6), (11.9, 8.0, 10.4)),
    "speechtokenizer": PublishedEers("SpeechTokenizer", (6.8, 8.4, 8.8), (3.8, 5.2, 4.9)),
}
"""Of arXiv 2604.16700, by how the names of its codecs begin here, whatever their bit rate."""
PUBLISHED_PLAIN, PUBLISHED_SPOOF = "0.15 / 0.23 / 0.20", 0.16
CAPTION = (
    "Recordings against attacks that no codec processed, and the same trials with the bona fide ones, the spoofed "
    "ones, or both through a codec; mean over seeds. A detector that takes the traces of a codec for those of "
    "generation rejects encoded bona fide speech. Below the EER: the standard error over seeds, AUC, and the balanced "
    "accuracy (BA) at the threshold of the dev EER, all in %."
)
BY_CODEC = " Detectors {training}."
PAPER = (
    " Right: arXiv 2604.16700, XLSR-AASIST / XLSR-SLS / XLSR-Mamba, for the same codec, perhaps at another bit rate; "
    f"there neither encoded has {PUBLISHED_PLAIN} %, and spoof encoded at most {PUBLISHED_SPOOF} %."
)
OVER_CODECS = " Mean over the codecs {codecs}."


def encoding_table(found: ShortcutResults) -> Table:
    """One row for each codec and detector, of the trainings without CoRS, or, without such, of the first policy."""
    cells = leading_cells(found.cells)
    footnotes = Footnotes()
    rows = []
    for codec in codecs_of(cells):
        for detector in dict.fromkeys(cell.detector for cell in cells):
            of_detector = [cell for cell in cells if cell.detector == detector]
            rows.append((label(codec), label(detector), *_entries(of_detector, [codec], footnotes), *_paper(codec)))
    with_paper = any(published_eers(codec) is not None for codec in codecs_of(cells))
    training = "trained without CoRS" if cells[0].policy == NO_CORS else f"of policy {cells[0].policy}"
    return Table(
        name="encoding-shortcut",
        title="Encoding as a shortcut",
        caption=CAPTION + BY_CODEC.format(training=training) + (PAPER if with_paper else ""),
        columns=(
            Column("codec", align="left"),
            Column("detector", align="left"),
            *CONDITION_COLUMNS,
            *(Column(f"{encoded} encoded", group="EER (%) of arXiv 2604.16700") for encoded in ("bona fide", "both")),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*_missing(found)),
    )


def encoding_policy_table(found: ShortcutResults) -> Table:
    """One row for each detector, selection and policy: the mean over all codecs."""
    footnotes = Footnotes()
    codecs = codecs_of(found.cells)
    groups: dict[tuple[str, str, str], list[CellShortcuts]] = {}
    for cell in found.cells:
        groups.setdefault((cell.detector, cell.selection, cell.policy), []).append(cell)
    rows = [(*map(label, key), *_entries(cells, codecs, footnotes)) for key, cells in groups.items()]
    return Table(
        name="encoding-shortcut-policies",
        title="Encoding as a shortcut, by policy",
        caption=CAPTION + OVER_CODECS.format(codecs=", ".join(codecs)),
        columns=(
            *(Column(name, align="left") for name in ("detector", "trained on", "policy")),
            *CONDITION_COLUMNS,
        ),
        rows=tuple(rows),
        notes=footnotes.notes(),
    )


def leading_cells(cells: Sequence[CellShortcuts]) -> list[CellShortcuts]:
    """The cells trained without CoRS; where there are none, those of the first policy."""
    measured = [cell for cell in cells if cell.encoding]
    baselines = [cell for cell in measured if cell.policy == NO_CORS]
    return baselines or [cell for cell in measured if cell.policy == measured[0].policy]


def codecs_of(cells: Iterable[CellShortcuts]) -> list[str]:
    """The codecs of their conditions, in order."""
    return list(dict.fromkeys(item.codec for cell in cells for item in cell.encoding if item.codec))


def numbers_of(cell: CellShortcuts, codecs: Sequence[str], encoded: Encoded) -> list[ConditionNumbers]:
    """The numbers of one condition of a cell, one for each codec; a single one where neither class is encoded."""
    return [
        item.numbers
        for item in cell.encoding
        if item.encoded == encoded and (encoded == "neither" or item.codec in codecs)
    ]


def published_eers(codec: str) -> PublishedEers | None:
    """What arXiv 2604.16700 has of a codec, whatever its bit rate."""
    return next((found for start, found in PUBLISHED.items() if codec.startswith(start)), None)


def _entries(cells: Sequence[CellShortcuts], codecs: Sequence[str], footnotes: Footnotes) -> list[Cell]:
    """The entry of each condition: the mean over cells of their means over codecs."""
    return [_entry([numbers_of(cell, codecs, encoded) for cell in cells], footnotes) for encoded in ENCODED]


def _entry(of_cells: Sequence[Sequence[ConditionNumbers]], footnotes: Footnotes) -> Cell:
    measured = [numbers for numbers in of_cells if numbers]
    if not measured:
        return Cell("-", ("",) * len(PARTS))
    eer, error = mean_and_error([_mean([item.eer for item in numbers]) for numbers in measured])
    auc = _mean([_mean([item.auc for item in numbers]) for numbers in measured])
    decided = [[n.balanced_accuracy for n in numbers if n.balanced_accuracy is not None] for numbers in measured]
    accuracies = [_mean(values) for values in decided if values]
    lacking = len(of_cells) - len(accuracies)
    mark = footnotes.mark(f"balanced accuracy: {lacking} of {len(of_cells)} cells have none") if lacking else ""
    details = (
        *((f"± {percent(error)}",) if len(measured) > 1 else ()),
        f"AUC {100 * auc:.1f}",
        f"BA {100 * _mean(accuracies):.1f}" if accuracies else "BA -",
    )
    return Cell(percent(eer), (eer, auc, _mean(accuracies) if accuracies else ""), mark, details)


def _mean(values: Sequence[float]) -> float:
    return mean_and_error(values)[0]


def _paper(codec: str) -> list[Cell]:
    found = published_eers(codec)
    if found is None:
        return [Cell("-", ("",)), Cell("-", ("",))]
    texts = [" / ".join(f"{value:.1f}" for value in values) for values in (found.bonafide, found.both)]
    return [Cell(text, (text,)) for text in texts]


def _missing(found: ShortcutResults) -> list[str]:
    return [f"Not measured: {cell_id}: {reason}" for cell_id, reason in found.missing.items()]
