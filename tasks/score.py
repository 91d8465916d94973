"""`codecgrid score`: scores audio files with a trained cell, or with any detector and weights file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import CELLS_FAILED, err, out, single
from tasks.device import Device
from tasks.places import require_writable
from tasks.ranges import require_within

if TYPE_CHECKING:
    from grid.scoring.audio_files import FileScorer

DEFAULT_CROP = 64_600
"""AASIST's, 4 s."""


def score(
    target: Annotated[str, typer.Option("--out", help="`.csv`, `.json` or `.txt`; higher = more bona fide")],
    audio: Annotated[
        list[str] | None, typer.Argument(metavar="[AUDIO]...", help="files, instead of --protocol")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="a name of configs/detectors, or a YAML file")] = None,
    weights: Annotated[str | None, typer.Option(help="of the detector: .pth (plain tensors) or .safetensors")] = None,
    cell: Annotated[
        str | None, typer.Option(help="instead of detector and weights: the id of a trained cell, or how it begins")
    ] = None,
    root: Annotated[str, typer.Option("--root", help="where the cell lies: a folder, s3:// or gs://")] = "results",
    protocol: Annotated[str | None, typer.Option(help="CSV with the columns utterance_id,path")] = None,
    crop: Annotated[
        int | None,
        typer.Option(help="samples at 16 kHz; shorter audio repeats [default: 64600]"),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="utterances at once")] = 8,
    device: Device = "cpu",
) -> None:
    """Score audio files: the first CROP samples of each, or of its repetition; of a cell the crop of its tests.

    A file that cannot be read is named and does not stop the others (status 3). An utterance id that a spreadsheet
    would compute, such as =A1, has a single quote in front in a CSV file; codecgrid eer reads it.
    """
    from rich.progress import track

    from grid.config.recipe import LARGEST_BATCH
    from grid.scoring.audio_files import files_of_protocol, files_to_score

    if (protocol is None) == (not audio):
        raise RequestError("give either --protocol CSV or audio files")
    require_within("--batch-size", batch_size, 1, LARGEST_BATCH)
    path = require_writable(target, "--out")
    write = _writer(path)
    files = files_of_protocol(protocol) if protocol else files_to_score(map(Path, audio or []))
    scorer = _scorer(detector, weights, cell, root, crop, device)
    batches = [files[i : i + batch_size] for i in range(0, len(files), batch_size)]
    scores: dict[str, float] = {}
    failures: dict[str, str] = {}
    for batch in track(batches, "scoring", console=err, disable=not err.is_terminal):
        found = scorer(batch)
        scores |= found.scores
        failures |= found.failures
    for name, reason in failures.items():
        err.print(f"{name}: {reason}", markup=False, highlight=False, soft_wrap=True)
    if not scores:
        raise RequestError(f"none of the {len(files)} files could be scored")
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, scores)
    lacking = f", {len(failures)} files could not be read" if failures else ""
    out.print(f"{target}: {len(scores)} scores{lacking}", highlight=False, soft_wrap=True)
    if failures:
        sys.exit(CELLS_FAILED)


def _scorer(
    detector: str | None, weights: str | None, cell: str | None, root: str, crop: int | None, device: str
) -> FileScorer:
    """Of a cell, or of a detector with its weights; RequestError for both, neither, or half of one."""
    from grid.config.recipe import LONGEST_CROP, SHORTEST_CROP
    from grid.scoring.audio_files import FileScorer

    if cell is not None:
        if detector or weights or crop:
            raise RequestError("--cell has its own detector, weights and crop; give no --detector, --weights or --crop")
        from tasks.stored_cells import open_cell

        store, job, _ = open_cell(cell, root)
        return FileScorer.of_cell(store, job, device=device)
    if detector is None or weights is None:
        raise RequestError("give --detector and --weights, or the --cell of a grid that has both")
    samples = DEFAULT_CROP if crop is None else crop
    require_within("--crop", samples, SHORTEST_CROP, LONGEST_CROP)
    return FileScorer.of_weights(detector, weights, crop=samples, device=device)


def _writer(path: Path) -> Callable[[Path, dict[str, float]], None]:
    """How scores are written to a file of this suffix; RequestError, with the choices, for another one."""
    if path.suffix not in WRITERS:
        raise RequestError(f"--out {path}: its suffix {path.suffix!r} is none of {', '.join(WRITERS)}")
    return WRITERS[path.suffix]


def _write_csv(path: Path, scores: dict[str, float]) -> None:
    from grid.core.table_text import to_cell

    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["utterance_id", "score"])
        writer.writerows((to_cell(name), repr(value)) for name, value in scores.items())


def _write_json(path: Path, scores: dict[str, float]) -> None:
    rows = [{"utterance_id": name, "score": value} for name, value in scores.items()]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _write_text(path: Path, scores: dict[str, float]) -> None:
    """As ASVspoof: an id and a score in each line, with a space between; RequestError for an id with a space."""
    for name in scores:
        if any(character.isspace() for character in name):
            raise RequestError(f"{path}: utterance id {name!r} has a space, which this format cannot hold; use .csv")
    path.write_text("".join(f"{name} {value!r}\n" for name, value in scores.items()), encoding="utf-8")


WRITERS = {".csv": _write_csv, ".json": _write_json, ".txt": _write_text}


if __name__ == "__main__":
    single(score)
