"""The tables of an audit: what the files of each class and split are like, and what tells the classes apart."""

from __future__ import annotations

from collections.abc import Iterable

from grid.core.vocabulary import BONAFIDE, SPLITS
from grid.corpus.audit.results import (
    CLASS_WORDS,
    CLASSES,
    CORS,
    FROM_MANIFEST,
    NUMBERS,
    AudioClass,
    Audit,
    ClassShortcut,
    Group,
    Number,
    Spread,
    unit,
)
from grid.metrics.separation import LEAK
from grid.metrics.shortcut_features import FLOOR, SILENCE_DEPTH
from grid.report.table import Cell, Column, Footnotes, Note, Table, label

NONE = "-"
SHORT_NAMES: dict[Number, str] = {"sampling rate": "rate"}
DEFINITIONS = (
    f"Level is the RMS; silence the seconds at both ends more than {SILENCE_DEPTH:g} dB below the loudest 10 ms; "
    f"bandwidth the highest frequency within {FLOOR:g} dB of the strongest, heard at 16 kHz; clipping the share of "
    "samples at full scale."
)
LEAKS = f"leaks: the exact 95 % interval of this number's EER ends below {100 * LEAK:g} %"
SPREAD_PARTS = ("lower_quartile", "median", "upper_quartile")
WITHOUT_DETECTOR = "What tells the classes apart without a detector"
CAPTION = (
    "Of each number the median of the files and their quartiles, and the EER in % of the number alone with its exact "
    "95 % interval, over utterances: in whichever direction is better, so 50 is no shortcut and 0 a perfect one. "
    f"Rate is the sampling rate of the file itself, duration the seconds. {DEFINITIONS} Clipping is counted at the "
    "file's own rate. "
    f"An EER is marked only if that interval ends below {100 * LEAK:g} %, which few trials do not give by chance."
)
GROUPS_CAPTION = (
    "The files of each class and split with their sampling rates, and how many of them share their audio (the same "
    "samples, whatever the file) or their speaker with another split."
)


def separation_table(audit: Audit, *, quartiles: bool = True) -> Table:
    """A row for each number of each split and class, beside the bona fide utterances of the split.

    Without `quartiles` only the medians are shown, which fits a terminal of 80 columns.
    """
    footnotes = Footnotes()
    groups = {(group.split, group.kind): group for group in audit.groups}
    found = {(item.split, item.kind, item.number): item for item in audit.shortcuts}
    rows = []
    for split, kind in _compared(groups):
        recorded, other = groups.get((split, BONAFIDE)), groups.get((split, kind)) if kind != BONAFIDE else None
        for number in NUMBERS:
            spreads = [group.spreads.get(number) if group else None for group in (recorded, other)]
            if any(spreads):
                entry = _eer(found.get((split, kind, number)), footnotes)
                name = label(f"{SHORT_NAMES.get(number, number)} ({unit(number)})")
                cells = [_spread(spread, quartiles=quartiles) for spread in spreads]
                rows.append((label(_where(split, kind)), name, *cells, *entry))
    return Table(
        name="audit",
        title=f"{WITHOUT_DETECTOR}: {', '.join(audit.corpora)}",
        caption=CAPTION,
        columns=(
            Column("split", align="left"),
            Column("number", align="left"),
            Column("bona fide", parts=SPREAD_PARTS),
            Column("spoof, CoRS" if any(kind == CORS for _, kind in groups) else "spoof", parts=SPREAD_PARTS),
            Column("EER %", parts=("eer", "lower", "upper")),
            Column("higher in", align="left"),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*_unmeasured(audit)),
    )


def groups_table(audit: Audit) -> Table:
    """A row for each class of each split: utterances, speakers, hours, sampling rates, and what is in another split."""
    return Table(
        name="audit-files",
        title=f"The files of {', '.join(audit.corpora)}",
        caption=GROUPS_CAPTION,
        columns=(
            Column("split", align="left"),
            Column("class", align="left"),
            Column("files"),
            Column("speakers"),
            Column("hours"),
            Column("kHz"),
            Column("audio", group="shared"),
            Column("speaker", group="shared"),
        ),
        rows=tuple(_group_row(group) for group in audit.groups),
        notes=tuple(Note("", f"{shared.sentence}.") for shared in audit.shared_speakers),
    )


def _compared(groups: Iterable[tuple[str, AudioClass]]) -> list[tuple[str, AudioClass]]:
    """Each split with each class that is compared with bona fide speech there; bona fide itself where it is alone."""
    there = set(groups)
    others = {split: [kind for kind in CLASSES[1:] if (split, kind) in there] for split in SPLITS}
    alone = {split: [BONAFIDE] for split in SPLITS if (split, BONAFIDE) in there and not others[split]}
    return [(split, kind) for split in SPLITS for kind in alone.get(split, others[split])]


def _where(split: str, kind: AudioClass) -> str:
    return f"{split}, {CLASS_WORDS[kind]}" if kind == CORS else split


def _spread(spread: Spread | None, *, quartiles: bool) -> Cell:
    if spread is None:
        return Cell(NONE, (NONE,) * len(SPREAD_PARTS))
    details = (f"[{_short(spread.lower)}, {_short(spread.upper)}]",) if quartiles else ()
    return Cell(_short(spread.median), (spread.lower, spread.median, spread.upper), details=details)


def _short(value: float) -> str:
    """At most four characters before a sign: 16, 7.97, 0.12, -25.4."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _eer(found: ClassShortcut | None, footnotes: Footnotes) -> tuple[Cell, Cell]:
    if found is None:
        return Cell(NONE, (NONE,) * 3), label("")
    item = found.separation
    mark = footnotes.mark(LEAKS) if item.leaks else ""
    interval = f"[{100 * item.lower:.1f}, {100 * item.upper:.1f}]"
    values = item.eer, item.lower, item.upper
    return Cell(f"{100 * item.eer:.1f}", values, mark, (interval,)), label(found.larger_in)


def _group_row(group: Group) -> tuple[Cell, ...]:
    return (
        label(group.split),
        label(CLASS_WORDS[group.kind]),
        Cell(f"{group.utterances:,}", (group.utterances,)),
        Cell(f"{group.speakers:,}", (group.speakers,)),
        Cell(f"{group.hours:.2f}", (group.hours,)),
        label(_rates(group.rates)),
        _share(group.repeated, group.utterances),
        _share(group.of_shared_speakers, group.utterances),
    )


def _rates(rates: dict[int, int]) -> str:
    """The sampling rates in kHz, with the number of files of each where there are several."""
    several = len(rates) > 1
    return ", ".join(f"{rate / 1000:g} ({count:,})" if several else f"{rate / 1000:g}" for rate, count in rates.items())


def _share(count: int, of: int) -> Cell:
    return Cell(f"{count:,} ({100 * count / of:.1f} %)" if count else "0", (count,))


def _unmeasured(audit: Audit) -> Iterable[str]:
    """What is not known because the audio was not measured, and the command that measures it."""
    if audit.unmeasured:
        names = " ".join(audit.unmeasured)
        rest = [number for number in NUMBERS if number not in FROM_MANIFEST]
        yield f"Not measured: {', '.join(rest)}; to measure them: codecgrid audit {names}"
