"""`codecgrid ls` and `codecgrid gc`: what the results hold, and the deletion of what no experiment names any more."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import AsJson, err, out, print_json, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from grid.core.store import Store
    from grid.verification.inventory import Inventory, Named, StoredItem

StoreRoot = Annotated[str, typer.Option("--root", help="where results live: a folder, s3:// or gs://")]
LISTED = 40
"""The most lines that `gc` shows of one experiment."""


def ls(root: StoreRoot = "results", as_json: AsJson = False) -> None:
    """List experiments, cells and renditions with their sizes, and whether an experiment still names them."""
    from dataclasses import asdict

    from grid.verification.inventory import inventory
    from tasks.places import open_root

    found = inventory(open_root(root, writes=False))
    if as_json:
        print_json(asdict(found))
        return
    shown = table("experiment", "cells", "done", "failed", "running", "size")
    for each in found.experiments:
        counts = [str(each.by_status.get(name, 0)) for name in ("done", "failed", "running")]
        shown.add_row(each.name, str(each.cells), *counts, size_text(each.size))
    out.print(shown)
    out.print()
    shown = table("rendition", "size", "")
    for item in found.renditions:
        shown.add_row(item.folder, size_text(item.size), _state(item))
    out.print(shown)
    out.print()
    for kind, items in (("cells", found.cells), ("renditions", found.renditions)):
        stale = [item for item in items if not item.is_current]
        text = f"{len(items)} {kind}, {_total(items)}"
        out.print(f"{text}; {len(stale)} stale, {_total(stale)}" if stale else text, highlight=False)
    if _is_stale(found):
        out.print(f"delete what is stale: {shlex.join(['codecgrid', 'gc', '--root', root])}", highlight=False)


def gc(
    configs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CONFIG]...", help="what is kept  [default: every experiment, as it last ran]"),
    ] = None,
    root: StoreRoot = "results",
    yes: Annotated[bool, typer.Option("--yes", help="delete without asking")] = False,
) -> None:
    """Delete the cells and renditions that none of the experiments names; lists them and asks first.

    With CONFIGs these files are what counts, as they are now, with those that they compare with or choose codecs from;
    all else goes. Imports, their recordings, small codecs and weights stay.
    """
    from grid.verification.inventory import delete, inventory, unused
    from grid.verification.verify import no_run
    from tasks.places import open_root

    store = open_root(root)
    named = _named(store, configs) if configs else None
    with no_run(store):
        doomed = unused(inventory(store, named), store)
        if not doomed:
            out.print("every cell and rendition is named by an experiment")
            return
        _show(doomed)
        if not yes and not sys.stdin.isatty():
            raise RequestError("there is nobody to ask, for this is no terminal; to delete these: --yes")
        if not yes and not typer.confirm(f"Delete {len(doomed)} folders, {_total(doomed)}?", err=True):
            err.print("nothing was deleted")
            return
        delete(store, doomed)
    out.print(f"deleted {len(doomed)} folders, {_total(doomed)}", highlight=False)


def size_text(size: int) -> str:
    """Bytes as `12.3 MB`; decimal units."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _named(store: Store, configs: Sequence[str]) -> Named:
    from pathlib import Path

    from grid.experiment.grid import resolve
    from grid.verification.inventory import named_by_grids

    return named_by_grids(store, [resolve(path, store) for path in _with_related([Path(name) for name in configs])])


def _with_related(paths: Iterable[Path]) -> list[Path]:
    """The experiment files and, again and again, those that they compare with or choose codecs from."""
    from grid.experiment.grid import load_experiment

    found: dict[Path, None] = {}
    left = [path.resolve() for path in paths]
    while left:
        path = left.pop(0)
        if path in found:
            continue
        found[path] = None
        experiment, _ = load_experiment(path)
        others = [*experiment.compare, *(each.of for each in experiment.grid.selections if each.of is not None)]
        left += [(experiment.folder / other).resolve() for other in others]
    return list(found)


def _show(doomed: Sequence[StoredItem]) -> None:
    groups: dict[str, list[StoredItem]] = {}
    for item in doomed:
        groups.setdefault(f"cells of {item.experiment}" if item.experiment else "renditions", []).append(item)
    for group, items in groups.items():
        out.print(f"{group}: {len(items)}, {_total(items)}", highlight=False)
        for item in items[:LISTED]:
            text = f"  {item.folder} ({item.about}), {size_text(item.size)}"
            out.print(text, markup=False, highlight=False, soft_wrap=True)
        if len(items) > LISTED:
            out.print(f"  and {len(items) - LISTED} more", highlight=False)


def _state(item: StoredItem) -> str:
    state = "current" if item.is_current else "stale"
    return state if item.is_finished else f"{state}, unfinished"


def _is_stale(found: Inventory) -> bool:
    return any(not item.is_current for item in (*found.cells, *found.renditions))


def _total(items: Iterable[StoredItem]) -> str:
    return size_text(sum(item.size for item in items))
