"""`codecgrid demo`: runs all stages on the bundled sample, offline, on a CPU, in minutes."""

from __future__ import annotations

import sys

from tasks.console import CELLS_FAILED, Root, err, out, single

WIDEST = 1000
"""A width in which every table fits; rich measures a table at most as wide as its options allow."""


def demo(root: Root = None) -> None:
    """Run the demo experiment and show its tables."""
    from grid.analysis.results import results_from_store
    from grid.config.yaml_file import config_folder
    from grid.report.about import stand_ins
    from grid.report.overview import overview
    from grid.report.writers.terminal import to_rich
    from tasks.open_experiment import open_store
    from tasks.run import run_and_report

    config = str(config_folder() / "demo.yaml")
    outcome = run_and_report(config, root, "local")
    experiment, store = open_store(config, root)
    results = results_from_store(store, experiment, outcome.result.grid.cells)
    for table in overview(results, experiment.cross_testing):
        drawn = to_rich(table)
        fits = out.measure(drawn, options=out.options.update(width=WIDEST)).maximum <= out.width
        out.print(drawn if fits else f"{table.title}: too wide for this terminal, see the report", "", highlight=False)
    for sentence in stand_ins(experiment):
        out.print(sentence, highlight=False)
    err.print(f"tables and figures: {store.uri('reports/demo/index.html')}", highlight=False, soft_wrap=True)
    err.print(f"MLflow:             codecgrid mlflow {config}", highlight=False, soft_wrap=True)
    if not outcome.ok:
        sys.exit(CELLS_FAILED)


if __name__ == "__main__":
    single(demo)
