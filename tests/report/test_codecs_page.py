"""The page of codecs: the committed page is up to date with the catalogue, and its facts are complete."""

from __future__ import annotations

from grid.codecs.catalogue import load_catalogue
from grid.report.codecs_page import ACCEPTED, COLUMNS, COMMAND, codecs_page, codecs_table
from tests.support.places import REPOSITORY

PAGE = REPOSITORY / "results" / "tables" / "codecs.md"


def test_codecs_page_committed_is_what_the_catalogue_gives_now() -> None:
    made = codecs_page(list(load_catalogue()))
    assert PAGE.read_text(encoding="utf-8") == made, f"the catalogue has changed: run {COMMAND} and commit the page"


def test_codecs_table_has_a_row_for_every_configuration_with_its_facts() -> None:
    catalogue = load_catalogue()
    table = codecs_table(catalogue)
    assert [row[0].text for row in table.rows] == catalogue.names()
    names = [column.name for column in COLUMNS]
    spectral = dict(zip(names, table.rows[catalogue.names().index("spectral-codec-22khz")], strict=True))
    shown = {name: cell.text for name, cell in spectral.items()}
    assert (shown["CodecFake+"], shown["QUA"], shown["AUX"], shown["DEC"]) == ("V", "Scq", "None", "Freq")
    assert (shown["kHz"], shown["kbit/s"], shown["environment"]) == ("22.05", "6.9", "nemo")
    assert {note.mark: note.text for note in table.notes}[spectral["licence"].mark] == ACCEPTED


def test_codecs_page_names_what_is_open_about_a_codec() -> None:
    entry = load_catalogue().get("spectral-codec-22khz")
    page = codecs_page([entry])
    assert page.startswith("# Codecs\n\n1 configurations: 1 real class, random weights.")
    assert f"- {entry.name}: {entry.unverified[0]}" in page
