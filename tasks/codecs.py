"""`codecgrid codecs`: the catalogue, and what a codec lacks to run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasks.console import AsJson, out, print_json, single

if TYPE_CHECKING:
    from grid.codecs.entry import CatalogueEntry


def codecs(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one codec, in full")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the codecs: letters in the papers, taxonomy, design aim, and whether they run here."""
    from grid.codecs.catalogue import load_catalogue, runnable

    catalogue = load_catalogue()
    entries = [catalogue.get(name)] if name else list(catalogue)
    lacking = {entry.name: runnable(entry) for entry in entries}
    if as_json:
        print_json([_row(entry, lacking[entry.name]) for entry in entries])
    elif name:
        _show_one(entries[0], lacking[name])
    else:
        _show_all(entries, lacking)


def _row(entry: CatalogueEntry, lacking: list[str]) -> dict[str, Any]:
    return {
        "name": entry.name,
        "letters": {
            "codecfake": entry.letters.codecfake,
            "codecfake_plus": entry.letters.codecfake_plus,
            "cdd": entry.letters.cdd,
        },
        "qua": entry.qua,
        "aux": entry.aux,
        "dec": entry.dec,
        "design": entry.design,
        "verified": entry.verified,
        "runnable": not lacking,
    }


def _show_all(entries: list[CatalogueEntry], lacking: dict[str, list[str]]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("codec", "CF", "CF+", "CDD", "QUA", "AUX", "DEC", "design", "kbps", "verified", "runs here"):
        table.add_column(column, no_wrap=column in ("codec", "kbps"), justify="right" if column == "kbps" else "left")
    for entry in entries:
        letters = entry.letters
        table.add_row(
            entry.name,
            *(letter or "" for letter in (letters.codecfake, letters.codecfake_plus, letters.cdd)),
            *(part or "-" for part in (entry.qua, entry.aux, entry.dec)),
            entry.design,
            f"{entry.bitrate_kbps:g}" if entry.bitrate_kbps else "",
            entry.verified,
            "[red]no[/]" if lacking[entry.name] else "[green]yes[/]",
        )
    out.print(table)
    out.print(f"{len(entries)} codecs; what one lacks here: codecgrid codecs NAME", highlight=False)


def _show_one(entry: CatalogueEntry, lacking: list[str]) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for field, value in entry.model_dump(mode="json").items():
        if value not in (None, "", [], {}):
            table.add_row(field, _text(value))
    out.print(table)
    out.print("runs here" if not lacking else "does not run here:", highlight=False)
    for line in lacking:
        out.print(f"  {line}", markup=False, highlight=False)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "\n".join(_text(item) for item in value)
    return str(value)


if __name__ == "__main__":
    single(codecs)
