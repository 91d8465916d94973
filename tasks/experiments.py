"""`codecgrid experiments`: the experiments of `configs/`, which every command takes by name."""

from __future__ import annotations

from tasks.console import AsJson, out, print_json, single, table


def experiments(as_json: AsJson = False) -> None:
    """Show the bundled experiments: the question of each, its cells and corpora, and what it was run on."""
    from rich.markup import escape

    from grid.core.store import Store
    from grid.experiment.bundled import bundled_experiments
    from grid.experiment.grid import resolve

    rows = []
    for item in bundled_experiments():
        grid = resolve(item.path, Store.open("results"), without_data=True, only_imported=True)
        corpora = [source.name for source in grid.experiment.corpora]
        rows.append((item, len(grid.cells), corpora))
    if as_json:
        print_json(
            [
                {
                    "name": item.name,
                    "path": str(item.path),
                    "question": item.question,
                    "cells": cells,
                    "corpora": corpora,
                    "hardware": item.hardware,
                }
                for item, cells, corpora in rows
            ]
        )
        return
    drawn = table("experiment", "cells", "")
    for item, cells, corpora in rows:
        drawn.add_row(item.name, str(cells), escape(f"{item.question}."))
        drawn.add_row("", "", escape(f"{', '.join(corpora)}. {item.hardware}"), style="dim")
    out.print(drawn)
    out.print("\ncodecgrid plan NAME shows what one would do; an own experiment begins with a copy of a file.")


if __name__ == "__main__":
    single(experiments)
