"""The `codecgrid` command with all its subcommands. Heavy packages are imported only when a subcommand runs."""

from __future__ import annotations

from typing import NoReturn

import typer

from grid import __version__
from tasks import console
from tasks.artefacts import artefacts
from tasks.audit import audit
from tasks.build import build
from tasks.codecs.app import codecs
from tasks.demo import demo
from tasks.detectors import detectors
from tasks.doctor import doctor
from tasks.eer import eer
from tasks.experiments import experiments
from tasks.import_corpus import import_corpus
from tasks.inventory import gc, ls
from tasks.jobs import jobs, stop
from tasks.mlflow_ui import mlflow_ui
from tasks.mos import mos
from tasks.pack import pack
from tasks.plan import plan
from tasks.policies import policies
from tasks.prefetch import prefetch
from tasks.recipes import recipes
from tasks.report import report
from tasks.resynth import resynth
from tasks.retry import retry
from tasks.run import run
from tasks.schema import schema
from tasks.score import score
from tasks.status import status
from tasks.stored_cells import diff, logs, show
from tasks.submit import submit
from tasks.sync import sync
from tasks.verify import verify
from tasks.watch import watch

app = typer.Typer(
    help="The grid of codec x labelling policy x detector for speech anti-spoofing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

EXPERIMENT, PARTS, CELL = "An experiment", "What a grid is made of", "One cell"
CLUSTER, AUDIO, MACHINE = "A cluster", "Audio and scores", "This machine"
app.command(rich_help_panel=EXPERIMENT)(demo)
app.command("import", rich_help_panel=EXPERIMENT)(import_corpus)
app.command(rich_help_panel=EXPERIMENT)(audit)
app.command(rich_help_panel=EXPERIMENT)(pack)
app.command(rich_help_panel=EXPERIMENT)(build)
app.command(rich_help_panel=EXPERIMENT)(mos)
app.command(rich_help_panel=EXPERIMENT)(plan)
app.command(rich_help_panel=EXPERIMENT)(prefetch)
app.command(rich_help_panel=EXPERIMENT)(run)
app.command(rich_help_panel=EXPERIMENT)(retry)
app.command(rich_help_panel=EXPERIMENT)(status)
app.command(rich_help_panel=EXPERIMENT)(watch)
app.command(rich_help_panel=EXPERIMENT)(artefacts)
app.command(rich_help_panel=EXPERIMENT)(report)
app.command("mlflow", rich_help_panel=EXPERIMENT)(mlflow_ui)
app.command(rich_help_panel=EXPERIMENT)(sync)
app.command(rich_help_panel=CLUSTER)(submit)
app.command(rich_help_panel=CLUSTER)(jobs)
app.command(rich_help_panel=CLUSTER)(stop)
app.command(rich_help_panel=PARTS)(experiments)
app.command(rich_help_panel=PARTS)(schema)
app.add_typer(codecs, name="codecs", rich_help_panel=PARTS)
app.command(rich_help_panel=PARTS)(detectors)
app.command(rich_help_panel=PARTS)(policies)
app.command(rich_help_panel=PARTS)(recipes)
app.command(rich_help_panel=CELL)(show)
app.command(rich_help_panel=CELL)(diff)
app.command(rich_help_panel=CELL)(logs)
app.command(rich_help_panel=AUDIO)(resynth)
app.command(rich_help_panel=AUDIO)(score)
app.command(rich_help_panel=AUDIO)(eer)
app.command(rich_help_panel=MACHINE)(doctor)
app.command(rich_help_panel=MACHINE)(verify)
app.command(rich_help_panel=MACHINE)(ls)
app.command(rich_help_panel=MACHINE)(gc)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"codecgrid {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    """Status: 0 all done; 2 the request is wrong; 3 some cells, or parts of the report, failed; all else is done."""


def main() -> NoReturn:
    """The program `codecgrid`."""
    console.main(app)


if __name__ == "__main__":
    main()
