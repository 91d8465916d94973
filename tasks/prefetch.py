"""`codecgrid prefetch`: brings the weights that an experiment needs into its root, and lists them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from grid.core.weight_file import HUB
from tasks.console import CELLS_FAILED, AsJson, Config, Root, err, out, print_json, single

if TYPE_CHECKING:
    from grid.core.store import Store
    from grid.experiment.weights_needed import NeededWeights


def prefetch(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Fetch the weights that an experiment needs into its root, for its workers; status 3 if some are missing."""
    from grid.core.errors import RequestError
    from grid.core.weights import WeightFinder
    from grid.experiment.grid import resolve
    from grid.experiment.work import Work
    from tasks.open_experiment import open_store

    _, store = open_store(config, root)
    grid = resolve(config, store, without_data=True)
    finder, rows = WeightFinder(), []
    for item in Work(grid, store, grid.renditions, grid.cells).weights:
        lacking = ""
        try:
            with err.status(f"{item.file.path}"):
                item.put(store, finder)
        except RequestError as error:
            lacking = str(error)
        rows.append(_row(item, store, lacking))
    missing = [row for row in rows if row["missing"]]
    if as_json:
        print_json(rows)
    else:
        _show(rows, store)
        for row in missing:
            out.print(f"missing: {row['missing']}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(CELLS_FAILED if missing else 0)


def _row(item: NeededWeights, store: Store, missing: str) -> dict[str, Any]:
    stored = item.stored(store)
    return {
        "path": item.file.path,
        "used_by": list(item.used_by),
        "bytes": stored.bytes if stored else item.file.bytes,
        "licence": item.licence,
        "source": item.file.source,
        "place": store.uri(stored.content) if stored else "" if missing else "in the package",
        "missing": missing,
    }


def _show(rows: list[dict[str, Any]], store: Store) -> None:
    for row in rows:
        place = "missing" if row["missing"] else row["place"]
        out.print(f"{row['path']}: {_size(row['bytes'])}, {place}", highlight=False, soft_wrap=True)
        source = (row["source"] or "no direct link").replace(HUB, "https://huggingface.co/")
        about = f"  for {', '.join(row['used_by'])}; licence: {row['licence'] or 'not recorded'}; {source}"
        out.print(about, markup=False, highlight=False, soft_wrap=True)
    there = sum(not row["missing"] for row in rows)
    out.print(f"{there} of {len(rows)} files are there for {store.root}", highlight=False, soft_wrap=True)


def _size(size: int | None) -> str:
    return "size unknown" if size is None else f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"


if __name__ == "__main__":
    single(prefetch)
