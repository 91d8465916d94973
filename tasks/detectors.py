"""`codecgrid detectors`: the detector files, the parameters that each trains, and what it lacks to run here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasks.console import AsJson, out, print_json, single, table

if TYPE_CHECKING:
    from grid.detectors.inventory import DetectorEntry


def detectors(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one detector, in full")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the detectors, or one in full with what it lacks to run here; no weights are loaded."""
    from grid.detectors.inventory import describe_detector
    from grid.detectors.spec import detector_names

    entries = [describe_detector(one) for one in ([name] if name else detector_names())]
    if as_json:
        print_json([_row(entry) for entry in entries])
    elif name:
        _show_one(entries[0])
    else:
        _show_all(entries)


def _row(entry: DetectorEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "frontend": entry.frontend,
        "backend": entry.backend,
        "trained_parameters": entry.trained_parameters,
        "runnable": entry.runnable,
        "source": entry.source,
        "note": entry.note,
        "missing": list(entry.missing),
        "about": entry.about,
    }


def _show_all(entries: list[DetectorEntry]) -> None:
    drawn = table("detector", "frontend", "backend", "trained", "runs")
    for entry in entries:
        count = f"{entry.trained_parameters:,}{' *' if entry.note else ''}"
        drawn.add_row(entry.name, entry.frontend, entry.backend, count, _mark(entry))
    out.print(drawn)
    out.print(f"{len(entries)} detectors; * and what one lacks here: codecgrid detectors NAME", highlight=False)


def _show_one(entry: DetectorEntry) -> None:
    shown = table("", "")
    shown.show_header = False
    note = f" ({entry.note})" if entry.note else ""
    shown.add_row("name", entry.name)
    shown.add_row("about", entry.about)
    shown.add_row("frontend", entry.frontend)
    shown.add_row("backend", f"{entry.backend}: {entry.source}")
    shown.add_row("trained parameters", f"{entry.trained_parameters:,}{note}")
    out.print(shown)
    out.print("runs here" if entry.runnable else "does not run here:", highlight=False)
    for line in entry.missing:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)  # a path can be copied


def _mark(entry: DetectorEntry) -> str:
    return "[green]yes[/]" if entry.runnable else "[red]no[/]"


if __name__ == "__main__":
    single(detectors)
