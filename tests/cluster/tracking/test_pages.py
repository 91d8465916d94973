"""MLflow's own pages in a real browser: what a person sees of a grid, where to compare, and what a run holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from cluster.tracking.client import connect, find_experiment
from cluster.tracking.names import eer_name
from cluster.tracking.server import cells_page
from tests.cluster.tracking.conftest import Served
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.mirrored import CELLS, EXPERIMENT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]

HEADINGS = """[...document.querySelectorAll('.ag-header-cell')]
    .sort((one, other) => one.getBoundingClientRect().left - other.getBoundingClientRect().left)
    .map(heading => heading.innerText.trim())"""
"""JavaScript: the headings of the table from left to right."""
WIDTH = 2200  # columns outside of the window are not on the page


@dataclass(frozen=True)
class Pages:
    """The addresses of a server over five finished cells, and their runs by the names of these."""

    address: str
    cells: str
    experiment_id: str
    runs: dict[str, str]

    def run(self, name: str) -> str:
        """The address of a run."""
        return f"{self.address}/#/experiments/{self.experiment_id}/runs/{self.runs[name]}"


@pytest.fixture(scope="module")
def pages(served: Served) -> Pages:
    client = connect(served.server.address)
    found = find_experiment(client, EXPERIMENT.name)
    assert found is not None
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs([found])}
    return Pages(served.server.address, cells_page(EXPERIMENT, served.server.address), found, runs)


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser(WIDTH) as opened:
        yield opened


def test_landing_page_has_the_cells_by_eer_with_the_columns_that_matter(pages: Pages, page: Browser) -> None:
    text = page.open(pages.cells, "5 matching runs", "Sort: eer_percent/T-CoSG", "mimi-8cb bonafide")
    metric = f"metrics.`{eer_name('T-CoSG (all)')}`"
    columns = ["selection", "policy", eer_name("T-CoSG (all)"), "eer_percent/All", "training/best_dev_eer_percent"]
    page.wait(f"{HEADINGS}.join().includes({json.dumps(','.join(columns))})")
    by_eer = connect(pages.address).search_runs([pages.experiment_id], "tags.cell_id != ''", order_by=[metric])
    rows = [text.index(run.info.run_name) for run in by_eer]
    assert len(rows) == len(CELLS)
    assert rows == sorted(rows)


def test_comparison_of_two_policies_begins_with_their_eers(pages: Pages, page: Browser) -> None:
    pair = [pages.runs[f"mimi-8cb {policy}"] for policy in ("bonafide", "spoof")]
    runs, experiments = (quote(json.dumps(ids)) for ids in (pair, [pages.experiment_id]))
    address = f"{pages.address}/#/compare-runs?runs={runs}&experiments={experiments}"
    text = page.open(address, "Comparing 2 Runs from 1 Experiment", "scores/All/act_dcf")
    parameters = text.index("Parameters Show diff only")
    metrics = text.index("Metrics Show diff only", parameters)
    assert "policy bonafide spoof" in text[parameters:metrics]
    assert text[metrics:].startswith("Metrics Show diff only eer_percent/All ")


def test_artifacts_of_a_run_show_its_scores_as_a_picture(pages: Pages, page: Browser) -> None:
    names = ("det.svg", "measurements.csv", "config.json", "history.json", "stored_files.json", "model")
    page.open(f"{pages.run('mimi-8cb spoof')}/artifacts/scores.svg", *names)
    page.wait("[...document.images].some(image => image.alt == 'scores.svg' && image.naturalWidth == 480)")


def test_run_says_what_the_cell_is_and_what_it_was_trained_on(pages: Pages, page: Browser) -> None:
    described = "The detector aasist-l, trained on c with speech resynthesised by mimi-8cb"
    page.open(pages.run("mimi-8cb spoof"), described, f"c ({'0' * 36})")
