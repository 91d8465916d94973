"""`codecgrid codecs`: shows the catalogue, and what a codec lacks to run on this machine; with its subcommands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from grid.core.vocabulary import SAMPLE_RATE
from tasks import console
from tasks.codecs.check import build, check
from tasks.codecs.page import page
from tasks.codecs.train import train
from tasks.console import AsJson, out, print_json, table

if TYPE_CHECKING:
    from grid.codecs.entry import CatalogueEntry

WIDE = 120
"""The width in characters from which a terminal shows all columns."""
ON_WIDE_TERMINALS = ("CF", "CDD", "design", "verified")
ABOVE_16_KHZ = (
    "input: {kilohertz:g} kHz, resampled from the recording's own rate where that is above 16 kHz, else from 16 kHz\n"
    "  in an experiment `through: 16 kHz` of a corpus resamples its recordings to 16 kHz first; output: 16 kHz"
)
SHOW = "show"
"""The hidden command behind `codecgrid codecs` and `codecgrid codecs NAME`."""


class _ByName(TyperGroup):
    """A group whose first word is a command, or else the name of a codec to show."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Overrides click's method: `codecs`, `codecs NAME` and `codecs --json` become `codecs show ...`."""
        if not (args and (args[0] in self.commands or args[0] == "--help")):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


codecs = typer.Typer(
    cls=_ByName,
    subcommand_metavar="[NAME] [--json] | COMMAND",
    help="Show the codecs: letters in the papers, taxonomy, design aim, and whether they run here.",
)
codecs.command()(build)
codecs.command()(check)
codecs.command()(page)
codecs.command()(train)


@codecs.command(SHOW, hidden=True)
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one codec, in full")] = None,
    as_json: AsJson = False,
) -> None:
    """Show all codecs, or one in full with what it lacks to run here."""
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
    rows = [_cells(entry, lacking[entry.name]) for entry in entries]
    shown = [name for name in rows[0] if out.width >= WIDE or name not in ON_WIDE_TERMINALS]
    drawn = table(*shown)
    for row in rows:
        drawn.add_row(*(row[name] for name in shown))
    out.print(drawn)
    out.print(f"{len(entries)} codecs; what one lacks here: codecgrid codecs NAME", highlight=False)


def _cells(entry: CatalogueEntry, lacking: list[str]) -> dict[str, str]:
    """The cells of one codec by their heading; CF, CF+ and CDD are its letters in the papers."""
    taxonomy = (entry.qua, entry.aux, entry.dec)
    return {
        "codec": entry.name,
        "CF": entry.letters.codecfake or "",
        "CF+": entry.letters.codecfake_plus or "",
        "CDD": entry.letters.cdd or "",
        "QUA AUX DEC": " ".join(part or "-" for part in taxonomy) if any(taxonomy) else "",
        "design": entry.design,
        "kbps": f"{entry.bitrate_kbps:g}" if entry.bitrate_kbps else "",
        "verified": entry.verified,
        "runs": "[red]no[/]" if lacking else "[green]yes[/]",
    }


def _show_one(entry: CatalogueEntry, lacking: list[str]) -> None:
    shown = table("", "")
    shown.show_header = False
    for field, value in entry.model_dump(mode="json").items():
        if value is not None and (text := _text(value)):
            shown.add_row(field, text)
    out.print(shown)
    if entry.native_rate > SAMPLE_RATE:
        out.print(ABOVE_16_KHZ.format(kilohertz=entry.native_rate / 1000), highlight=False)
    out.print("runs here" if not lacking else "does not run here:", highlight=False)
    for line in lacking:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)  # a command can be copied
    if entry.accept_licence:
        note = f"licence to accept: {entry.licence}\n  in an experiment: accept_licence: [{entry.name}]"
        out.print(f"{note}\n  in a command: --accept-licence", markup=False, highlight=False, soft_wrap=True)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "\n".join(_text(item) for item in value)
    return str(value)


if __name__ == "__main__":
    console.main(lambda: codecs(standalone_mode=True))
