"""The page codecs.md: every codec configuration of the catalogue in one table, made from the catalogue alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from grid.codecs.entry import CatalogueEntry
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.writers.markdown import escape_markdown, to_markdown

COMMAND = "codecgrid codecs page results/tables/codecs.md"
"""The command that makes the committed page, to be run again after a change of the catalogue."""

COLUMNS = (
    Column("codec", align="left"),
    Column("CodecFake", align="left"),
    Column("CodecFake+", align="left"),
    Column("CDD", align="left"),
    Column("QUA", align="left"),
    Column("AUX", align="left"),
    Column("DEC", align="left"),
    Column("made for", align="left"),
    Column("kHz"),
    Column("kbit/s"),
    Column("licence", align="left"),
    Column("environment", align="left"),
    Column("verified", align="left"),
)
CAPTION = (
    "CodecFake, CodecFake+ and CDD are the names in these papers' tables. QUA, AUX and DEC are the taxonomy of "
    "CodecFake+: quantiser (multiple or single vector codebooks, scalar), auxiliary objective, domain of the decoder; "
    "transmission codecs have no place in it. kHz is the codec's own rate; above 16 kHz it gets a recording resampled "
    "from the file's own rate, unless an experiment says `through: 16 kHz`, and its output is resampled to 16 kHz. The "
    "environment is the core's, or the name of an isolated one. Verified says on what the adapter was run: the real "
    "weights; the real class with random weights; a real codec, which has no weights; or not at all."
)
ACCEPTED = "weights that are non-commercial or have no licence: an experiment names this codec in accept_licence"


def codecs_page(entries: Sequence[CatalogueEntry]) -> str:
    """The page as Markdown: the table, then the open questions of papers or upstream code about each configuration."""
    counts = Counter(entry.verified for entry in entries)
    summary = ", ".join(f"{count} {verified}" for verified, count in counts.most_common())
    parts = [
        "# Codecs",
        f"{len(entries)} configurations: {summary}. This page is made from grid/codecs/catalogue.yaml by `{COMMAND}`.",
        to_markdown(codecs_table(entries)).rstrip(),
        "### What is open, and what was chosen",
        "\n".join(_open_questions(entries)),
    ]
    return "\n\n".join(parts) + "\n"


def codecs_table(entries: Iterable[CatalogueEntry]) -> Table:
    """One row for each configuration, in the order of the catalogue."""
    footnotes = Footnotes()
    rows = tuple(_row(entry, footnotes) for entry in entries)
    return Table("codecs", "All configurations", CAPTION, COLUMNS, rows, footnotes.notes())


def _row(entry: CatalogueEntry, footnotes: Footnotes) -> tuple[Cell, ...]:
    letters = (entry.letters.codecfake, entry.letters.codecfake_plus, entry.letters.cdd)
    taxonomy = (entry.qua, entry.aux, entry.dec)
    mark = footnotes.mark(ACCEPTED) if entry.accept_licence else ""
    return (
        label(entry.name),
        *(label(letter or "") for letter in letters),
        *(label(place or "") for place in taxonomy),
        label(entry.design),
        _number(entry.native_rate / 1000),
        _number(entry.bitrate_kbps),
        Cell(entry.licence, (entry.licence,), mark),
        label(entry.isolated or "core"),
        label(entry.verified),
    )


def _number(value: float | None) -> Cell:
    return label("") if value is None else Cell(f"{value:g}", (value,))


def _open_questions(entries: Iterable[CatalogueEntry]) -> list[str]:
    return [
        f"- {escape_markdown(entry.name)}: {escape_markdown('; '.join(entry.unverified))}"
        for entry in entries
        if entry.unverified
    ]
