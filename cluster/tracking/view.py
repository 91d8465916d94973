"""The page that MLflow opens on: the current cells, sorted by EER, with the columns that matter.

MLflow keeps a view of its runs page as a tag of the experiment (the menu "Views"): a name and the state of the page, of
which this is what MLflow 3.17 reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cluster.tracking.desired_run import CURRENT, KIND
from cluster.tracking.facts import AXES
from cluster.tracking.names import BEST_DEV_EER, eer_name

VIEW = "codecgrid"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
KIND_TAG = "mlflow.experimentKind"
TRAINING_KIND = "custom_model_development"
"""The kind of experiment whose page opens on runs, and not on the traces of a language model and their cost."""
MAIN_EVALUATION = "T-CoRS"
CELLS = f"tags.`{KIND}` = 'cell' AND tags.`{CURRENT}` = 'yes'"
MOST_EVALUATIONS = 12
"""With more of them only the main one has a column: nobody reads so many, and MLflow's tags are limited."""
NARROW, WIDE, LETTER = 90, 190, 9
"""Widths of columns in pixels, and what a letter of a heading takes."""


def main_evaluation(evaluations: Sequence[str]) -> str:
    """The evaluation that the cells are sorted by: T-CoRS, where it is there, else the first."""
    return MAIN_EVALUATION if MAIN_EVALUATION in evaluations else evaluations[0]


def experiment_tags(evaluations: Sequence[str], params: Sequence[str]) -> dict[str, str]:
    """The tags of an experiment with these evaluations whose cells vary in `params`: its kind and its view."""
    widths = {f"params.`{name}`": WIDE if name == "selection" else NARROW + 40 for name in AXES if name in params}
    main = main_evaluation(evaluations)
    shown = evaluations if len(evaluations) <= MOST_EVALUATIONS else [main]
    metrics = [*map(eer_name, shown), BEST_DEV_EER]
    widths |= {f"metrics.`{name}`": max(NARROW, LETTER * len(name)) for name in metrics}
    widths["attributes.`Duration`"] = NARROW
    state = {
        "searchFilter": CELLS,
        "orderByKey": f"metrics.`{eer_name(main)}`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(widths),
        "columnOrder": list(widths),
        "columnWidths": widths,
        "runsHiddenMode": "SHOW_ALL",
    }
    view = {"name": "Cells by EER", "createdAt": 0, "state": json.dumps(state)}
    return {KIND_TAG: TRAINING_KIND, VIEW_TAG: json.dumps(view)}


def cells_link(address: str, experiment_id: str) -> str:
    """The link to the view, at the server `address`."""
    return f"{address}/#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"
